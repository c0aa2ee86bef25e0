use super::*;
use crate::five_tuple::{Address, Transport};
use alloc::vec;
use alloc::vec::Vec;

const PAYLOAD: &[u8] = b"payload";
const NOT_ASKED: u64 = 0;

fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes()[..], rest].concat()
}

fn ipv4(protocol: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = (20 + rest.len() as u16).to_be_bytes();
    let header = [0x45, 0, high, low, 0, 7, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header, rest].concat()
}

fn ipv6(next: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = (rest.len() as u16).to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 0, high, low, next, 64];
    for host in [1, 2] {
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    bytes.extend(rest);
    bytes
}

fn udp(dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let ports = [40000u16.to_be_bytes(), dst_port.to_be_bytes()].concat();
    [&ports, &(8 + payload.len() as u16).to_be_bytes()[..], &[0, 0], payload].concat()
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = [40000u16.to_be_bytes(), 443u16.to_be_bytes()].concat();
    bytes.extend([0, 0, 0, 9, 0, 0, 0, 0, 0x60, 0x18, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 0]);
    bytes.extend(payload);
    bytes
}

fn gtp(rest: &[u8]) -> Vec<u8> {
    let [high, low] = (rest.len() as u16).to_be_bytes();
    [&[0x30, 255, high, low, 0, 0, 0, 1], rest].concat()
}

fn vxlan(rest: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 1, 0], rest].concat()
}

fn after(header: &[u8], rest: &[u8]) -> Vec<u8> {
    [header, rest].concat()
}

fn port_443(packet: &Packet<'_>) -> bool {
    packet.five_tuple.dst_port == 443
}

fn tuple(v6: bool, dst_port: u16, transport: Transport) -> FiveTuple {
    let address = |host| {
        if v6 {
            Address([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host])
        } else {
            Address::v4([10, 0, 0, host])
        }
    };
    FiveTuple { src: address(1), dst: address(2), src_port: 40000, dst_port, transport }
}

