//! One way to carry an IP packet for each link type, tag and tunnel that the engine has a file for, beyond those of
//! [`Wrap`](crate::wrap::Wrap): built from the public formats, so that whoever reads the project's captures with another tool
//! sees the same packets.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{ip, link, udp};
use crate::trace::{Frame, Trace};
use crate::wrap::{Wrap, ethernet, tunnel_ends};

/// A way to carry an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// Its name, a file's name at that.
    pub name: &'static str,
    /// The capture's link type.
    pub link: u16,
    /// The frame around a packet.
    pub frame: fn(&[u8]) -> Vec<u8>,
}

/// Link types.
pub const LINKS: [Carrier; 47] = [
    Carrier { name: "link-nflog", link: 239, frame: nflog },
    Carrier { name: "link-pktap", link: 258, frame: |p| pktap(&eth(p)) },
    Carrier { name: "link-pktap-user2", link: 149, frame: |p| pktap(&eth(p)) },
    Carrier { name: "link-ppi-ethernet", link: 192, frame: |p| ppi(1, &eth(p)) },
    Carrier { name: "link-ppi-wireless", link: 192, frame: |p| ppi(105, &wireless(p)) },
    Carrier { name: "link-ppp", link: 9, frame: |p| cat(&[&[0xff, 3], &ppp(p)]) },
    Carrier { name: "link-ppp-pppd", link: 166, frame: |p| cat(&[&[1, 0xff, 3], &ppp(p)]) },
    Carrier { name: "link-ppp-direction", link: 204, frame: |p| cat(&[&[0, 0xff, 3], &ppp(p)]) },
    Carrier { name: "link-cisco-hdlc", link: 104, frame: |p| cat(&[&[0x0f, 0], &ether_type(p), p]) },
    Carrier {
        name: "link-cisco-hdlc-direction",
        link: 205,
        frame: |p| cat(&[&[1, 0x0f, 0], &ether_type(p), p]),
    },
    Carrier { name: "link-frame-relay", link: 107, frame: |p| cat(&[&[0x18, 0x41, 3, nlpid(p)], p]) },
    Carrier {
        name: "link-frame-relay-snap",
        link: 107,
        frame: |p| cat(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0], &ether_type(p), p]),
    },
    Carrier {
        name: "link-frame-relay-bridged",
        link: 107,
        frame: |p| cat(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &eth(p)]),
    },
    Carrier {
        name: "link-frame-relay-direction",
        link: 206,
        frame: |p| cat(&[&[1, 0x18, 0x41, 3, nlpid(p)], p]),
    },
    Carrier { name: "link-erf-ethernet", link: 197, frame: |p| erf(2, &cat(&[&[0, 0], &eth(p)])) },
    Carrier { name: "link-erf-hdlc", link: 197, frame: |p| erf(1, &cat(&[&[0x0f, 0], &ether_type(p), p])) },
    Carrier { name: "link-erf-ip", link: 197, frame: |p| erf(if v6(p) { 23 } else { 22 }, p) },
    Carrier { name: "link-pflog", link: 117, frame: pflog },
    Carrier { name: "link-enc", link: 109, frame: |p| cat(&[&family(p), &[0, 0, 0, 9, 0, 0, 4, 0], p]) },
    Carrier { name: "link-fddi", link: 10, frame: |p| cat(&[&[0x50], &macs(p), &llc(p)]) },
    Carrier { name: "link-token-ring", link: 6, frame: |p| cat(&[&[0x10, 0x40], &macs(p), &llc(p)]) },
    Carrier {
        name: "link-ipoib",
        link: 242,
        frame: |p| cat(&[&[0, 0, 0, 1], &[0xfe; 16], &ether_type(p), &[0, 0], p]),
    },
    Carrier { name: "link-arcnet-bsd", link: 7, frame: |p| cat(&[&[1, 2, arcnet(p), 0, 0, 7], p]) },
    Carrier { name: "link-arcnet-linux", link: 129, frame: |p| cat(&[&[1, 2, 0, 0, arcnet(p), 0, 0, 7], p]) },
    Carrier {
        name: "link-juniper-ethernet",
        link: 178,
        frame: |p| cat(&[b"MGC\x81\x00\x06\x01\x01\x0e\x02\x01\x03", &eth(p)]),
    },
    Carrier { name: "link-juniper-ppp", link: 179, frame: |p| cat(&[b"MGC\x01", &ppp(p)]) },
    Carrier {
        name: "link-juniper-hdlc",
        link: 181,
        frame: |p| cat(&[b"MGC\x01\x0f\x00", &ether_type(p), p]),
    },
    Carrier { name: "link-slip", link: 8, frame: |p| cat(&[&[1, 0x40], &[0; 14], p]) },
    Carrier {
        name: "link-ipnet",
        link: 226,
        frame: |p| cat(&[&[1, if v6(p) { 26 } else { 2 }, 0, 0], &[0; 20], p]),
    },
    Carrier {
        name: "link-cooked-radiotap",
        link: 113,
        frame: |p| cat(&[&[0, 3, 3, 0x23], &[0; 10], &[0, 4], &radiotap(&wireless(p))]),
    },
    Carrier { name: "link-aggregate", link: 127, frame: |p| radiotap(&aggregate(p)) },
    Carrier {
        name: "link-prism",
        link: 119,
        frame: |p| cat(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136], &wireless(p)]),
    },
    Carrier {
        name: "link-avs",
        link: 163,
        frame: |p| cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &wireless(p)]),
    },
    Carrier { name: "link-atm", link: 100, frame: llc },
    Carrier { name: "link-sunatm", link: 123, frame: |p| cat(&[&[2, 0, 0, 40], &llc(p)]) },
    Carrier {
        name: "link-fibre-channel",
        link: 122,
        frame: |p| cat(&[&[0x10, 0, 2, 0, 0, 0, 0, 2, 0x10, 0, 2, 0, 0, 0, 0, 1], &llc(p)]),
    },
    Carrier { name: "link-ieee1394", link: 138, frame: |p| cat(&[&[2; 8], &[1; 8], &ether_type(p), p]) },
    Carrier { name: "link-docsis", link: 143, frame: docsis },
    Carrier { name: "link-netanalyzer", link: 240, frame: |p| cat(&[&[0, 0, 0, 0], &eth(p), &[0; 4]]) },
    Carrier { name: "link-mpacket", link: 274, frame: |p| cat(&[&[0x55; 7], &[0xd5], &eth(p), &[0; 4]]) },
    Carrier {
        name: "link-broadcom-tag",
        link: 281,
        frame: |p| cat(&[&macs(p), &[0, 0, 0, 1], &ether_type(p), p]),
    },
    Carrier { name: "link-broadcom-prepended", link: 282, frame: |p| cat(&[&[0, 0, 0, 1], &eth(p)]) },
    Carrier {
        name: "link-marvell-tag",
        link: 283,
        frame: |p| cat(&[&macs(p), &[0xc0, 8, 0, 0], &ether_type(p), p]),
    },
    Carrier {
        name: "link-marvell-ether-tag",
        link: 284,
        frame: |p| cat(&[&macs(p), &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 0], &ether_type(p), p]),
    },
    Carrier { name: "link-mpls", link: 219, frame: |p| cat(&[&[0, 1, 1, 64], p]) },
    Carrier { name: "link-radiotap", link: 127, frame: |p| radiotap(&wireless(p)) },
    Carrier {
        name: "link-pcapdroid",
        link: link::ETHERNET,
        frame: |p| {
            cat(&[&eth(p), &[1, 7, 0x20, 0x21, 0, 0, 0x27, 0x10], b"Example app\0\0\0\0\0\0\0\0\0", &[0; 4]])
        },
    },
];

