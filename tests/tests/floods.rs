//! Memory and verdicts under floods, and who has to go when a table is full.

use std::net::{Ipv6Addr, SocketAddr};

use wiremark::{Classifier, Flow, Frame, LinkType, Options, Tracker, TrackerConfig};
use wiremark_tests::hostile::floods::{Flood, Kind, colliding};
use wiremark_tests::packet::{self, TcpHeader};
use wiremark_tests::protocol::whatsapp_chat::Chat;
use wiremark_tests::random::Random;

fn classifier() -> Classifier {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default())
}

/// That memory stays where it is, `memory` asks, which has a program of its own.
#[test]
fn a_flood_takes_no_verdict() {
    let classifier = classifier();
    for kind in [Kind::Syn, Kind::Datagram] {
        let flood = Flood { kind, packets: 200_000, rate: 20_000, capacity: 4096, decided: 100 };
        let after = flood.play(&classifier);
        let seen = after.statistics;
        assert_eq!(seen.flows, 200_100, "every five-tuple of {kind:?} is another");
        assert_eq!(seen.flows, seen.evicted + seen.timed_out + after.held, "each is accounted for");
        assert!(seen.evicted > 190_000 && after.held <= 4096);
        assert!(after.kept_up > 900, "the decided flows went on: {}", after.kept_up);
        assert_eq!(after.forgotten, 0, "decided flows keep their verdicts under {kind:?}");
    }
}

#[test]
fn flows_chosen_to_collide_under_one_key_do_not_under_another() {
    let classifier = classifier();
    let known = TrackerConfig { capacity: 1024, ..TrackerConfig::default() };
    let packets = colliding(known.hash_key, known.capacity, 48);
    let evicted = |config: TrackerConfig| {
        let mut tracker = Tracker::new(&classifier, config);
        for bytes in &packets {
            let _ = tracker.frame(&raw(bytes, 1), &mut |_| {});
        }
        tracker.statistics().evicted
    };
    assert_eq!(evicted(known), 48 - 16, "sixteen places are all that they have");
    for other in 1..20 {
        assert_eq!(evicted(TrackerConfig { hash_key: [other, !other], ..known }), 0, "key {other}");
    }
}

fn raw(bytes: &[u8], time_us: u64) -> Frame<'_> {
    Frame { link_type: LinkType::Raw, time_us, bytes, wire_bytes: bytes.len() as u32 }
}

/// A tracker of sixteen flows, all of which any flow may take the place of.
struct Full<'c> {
    tracker: Tracker<'c>,
    ended: Vec<Flow>,
}

impl<'c> Full<'c> {
    fn new(classifier: &'c Classifier) -> Self {
        let config = TrackerConfig { capacity: 16, ..TrackerConfig::default() };
        Self { tracker: Tracker::new(classifier, config), ended: Vec::new() }
    }

    /// A segment of the flow with this client port, to a server of its own.
    fn segment(&mut self, second: u64, port: u16, payload: &[u8]) {
        let (src, dst) = (
            SocketAddr::from(([10, 0, 0, 1], port)),
            SocketAddr::from(([192, 0, (port >> 8) as u8, port as u8], 5222)),
        );
        let header = TcpHeader { sequence: 1, flags: 0x10, ..TcpHeader::default() };
        let bytes = packet::tcp(src, dst, &header, payload);
        let ended = &mut self.ended;
        self.tracker.frame(&raw(&bytes, second * 1_000_000), &mut |flow| ended.push(*flow)).unwrap();
    }

    /// The client ports of flows that had to go since last asked.
    fn gone(&mut self) -> Vec<u16> {
        self.ended.drain(..).map(|flow| flow.five_tuple.src_port).collect()
    }
}

#[test]
fn the_undecided_go_first_then_the_quietest() {
    let classifier = classifier();
    let opening = Chat::of((6, 3)).opening(&mut Random::new(1));
    let mut full = Full::new(&classifier);
    for port in 1..=16u16 {
        let payload: &[u8] = if port % 2 == 0 { &opening } else { b"?" };
        full.segment(u64::from(port), port, payload);
    }
    full.segment(20, 1, b"?");
    full.segment(21, 2, b"more");
    assert!(full.gone().is_empty());
    full.segment(22, 100, &opening);
    assert_eq!(full.gone(), [3], "the quietest without a verdict; 1 spoke again");
    for port in 101..108 {
        full.segment(23, port, &opening);
    }
    let mut gone = full.gone();
    gone.sort_unstable();
    assert_eq!(gone, [1, 5, 7, 9, 11, 13, 15], "all the others without one");
    full.segment(24, 200, b"?");
    assert_eq!(full.gone(), [4], "the quietest of all, where all have verdicts; 2 spoke again");
    assert_eq!(full.tracker.statistics().evicted, 9);
    // After half an hour everybody else's time is over, and that is how they end. (A rest of the whole link is no time yet: it
    // may be another clock that speaks.)
    (2..=100).for_each(|n| full.segment(n * 20, 200, b"?"));
    full.segment(2000, 300, b"?");
    let timed_out = full.tracker.statistics().timed_out;
    assert_eq!((full.tracker.statistics().evicted, timed_out), (9, full.gone().len() as u64));
    assert_eq!(timed_out, 15);
}