/// One frame for each way to the transport header, all with the same ports and payload inside.
fn frames() -> Vec<(&'static str, LinkType, Vec<u8>)> {
    use LinkType::*;
    const LLC: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0];
    let v4 = ipv4(17, &udp(443, PAYLOAD));
    let v4_tcp = ipv4(6, &tcp(PAYLOAD));
    let v6 = ipv6(17, &udp(443, PAYLOAD));
    let ip_frame = |rest: &[u8]| ethernet(0x0800, rest);
    let inner = ip_frame(&v4_tcp);
    let ah = [6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let data_frame = [&[0x88, 2], &[0; 24][..], LLC, &v4].concat();
    let two_tags = [0, 5, 0x81, 0, 0, 6, 0x08, 0];
    let two_labels = [0, 1, 0, 64, 0, 2, 1, 64];
    let session = [&[0x11, 0, 0, 1, 0, 2 + v6.len() as u8, 0, 0x57], &v6[..]].concat();
    vec![
        ("Ethernet, IPv4, UDP", Ethernet, ip_frame(&v4)),
        ("Ethernet, IPv4, TCP", Ethernet, inner.clone()),
        ("Ethernet, IPv6, UDP", Ethernet, ethernet(0x86dd, &v6)),
        ("802.3 with SNAP", Ethernet, ethernet(60, &after(LLC, &v4))),
        ("two VLAN tags", Ethernet, ethernet(0x88a8, &after(&two_tags, &v4))),
        ("old QinQ", Ethernet, ethernet(0x9100, &after(&two_tags, &v4))),
        ("MPLS", Ethernet, ethernet(0x8847, &after(&two_labels, &v6))),
        ("pseudowire", Ethernet, ethernet(0x8847, &after(&[0, 2, 1, 64, 0, 0, 0, 0], &inner))),
        ("PPPoE", Ethernet, ethernet(0x8864, &session)),
        ("IPv6 destination options", Ethernet, {
            ethernet(0x86dd, &ipv6(60, &after(&[17, 0, 1, 4, 0, 0, 0, 0], &udp(443, PAYLOAD))))
        }),
        ("AH", Ethernet, ip_frame(&ipv4(51, &after(&ah, &tcp(PAYLOAD))))),
        ("4in4", Ethernet, ip_frame(&ipv4(4, &v4_tcp))),
        ("6in4", Ethernet, ip_frame(&ipv4(41, &v6))),
        ("4in6", Ethernet, ethernet(0x86dd, &ipv6(4, &v4))),
        ("MPLS in IP", Ethernet, ip_frame(&ipv4(137, &after(&two_labels, &v4)))),
        ("GRE", Ethernet, ip_frame(&ipv4(47, &after(&[0, 0, 0x08, 0], &v4)))),
        (
            "GRE with Ethernet",
            Ethernet,
            ip_frame(&ipv4(47, &after(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1], &inner))),
        ),
        ("PPTP", Ethernet, {
            let header = [0x30, 1, 0x88, 0x0b, 0, 99, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21];
            ip_frame(&ipv4(47, &after(&header, &v4)))
        }),
        ("GTP-U", Ethernet, ip_frame(&ipv4(17, &udp(2152, &gtp(&v4_tcp))))),
        ("GTP-U over IPv6", Ethernet, ethernet(0x86dd, &ipv6(17, &udp(2152, &gtp(&v6))))),
        ("VXLAN", Ethernet, ip_frame(&ipv4(17, &udp(4789, &vxlan(&inner))))),
        ("VXLAN, VLAN, GTP-U", Ethernet, {
            let core = ipv4(17, &udp(2152, &gtp(&v6)));
            let frame = ethernet(0x8100, &after(&[0, 5, 0x08, 0], &core));
            ip_frame(&ipv4(17, &udp(4789, &vxlan(&frame))))
        }),
        ("BSD loopback", Null, after(&[2, 0, 0, 0], &v4)),
        ("OpenBSD loopback", Loop, after(&[0, 0, 0, 24], &v6)),
        ("PPP", Ppp, after(&[0xff, 3, 0, 0x21], &v4)),
        ("PPPoE link", PppEther, session),
        ("raw IPv4", Raw, v4.clone()),
        ("raw IPv6", Raw, v6.clone()),
        ("IPv4 link", Ipv4, v4_tcp.clone()),
        ("IPv6 link", Ipv6, v6.clone()),
        ("cooked", LinuxSll, [&[0; 14], &[0x08, 0][..], &v4].concat()),
        ("cooked 2", LinuxSll2, [&[0x08, 0], &[0; 18][..], &v4_tcp].concat()),
        ("802.11", Ieee80211, data_frame.clone()),
        ("radiotap", Radiotap, after(&[0, 0, 8, 0, 0, 0, 0, 0], &data_frame)),
    ]
}

#[test]
fn every_way_to_the_transport_header() {
    for (what, link_type, frame) in frames() {
        let packet = Packet::parse(link_type, 5, &frame).unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = Packet {
            five_tuple: tuple(packet.five_tuple.src.to_v4().is_none(), 443, packet.five_tuple.transport),
            tcp: match packet.five_tuple.transport {
                Transport::Tcp => TcpFields { sequence: 9, flags: 0x18 },
                Transport::Udp => TcpFields::default(),
            },
            time_us: 5,
            payload: PAYLOAD,
            fragment: Fragment::Whole,
        };
        assert_eq!(packet, expected, "{what}");
    }
}

#[test]
fn a_cut_frame_is_truncated_or_has_less_payload() {
    for (what, link_type, frame) in frames() {
        for cut in 0..frame.len() {
            match Packet::parse(link_type, NOT_ASKED, &frame[..cut]) {
                Ok(packet) if port_443(&packet) => {
                    assert_eq!(
                        packet.payload,
                        &PAYLOAD[..PAYLOAD.len().saturating_sub(frame.len() - cut)],
                        "{what} {cut}"
                    );
                }
                // Too little of the tunnel's own header to tell that it is one.
                Ok(packet) => assert!(packet.payload.len() <= 8, "{what} {cut}: {packet:?}"),
                Err(error) => assert_eq!(error, ParseError::Truncated, "{what} {cut}"),
            }
        }
    }
}

