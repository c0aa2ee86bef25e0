//! The tunnel around a packet: what tells subscribers apart where their addresses do not.

use super::{
    EtherType, Fragment, LinkType, MAX_LAYERS, Network, Udp, below_ip, below_link, gtp, protocol,
    tunnel_over_ip, tunnel_over_udp,
};
use crate::five_tuple::Address;

/// One direction of a GTP-U tunnel (3GPP TS 29.281, 4.2.1): who receives its datagrams, and the id the receiver gave it.
///
/// A subscriber's bearer has two, one up and one down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Where the datagram goes to.
    pub receiver: Address,
    /// Tunnel endpoint identifier (TEID): bytes 4 to 7 of the GTP-U header, big-endian.
    pub id: u32,
}

impl Tunnel {
    /// The innermost GTP-U tunnel around the packet that [`Packet::parse`](super::Packet::parse) finds in the same
    /// frame; `None` where there is none, or where the frame holds no packet.
    pub fn around(link_type: LinkType, frame: &[u8]) -> Option<Self> {
        let (mut ether_type, mut bytes) = below_link(link_type, frame).ok()?;
        let mut tunnel = None;
        for _ in 0..MAX_LAYERS {
            let network = match ether_type {
                EtherType::IPV4 => Network::v4(bytes).ok()?,
                EtherType::IPV6 => Network::v6(bytes).ok()?,
                _ => {
                    (ether_type, bytes) = below_ip(ether_type, bytes).ok()?;
                    continue;
                }
            };
            (ether_type, bytes) = match network.protocol {
                _ if matches!(network.fragment, Fragment::Later(_)) => return tunnel,
                protocol::UDP => {
                    let udp = Udp::parse(network.payload).ok()?;
                    let Some(inside) = tunnel_over_udp(&udp) else { return tunnel };
                    if udp.dst_port == gtp::PORT {
                        let id = gtp::tunnel_id(udp.payload);
                        tunnel = id.map(|id| Self { receiver: network.dst, id });
                    }
                    inside
                }
                protocol::TCP => return tunnel,
                other => tunnel_over_ip(other, network.payload).ok()?,
            };
        }
        None
    }
}
