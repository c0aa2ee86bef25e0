//! One way to carry an IP packet for each link type, tag and tunnel that the engine has a file for, beyond those of
//! [`Wrap`]: built from the public formats, so that whoever reads the project's captures with another tool
//! sees the same packets.

mod carrier;
mod headers;
mod tunnels;

pub use carrier::Carrier;
pub use headers::aggregate_of;
pub use tunnels::TUNNELS;

use crate::packet::{checksum, link};
use crate::trace::{Frame, Trace};
use crate::wrap::Wrap;

use headers::*;

/// Link types.
pub const LINKS: [Carrier; 50] = [
    Carrier { name: "link-nflog", link: 239, frame: nflog },
    Carrier { name: "link-pktap", link: 258, frame: |p| pktap(&eth(p)) },
    Carrier { name: "link-pktap-user2", link: 149, frame: |p| pktap(&eth(p)) },
    Carrier { name: "link-ppi-ethernet", link: 192, frame: |p| ppi(1, &eth(p)) },
    Carrier { name: "link-ppi-wireless", link: 192, frame: |p| ppi(105, &wireless(p)) },
    Carrier { name: "link-ppp", link: 9, frame: |p| cat(&[&[0xff, 3], &ppp(p)]) },
    Carrier { name: "link-ppp-pppd", link: 166, frame: |p| cat(&[&[1, 0xff, 3], &ppp(p)]) },
    Carrier { name: "link-ppp-direction", link: 204, frame: |p| cat(&[&[0, 0xff, 3], &ppp(p)]) },
    Carrier { name: "link-cisco-hdlc-netbsd", link: 112, frame: |p| cat(&[&[0x0f, 0], &ether_type(p), p]) },
    Carrier { name: "link-tzsp", link: 128, frame: |p| cat(&[&[1, 0, 0, 1, 1], &eth(p)]) },
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
        name: "link-ipoib-address",
        link: 242,
        frame: |p| cat(&[&[0, 0, 0, 1], &[0xfe; 16], &ether_type(p), &[0, 0], p]),
    },
    Carrier { name: "link-ipoib", link: 242, frame: ipoib },
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
    Carrier { name: "link-netanalyzer", link: 240, frame: net_analyzer },
    Carrier { name: "link-mpacket", link: 274, frame: |p| cat(&[&[0x55; 7], &[0xd5], &checked(p)]) },
    Carrier {
        name: "link-broadcom-tag",
        link: 281,
        frame: |p| cat(&[&macs(p), &[0, 0, 0, 1], &ether_type(p), p]),
    },
    Carrier { name: "link-broadcom-prepended", link: 282, frame: |p| cat(&[&[0, 0, 0, 1], &eth(p)]) },
    Carrier {
        name: "link-marvell-tag",
        link: 284,
        frame: |p| cat(&[&macs(p), &[0xc0, 8, 0, 0], &ether_type(p), p]),
    },
    Carrier {
        name: "link-marvell-ether-tag",
        link: 285,
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

    /// Every fragment with the same number, as if a router's had gone round.
    pub fn numbered(mut self, number: u16) -> Self {
        for Frame { link, bytes, .. } in &mut self.frames {
            assert_eq!(*link, link::RAW, "fragments before wrapping");
            if !v6(bytes) && bytes[6] & 0x3f | bytes[7] != 0 {
                bytes[4..6].copy_from_slice(&number.to_be_bytes());
                bytes[10..12].fill(0);
                let sum = checksum(&[&bytes[..20]]);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            } else if v6(bytes) && bytes[6] == 44 {
                bytes[44..48].copy_from_slice(&u32::from(number).to_be_bytes());
            }
        }
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