#[test]
fn no_changed_byte_makes_it_panic_or_reach_beyond_the_frame() {
    for (_, link_type, mut frame) in frames() {
        for at in 0..frame.len() {
            let byte = frame[at];
            for value in 0..=255 {
                frame[at] = value;
                if let Ok(packet) = Packet::parse(link_type, NOT_ASKED, &frame) {
                    assert!(packet.payload.len() + 8 <= frame.len());
                }
            }
            frame[at] = byte;
        }
    }
}

/// Whatever a byte is changed to.
#[test]
fn the_usual_shape_is_read_like_any_other() {
    let mut read = 0;
    for packet in [ipv4(6, &tcp(PAYLOAD)), ipv4(17, &udp(443, &[PAYLOAD, PAYLOAD].concat()))] {
        // As it is, with padding behind it, and cut by the capture.
        for length in [packet.len(), packet.len() + 5, packet.len() - 2] {
            let mut bytes = packet.clone();
            bytes.resize(length, 0xee);
            for (at, value) in (0..40).flat_map(|at| (0..=255).map(move |value| (at, value))) {
                let byte = core::mem::replace(&mut bytes[at], value);
                if let Some(packet) = usual(&bytes, 5) {
                    assert_eq!(Some(packet), less_usual(EtherType::IPV4, &bytes, 5), "{at} {value}");
                    read += 1;
                }
                bytes[at] = byte;
            }
        }
    }
    assert!(read > 10_000, "{read}");
}

/// Whatever a byte is changed to: what is told without a loop is what the loop comes to.
#[test]
fn what_takes_no_walk_is_what_the_walk_finds() {
    let mut plain = 0;
    for (what, link_type, mut frame) in frames() {
        for at in 0..frame.len() {
            let byte = frame[at];
            for value in 0..=255 {
                frame[at] = value;
                if let Some(packet) = Packet::plain(link_type, 5, &frame) {
                    assert_eq!(Packet::parse_any(link_type, 5, &frame), Ok(packet), "{what} {at} {value}");
                    plain += 1;
                }
            }
            frame[at] = byte;
        }
    }
    assert!(plain > 10_000, "{plain}");
    let ordinary = ethernet(0x0800, &ipv4(17, &udp(2152, b"hello")));
    assert!(Packet::plain(LinkType::Ethernet, 5, &ordinary).is_some(), "a tunnel's port alone takes no walk");
}

#[test]
fn padding_is_not_payload() {
    for (what, link_type, mut frame) in frames() {
        frame.extend([0xee; 18]);
        assert_eq!(Packet::parse(link_type, NOT_ASKED, &frame).unwrap().payload, PAYLOAD, "{what}");
    }
}

#[test]
fn from_ip_is_the_walk_without_the_link() {
    let bytes = ipv6(6, &tcp(PAYLOAD));
    assert_eq!(Packet::from_ip(5, &bytes), Packet::parse(LinkType::Ipv6, 5, &bytes));
    assert_eq!(Packet::from_ip(5, &[0x50; 40]), Err(ParseError::Unsupported));
    assert_eq!(Packet::from_ip(5, &[]), Err(ParseError::Truncated));
}

#[test]
fn ordinary_datagrams_on_tunnel_ports_are_kept() {
    let ip = ipv4(17, &udp(443, PAYLOAD));
    let mut wrong_version = ip.clone();
    wrong_version[0] = 0x42;
    for (port, payload) in [
        (2152, b"hello".to_vec()),
        (2152, gtp(&[0x45, 0])),
        (2152, gtp(&wrong_version)),
        (2152, gtp(&[])),
        (4789, b"hello".to_vec()),
        (4789, vxlan(&ethernet(0x0806, &[0; 28]))),
        (4789, vxlan(&ethernet(0x0800, &wrong_version))),
        (4789, vxlan(&[])),
    ] {
        let bytes = ipv4(17, &udp(port, &payload));
        let packet = Packet::from_ip(NOT_ASKED, &bytes).unwrap();
        assert_eq!(packet.five_tuple, tuple(false, port, Transport::Udp));
        assert_eq!(packet.payload, payload);
    }
}

#[test]
fn a_real_tunnel_with_something_else_inside_is_not_its_datagram() {
    let bytes = ipv4(17, &udp(2152, &gtp(&ipv4(1, &[8, 0, 0, 0]))));
    assert_eq!(Packet::from_ip(NOT_ASKED, &bytes), Err(ParseError::Unsupported));
}

