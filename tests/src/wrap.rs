//! What a packet can be wrapped in between the subscriber and the capture: link layers and tunnels.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::packet::{ip, link, udp};
use crate::trace::{Frame, Trace};

/// One layer around an IP packet. Tunnels give IP packets again, so that wraps can follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Ethernet II.
    Ethernet,
    /// Ethernet with one 802.1Q tag.
    Vlan(u16),
    /// Ethernet with an 802.1ad and an 802.1Q tag.
    QinQ(u16, u16),
    /// Ethernet, PPPoE session (RFC 2516) and PPP.
    Pppoe(u16),
    /// Ethernet and two MPLS labels (RFC 3032).
    Mpls(u32, u32),
    /// Linux "cooked" capture.
    Sll,
    /// Linux "cooked" capture, version 2.
    Sll2,
    /// BSD loopback.
    Null,
    /// OpenBSD loopback.
    Loop,
    /// Tunnel: GRE (RFC 2784) over IPv4.
    Gre,
    /// Tunnel: IP in IPv4 (RFC 2003, RFC 4213).
    IpIp,
    /// Tunnel: GTP-U (3GPP TS 29.281) over IPv4, with a sequence number where the flag is set.
    GtpU(u32, bool),
    /// Tunnel: Ethernet in VXLAN (RFC 7348) over IPv4.
    Vxlan(u32),
}

impl Wrap {
    /// The wrap of that name, with numbers of its own, as cases call for it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ethernet" => Wrap::Ethernet,
            "vlan" => Wrap::Vlan(100),
            "qinq" => Wrap::QinQ(200, 100),
            "pppoe" => Wrap::Pppoe(17),
            "mpls" => Wrap::Mpls(1001, 2002),
            "sll" => Wrap::Sll,
            "sll2" => Wrap::Sll2,
            "null" => Wrap::Null,
            "loop" => Wrap::Loop,
            "gre" => Wrap::Gre,
            "ipip" => Wrap::IpIp,
            "gtp-u" => Wrap::GtpU(0x1234_5678, false),
            "gtp-u-seq" => Wrap::GtpU(0x1234_5678, true),
            "vxlan" => Wrap::Vxlan(42),
            _ => return None,
        })
    }

    fn link(self) -> u16 {
        match self {
            Wrap::Sll => link::SLL,
            Wrap::Sll2 => link::SLL2,
            Wrap::Null => link::NULL,
            Wrap::Loop => link::LOOP,
            Wrap::Gre | Wrap::IpIp | Wrap::GtpU(..) | Wrap::Vxlan(_) => link::RAW,
            _ => link::ETHERNET,
        }
    }

    fn bytes(self, packet: &[u8]) -> Vec<u8> {
        let v6 = packet[0] >> 4 == 6;
        let ether_type: [u8; 2] = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        // AF_INET6 has a number of its own on every BSD; FreeBSD's is 28.
        let family: u32 = if v6 { 28 } else { 2 };
        let (near, far) = tunnel_ends(packet);
        match self {
            Wrap::Ethernet => ethernet(packet, &[&ether_type]),
            Wrap::Vlan(id) => ethernet(packet, &[&[0x81, 0x00], &id.to_be_bytes(), &ether_type]),
            Wrap::QinQ(outer, inner) => ethernet(
                packet,
                &[&[0x88, 0xa8], &outer.to_be_bytes(), &[0x81, 0x00], &inner.to_be_bytes(), &ether_type],
            ),
            Wrap::Pppoe(session) => {
                let length = (packet.len() as u16 + 2).to_be_bytes();
                let protocol: [u8; 2] = if v6 { [0x00, 0x57] } else { [0x00, 0x21] };
                ethernet(packet, &[&[0x88, 0x64, 0x11, 0x00], &session.to_be_bytes(), &length, &protocol])
            }
            Wrap::Mpls(outer, inner) => {
                let (outer, inner) =
                    ((outer << 12 | 0x40).to_be_bytes(), (inner << 12 | 0x140).to_be_bytes());
                ethernet(packet, &[&[0x88, 0x47], &outer, &inner])
            }
            Wrap::Sll => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &ether_type, packet].concat(),
            Wrap::Sll2 => {
                [&ether_type[..], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], packet].concat()
            }
            Wrap::Null => [&family.to_le_bytes(), packet].concat(),
            Wrap::Loop => [&family.to_be_bytes(), packet].concat(),
            Wrap::Gre => ip(near, far, 47, &[&[0, 0], &ether_type[..], packet].concat()),
            Wrap::IpIp => ip(near, far, if v6 { 41 } else { 4 }, packet),
            Wrap::GtpU(tunnel, sequence) => {
                let (flags, extra): (u8, &[u8]) = if sequence { (0x32, &[0, 1, 0, 0]) } else { (0x30, &[]) };
                let length = ((packet.len() + extra.len()) as u16).to_be_bytes();
                let body = [&[flags, 0xff], &length[..], &tunnel.to_be_bytes(), extra, packet].concat();
                udp(SocketAddr::new(near, 2152), SocketAddr::new(far, 2152), &body)
            }
            Wrap::Vxlan(network) => {
                let body =
                    [&[8, 0, 0, 0], &(network << 8).to_be_bytes()[..], &ethernet(packet, &[&ether_type])];
                udp(SocketAddr::new(near, 49152), SocketAddr::new(far, 4789), &body.concat())
            }
        }
    }
}

