//! Tunnels.

use super::carrier::Carrier;
use super::headers::*;

/// Over IP, UDP and tags.
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