/// Tags and headers between Ethernet and IP.
pub const TAGS: [Carrier; 21] = [
    Carrier { name: "tag-8021ah", link: 1, frame: |p| tagged(p, 0x88e7, &[&[0, 0, 0, 42], &eth(p)]) },
    Carrier {
        name: "tag-e-tag",
        link: 1,
        frame: |p| tagged(p, 0x893f, &[&[0, 0, 0x10, 1, 0, 0], &ether_type(p), p]),
    },
    Carrier {
        name: "tag-vn-tag",
        link: 1,
        frame: |p| tagged(p, 0x8926, &[&[0, 1, 0, 2], &ether_type(p), p]),
    },
    Carrier {
        name: "tag-cisco-security-group",
        link: 1,
        frame: |p| tagged(p, 0x8909, &[&[1, 1, 0, 1, 0, 9], &ether_type(p), p]),
    },
    Carrier { name: "tag-cisco-time", link: 1, frame: |p| tagged(p, 0x8988, &[&[0; 6], &ether_type(p), p]) },
    Carrier { name: "tag-fabric-path", link: 1, frame: |p| tagged(p, 0x8903, &[&[0, 0x60], &eth(p)]) },
    Carrier { name: "tag-trill", link: 1, frame: |p| tagged(p, 0x22f3, &[&[0, 5, 0, 1, 0, 2], &eth(p)]) },
    Carrier {
        name: "tag-hsr",
        link: 1,
        frame: |p| tagged(p, 0x892f, &[&((p.len() + 6) as u16).to_be_bytes(), &[0, 7], &ether_type(p), p]),
    },
    Carrier {
        name: "tag-prp",
        link: 1,
        frame: |p| cat(&[&eth(p), &[0, 7, 0xa0, p.len() as u8, 0x88, 0xfb]]),
    },
    Carrier {
        name: "tag-nsh-ip",
        link: 1,
        frame: |p| {
            tagged(p, 0x894f, &[&[0x0f, 0xc6, 1, if v6(p) { 2 } else { 1 }, 0, 0, 1, 255], &[0; 16], p])
        },
    },
    Carrier {
        name: "tag-nsh-ethernet",
        link: 1,
        frame: |p| tagged(p, 0x894f, &[&[0x0f, 0xc2, 2, 3, 0, 0, 1, 255], &eth(p)]),
    },
    Carrier {
        name: "tag-macsec",
        link: 1,
        frame: |p| tagged(p, 0x88e5, &[&[0, 0, 0, 0, 0, 1], &ether_type(p), p, &[0; 16]]),
    },
    Carrier {
        name: "tag-macsec-channel",
        link: 1,
        frame: |p| {
            tagged(p, 0x88e5, &[&[0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 1], &ether_type(p), p, &[0; 16]])
        },
    },
    Carrier {
        name: "tag-arista",
        link: 1,
        frame: |p| tagged(p, 0xd28b, &[&[0, 1, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 2], &ether_type(p), p]),
    },
    Carrier {
        name: "tag-edsa",
        link: 1,
        frame: |p| tagged(p, 0xdada, &[&[0, 0, 0xc0, 8, 0, 0], &ether_type(p), p]),
    },
    Carrier {
        name: "tag-llc-ip",
        link: 1,
        frame: |p| {
            if v6(p) {
                eth(p)
            } else {
                cat(&[&macs(p), &((p.len() + 3) as u16).to_be_bytes(), &[6, 6, 3], p])
            }
        },
    },
    Carrier {
        name: "tag-snap",
        link: 1,
        frame: |p| cat(&[&macs(p), &((p.len() + 8) as u16).to_be_bytes(), &llc(p)]),
    },
    Carrier { name: "tag-pseudowire", link: 1, frame: |p| tagged(p, 0x8847, &[&[0, 1, 1, 64], &eth(p)]) },
    Carrier {
        name: "tag-pseudowire-control-word",
        link: 1,
        frame: |p| tagged(p, 0x8847, &[&[0, 1, 1, 64, 0, 0, 0, 1], &eth(p)]),
    },
    Carrier {
        name: "tag-batman",
        link: 1,
        frame: |p| tagged(p, 0x4305, &[&[0x40, 15, 50, 1, 2, 0, 0, 0, 0, 9], &eth(p)]),
    },
    Carrier { name: "tag-jumbo-llc", link: 1, frame: |p| tagged(p, 0x8870, &[&llc(p)]) },
];

