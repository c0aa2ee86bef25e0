//! When a tracker lets go of flows, and what it counts.

use wiremark::{
    Classifier, ContextConfig, Flow, Frame, LinkType, Options, Prepared, Seen, SignatureSet, Tracker,
    TrackerConfig,
};

const SECOND_US: u64 = 1_000_000;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const RST: u8 = 0x04;

fn classifier() -> Classifier {
    Classifier::new(SignatureSet::load(&[]).unwrap(), Options::default())
}

fn config() -> TrackerConfig {
    TrackerConfig {
        capacity: 1024,
        tcp_timeout_us: 100 * SECOND_US,
        udp_timeout_us: 10 * SECOND_US,
        context: ContextConfig { parked_slots: 1, remembered: 0, ..ContextConfig::default() },
        ..TrackerConfig::default()
    }
}

/// IPv4 from 10.0.0.1 to 192.0.2.1 (RFC 791), with a UDP header (RFC 768) or a TCP header (RFC 9293) with these flags.
fn ip(port: u16, tcp_flags: Option<u8>) -> Vec<u8> {
    let mut transport = port.to_be_bytes().to_vec();
    transport.extend([0x1f, 0x90]);
    match tcp_flags {
        None => transport.extend([0, 12, 0, 0, 1, 2, 3, 4]),
        Some(flags) => transport.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]),
    }
    let mut bytes = vec![0x45, 0, 0, 20 + transport.len() as u8, 0, 0, 0, 0, 64];
    bytes.extend([if tcp_flags.is_some() { 6 } else { 17 }, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
    bytes.extend(transport);
    bytes
}

/// Hands in a packet and gives the flows that ended with it.
fn play(tracker: &mut Tracker<'_>, time_us: u64, bytes: &[u8]) -> Vec<Flow> {
    let mut ended = Vec::new();
    let frame = Frame { link_type: LinkType::Raw, time_us, bytes, wire_bytes: bytes.len() as u32 };
    tracker.frame(&frame, &mut |flow| ended.push(*flow)).unwrap();
    ended
}

#[test]
fn quiet_flows_end_while_others_go_on() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, config());
    for port in 0..100 {
        play(&mut tracker, 0, &ip(1000 + port, None));
    }
    play(&mut tracker, 0, &ip(2000, Some(SYN)));
    // A slow link, with one packet a tenth of a second: the table is looked through within seconds all the same.
    let mut ended = Vec::new();
    for step in 1..=300 {
        let now = ended.len();
        ended.extend(play(&mut tracker, step * SECOND_US / 10, &ip(1, None)));
        assert!(ended.len() == now || step > 100, "nothing ends before its time");
    }
    assert_eq!(ended.len(), 100, "all quiet UDP flows, and neither the busy one nor TCP's");
    assert!(ended.iter().all(|flow| flow.last_us == 0 && flow.packets == [1, 0]));
    assert_eq!((tracker.statistics().timed_out, tracker.statistics().evicted), (100, 0));
}

#[test]
fn a_time_from_far_ahead_does_not_stop_the_clearing() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, config());
    play(&mut tracker, u64::MAX, &ip(1, None));
    for port in 0..100 {
        play(&mut tracker, SECOND_US, &ip(1000 + port, None));
    }
    let ended: usize =
        (1..=300).map(|step| play(&mut tracker, SECOND_US + step * SECOND_US / 10, &ip(2, None)).len()).sum();
    assert_eq!(ended, 101, "all of them, and the one whose time was none");
}

#[test]
fn time_that_goes_back_ends_the_same_flows_under_every_key() {
    // Two captures put together: packets of the first come late, when its flows are over by the other's time.
    let classifier = classifier();
    let ended = |hash_key: [u64; 2]| {
        let mut tracker = Tracker::new(&classifier, TrackerConfig { hash_key, ..config() });
        let mut ended = 0;
        for round in 0..50 {
            for port in 0..40 {
                ended += play(&mut tracker, SECOND_US, &ip(1000 + port, None)).len();
            }
            ended += play(&mut tracker, (100 + round) * SECOND_US, &ip(1, None)).len();
        }
        ended
    };
    let under_one = ended([0, 0]);
    assert!((1..32).all(|key| ended([key, !key]) == under_one));
}

