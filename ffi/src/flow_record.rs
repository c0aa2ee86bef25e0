//! One flow, as a tracker tells it to C.

use engine::{Flow, TunnelKind};

use crate::packet::c_addresses;
use crate::verdict::wiremark_verdict;

/// One flow of a tracker. Pairs of numbers are those of the originator, then of the responder.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_flow_record {
    /// Length of this struct in the library: fields beyond it are not there.
    pub struct_bytes: u32,
    /// 4 or 6
    pub ip_version: u8,
    /// WIREMARK_TCP or WIREMARK_UDP
    pub transport: u8,
    /// 0
    pub reserved: [u8; 2],
    /// The originator's address, network byte order. Of an IPv4 address the first four bytes count.
    pub src: [u8; 16],
    /// The responder's address, likewise.
    pub dst: [u8; 16],
    /// The originator's port, host byte order.
    pub src_port: u16,
    /// The responder's port, host byte order.
    pub dst_port: u16,
    /// 0
    pub reserved2: u32,
    /// The verdict after the last packet.
    pub verdict: wiremark_verdict,
    /// Number of the flow, from 1 in the order of first packets.
    pub number: u64,
    /// Time of the first packet, microseconds since 1970.
    pub first_us: u64,
    /// Time of the last packet.
    pub last_us: u64,
    /// Packets.
    pub packets: [u64; 2],
    /// Bytes of whole frames, on the wire.
    pub bytes: [u64; 2],
    /// The packet of the flow, from 1, with which app, role, signature and evidence became what they are; 0 without an app.
    pub decided_at_packet: u64,
    /// The VLAN of the outermost tag, and of the next one; 0 where there is none.
    pub vlans: [u16; 2],
    /// The innermost tunnel that numbers its networks or users, one of WIREMARK_TUNNEL_*; 0: none.
    pub tunnel: u8,
    /// 0
    pub reserved3: [u8; 3],
    /// Its number there; of tunnels that number each direction by itself, the originator's direction.
    pub tunnel_id: u32,
    /// 0
    pub reserved4: u32,
}

/// wiremark_flow_record.tunnel: GTP-U, a tunnel endpoint identifier.
pub const WIREMARK_TUNNEL_GTP_U: u8 = 1;
/// wiremark_flow_record.tunnel: VXLAN, a network identifier.
pub const WIREMARK_TUNNEL_VXLAN: u8 = 2;
/// wiremark_flow_record.tunnel: Geneve, a network identifier.
pub const WIREMARK_TUNNEL_GENEVE: u8 = 3;
/// wiremark_flow_record.tunnel: L2TP, tunnel and session, or a session.
pub const WIREMARK_TUNNEL_L2TP: u8 = 4;
/// wiremark_flow_record.tunnel: GRE, a key or a virtual subnet.
pub const WIREMARK_TUNNEL_GRE: u8 = 5;
/// wiremark_flow_record.tunnel: provider backbone bridges (802.1ah), a service instance.
pub const WIREMARK_TUNNEL_PBB: u8 = 6;

const _: () = {
    assert!(
        TunnelKind::GtpU as u8 == WIREMARK_TUNNEL_GTP_U && TunnelKind::Vxlan as u8 == WIREMARK_TUNNEL_VXLAN
    );
    assert!(
        TunnelKind::Geneve as u8 == WIREMARK_TUNNEL_GENEVE && TunnelKind::L2tp as u8 == WIREMARK_TUNNEL_L2TP
    );
    assert!(TunnelKind::Gre as u8 == WIREMARK_TUNNEL_GRE && TunnelKind::Pbb as u8 == WIREMARK_TUNNEL_PBB);
};

impl From<&Flow> for wiremark_flow_record {
    fn from(flow: &Flow) -> Self {
        let tuple = &flow.five_tuple;
        let (src, dst, ip_version) = c_addresses(tuple.src, tuple.dst);
        let tunnel = flow.encapsulation.tunnel();
        Self {
            struct_bytes: size_of::<Self>() as u32,
            ip_version,
            transport: tuple.transport as u8,
            reserved: [0; 2],
            src,
            dst,
            src_port: tuple.src_port,
            dst_port: tuple.dst_port,
            reserved2: 0,
            verdict: flow.verdict.into(),
            number: flow.number,
            first_us: flow.first_us,
            last_us: flow.last_us,
            packets: flow.packets,
            bytes: flow.bytes,
            decided_at_packet: flow.decided_at_packet,
            vlans: flow.encapsulation.vlans(),
            tunnel: tunnel.map_or(0, |(kind, _)| kind as u8),
            reserved3: [0; 3],
            tunnel_id: tunnel.map_or(0, |(_, id)| id),
            reserved4: 0,
        }
    }
}