/// Tunnels.
pub const TUNNELS: [Carrier; 37] = [
    Carrier {
        name: "tunnel-geneve",
        link: 101,
        frame: |p| over_udp(p, 6081, &[&[0, 0, 0x65, 0x58, 0, 0, 42, 0], &eth(p)]),
    },
    Carrier {
        name: "tunnel-geneve-options-ip",
        link: 101,
        frame: |p| {
            over_udp(p, 6081, &[&[2, 0], &ether_type(p), &[0, 0, 42, 0, 1, 2, 0x80, 1, 0, 0, 0, 7], p])
        },
    },
    Carrier {
        name: "tunnel-vxlan-8472",
        link: 101,
        frame: |p| over_udp(p, 8472, &[&[8, 0, 0, 0, 0, 0, 42, 0], &eth(p)]),
    },
    Carrier {
        name: "tunnel-vxlan-group-policy",
        link: 101,
        frame: |p| over_udp(p, 4789, &[&[0x88, 8, 0, 9, 0, 0, 42, 0], &eth(p)]),
    },
    Carrier {
        name: "tunnel-vxlan-gpe",
        link: 101,
        frame: |p| over_udp(p, 4790, &[&[0x0c, 0, 0, if v6(p) { 2 } else { 1 }, 0, 0, 42, 0], p]),
    },
    Carrier { name: "tunnel-tzsp", link: 101, frame: |p| over_udp(p, 37008, &[&[1, 0, 0, 1, 1], &eth(p)]) },
    Carrier {
        name: "tunnel-tzsp-wireless",
        link: 101,
        frame: |p| over_udp(p, 37008, &[&[1, 0, 0, 0x12, 10, 1, 0xd0, 1], &wireless(p)]),
    },
    Carrier {
        name: "tunnel-l2tp",
        link: 101,
        frame: |p| {
            over_udp(
                p,
                1701,
                &[&[0x40, 2], &((p.len() + 12) as u16).to_be_bytes(), &[0, 1, 0, 2, 0xff, 3], &ppp(p)],
            )
        },
    },
    Carrier {
        name: "tunnel-l2tp-sequence",
        link: 101,
        frame: |p| over_udp(p, 1701, &[&[0x08, 2, 0, 1, 0, 2, 0, 0, 0, 0], &ppp(p)]),
    },
    Carrier {
        name: "tunnel-l2tpv3-udp",
        link: 101,
        frame: |p| over_udp(p, 1701, &[&[0, 3, 0, 0, 0, 0, 0, 7], &eth(p)]),
    },
    Carrier { name: "tunnel-l2tpv3-ip", link: 101, frame: |p| over_ip(p, 115, &[&[0, 0, 0, 7], &eth(p)]) },
    Carrier {
        name: "tunnel-teredo",
        link: 101,
        frame: |p| if v6(p) { over_udp(p, 3544, &[p]) } else { p.to_vec() },
    },
    Carrier {
        name: "tunnel-teredo-origin",
        link: 101,
        frame: |p| if v6(p) { over_udp(p, 3544, &[&[0, 0, 0xf0, 0xf1, 1, 2, 3, 4], p]) } else { p.to_vec() },
    },
    Carrier { name: "tunnel-etherip", link: 101, frame: |p| over_ip(p, 97, &[&[0x30, 0], &eth(p)]) },
    Carrier {
        name: "tunnel-eoip",
        link: 101,
        frame: |p| {
            over_ip(p, 47, &[&[0x20, 1, 0x64, 0], &((p.len() + 14) as u16).to_be_bytes(), &[42, 0], &eth(p)])
        },
    },
    Carrier {
        name: "tunnel-wccp",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0, 0, 0x88, 0x3e, 0, 0, 0, 1], p]),
    },
    Carrier {
        name: "tunnel-erspan-1",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0, 0, 0x88, 0xbe], &eth(p)]),
    },
    Carrier {
        name: "tunnel-erspan-2",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 9, 0, 0, 0, 0], &eth(p)]),
    },
    Carrier {
        name: "tunnel-erspan-3",
        link: 101,
        frame: |p| {
            over_ip(
                p,
                47,
                &[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0], &eth(p)],
            )
        },
    },
    Carrier {
        name: "tunnel-nvgre",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0x20, 0, 0x65, 0x58, 0, 0, 42, 7], &eth(p)]),
    },
    Carrier {
        name: "tunnel-aruba",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0, 0, 0x82, 0x10], &wireless(p)]),
    },
    Carrier {
        name: "tunnel-capwap",
        link: 101,
        frame: |p| over_udp(p, 5247, &[&[0, 0x10, 2, 0, 0, 0, 0, 0], &eth(p)]),
    },
    Carrier {
        name: "tunnel-capwap-wireless",
        link: 101,
        frame: |p| over_udp(p, 5247, &[&[0, 0x10, 3, 0, 0, 0, 0, 0], &wireless(p)]),
    },
    Carrier {
        name: "tunnel-lwapp",
        link: 101,
        frame: |p| over_udp(p, 12222, &[&[0, 0, 0, p.len() as u8, 0, 0], &wireless(p)]),
    },
    Carrier { name: "tunnel-mpls-udp", link: 101, frame: |p| over_udp(p, 6635, &[&[0, 1, 1, 64], p]) },
    Carrier {
        name: "tunnel-gre-udp",
        link: 101,
        frame: |p| over_udp(p, 4754, &[&[0, 0], &ether_type(p), p]),
    },
    Carrier { name: "tunnel-gue", link: 101, frame: |p| over_udp(p, 6080, &[&[0, protocol(p), 0, 0], p]) },
    Carrier { name: "tunnel-gue-direct", link: 101, frame: |p| over_udp(p, 6080, &[p]) },
    Carrier { name: "tunnel-fou", link: 101, frame: |p| over_udp(p, 5555, &[p]) },
    Carrier {
        name: "tunnel-gtp-ethernet",
        link: 101,
        frame: |p| {
            over_udp(
                p,
                2152,
                &[&[0x30, 255], &((p.len() + 14) as u16).to_be_bytes(), &[0, 0, 0, 42], &eth(p)],
            )
        },
    },
    Carrier {
        name: "tunnel-gtp-0",
        link: 101,
        frame: |p| {
            over_udp(
                p,
                3386,
                &[
                    &[0x1e, 255],
                    &(p.len() as u16).to_be_bytes(),
                    &[0, 1, 0, 42, 0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4, 5, 6, 7],
                    p,
                ],
            )
        },
    },
    Carrier {
        name: "tunnel-lisp",
        link: 101,
        frame: |p| over_udp(p, 4341, &[&[0xc0, 1, 2, 3, 0, 0, 0, 1], p]),
    },
    Carrier { name: "tunnel-srv6-ethernet", link: 101, frame: |p| over_ip6(143, &[&eth(p)]) },
    Carrier {
        name: "tunnel-ayiya",
        link: 101,
        frame: |p| {
            if v6(p) {
                over_udp(p, 5072, &[&[0x41, 0x52, 0x11, 41, 0, 0, 0, 1], &[7; 36], p])
            } else {
                p.to_vec()
            }
        },
    },
    Carrier { name: "tunnel-minimal", link: 101, frame: minimal },
    Carrier {
        name: "tunnel-gre-key",
        link: 101,
        frame: |p| over_ip(p, 47, &[&[0x20, 0], &ether_type(p), &[0, 0, 0, 42], p]),
    },
    Carrier { name: "tunnel-shim6", link: 101, frame: |p| if v6(p) { shim6(p) } else { p.to_vec() } },
];