#[test]
fn a_flow_that_comes_back_late_is_another() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, config());
    play(&mut tracker, SECOND_US, &ip(1, None));
    assert!(play(&mut tracker, 11 * SECOND_US, &ip(1, None)).is_empty());
    let ended = play(&mut tracker, 22 * SECOND_US, &ip(1, None));
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].first_us, ended[0].last_us, ended[0].packets), (SECOND_US, 11 * SECOND_US, [2, 0]));
    assert_eq!(tracker.statistics().flows, 2);
}

#[test]
fn a_syn_after_the_end_begins_another_connection() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, config());
    for flags in [SYN, ACK, SYN] {
        assert!(play(&mut tracker, 0, &ip(1, Some(flags))).is_empty(), "a SYN that is repeated is not new");
    }
    play(&mut tracker, 1, &ip(1, Some(RST)));
    assert!(play(&mut tracker, 2, &ip(1, Some(SYN))).is_empty(), "the same once more, however late");
    let mut other = ip(1, Some(SYN));
    other[24..28].copy_from_slice(&[9; 4]);
    assert_eq!(play(&mut tracker, 3, &other).len(), 1);
    let statistics = tracker.statistics();
    assert_eq!((statistics.flows, statistics.timed_out, statistics.evicted), (2, 0, 0));
    let mut left = 0;
    tracker.finish(&mut |_| left += 1);
    assert_eq!(left, 1);
}

#[test]
fn flows_that_are_left_end_in_the_order_of_their_numbers() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, TrackerConfig { capacity: 1024, ..config() });
    for port in 1..=200 {
        assert!(play(&mut tracker, SECOND_US, &ip(port, None)).is_empty());
    }
    let mut ended = Vec::new();
    tracker.finish_in_order(&mut |flow| ended.push((flow.number, flow.five_tuple.src_port)));
    assert_eq!(ended, (1..=200).map(|port| (port.into(), port)).collect::<Vec<(u64, u16)>>());
    assert_eq!(tracker.flows().count(), 0);
}

#[test]
fn the_flow_quiet_longest_makes_room_however_long_that_is() {
    let classifier = classifier();
    let config = TrackerConfig { capacity: 16, tcp_timeout_us: 36_000 * SECOND_US, ..config() };
    let mut tracker = Tracker::new(&classifier, config);
    let mut ended = Vec::new();
    // Fifteen flows that come ten minutes apart and are quiet from then on, beside one that never is.
    let quiet = |number: u64| ip(100 + number as u16, Some(ACK));
    for step in 0..450_u64 {
        let time_us = step * 20 * SECOND_US;
        ended.extend(play(&mut tracker, time_us, &ip(1, Some(ACK))));
        if step % 30 == 0 {
            ended.extend(play(&mut tracker, time_us, &quiet(step / 30)));
        }
    }
    assert_eq!((ended.len(), tracker.flows().count()), (0, 16));
    // The longest quiet for two and a half hours.
    for number in 0..15 {
        let ended = play(&mut tracker, (9000 + number) * SECOND_US, &quiet(50 + number));
        assert_eq!(
            ended.iter().map(|flow| flow.five_tuple.src_port).collect::<Vec<_>>(),
            [100 + number as u16]
        );
    }
    assert_eq!((tracker.statistics().timed_out, tracker.statistics().evicted), (0, 15));
}

#[test]
fn a_flow_keeps_its_place_to_itself() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, TrackerConfig { capacity: 16, ..config() });
    // What somebody keeps of each flow beside the table, while flows make room for one another.
    let mut beside = vec![None; tracker.places()];
    let mut ends = 0;
    for step in 0..2000_u16 {
        let bytes = ip(step * 7 % 40, None);
        let frame = Frame { link_type: LinkType::Raw, time_us: step.into(), bytes: &bytes, wire_bytes: 1 };
        let seen = tracker.frame(&frame, &mut |flow| {
            assert_eq!(beside[flow.place].take(), Some(flow.number));
            ends += 1;
        });
        let seen = seen.unwrap();
        assert_eq!(*beside[seen.place].get_or_insert(seen.flow_number), seen.flow_number);
    }
    assert!(ends > 100, "{ends} flows made room");
    let held = tracker.flows().inspect(|flow| assert_eq!(beside[flow.place], Some(flow.number))).count();
    assert_eq!(held, beside.iter().flatten().count());
}