/// A tunnel's two ends, in the order of the packet's own direction.
pub(crate) fn tunnel_ends(packet: &[u8]) -> (IpAddr, IpAddr) {
    let (one, two) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));
    let upwards =
        if packet[0] >> 4 == 6 { packet[8..24] < packet[24..40] } else { packet[12..16] < packet[16..20] };
    if upwards { (one, two) } else { (two, one) }
}

pub(crate) fn ethernet(packet: &[u8], types: &[&[u8]]) -> Vec<u8> {
    let v6 = packet[0] >> 4 == 6;
    let (src, dst) = if v6 { (20, 36) } else { (12, 16) };
    // Locally administered addresses that end in the last bytes of the IP addresses.
    let mut out = [&[2, 0], &packet[dst..dst + 4], &[2, 0], &packet[src..src + 4]].concat();
    types.iter().for_each(|t| out.extend_from_slice(t));
    out.extend_from_slice(packet);
    out
}

impl Trace {
    /// Every IP packet in GTP-U, in the two tunnels of its subscriber: the one with the lower address, up with the id that
    /// `first` gives for that address, down with the next one.
    pub fn in_tunnels(mut self, first: impl Fn(IpAddr) -> u32) -> Self {
        for frame in &mut self.frames {
            let Some(at) = frame.locate() else { continue };
            let (src, dst) = (at.src.ip(), at.dst.ip());
            let tunnel = if src < dst { first(src) } else { first(dst) + 1 };
            frame.bytes = Wrap::GtpU(tunnel, false).bytes(&frame.bytes);
        }
        self
    }

    /// Everything so much later.
    pub fn later(mut self, by_us: u64) -> Self {
        self.frames.iter_mut().for_each(|frame| frame.time_us += by_us);
        self
    }

    /// Every IP packet wrapped; panics where a link layer is there already.
    pub fn wrap(mut self, wrap: Wrap) -> Self {
        for frame in &mut self.frames {
            assert_eq!(frame.link, link::RAW, "a frame has one link layer");
            *frame = Frame { link: wrap.link(), bytes: wrap.bytes(&frame.bytes), ..*frame };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::be16;

    const NAMES: [&str; 14] = [
        "ethernet",
        "vlan",
        "qinq",
        "pppoe",
        "mpls",
        "sll",
        "sll2",
        "null",
        "loop",
        "gre",
        "ipip",
        "gtp-u",
        "gtp-u-seq",
        "vxlan",
    ];

    #[test]
    fn the_packet_is_inside_unchanged() {
        let mut trace = Trace::new();
        trace.push_udp(1, "10.0.0.1:4000".parse().unwrap(), "198.51.100.1:53".parse().unwrap(), b"payload");
        for trace in [trace.clone(), trace.to_ipv6()] {
            for name in NAMES {
                let wrap = Wrap::named(name).expect(name);
                let wrapped = trace.clone().wrap(wrap);
                assert_eq!(wrapped.frames[0].bytes[inner_offset(wrap)..], trace.frames[0].bytes, "{name}");
                let outer = wrapped.frames[0].locate();
                match wrap {
                    Wrap::Pppoe(_) | Wrap::Mpls(..) | Wrap::Gre | Wrap::IpIp => assert_eq!(outer, None),
                    _ => assert!(outer.is_some(), "{name}"),
                }
            }
        }
    }

    #[test]
    fn lengths_of_the_outer_headers_close_on_the_end() {
        let mut trace = Trace::new();
        trace.push_udp(1, "10.0.0.1:4000".parse().unwrap(), "198.51.100.1:53".parse().unwrap(), &[7; 33]);
        let gtp = trace.clone().wrap(Wrap::GtpU(1, true));
        let bytes = &gtp.frames[0].bytes;
        assert_eq!(usize::from(be16(bytes, 30).unwrap()) + 36, bytes.len());
        let pppoe = trace.wrap(Wrap::Pppoe(1));
        let bytes = &pppoe.frames[0].bytes;
        assert_eq!(usize::from(be16(bytes, 18).unwrap()) + 20, bytes.len());
    }

    /// The inner packet's start, for the wraps that nest headers of fixed size; used to check what was written.
    fn inner_offset(wrap: Wrap) -> usize {
        match wrap {
            Wrap::Ethernet => 14,
            Wrap::Vlan(_) => 18,
            Wrap::QinQ(..) | Wrap::Pppoe(_) | Wrap::Mpls(..) => 22,
            Wrap::Sll => 16,
            Wrap::Sll2 | Wrap::IpIp => 20,
            Wrap::Null | Wrap::Loop => 4,
            Wrap::Gre => 24,
            Wrap::GtpU(_, sequence) => 20 + 8 + if sequence { 12 } else { 8 },
            Wrap::Vxlan(_) => 20 + 8 + 8 + 14,
        }
    }
}