/// All of them.
pub fn all() -> impl Iterator<Item = Carrier> {
    LINKS.into_iter().chain(TAGS).chain(TUNNELS)
}

impl Trace {
    /// Only the frames whose bytes are wanted.
    pub fn keep(mut self, wanted: impl Fn(&[u8]) -> bool) -> Self {
        self.frames.retain(|frame| wanted(&frame.bytes));
        self
    }

    /// Packets of one direction, told by their bytes, in one wrap, those of the other in another.
    pub fn wrap_directions(mut self, is_up: impl Fn(&[u8]) -> bool, up: Wrap, down: Wrap) -> Self {
        self.frames = self
            .frames
            .into_iter()
            .flat_map(|frame| {
                let wrap = if is_up(&frame.bytes) { up } else { down };
                Self { frames: vec![frame] }.wrap(wrap).frames
            })
            .collect();
        self
    }

    /// Every IP packet carried so; panics where a link layer is there already.
    pub fn carried(mut self, carrier: &Carrier) -> Self {
        for frame in &mut self.frames {
            assert_eq!(frame.link, link::RAW, "a frame has one link layer");
            *frame = Frame { link: carrier.link, bytes: (carrier.frame)(&frame.bytes), ..*frame };
        }
        self
    }
}

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn v6(packet: &[u8]) -> bool {
    packet[0] >> 4 == 6
}