#[test]
fn the_innermost_gtp_tunnel_is_told_with_its_receiver() {
    let bytes = ipv4(17, &udp(2152, &gtp(&ipv6(6, &tcp(PAYLOAD)))));
    let tunnel = Some(Tunnel { receiver: Address::v4([10, 0, 0, 2]), id: 1 });
    assert_eq!(Tunnel::around(LinkType::Raw, &bytes), tunnel);
    assert_eq!(Tunnel::around(LinkType::Ethernet, &ethernet(0x0800, &bytes)), tunnel);
    let mut inner = gtp(&ipv4(17, &udp(443, PAYLOAD)));
    inner[4..8].copy_from_slice(&[0xde, 0xad, 0, 7]);
    let nested = ipv4(17, &udp(2152, &gtp(&ipv6(17, &udp(2152, &inner)))));
    assert_eq!(Tunnel::around(LinkType::Raw, &nested).map(|tunnel| tunnel.id), Some(0xdead_0007));
    for plain in
        [ipv4(6, &tcp(PAYLOAD)), ipv4(17, &udp(2152, b"hello")), ipv4(17, &udp(2152, &gtp(&[0x45, 0])))]
    {
        assert_eq!(Tunnel::around(LinkType::Raw, &plain), None);
    }
    for cut in 0..bytes.len() {
        let found = Tunnel::around(LinkType::Raw, &bytes[..cut]);
        assert!(found.is_none() || found == tunnel);
    }
}

#[test]
fn a_transport_header_cut_behind_its_ports_still_gives_the_flow() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(PAYLOAD)));
    for (kept, sequence, flags) in [(4, 0, 0), (8, 9, 0), (14, 9, 0x18), (20, 9, 0x18), (23, 9, 0x18)] {
        let packet = Packet::parse(LinkType::Ethernet, NOT_ASKED, &frame[..34 + kept]).unwrap();
        assert_eq!(packet.five_tuple, tuple(false, 443, Transport::Tcp));
        assert_eq!((packet.tcp, packet.payload), (TcpFields { sequence, flags }, &[][..]), "{kept}");
    }
    assert_eq!(Packet::parse(LinkType::Ethernet, NOT_ASKED, &frame[..37]), Err(ParseError::Truncated));
    let tunnel = ipv4(17, &udp(2152, &gtp(&ipv4(6, &tcp(PAYLOAD)))));
    assert_eq!(Packet::from_ip(NOT_ASKED, &tunnel[..26]), Err(ParseError::Truncated), "whose flow is inside");
}

#[test]
fn vlans_and_tunnel_numbers_are_told() {
    let inner = ethernet(0x8100, &after(&[0, 9, 0x08, 0], &ipv4(6, &tcp(PAYLOAD))));
    let outer = ipv4(17, &udp(4789, &vxlan(&inner)));
    let frame = ethernet(0x88a8, &after(&[0x20, 5, 0x08, 0], &outer));
    let found = Encapsulation::of(LinkType::Ethernet, &frame);
    assert_eq!((found.vlans(), found.tunnel()), ([5, 9], Some((TunnelKind::Vxlan, 1))));
    // What seemed a tunnel is a datagram: it came through the outer tag only.
    let frame = ethernet(0x88a8, &after(&[0x20, 5, 0x08, 0], &ipv4(17, &udp(4789, &vxlan(&[])))));
    let found = Encapsulation::of(LinkType::Ethernet, &frame);
    assert_eq!((found.vlans(), found.tunnel()), ([5, 0], None));
    assert_eq!(Encapsulation::of(LinkType::Raw, &ipv4(6, &tcp(PAYLOAD))), Encapsulation::NONE);
}