#[test]
fn frames_that_are_no_packets_are_counted() {
    let classifier = classifier();
    let mut tracker = Tracker::new(&classifier, config());
    let frame = Frame { link_type: LinkType::Raw, time_us: 0, bytes: &[0x45, 0], wire_bytes: 2 };
    assert!(tracker.frame(&frame, &mut |_| {}).is_err());
    let statistics = tracker.statistics();
    assert_eq!((statistics.frames, statistics.packets, statistics.truncated), (1, 0, 1));
}

/// Whoever sent first opened the flow, also where that was a piece whose others never come, and whenever it is given up.
#[test]
fn who_sent_a_piece_first_opened_the_flow() {
    let classifier = classifier();
    for is_reversed in [false, true] {
        let turned = |mut packet: Vec<u8>| {
            packet[12..20].rotate_left(4);
            packet[20..24].rotate_left(2);
            packet
        };
        let mut tracker = Tracker::new(&classifier, config());
        let mut ended = Vec::new();
        for port in 0..400 {
            let answer = ip(10_000 + port, None);
            let mut piece = turned(answer.clone());
            // The packet's number, and more to come (RFC 791, 3.1).
            piece[4..6].copy_from_slice(&port.to_be_bytes());
            piece[6] = 0x20;
            let (piece, answer) = if is_reversed { (piece, answer) } else { (turned(piece), turned(answer)) };
            // Some flows are answered at once, some when the piece has made room for others.
            for bytes in [Some(piece), (port % 2 == 0).then_some(answer)].into_iter().flatten() {
                ended.extend(play(&mut tracker, u64::from(port) + 1, &bytes));
            }
        }
        for port in (1..400).step_by(2) {
            let answer = ip(10_000 + port, None);
            let answer = if is_reversed { answer } else { turned(answer) };
            ended.extend(play(&mut tracker, u64::from(port) + 400, &answer));
        }
        tracker.finish(&mut |flow| ended.push(*flow));
        assert_eq!(ended.len(), 400);
        for flow in ended {
            assert_eq!(flow.five_tuple.src_port == 8080, is_reversed, "{flow:?}");
            assert_eq!((flow.packets, flow.is_oriented), ([1, 1], false));
        }
    }
}

#[test]
fn frames_read_ahead_are_of_the_same_flows() {
    let classifier = classifier();
    let config = TrackerConfig { capacity: 16, ..config() };
    let frames: Vec<Vec<u8>> = (0..2000_u16)
        .map(|step| {
            let transport = if step % 3 == 0 { Some(SYN) } else { None };
            [&[2; 12], &[8, 0][..], &ip(step * 7 % 40, transport)].concat()
        })
        .collect();
    let frame = |number: usize| Frame {
        link_type: LinkType::Ethernet,
        time_us: number as u64,
        bytes: &frames[number],
        wire_bytes: 60,
    };
    let mut ended = Vec::new();
    let mut tracker = Tracker::new(&classifier, config);
    let told = |seen: &Seen| (seen.place, seen.flow_number, seen.packet_number, seen.direction);
    let seen: Vec<_> = (0..frames.len())
        .map(|number| told(&tracker.frame(&frame(number), &mut |flow| ended.push(flow.number)).unwrap()))
        .collect();
    assert!(ended.len() > 100, "{} flows made room", ended.len());
    // Where a flow lay when its frame was asked for, another may lie by now, or none.
    for ahead in [0, 1, 8, 100] {
        let mut ended_ahead = Vec::new();
        let mut tracker = Tracker::new(&classifier, config);
        let preparer = tracker.preparer();
        let mut prepared: Vec<Prepared> =
            frames.iter().map(|bytes| preparer.prepare(LinkType::Ethernet, bytes)).collect();
        for number in 0..frames.len() {
            if let Some(soon) = prepared.get_mut(number + ahead) {
                tracker.prefetch_buckets(soon);
                tracker.prefetch_flow(&frames[number + ahead], soon);
            }
            let mut end = |flow: &Flow| ended_ahead.push(flow.number);
            let one = tracker.prepared_frame(&frame(number), &prepared[number], &mut end, &mut ()).unwrap();
            assert_eq!(told(&one), seen[number], "frame {number}, {ahead} ahead");
        }
        assert_eq!(ended_ahead, ended, "{ahead} ahead");
    }
}