/// The worst that frames can do to a tracker made for as many: each opens a flow, whose handshake waits.
#[test]
fn a_tracker_made_for_so_many_frames_turns_none_away() {
    let classifier = classifier();
    for flows in [1, 300, 800] {
        let config = TrackerConfig::default().for_frames(usize::from(flows));
        assert!(config.capacity < TrackerConfig::default().capacity, "made for fewer than usual");
        let mut full = Full { tracker: Tracker::new(&classifier, config), ended: Vec::new() };
        for port in 1..=flows {
            // A TLS record (RFC 8446, 5.1) of 508 bytes, of which the ClientHello's head came.
            full.segment(1, port, &[22, 3, 1, 1, 0xfc, 1, 0, 1, 0xf8, 3, 3]);
        }
        let seen = full.tracker.statistics();
        assert_eq!((seen.flows, seen.evicted, seen.handshakes_lost), (flows.into(), 0, 0));
    }
}

/// Pieces of packets that never are whole, and tunnels nested as deep as is stepped into and deeper, each of other addresses:
/// the places are so many and no more, every frame is accounted for, and whoever has a verdict keeps it.
#[test]
fn floods_of_fragments_and_of_nested_tunnels_stay_within_their_places() {
    let classifier = classifier();
    let config = TrackerConfig { capacity: 1024, fragmented_packets: 16, ..TrackerConfig::default() };
    let source = |number: u32| SocketAddr::from((number.to_be_bytes(), 5000));
    let server = SocketAddr::from(([192, 0, 2, 9], 443));
    let chats = Chat::of((6, 3)).opening(&mut Random::new(1));
    let chat = |sequence: u32, payload: &[u8]| {
        let header = TcpHeader { sequence, flags: 0x10, ..TcpHeader::default() };
        packet::tcp(source(0x0a00_0001), SocketAddr::from(([192, 0, 2, 1], 5222)), &header, payload)
    };
    let nested = |number: u32, depth: usize| {
        let inner = packet::udp(source(0x0b00_0000 | number), server, &[1; 64]);
        (0..depth).fold(inner, |inner, _| packet::ip(source(number).ip(), server.ip(), 4, &inner))
    };
    type Make<'a> = &'a dyn Fn(u32) -> Vec<u8>;
    let pieces =
        |number: u32| packet::fragments(&packet::udp(source(0x0b00_0000 | number), server, &[7; 90]), 48);
    let kinds: [(&str, Make<'_>); 4] = [
        ("first pieces", &|number| pieces(number).swap_remove(0)),
        ("last pieces", &|number| pieces(number).swap_remove(2)),
        ("tunnels 16 deep", &|number| nested(number, 15)),
        ("tunnels 40 deep", &|number| nested(number, 40)),
    ];
    for (what, make) in kinds {
        let mut tracker = Tracker::new(&classifier, config);
        let mut ended = 0;
        let _ = tracker.frame(&raw(&chat(1, &chats), 1), &mut |_| {});
        for number in 0..50_000 {
            let time_us = 2 + u64::from(number) * 100;
            let _ = tracker.frame(&raw(&make(number), time_us), &mut |_| ended += 1);
            if number % 1000 == 0 {
                let bytes = chat(1 + chats.len() as u32, b"");
                let seen = tracker.frame(&raw(&bytes, time_us), &mut |_| ended += 1).expect("a chat's");
                assert!(seen.verdict.is_match() && seen.flow_number == 1, "{what}, {number}");
            }
        }
        assert!(tracker.flows().count() <= 1024, "{what}");
        tracker.finish(&mut |_| ended += 1);
        let seen = tracker.statistics();
        assert_eq!((seen.frames, seen.flows), (50_051, ended), "{what}");
        let told = seen.truncated + seen.malformed + seen.unsupported + seen.fragments_lost;
        assert_eq!(seen.frames, seen.packets + told, "{what}: each frame is a flow's, or told");
    }
}

/// With the halves of an address merely added up, whoever chose sources of one sum would have every packet's first fragment
/// push out another's, whatever the key.
#[test]
fn sources_whose_halves_have_one_sum_do_not_crowd_each_other_out() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, TrackerConfig { capacity: 1024, ..TrackerConfig::default() });
    let pieces: Vec<Vec<Vec<u8>>> = (0..64u64)
        .map(|number| {
            let source = u128::from(0x2001_0db8_0000_0000 ^ number) << 64 | u128::from(number ^ 0x77);
            let source = SocketAddr::from((Ipv6Addr::from(source), 5000));
            let server = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9), 443));
            packet::fragments(&packet::udp(source, server, &[7; 64]), 48)
        })
        .collect();
    for (number, piece) in (0..2).flat_map(|number| pieces.iter().map(move |one| (number, &one[number]))) {
        assert!(tracker.frame(&raw(piece, 1), &mut |_| {}).is_ok(), "piece {number} of a packet");
    }
}