#[test]
fn first_fragment_has_ports_and_later_ones_have_none() {
    let mut bytes = ipv4(17, &udp(443, PAYLOAD));
    bytes[6] = 0x20;
    let packet = Packet::from_ip(NOT_ASKED, &bytes).unwrap();
    assert_eq!((packet.five_tuple, packet.payload), (tuple(false, 443, Transport::Udp), PAYLOAD));
    assert_eq!(packet.fragment, Fragment::First(7));

    let mut bytes = ipv4(6, PAYLOAD);
    (bytes[6], bytes[7]) = (0, 185);
    let packet = Packet::from_ip(NOT_ASKED, &bytes).unwrap();
    let end_points = FiveTuple { src_port: 0, dst_port: 0, ..tuple(false, 0, Transport::Tcp) };
    assert_eq!((packet.five_tuple, packet.payload), (end_points, PAYLOAD));
    assert_eq!((packet.fragment, packet.tcp), (Fragment::Later(7), TcpFields::default()));

    let bytes = ipv6(44, &after(&[17, 0, 5, 200, 0, 0, 0, 9], PAYLOAD));
    let packet = Packet::from_ip(NOT_ASKED, &bytes).unwrap();
    assert_eq!((packet.payload, packet.fragment), (PAYLOAD, Fragment::Later(9)));

    let mut tunnel = ipv4(47, PAYLOAD);
    tunnel[7] = 185;
    assert_eq!(Packet::from_ip(NOT_ASKED, &tunnel), Err(ParseError::Unsupported));
}

#[test]
fn segmentation_left_to_the_card() {
    for (mut bytes, length_at) in [(ipv4(6, &tcp(PAYLOAD)), 2), (ipv6(6, &tcp(PAYLOAD)), 4)] {
        (bytes[length_at], bytes[length_at + 1]) = (0, 0);
        assert_eq!(Packet::from_ip(NOT_ASKED, &bytes).unwrap().payload, PAYLOAD);
    }
}

#[test]
fn a_header_that_does_not_fit_into_its_packet_is_malformed() {
    for bytes in [
        ipv4(6, &tcp(&[])[..23]),
        ipv4(17, &[0; 7]),
        ipv4(47, &[0x80, 0, 8, 0]),
        ipv4(4, &[0x45; 19]),
        ipv6(17, &[0; 7]),
    ] {
        let frame = [&bytes[..], &[0; 64]].concat();
        assert_eq!(Packet::from_ip(NOT_ASKED, &frame), Err(ParseError::Malformed), "{bytes:02x?}");
    }
}

#[test]
fn what_is_neither_tcp_nor_udp() {
    for (link_type, frame) in [
        (LinkType::Ethernet, ethernet(0x0806, &[0; 28])),
        (LinkType::Ethernet, ethernet(0x88cc, &[0; 28])),
        (LinkType::Ethernet, ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0])),
        (LinkType::Ethernet, ethernet(0x0800, &ipv4(1, &[0; 8]))),
        (LinkType::Ethernet, ethernet(0x0800, &ipv4(50, &[0; 8]))),
        (LinkType::Ethernet, ethernet(0x86dd, &ipv6(58, &[0; 8]))),
        (LinkType::Raw, vec![0; 40]),
        (LinkType::Null, vec![7, 0, 0, 0, 1]),
    ] {
        assert_eq!(Packet::parse(link_type, NOT_ASKED, &frame), Err(ParseError::Unsupported));
    }
}

#[test]
fn layers_are_bounded() {
    let nested = |layers: usize| (1..layers).fold(ipv4(17, &udp(443, PAYLOAD)), |inner, _| ipv4(4, &inner));
    assert!(Packet::from_ip(NOT_ASKED, &nested(16)).is_ok());
    assert_eq!(Packet::from_ip(NOT_ASKED, &nested(17)), Err(ParseError::Unsupported));
}

#[test]
fn link_types_by_number() {
    use LinkType::*;
    for link_type in
        [Null, Ethernet, Ppp, PppEther, Raw, Ieee80211, Loop, LinuxSll, Radiotap, Ipv4, Ipv6, LinuxSll2]
    {
        assert_eq!(LinkType::from_number(link_type as u16), Some(link_type));
        assert_eq!(LinkType::from_number(link_type as i32), Some(link_type));
    }
    assert_eq!([12, 14, 50].map(LinkType::from_number), [Some(Raw), Some(Raw), Some(Ppp)]);
    assert_eq!([-1, 2, 65537].map(LinkType::from_number), [None; 3]);
}
