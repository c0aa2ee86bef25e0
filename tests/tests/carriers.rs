//! Whatever carries a packet: one chat through every link type, tag and tunnel, in fragments, in several networks and by
//! several clocks.

use std::net::SocketAddr;

use wiremark::{
    Classifier, Encapsulation, Flow, Frame, LinkType, Options, ParseError, Tracker, TrackerConfig, Trail,
    TunnelKind,
};
use wiremark_tests::carriers::{self, Carrier};
use wiremark_tests::conversation::end_point;
use wiremark_tests::packet::{TcpHeader, fragments, tcp, udp};
use wiremark_tests::protocol::whatsapp_chat::Chat;
use wiremark_tests::trace::Trace;
use wiremark_tests::wrap::Wrap;

fn classifier() -> Classifier {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default())
}

fn chat(client: &str) -> Trace {
    Chat::of((6, 3))
        .flow(end_point(client), end_point("198.51.100.60:5222"), 7)
        .at(1_700_000_000_000_000)
        .trace()
}

/// Every flow, in the order of first packets.
fn flows_by(classifier: &Classifier, trace: &Trace, config: TrackerConfig) -> Vec<Flow> {
    let mut tracker = Tracker::new(classifier, config);
    let mut flows = Vec::new();
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a link type that is read");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        match tracker.frame(&frame, &mut |flow| flows.push(*flow)) {
            Ok(_) | Err(ParseError::Fragment) => {}
            Err(error) => panic!("{error}: {:?}", Trail::of(link_type, bytes).steps()),
        }
    }
    tracker.finish(&mut |flow| flows.push(*flow));
    flows.sort_by_key(|flow| flow.number);
    flows
}

fn flows(classifier: &Classifier, trace: &Trace) -> Vec<Flow> {
    flows_by(classifier, trace, TrackerConfig::default().for_frames(trace.len()))
}

fn is_chat(classifier: &Classifier, flow: &Flow) -> bool {
    let verdict = flow.verdict;
    let app = classifier.set().app(verdict.app).map(|app| app.name.as_str());
    (app, classifier.set().role_name(verdict.app, verdict.role)) == (Some("whatsapp"), "chat")
}

#[test]
fn the_chat_is_found_whatever_carries_it() {
    let classifier = classifier();
    for plain in [chat("10.0.0.1:40000"), chat("10.0.0.1:40000").to_ipv6()] {
        let expected = &flows(&classifier, &plain)[0];
        assert!(is_chat(&classifier, expected));
        for carrier in carriers::all() {
            let Carrier { name, .. } = carrier;
            let carried = flows(&classifier, &plain.clone().carried(&carrier));
            assert_eq!(carried.len(), 1, "{name}: one flow");
            let flow = &carried[0];
            assert!(is_chat(&classifier, flow), "{name}: {:?}", flow.verdict);
            assert_eq!(flow.five_tuple, expected.five_tuple, "{name}");
            assert_eq!((flow.packets, flow.first_us), (expected.packets, expected.first_us), "{name}");
        }
    }
}

/// Where a capture cuts a frame, there is the same flow, or none; never another.
#[test]
fn a_cut_frame_leads_to_no_other_flow() {
    let plain = chat("10.0.0.1:40000");
    for carrier in carriers::all() {
        let carried = plain.clone().skip(3).carried(&carrier);
        let (_, link, bytes) = carried.frames().next().expect("a frame");
        let link_type = LinkType::from_number(link).unwrap();
        let whole = wiremark::Packet::parse(link_type, 0, bytes).unwrap();
        for cut in 0..bytes.len() {
            if let Ok(packet) = wiremark::Packet::parse(link_type, 0, &bytes[..cut])
                && packet.five_tuple != whole.five_tuple
            {
                // Too little of a tunnel's own header to tell that it is one.
                assert!(packet.payload.len() < 48, "{} cut at {cut}: {:?}", carrier.name, packet.five_tuple);
            }
        }
    }
}