fn ether_type(packet: &[u8]) -> [u8; 2] {
    if v6(packet) { [0x86, 0xdd] } else { [0x08, 0x00] }
}

fn protocol(packet: &[u8]) -> u8 {
    if v6(packet) { 41 } else { 4 }
}

fn nlpid(packet: &[u8]) -> u8 {
    if v6(packet) { 0x8e } else { 0xcc }
}

fn arcnet(packet: &[u8]) -> u8 {
    if v6(packet) { 196 } else { 212 }
}

fn family(packet: &[u8]) -> [u8; 4] {
    if v6(packet) { [24, 0, 0, 0] } else { [2, 0, 0, 0] }
}

fn eth(packet: &[u8]) -> Vec<u8> {
    ethernet(packet, &[&ether_type(packet)])
}

fn macs(packet: &[u8]) -> Vec<u8> {
    ethernet(packet, &[])[..12].to_vec()
}

fn tagged(packet: &[u8], ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    cat(&[&macs(packet), &ether_type.to_be_bytes(), &parts.concat()])
}

fn llc(packet: &[u8]) -> Vec<u8> {
    cat(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type(packet), packet])
}

fn ppp(packet: &[u8]) -> Vec<u8> {
    cat(&[if v6(packet) { &[0x00, 0x57] } else { &[0x00, 0x21] }, packet])
}

/// A data frame to the network.
fn wireless(packet: &[u8]) -> Vec<u8> {
    cat(&[
        &[0x08, 0x01, 0, 0, 2, 0, 0, 0, 0, 9],
        &macs(packet)[6..],
        &macs(packet)[..6],
        &[0, 0],
        &llc(packet),
    ])
}

fn aggregate(packet: &[u8]) -> Vec<u8> {
    let body = llc(packet);
    let length = (body.len() as u16).to_be_bytes();
    let header = [0x88, 0x01, 0, 0, 2, 0, 0, 0, 0, 9];
    cat(&[&header, &macs(packet)[6..], &[2, 0, 0, 0, 0, 9], &[0, 0, 0x80, 0], &macs(packet), &length, &body])
}

fn radiotap(frame: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], frame])
}

fn ppi(link_type: u8, frame: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 8, 0, link_type, 0, 0, 0], frame])
}

fn nflog(packet: &[u8]) -> Vec<u8> {
    let length = (packet.len() as u16 + 4).to_le_bytes();
    let prefix = [8, 0, 10, 0, b'a', b'b', b'c', 0];
    let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
    cat(&[&[if v6(packet) { 10 } else { 2 }, 0, 0, 5], &prefix, &length, &[9, 0], packet, &padding])
}

/// The process "Example" sends.
fn pktap(frame: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 108];
    (header[0], header[4], header[8], header[36]) = (108, 1, 1, 2);
    header[12..15].copy_from_slice(b"en0");
    header[56..63].copy_from_slice(b"Example");
    cat(&[&header, frame])
}

fn erf(kind: u8, frame: &[u8]) -> Vec<u8> {
    let length = ((16 + frame.len()) as u16).to_be_bytes();
    let wire = (frame.len() as u16).to_be_bytes();
    // 2023-11-14, in the units of 2^-32 seconds.
    cat(&[&(1_700_000_000_u64 << 32).to_le_bytes(), &[kind, 4], &length, &[0, 0], &wire, frame])
}

fn pflog(packet: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 64];
    (header[0], header[1]) = (61, if v6(packet) { 24 } else { 2 });
    header[4..8].copy_from_slice(b"em0\0");
    cat(&[&header, packet])
}

fn docsis(packet: &[u8]) -> Vec<u8> {
    let frame = cat(&[&eth(packet), &[0; 4]]);
    cat(&[&[0, 0], &(frame.len() as u16).to_be_bytes(), &[0, 0], &frame])
}

fn over_udp(packet: &[u8], port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let (near, far) = tunnel_ends(packet);
    udp(SocketAddr::new(near, 49152), SocketAddr::new(far, port), &parts.concat())
}

fn over_ip(packet: &[u8], protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let (near, far) = tunnel_ends(packet);
    ip(near, far, protocol, &parts.concat())
}

fn over_ip6(protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let [near, far] =
        ["2001:db8:ffff::1", "2001:db8:ffff::2"].map(|text| text.parse::<IpAddr>().expect("an address"));
    ip(near, far, protocol, &parts.concat())
}

/// Behind a home agent; of IPv6 there is no such form.
fn minimal(packet: &[u8]) -> Vec<u8> {
    if v6(packet) {
        return packet.to_vec();
    }
    let (near, far) = tunnel_ends(packet);
    let inside = [&[packet[9], 0x80, 0, 0], &packet[16..20], &packet[12..16], &packet[20..]].concat();
    ip(near, far, 55, &inside)
}

/// A payload extension header before the transport's.
fn shim6(packet: &[u8]) -> Vec<u8> {
    let mut out = packet[..40].to_vec();
    let length = (packet.len() - 40 + 8) as u16;
    out[4..6].copy_from_slice(&length.to_be_bytes());
    let next = std::mem::replace(&mut out[6], 140);
    cat(&[&out, &[next, 0, 0x80, 0, 0, 0, 0, 7], &packet[40..]])
}