#[test]
fn fragments_are_put_together_outside_and_inside_of_tunnels() {
    let classifier = classifier();
    let plain = chat("10.0.0.1:40000");
    for plain in [plain.clone(), plain.to_ipv6()] {
        let pieces = plain.clone().fragment(48);
        let frames = pieces.len() as u64;
        for (what, trace) in [
            ("plain", pieces.clone()),
            ("inside GTP-U", pieces.clone().wrap(Wrap::GtpU(9, false))),
            ("inside VXLAN", pieces.clone().wrap(Wrap::Vxlan(9))),
            ("around GTP-U", plain.clone().wrap(Wrap::GtpU(9, false)).fragment(64)),
            ("both", pieces.clone().wrap(Wrap::GtpU(9, false)).fragment(48)),
            ("copies", pieces.clone().duplicate(3, 100)),
            ("copies inside GTP-U", pieces.clone().wrap(Wrap::GtpU(9, false)).duplicate(3, 100)),
            ("copies around GTP-U", plain.clone().wrap(Wrap::GtpU(9, false)).fragment(64).duplicate(2, 100)),
            ("copies of both", pieces.clone().wrap(Wrap::GtpU(9, false)).fragment(48).duplicate(2, 100)),
            ("one number for all", pieces.clone().numbered(7)),
            ("one number around GTP-U", plain.clone().wrap(Wrap::GtpU(9, false)).fragment(48).numbered(7)),
            ("one number, both", pieces.clone().wrap(Wrap::GtpU(9, false)).fragment(48).numbered(7)),
            ("one number, copies", pieces.clone().numbered(7).duplicate(2, 100)),
            ("out of order", pieces.clone().swap(3, 100)),
        ] {
            let count = trace.len() as u64;
            let found = flows(&classifier, &trace);
            assert_eq!(found.len(), 1, "{what}");
            assert!(is_chat(&classifier, &found[0]), "{what}");
            assert_eq!(found[0].packets[0] + found[0].packets[1], count, "{what}: every piece is counted");
        }
        assert!(frames > plain.len() as u64);
    }
}

/// A piece over another with other bytes: there is no telling which of the two the receiver takes.
#[test]
fn overlapping_fragments_are_refused() {
    let classifier = classifier();
    let (client, server) = (end_point("10.0.0.1:40000"), end_point("198.51.100.60:5222"));
    let packet = udp(client, server, &[7; 64]);
    let mut pieces = fragments(&packet, 24);
    let mut other = pieces[1].clone();
    *other.last_mut().unwrap() ^= 1;
    pieces.insert(2, other);
    let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
    let mut lengths = Vec::new();
    for bytes in &pieces {
        let frame = Frame { link_type: LinkType::Raw, time_us: 1, bytes, wire_bytes: bytes.len() as u32 };
        let (_, packet) = tracker.follow(&frame, &mut |_| {}, &mut ()).expect("its flow is known");
        lengths.push(packet.payload.len());
    }
    assert_eq!(lengths, [0; 4], "never whole");
    let statistics = tracker.statistics();
    assert_eq!((statistics.packets, statistics.fragments, statistics.flows), (4, 4, 1));
}

/// A filter by port keeps first fragments only: what they tell by themselves is told when no other comes.
#[test]
fn a_first_fragment_alone_is_looked_at_in_the_end() {
    let classifier = classifier();
    let trace = chat("10.0.0.1:40000").fragment(200);
    let trace = trace.keep(|bytes| u16::from_be_bytes([bytes[6], bytes[7]]) & 0x1fff == 0);
    let found = flows(&classifier, &trace);
    assert_eq!(found.len(), 1);
    assert!(is_chat(&classifier, &found[0]));
}

#[test]
fn fragments_without_a_first_are_lost_and_told() {
    let classifier = classifier();
    let packet = udp(end_point("10.0.0.1:40000"), end_point("198.51.100.60:443"), &[7; 640]);
    let pieces = fragments(&packet, 48);
    let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
    for (n, bytes) in pieces[1..].iter().enumerate() {
        let time_us = 1 + n as u64;
        let frame = Frame { link_type: LinkType::Raw, time_us, bytes, wire_bytes: bytes.len() as u32 };
        assert_eq!(tracker.frame(&frame, &mut |_| {}).unwrap_err(), ParseError::Fragment);
    }
    tracker.finish(&mut |_| panic!("no flow"));
    assert_eq!(tracker.statistics().fragments_lost, pieces.len() as u64 - 1);
}

/// Two networks with the same addresses and ports at the same time, one packet here, one there.
fn two_networks(tag: impl Fn(Trace, usize) -> Trace) -> Trace {
    let mine = chat("10.0.0.1:40000");
    let (client, server) = (end_point("10.0.0.1:40000"), end_point("198.51.100.60:5222"));
    let other = wiremark_tests::conversation::Tcp::new(client, server, 99)
        .at(1_700_000_000_000_100)
        .client(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .server(b"HTTP/1.1 200 OK\r\n\r\n")
        .trace();
    Trace::mixed([tag(mine, 0), tag(other, 1)])
}

#[test]
fn the_same_addresses_in_two_networks_are_two_flows() {
    let classifier = classifier();
    type Told = fn(&Flow) -> bool;
    let networks: [(&str, Trace, Told); 8] = [
        ("VLANs", two_networks(|t, n| t.wrap(Wrap::Vlan(100 + n as u16))), |f| {
            f.encapsulation.vlans() == [100, 0]
        }),
        (
            "a VLAN and none",
            two_networks(|t, n| t.wrap(if n == 0 { Wrap::Vlan(9) } else { Wrap::Ethernet })),
            |f| f.encapsulation.vlans() == [9, 0],
        ),
        ("inner VLANs", two_networks(|t, n| t.wrap(Wrap::QinQ(5, 100 + n as u16))), |f| {
            f.encapsulation.vlans() == [5, 100]
        }),
        ("VXLAN", two_networks(|t, n| t.wrap(Wrap::Vxlan(42 + n as u32))), |f| {
            f.encapsulation.tunnel() == Some((TunnelKind::Vxlan, 42))
        }),
        ("GTP-U", two_networks(|t, n| t.wrap(Wrap::GtpU(42 + n as u32, false))), |f| {
            f.encapsulation.tunnel() == Some((TunnelKind::GtpU, 42))
        }),
        ("GTP-U, a number a direction", two_networks(|t, n| t.in_tunnels(|_| 42 + 100 * n as u32)), |f| {
            f.encapsulation.tunnel() == Some((TunnelKind::GtpU, 42))
        }),
        ("GRE keys", two_networks(|t, n| t.carried(&[GRE_42, GRE_43][n])), |f| {
            f.encapsulation.tunnel() == Some((TunnelKind::Gre, 42))
        }),
        ("802.1ah", two_networks(|t, n| t.carried(&[PBB_42, PBB_43][n])), |f| {
            f.encapsulation.tunnel() == Some((TunnelKind::Pbb, 42))
        }),
    ];
    for (what, trace, is_told) in networks {
        let found = flows(&classifier, &trace);
        assert_eq!(found.len(), 2, "{what}");
        let chats: Vec<&Flow> = found.iter().filter(|flow| is_chat(&classifier, flow)).collect();
        assert_eq!(chats.len(), 1, "{what}");
        assert!(is_told(chats[0]), "{what}: {:?}", chats[0].encapsulation);
        let config = TrackerConfig { ignore_encapsulation: true, ..TrackerConfig::default() };
        let together = flows_by(&classifier, &trace, config);
        assert!(together.iter().all(|flow| flow.encapsulation == Encapsulation::NONE), "{what}");
    }
}

const fn carrier(name: &'static str, link: u16, frame: fn(&[u8]) -> Vec<u8>) -> Carrier {
    Carrier { name, link, frame }
}

fn gre(packet: &[u8], key: u8) -> Vec<u8> {
    let inside = [&[0x20, 0, 8, 0, 0, 0, 0, key], packet].concat();
    wiremark_tests::packet::ip([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), 47, &inside)
}

fn pbb(packet: &[u8], service: u8) -> Vec<u8> {
    [&[2; 12], &[0x88, 0xe7, 0, 0, 0, service][..], &[2; 12], &[8, 0], packet].concat()
}

const GRE_42: Carrier = carrier("gre 42", 101, |p| gre(p, 42));
const GRE_43: Carrier = carrier("gre 43", 101, |p| gre(p, 43));
const PBB_42: Carrier = carrier("pbb 42", 1, |p| pbb(p, 42));
const PBB_43: Carrier = carrier("pbb 43", 1, |p| pbb(p, 43));

/// A network whose two directions come with different tags.
#[test]
fn directions_in_different_vlans_are_one_flow_on_request() {
    let classifier = classifier();
    let is_up = |bytes: &[u8]| bytes[12..16] == [10, 0, 0, 1];
    let trace = chat("10.0.0.1:40000").wrap_directions(is_up, Wrap::Vlan(10), Wrap::Vlan(20));
    assert_eq!(flows(&classifier, &trace).len(), 2);
    let config = TrackerConfig { ignore_encapsulation: true, ..TrackerConfig::default() };
    let together = flows_by(&classifier, &trace, config);
    assert_eq!(together.len(), 1);
    assert!(is_chat(&classifier, &together[0]));
}

const T: u64 = 1_700_000_000_000_000;

fn segment(from_client: bool, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (client, server): (SocketAddr, SocketAddr) =
        (end_point("10.0.0.1:40000"), end_point("198.51.100.60:443"));
    let (src, dst) = if from_client { (client, server) } else { (server, client) };
    tcp(src, dst, &TcpHeader { sequence, acknowledgement: 1, flags, options: Vec::new() }, payload)
}

fn numbers(classifier: &Classifier, packets: &[(u64, Vec<u8>)]) -> Vec<u64> {
    let mut tracker = Tracker::new(classifier, TrackerConfig::default());
    let number = |(after_us, bytes): &(u64, Vec<u8>)| {
        let frame =
            Frame { link_type: LinkType::Raw, time_us: T + after_us, bytes, wire_bytes: bytes.len() as u32 };
        tracker.frame(&frame, &mut |_| {}).expect("a segment").flow_number
    };
    packets.iter().map(number).collect()
}

#[test]
fn a_new_connection_on_an_old_five_tuple() {
    let classifier = classifier();
    const SECOND: u64 = 1_000_000;
    let syn = |sequence| segment(true, 0x02, sequence, &[]);
    let answer = |sequence| segment(false, 0x12, sequence, &[]);
    let bytes = |sequence| segment(true, 0x18, sequence, b"hello");
    let fin = |sequence| segment(true, 0x11, sequence, &[]);
    let reset = |sequence| segment(false, 0x14, sequence, &[]);
    for (what, packets, expected) in [
        (
            "after a rest",
            vec![(0, syn(9)), (1, answer(7)), (2, bytes(10)), (300 * SECOND, syn(5_000_000))],
            &[1, 1, 1, 2][..],
        ),
        (
            "after unanswered attempts",
            vec![(0, syn(9)), (SECOND, syn(9)), (SECOND * 2, syn(777))],
            &[1, 1, 2],
        ),
        ("after a FIN", vec![(0, syn(9)), (1, answer(7)), (2, fin(10)), (3, syn(90))], &[1, 1, 1, 2]),
        ("after a reset", vec![(0, syn(9)), (1, reset(0)), (2, syn(90))], &[1, 1, 2]),
        (
            "beyond the window",
            vec![(0, syn(9)), (1, answer(7)), (2, bytes(10)), (3, syn(900_000_000))],
            &[1, 1, 1, 2],
        ),
        (
            "the same SYN again",
            vec![(0, syn(9)), (1, answer(7)), (2, bytes(10)), (300 * SECOND, syn(9))],
            &[1; 4],
        ),
        ("the same SYN after the end", vec![(0, syn(9)), (1, answer(7)), (2, fin(10)), (3, syn(9))], &[1; 4]),
        ("a late SYN", vec![(0, answer(7)), (1, bytes(10)), (2, fin(15)), (3, syn(9))], &[1; 4]),
        ("a late SYN behind the first bytes", vec![(0, bytes(40)), (1, bytes(45)), (2, syn(9))], &[1; 3]),
        (
            "an answer of another connection",
            vec![(0, syn(9)), (1, answer(7)), (2, bytes(10)), (300 * SECOND, answer(600_000))],
            &[1, 1, 1, 2],
        ),
    ] {
        assert_eq!(numbers(&classifier, &packets), expected, "{what}");
    }
}

fn datagram(port: u16) -> Vec<u8> {
    udp(SocketAddr::new([10, 0, 0, 1].into(), port), end_point("198.51.100.60:9999"), b"hello")
}

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3600 * SECOND;

#[test]
fn clocks_apart_by_hours_end_no_flow() {
    clocks_end_no_flow(&[2 * HOUR, 24 * HOUR, 400 * 24 * HOUR]);
}

#[test]
fn clocks_apart_by_minutes_end_no_flow() {
    clocks_end_no_flow(&[HOUR / 60, HOUR / 20, HOUR / 2, HOUR - 1]);
}

fn clocks_end_no_flow(all: &[u64]) {
    let classifier = classifier();
    for apart in all.iter().copied() {
        // Forty flows, every other by the second clock, for two minutes.
        let packets: Vec<(u64, Vec<u8>)> = (0..120)
            .flat_map(|second| (0..40u16).map(move |flow| (second, flow)))
            .map(|(second, flow)| {
                (second * SECOND + if flow % 2 == 1 { apart } else { 0 }, datagram(50_000 + flow))
            })
            .collect();
        let last = numbers(&classifier, &packets).into_iter().max();
        assert_eq!(last, Some(40), "{apart}");
    }
}

#[test]
fn a_wrong_time_ends_no_other_flow() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
    let mut ended = 0;
    for (n, port) in (0..3000_u64).zip((0..30).cycle()) {
        let wrong = [0, 1, T / 2, 3 * T, u64::MAX];
        let is_wrong = n % 100 == 50;
        let time_us = if is_wrong { wrong[(n / 100 % 5) as usize] } else { T + n * 10_000 };
        let bytes = datagram(if is_wrong { 999 } else { 50_000 + port });
        let frame = Frame { link_type: LinkType::Raw, time_us, bytes: &bytes, wire_bytes: 1 };
        tracker.frame(&frame, &mut |flow| ended += u64::from(flow.five_tuple.src_port != 999)).unwrap();
    }
    assert_eq!(ended, 0);
    assert!(tracker.statistics().clock_jumps >= 40);
}

/// Nothing came for longer than a flow lives: then it is over, and a later packet begins another.
#[test]
fn a_gap_of_hours_ends_flows() {
    let classifier = classifier();
    const HOUR: u64 = 3_600_000_000;
    let packets = [(0, datagram(1)), (1, datagram(2)), (9 * HOUR, datagram(1)), (9 * HOUR + 1, datagram(2))];
    assert_eq!(numbers(&classifier, &packets), [1, 2, 3, 4]);
}

#[test]
fn a_flow_without_a_time_has_none_until_one_comes() {
    let classifier = classifier();
    for (times, expected) in [([0, 0, 0], (0, 0)), ([0, T, T + 5], (T, T + 5)), ([T, 0, T + 5], (T, T + 5))] {
        let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
        for time_us in times {
            let bytes = datagram(1);
            let frame = Frame { link_type: LinkType::Raw, time_us, bytes: &bytes, wire_bytes: 1 };
            tracker.frame(&frame, &mut |_| {}).unwrap();
        }
        tracker.finish(&mut |flow| assert_eq!((flow.first_us, flow.last_us), expected, "{times:?}"));
    }
}
