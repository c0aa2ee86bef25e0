//! Generated calls that follow the sessions of "WhatsApp Exposed": the story is the generator's script.

mod following;

use std::net::SocketAddr;

use following::follow;
use wiremark_analysis::calls::{Record, record::StreamRecord, story};
use wiremark_tests::conversation::Tcp;
use wiremark_tests::protocol::whatsapp_call::{Call, Peer, both_ends};
use wiremark_tests::protocol::whatsapp_chat::Chat;
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::{START_US, Trace};

const ALL: [Dialect; 4] = [Dialect::Y2015, Dialect::Y2019, Dialect::Y2021, Dialect::Y2023];

/// A line of the generator's script: state, capture time, sender and receiver of the packet that shows it.
type Line = (&'static str, u64, SocketAddr, SocketAddr);

/// What the story of an answered or unanswered call must be, from the call's own numbers.
fn script(call: &Call) -> Vec<Line> {
    let (me, relay, peer) = (call.client, call.relays[0], call.peer_public);
    let start = call.start_us;
    let mut lines = vec![("allocating", start, me, relay)];
    if call.relays_answer {
        lines.push(("ringing", start + 60_000, relay, me));
    }
    let answer = start + call.ring_us;
    if !call.relays_answer || !call.answered {
        lines.push(("ending", answer + 2_000, me, relay));
        return lines;
    }
    let (mine, theirs) = if call.caller { (40_000, 0) } else { (0, 90_000) };
    lines.push(("handshake", answer + mine, me, relay));
    lines.push(("handshake", answer + theirs, relay, me));
    let media = call.media_us();
    lines.push(("relayed", media, me, relay));
    lines.push(("relayed", media + 7_000, relay, me));
    let switch = media + call.relay_us;
    let is_one_network = call.peer_host == peer;
    match call.peer {
        Peer::Untried => {}
        _ if is_one_network => lines.push(("checking", switch - 120_000, me, peer)),
        _ => lines.push(("checking", media + (call.relay_us / 2).min(1_000_000), me, call.peer_host)),
    }
    let mut end = switch;
    if call.peer == Peer::Reached {
        lines.push(("reached", switch - 20_000, peer, me));
        let resumed = call.pause.map_or(switch, |(_, until)| switch.max(media + until));
        lines.push(("direct", resumed, me, peer));
        lines.push(("direct", switch + 7_000, peer, me));
        end = switch + call.peer_us;
        if call.fallback_us > 0 {
            let back = end + 5_000_000;
            lines.push(("fallback", back, me, relay));
            lines.push(("fallback", back + 7_000, relay, me));
            lines.push(("checking", back + 20_000, me, peer));
            end = back + call.fallback_us;
        }
    }
    let other = if call.peer == Peer::Reached && call.fallback_us == 0 { peer } else { relay };
    lines.push(("ending", end, me, other));
    lines.sort_by_key(|line| line.1);
    lines
}

/// Number in the trace, and payload, of the packet at that time between those two.
fn packet_at(trace: &Trace, at_us: u64, src: SocketAddr, dst: SocketAddr) -> (u64, &[u8]) {
    let times = trace.frames().map(|(time_us, ..)| time_us);
    assert_eq!(trace.len(), trace.payloads().count(), "every packet has a payload");
    let mut packets = (1..).zip(times.zip(trace.payloads()));
    let found = packets.find(|(_, (time_us, packet))| (*time_us, packet.0, packet.1) == (at_us, src, dst));
    let (number, (_, (.., payload))) = found.unwrap_or_else(|| panic!("{at_us}: none from {src} to {dst}"));
    (number, payload)
}

/// Holds what is told of one party against its script: time, packet, other end, way, and source and number of the stream
/// where media moved; in the record and in the words. `peers` are the peers in the order in which the call met them.
fn assert_script(
    record: &Record,
    party: usize,
    trace: &Trace,
    lines: &[Line],
    relays: &[SocketAddr],
    peers: &[SocketAddr],
) {
    let told = story::tell(record, "");
    let of_party: Vec<_> = record.states.iter().filter(|state| state.party == party).collect();
    let names: Vec<_> = of_party.iter().map(|state| state.state).collect();
    assert_eq!(names, lines.iter().map(|line| line.0).collect::<Vec<_>>(), "{told}");
    let letter = |ends: &[SocketAddr], end: SocketAddr| {
        ends.iter().position(|known| *known == end).map(|n| char::from(b'A' + n as u8))
    };
    let me = lines[0].2;
    for (state, (name, at_us, src, dst)) in of_party.into_iter().zip(lines) {
        let (number, payload) = packet_at(trace, *at_us, *src, *dst);
        let (way, arrow, other) = if *src == me { ("up", "->", *dst) } else { ("down", "<-", *src) };
        let with = match letter(relays, other) {
            Some(letter) => format!("relay {letter}"),
            None => format!("peer {}", letter(peers, other).expect("a peer")),
        };
        assert_eq!((record.start_us + state.at_us, state.packet, state.way), (*at_us, number, way), "{told}");
        assert_eq!(state.with.as_deref(), Some(with.as_str()), "{told}");
        let who =
            if record.parties.len() > 1 { record.parties[party].name.clone() + " " } else { String::new() };
        let at_s = format!("{:.3}", state.at_us as f64 / 1e6);
        let line = format!("  {at_s:>9}  {number:>7}  {name:<10}  {who}{arrow} {with}: {}", state.evidence);
        assert!(told.contains(&line), "{line}\n{told}");
        if matches!(*name, "relayed" | "direct" | "fallback") {
            let word = |at: usize| {
                u32::from_be_bytes([payload[at], payload[at + 1], payload[at + 2], payload[at + 3]])
            };
            let source = format!("source 0x{:08x}", word(8));
            let sequence = word(0) & 0xffff;
            let numbers = [format!("sequence {sequence}"), format!("to {sequence}")];
            let is_told = numbers.iter().any(|number| {
                state.evidence.ends_with(number) || state.evidence.contains(&format!("{number};"))
            });
            assert!(state.evidence.contains(&source) && is_told, "{source} {sequence}: {}", state.evidence);
        }
    }
}

/// The script of a call alone in its capture.
fn assert_call(record: &Record, trace: &Trace, call: &Call) {
    assert_script(record, 0, trace, &script(call), &call.relays, &[call.peer_host, call.peer_public]);
    assert_relays(record, 0, call);
}

/// What is told of the relays of one party: all of them in order, with round-trip times and use.
fn assert_relays(record: &Record, party: usize, call: &Call) {
    let told: Vec<_> = record.relays.iter().filter(|relay| relay.party == party).collect();
    assert_eq!(told.len(), call.relays.len());
    let rounds = match (call.relays_answer, call.dialect) {
        (false, _) => 3,
        (true, Dialect::Y2023) if call.ring_us > 3_000_000 => 2,
        _ => 1,
    };
    let is_used = call.relays_answer && (call.answered || call.dialect != Dialect::Y2015);
    for (n, relay) in (0..).zip(told) {
        assert_eq!(*relay.name, format!("relay {}", char::from(b'A' + n as u8)));
        let answered = if call.relays_answer { relay.asked } else { 0 };
        assert_eq!(
            (relay.asked, relay.answered, relay.released),
            (2 * rounds, answered, 1),
            "{}",
            relay.name
        );
        let round_trip_us = 60_000 + if call.pace_us.is_none() { n * 15_000 } else { 0 };
        assert_eq!(relay.rtt_us, call.relays_answer.then_some(round_trip_us), "{}", relay.name);
        let by = if call.answered { "media" } else { "keep-alives" };
        assert_eq!(relay.chosen_by, (n == 0 && is_used).then_some(by), "{}", relay.name);
    }
}

/// The one call of a trace, told as scripted.
fn one(call: &Call) -> (Record, Trace) {
    let trace = call.trace();
    let told = follow(&trace);
    assert_eq!(told.records.len(), 1);
    let record = told.records.into_iter().next().expect("one");
    assert_call(&record, &trace, call);
    (record, trace)
}

/// The audio of one way.
fn audio<'r>(record: &'r Record, way: &str) -> &'r StreamRecord {
    let of_way =
        |stream: &&StreamRecord| stream.way == way && stream.media == Some("audio") && stream.party == 0;
    record.streams.iter().find(of_way).expect("audio")
}

/// Source, packets and doubled packets one way, counted from the bytes.
fn counted(trace: &Trace, is_mine: impl Fn(SocketAddr, SocketAddr) -> bool) -> (String, u64) {
    let media = trace.payloads().filter(|(src, dst, p)| is_mine(*src, *dst) && p[0] & 0xc0 == 0x80);
    let rtp: Vec<&[u8]> = media.map(|(.., p)| p).filter(|p| p[1] & 0x7f == 120).collect();
    let ssrc = u32::from_be_bytes([rtp[0][8], rtp[0][9], rtp[0][10], rtp[0][11]]);
    (format!("0x{ssrc:08x}"), rtp.len() as u64)
}

fn assert_streams(record: &Record, trace: &Trace, client: SocketAddr) {
    let (up, down) = (audio(record, "up"), audio(record, "down"));
    assert_eq!((up.ssrc.clone(), up.packets), counted(trace, |src, _| src == client));
    assert_eq!((down.ssrc.clone(), down.packets), counted(trace, |_, dst| dst == client));
    for stream in [up, down] {
        assert_eq!((stream.clock_hz, stream.lost), (Some(16_000), 0), "{}", stream.ssrc);
    }
}

#[test]
fn session_1_the_caller_finds_the_peer() {
    for dialect in ALL {
        let call = Call { relay_us: 3_000_000, peer_us: 9_000_000, ..Call::of(dialect) };
        let (record, trace) = one(&call);
        assert_eq!((record.outcome, record.app.as_deref()), ("answered", Some("whatsapp")));
        assert_eq!(record.dialect.as_deref(), Some(&format!("{dialect:?}")[1..]));
        assert_eq!(record.parties[0].side, Some("caller"));
        assert_streams(&record, &trace, call.client);
        let with: Vec<_> = audio(&record, "up").legs.iter().map(|leg| &*leg.with).collect();
        assert_eq!(with, ["relay A", "peer B"]);
        let party = &record.parties[0];
        assert_eq!((party.setup_us, party.ringing_us), (Some(60_000), Some(call.ring_us - 60_000)));
        assert_eq!(party.first_media_us, Some(100_000));
        let about = |told_us: u64, us: u64| told_us <= us && told_us + 320_000 >= us;
        assert!(about(party.relayed_us, 3_000_000) && about(party.direct_us, 9_000_000), "{party:?}");
        let [least, most] = record.relays[0].clock_ahead_us.expect("a clock");
        assert!((20_000..=30_000).contains(&least) && most <= 30_000, "{least} {most}");
        // One packet is 20, 160 or 60 ms of voice, by the year; large ones of 2015 are 160 ms.
        let usual = [(320, 20.0), (2560, 160.0), (960, 60.0), (960, 60.0)];
        let (units, ms) = usual[ALL.iter().position(|known| *known == dialect).expect("known")];
        for stream in [audio(&record, "up"), audio(&record, "down")] {
            assert_eq!((stream.steps[0].units, stream.steps[0].ms), (units, Some(ms)));
            assert_eq!(stream.series.values.iter().map(|bytes| u64::from(*bytes)).sum::<u64>(), stream.bytes);
            assert!(stream.legs.iter().all(|leg| leg.jitter_ms == Some(0.0)), "the generator is even");
        }
        let reports = |way: fn(SocketAddr, SocketAddr, SocketAddr) -> bool| {
            let rtcp = |p: &[u8]| p[0] & 0xc0 == 0x80 && (192..224).contains(&p[1]);
            trace.payloads().filter(|(src, dst, p)| way(call.client, *src, *dst) && rtcp(p)).count() as u64
        };
        let counted = [reports(|me, src, _| src == me), reports(|me, _, dst| dst == me)];
        assert_eq!((party.rtcp, party.srtcp), (counted, counted[0] + counted[1]));
        assert_eq!(
            party.compact_rtcp,
            if matches!(dialect, Dialect::Y2015 | Dialect::Y2019) { 2 } else { 0 }
        );
    }
}

#[test]
fn pictures_and_what_repairs_them_are_told_apart_from_voice() {
    for (dialect, wanted) in [
        (
            Dialect::Y2019,
            &[("audio", 120), ("audio", 120), ("repair", 103), ("video", 102), ("video", 102)][..],
        ),
        (Dialect::Y2023, &[("audio", 120), ("audio", 120), ("video", 97), ("video", 97)]),
    ] {
        let call = Call { video: true, relay_us: 3_000_000, ..Call::of(dialect) };
        let (record, _) = one(&call);
        let of = |stream: &StreamRecord| (stream.media.expect("known"), stream.payload_types[0]);
        let mut told: Vec<_> = record.streams.iter().map(of).collect();
        told.sort_unstable();
        assert_eq!(told, wanted);
        let clocks = record.streams.iter().map(|stream| (stream.media == Some("audio"), stream.clock_hz));
        assert!(clocks.into_iter().all(|told| told == (true, Some(16_000)) || told == (false, Some(90_000))));
        assert!(record.relays[0].probes > 0 && record.streams.iter().all(|stream| stream.lost == 0));
        let rated =
            record.streams.iter().map(|stream| (stream.media == Some("audio"), stream.quality.is_some()));
        assert!(rated.into_iter().all(|(is_audio, is_rated)| is_audio == is_rated));
    }
}

/// Where the client's audio paused without losing a number.
fn assert_pause(record: &Record, call: &Call, seconds: &str) {
    let up = audio(record, "up");
    let (from, until) = call.pause.expect("a pause");
    assert_eq!((up.gaps.len(), up.lost, audio(record, "down").gaps.len()), (1, 0, 0));
    let gap = &up.gaps[0];
    assert!(gap.at_us < from + call.media_us() - call.start_us && gap.length_us >= until - from);
    let resumed =
        record.states.iter().find(|state| state.state == "direct" && state.way == "up").expect("moved");
    assert_eq!(gap.to_packet, resumed.packet);
    let told = record.findings.join("\n");
    assert!(told.contains(&format!("(up) paused {seconds} s")) && told.contains("none missing"), "{told}");
}

#[test]
fn session_2_the_callee_reports_first() {
    for dialect in ALL {
        let call = Call { caller: false, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!((record.parties[0].side, record.outcome), (Some("callee"), "answered"));
    }
    // The callee's stream begins on the relay and goes on 2.7 s later, with the peer.
    let pause = Some((160_000, 2_860_000));
    let call =
        Call { caller: false, relay_us: 2_860_000, pause, peer_us: 6_000_000, ..Call::of(Dialect::Y2015) };
    let (record, trace) = one(&call);
    assert_streams(&record, &trace, call.client);
    assert_pause(&record, &call, "2.7");
}

#[test]
fn session_3_nobody_answers() {
    for dialect in ALL {
        let call = Call { answered: false, ring_us: 25_000_000, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!((record.outcome, record.streams.len()), ("unanswered", 0));
        assert!(record.legs.is_empty());
    }
}

#[test]
fn session_4_a_muted_phone_sends_on_and_large_packets_are_steps_of_160_ms() {
    let pause = Some((300_000, 2_720_000));
    let call = Call { relay_us: 800_000, pause, peer_us: 9_000_000, ..Call::of(Dialect::Y2015) };
    let (record, trace) = one(&call);
    assert_streams(&record, &trace, call.client);
    assert_pause(&record, &call, "2.4");
    let (up, down) = (audio(&record, "up"), audio(&record, "down"));
    for stream in [up, down] {
        let steps: Vec<_> = stream.steps.iter().map(|step| (step.units, step.ms)).collect();
        assert_eq!(steps, [(320, Some(20.0)), (2560, Some(160.0))]);
        assert_eq!((stream.suppressed_us, stream.silent, stream.duplicates), (0, 0, 0));
        assert!(stream.markers > 5, "large packets carry the marker");
    }
    // Every second of the last three has its bytes: a muted phone cannot be told by its bit rate.
    let late = |stream: &StreamRecord| {
        stream.series.values.iter().rev().skip(1).take(3).copied().collect::<Vec<_>>()
    };
    assert!(late(up).iter().all(|bytes| (4_500..6_000).contains(bytes)), "{:?}", late(up));
}

#[test]
fn session_5_a_blocked_peer_leaves_the_call_on_the_relay() {
    for dialect in ALL {
        let doubled_from_us = Some(4_000_000);
        let call = Call { peer: Peer::Blocked, relay_us: 8_000_000, doubled_from_us, ..Call::of(dialect) };
        let (record, trace) = one(&call);
        assert_eq!(record.parties[0].direct_us, 0);
        let checks = |to: SocketAddr| trace.payloads().filter(|(_, dst, _)| *dst == to).count() as u64;
        let checked: Vec<_> = record.legs.iter().filter(|leg| leg.checks[0] > 0).collect();
        let checked: Vec<_> = checked.iter().map(|leg| (leg.kind, leg.checks, leg.checked)).collect();
        let wanted = [("peer host", call.peer_host), ("peer", call.peer_public)];
        assert_eq!(checked, wanted.map(|(kind, to)| (kind, [checks(to), 0], [0, 0])));
        let told = record.findings.join("\n");
        assert!(told.contains("stayed on the relay; checks of the peer led nowhere"), "{told}");
        // The client doubles its packets, the other side does not.
        let (up, down) = (audio(&record, "up"), audio(&record, "down"));
        assert!(up.duplicates > 20 && up.packets == up.expected + up.duplicates && up.lost == 0);
        assert_eq!((down.duplicates, down.lost), (0, 0));
        assert!(told.contains(&format!("{} packets came twice with relay A", up.duplicates)), "{told}");
    }
}

#[test]
fn session_6_the_way_back_to_the_relay() {
    for dialect in ALL {
        let call = Call { peer_us: 6_000_000, fallback_us: 4_000_000, ..Call::of(dialect) };
        let (record, trace) = one(&call);
        let (up, down) = (audio(&record, "up"), audio(&record, "down"));
        // The five seconds in which nothing of the peer came, and what was lost in them.
        let gap = &down.gaps[0];
        assert!((4_900_000..=5_200_000).contains(&gap.length_us), "{}", gap.length_us);
        assert_eq!((down.gaps.len(), up.gaps.len()), (1, 0));
        let back = record.states.iter().filter(|state| state.state == "fallback").nth(1).expect("down");
        assert_eq!(gap.to_packet, back.packet);
        assert!(gap.lost > 25 && gap.lost == down.lost, "{} {}", gap.lost, down.lost);
        // Doubled packets: as many as the relay was sent after the way back, half of them.
        let relay = record.states.iter().find(|state| state.state == "fallback").expect("up");
        let after = trace.payloads().skip(relay.packet as usize - 1);
        let doubled = after.filter(|(src, dst, p)| {
            (*src, *dst) == (call.client, call.relays[0]) && p[0] & 0xc0 == 0x80 && p[1] & 0x7f == 120
        });
        assert_eq!(up.duplicates * 2, doubled.count() as u64);
        assert_eq!((up.lost, down.duplicates), (0, 0));
        let silent =
            ["5.0 s", "5.1 s", "5.2 s"].map(|silent| format!("{silent} after the peer's last packet"));
        assert!(silent.iter().any(|silent| relay.evidence.contains(silent)), "{}", relay.evidence);
        // All of it is in the words that a person reads.
        let told = story::tell(&record, "");
        let paused = format!(
            "paused {:.1} s (#{} to #{})",
            gap.length_us as f64 / 1e6,
            gap.from_packet,
            gap.to_packet
        );
        assert!(told.contains(&format!("{} packets came twice with relay A", up.duplicates)), "{told}");
        assert!(told.contains(&paused) && told.contains(&format!("{} packets missing", gap.lost)), "{told}");
        assert!(
            told.contains(&format!("back to the relay at #{} without signalling", relay.packet)),
            "{told}"
        );
        let party = &record.parties[0];
        assert!(
            (5_100_000..=5_600_000).contains(&party.relayed_us),
            "before and after: {}",
            party.relayed_us
        );
    }
}

#[test]
fn session_7_a_blocked_port() {
    for dialect in ALL {
        let call = Call { relays_answer: false, ring_us: 9_000_000, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!(record.outcome, "blocked");
        assert!(record.relays.iter().all(|relay| relay.asked == 6 && relay.answered == 0));
        assert!(record.findings[0].contains("their port seems blocked"), "{:?}", record.findings);
    }
}

/// The call as its capture shows it when the callee is in the same network: checks go to the callee's only address.
fn in_one_network(call: &Call, callee: SocketAddr) -> Call {
    Call { peer_host: callee, peer_public: callee, ..call.clone() }
}

/// The callee's script, `later_us` after the caller's; the relay passes each packet on within 60 ms.
fn callees_script(call: &Call, callee: SocketAddr, later_us: u64) -> Vec<Line> {
    let (relay, caller) = (call.relays[0], call.client);
    let (answer, media) = (call.start_us + call.ring_us, call.media_us());
    let switch = media + call.relay_us;
    vec![
        ("allocating", call.start_us + later_us, callee, relay),
        ("ringing", call.start_us + later_us + 60_000, relay, callee),
        ("handshake", answer - 60_000, callee, relay),
        ("relayed", media + 7_000 - 60_000, callee, relay),
        ("handshake", answer + 100_000, relay, callee),
        ("relayed", media + 60_000, relay, callee),
        ("checking", switch - 120_000, caller, callee),
        ("reached", switch - 20_000, callee, caller),
        ("direct", switch, caller, callee),
        ("direct", switch + 7_000, callee, caller),
        ("ending", switch + call.peer_us, caller, callee),
    ]
}

#[test]
fn session_8_both_clients_are_one_call() {
    for dialect in ALL {
        let callee: SocketAddr = "10.0.0.2:35574".parse().unwrap();
        let call = in_one_network(&Call::of(dialect), callee);
        let trace = both_ends(&call, callee, 1_000_000);
        let told = follow(&trace);
        assert_eq!(told.records.len(), 1);
        let record = &told.records[0];
        let peers = [callee, call.client];
        assert_script(record, 0, &trace, &script(&call), &call.relays, &peers);
        assert_script(record, 1, &trace, &callees_script(&call, callee, 1_000_000), &call.relays, &peers);
        let sides: Vec<_> = record.parties.iter().map(|party| party.side).collect();
        assert_eq!(sides, [Some("caller"), Some("callee")]);
        assert_relays(record, 0, &call);
        assert_relays(record, 1, &Call { ring_us: call.ring_us - 1_000_000, ..call.clone() });
        let both = |way: &str, party: usize| {
            let stream = |stream: &&StreamRecord| stream.way == way && stream.party == party;
            record
                .streams
                .iter()
                .find(stream)
                .map(|stream| (stream.ssrc.clone(), stream.packets, stream.lost))
        };
        assert_eq!(both("up", 0), both("down", 1));
        assert_eq!(both("down", 0), both("up", 1));
        assert_streams(record, &trace, call.client);
    }
}

#[test]
fn session_9_both_clients_and_no_answer() {
    let callee: SocketAddr = "10.0.0.2:35574".parse().unwrap();
    let call = Call { answered: false, ring_us: 12_000_000, ..Call::of(Dialect::Y2015) };
    let call = in_one_network(&call, callee);
    let trace = both_ends(&call, callee, 1_500_000);
    let told = follow(&trace);
    assert_eq!(
        told.records.len(),
        1,
        "marks of caller and callee, the same relay and the same end join them"
    );
    let record = &told.records[0];
    assert_eq!((record.outcome, record.parties.len()), ("unanswered", 2));
    let late = Call { client: callee, start_us: START_US + 1_500_000, ring_us: 10_500_000, ..call.clone() };
    for (party, call) in [(0, &call), (1, &late)] {
        assert_script(record, party, &trace, &script(call), &call.relays, &[]);
        assert_relays(record, party, call);
    }
    assert_eq!(told.names.census.calls(), 1, "the relays of one call count once");
}

#[test]
fn paced_relays_keep_their_round_trips() {
    let call =
        Call { pace_us: Some(500_000), answered: false, ring_us: 30_000_000, ..Call::of(Dialect::Y2015) };
    let (record, _) = one(&call);
    assert!(record.relays.iter().all(|relay| relay.rtt_us == Some(60_000) && relay.released == 1));
    assert_eq!(record.relays[7].at_us, 7 * 500_000);
}

#[test]
fn a_second_call_on_the_same_port_and_others_at_the_same_time() {
    let first = Call::of(Dialect::Y2019);
    let second = Call { start_us: START_US + 20_000_000, caller: false, seed: 2, ..first.clone() };
    let others = (0..5).map(|n| Call {
        client: SocketAddr::from(([10, 0, 1, n], 40_000 + u16::from(n))),
        peer_public: SocketAddr::from(([203, 0, 113, 100 + n], 5000)),
        start_us: START_US + 1_000_000 * u64::from(n),
        seed: 10 + u64::from(n),
        ..Call::of(ALL[usize::from(n) % 3])
    });
    let calls: Vec<Call> = [first, second].into_iter().chain(others).collect();
    let trace = Trace::mixed(calls.iter().map(Call::trace));
    let told = follow(&trace);
    assert_eq!(told.records.len(), calls.len());
    for call in &calls {
        let begins = |record: &&Record| record.start_us == call.start_us;
        let with = |record: &&Record| {
            let (ssrc, packets) = counted(&call.trace(), |src, _| src == call.client);
            record.streams.iter().any(|stream| stream.ssrc == ssrc && stream.packets == packets)
        };
        let record = told.records.iter().find(|record| begins(record) && with(record)).expect("told");
        // Both of one client's calls and all others use relays of one list.
        let peers = [call.peer_host, call.peer_public];
        assert_script(record, 0, &trace, &script(call), &call.relays, &peers);
    }
}

/// A trace without some of its packets, and how many those are.
fn without(trace: &Trace, is_missing: impl Fn(u64, SocketAddr, &[u8]) -> bool) -> (Trace, usize) {
    let mut kept = Trace::new();
    for ((time_us, ..), (src, dst, payload)) in trace.frames().zip(trace.payloads()) {
        if !is_missing(time_us, dst, payload) {
            kept.push_udp(time_us, src, dst, payload);
        }
    }
    let missing = trace.len() - kept.len();
    (kept, missing)
}

#[test]
fn silence_up_to_the_end_is_told_one_way() {
    let call = Call { peer_us: 9_000_000, ..Call::of(Dialect::Y2015) };
    let whole = follow(&call.trace()).records.remove(0);
    assert!(!whole.findings.join("\n").contains("no media"), "{:?}", whole.findings);
    let since_us = call.media_us() + 5_000_000;
    let is_voice = |p: &[u8]| p[0] == 0x80 && p[1] & 0x7f == 120;
    let (trace, missing) =
        without(&call.trace(), |at, dst, p| at > since_us && dst == call.client && is_voice(p));
    assert!(missing > 100);
    let told = follow(&trace).records.remove(0).findings.join("\n");
    assert!(told.contains("no media down in the last 5.5 s of the call"), "{told}");
    assert!(!told.contains("no media up"), "{told}");
}

#[test]
fn a_second_call_is_told_though_nothing_ended_the_first() {
    for dialect in [Dialect::Y2015, Dialect::Y2023] {
        let first = Call::of(dialect);
        let second = Call { start_us: START_US + 20_000_000, seed: 2, ..first.clone() };
        // The capture missed every release.
        let missed = |call: &Call| {
            let (kept, missed) = without(&call.trace(), |_, _, p| p.starts_with(&[8, 0]));
            assert_eq!(missed, call.relays.len());
            kept
        };
        let told = follow(&Trace::mixed([missed(&first), missed(&second)]));
        let starts: Vec<_> = told.records.iter().map(|record| record.start_us).collect();
        assert_eq!(starts, [first.start_us, second.start_us]);
        for record in &told.records {
            let end = record.states.last().expect("states");
            assert_eq!((end.state, end.with.as_deref()), ("ending", Some("peer B")));
            assert!(end.evidence.contains("no release seen"), "{}", end.evidence);
        }
    }
}

#[test]
fn rejected_calls_are_told_by_the_signalling_before_the_release() {
    let call = Call { answered: false, ring_us: 8_000_000, ..Call::of(Dialect::Y2015) };
    let server = "198.51.100.60:5222".parse().unwrap();
    let chat_port = SocketAddr::new(call.client.ip(), 40_001);
    let opening = Chat::of((6, 3)).opening(&mut wiremark_tests::random::Random::new(3));
    let chat = |told_at: Option<u64>| {
        let chat =
            Tcp::new(chat_port, server, 3).client(&opening).at(call.start_us + 100_000).client([9; 300]);
        match told_at {
            Some(at) => chat.at(at).server([9; 120]),
            None => chat,
        }
    };
    let outcome = |call: &Call, told_at: Option<u64>| {
        let trace = Trace::mixed([chat(told_at).trace(), call.trace()]);
        let record = follow(&trace).records.remove(0);
        assert!(record.parties[0].signalling[0] > 0, "the chat connection is the call's signalling");
        record.outcome
    };
    let [shortly, long] = [7_800_000, 3_000_000].map(|before_end| Some(call.start_us + before_end));
    assert_eq!(outcome(&call, shortly), "rejected");
    assert_eq!(outcome(&call, long), "unanswered");
    assert_eq!(outcome(&call, None), "unanswered");
    // A callee who is told that the caller gave up did not reject; one who releases unasked did.
    let called = Call { caller: false, ..call.clone() };
    assert_eq!(outcome(&called, shortly), "unanswered");
    assert_eq!(outcome(&called, None), "rejected");
}

#[test]
fn a_capture_that_begins_within_a_call_says_so() {
    for dialect in ALL {
        let call = Call { peer_us: 8_000_000, ..Call::of(dialect) };
        let trace = call.trace();
        let is_media = |(time_us, ..): (u64, u16, &[u8])| time_us > call.media_us() + 400_000;
        let media = trace.frames().position(is_media);
        let told = follow(&trace.skip(media.expect("media")));
        let record = &told.records[0];
        assert_eq!((told.records.len(), record.outcome), (1, "partial"), "{dialect:?}");
        assert_eq!(audio(record, "down").lost, 0);
        assert_eq!(record.parties[0].side, None, "who reported first was not seen");
    }
}

#[test]
fn a_wrong_capture_clock_shows_against_the_relays() {
    let call = Call::of(Dialect::Y2019);
    let record = follow(&call.trace().shift(-3_600_000_000)).records.remove(0);
    let told = record.findings.join("\n");
    assert!(
        told.contains("relay clocks are 3600.0 to 3600.1 s ahead: the capture's clock is wrong"),
        "{told}"
    );
}

#[test]
fn losses_on_the_way_are_counted_and_never_negative() {
    let call = Call { peer_us: 20_000_000, ..Call::of(Dialect::Y2015) };
    let trace = call.trace();
    let whole = follow(&trace).records.remove(0);
    let broken = trace.lose(7, 5).duplicate(8, 3).swap(9, 4);
    let record = follow(&broken).records.remove(0);
    for way in ["up", "down"] {
        let (all, some) = (audio(&whole, way), audio(&record, way));
        let lost = all.packets - (some.packets - some.duplicates);
        assert!(some.lost <= lost && some.lost + 5 > lost, "{way}: {} of {lost}", some.lost);
        let broken = [some.lost, some.duplicates, some.reordered];
        // Packets of one way that follow each other directly were swapped: there are none on the way down.
        let wanted = if way == "up" { 3 } else { 2 };
        assert!(broken.iter().take(wanted).all(|count| *count > 0), "{way}: {broken:?}");
        let mos = |stream: &StreamRecord| stream.quality.expect("rated").mos;
        assert!(mos(some) < mos(all) - 0.3, "{} {}", mos(some), mos(all));
    }
}

#[test]
fn memory_grows_with_calls_at_the_same_time_only() {
    let calls = (0..200u64).map(|n| {
        let call = Call {
            client: SocketAddr::from(([10, 0, 2, (n % 200) as u8], 45_000)),
            start_us: START_US + n * 2_000_000,
            relay_us: 400_000,
            peer_us: 600_000,
            ring_us: 1_000_000,
            seed: n,
            ..Call::of(ALL[n as usize % 3])
        };
        call.trace()
    });
    let told = follow(&Trace::mixed(calls));
    assert_eq!(told.records.len(), 200);
    assert!(told.most_open <= 6, "{}", told.most_open);
    let (marked, captured, recaptured) = told.names.census.halves();
    assert_eq!((marked, captured, recaptured), (8, 8, 8));
}

/// The numbers of "WhatsApp Exposed": sixteen relays, then fourteen, nine of them known.
#[test]
fn relays_met_again_tell_how_many_there_are() {
    let relay = |n: u8| SocketAddr::from(([198, 51, 100, n], 3478));
    let asking = |relays: std::ops::Range<u8>, start_us: u64| Call {
        relays: relays.map(relay).collect(),
        start_us,
        answered: false,
        ..Call::of(Dialect::Y2015)
    };
    let calls = [asking(0..16, START_US), asking(7..21, START_US + 60_000_000)];
    let told = follow(&Trace::mixed(calls.iter().map(Call::trace)));
    assert_eq!(told.names.census.halves(), (16, 14, 9));
    // 27.86 +- 5.64; the paper prints the whole parts, 27 +- 5.
    let close = story::close(&told.names, 2);
    assert!(close.contains("27.9 +- 5.6 (two visits: odd and even calls, K=16 n=14 k=9)"), "{close}");
    assert!(close.contains("21 different relays asked in 2 of them"), "{close}");
    assert!(
        close.contains("27.9 +- 5.6 (every call a visit)") || close.contains("27.8 +- 5.6 (every"),
        "{close}"
    );
}

#[test]
fn no_address_is_told_unless_asked_for() {
    let call = Call::of(Dialect::Y2015);
    let record = follow(&call.trace()).records.remove(0);
    let told = story::tell(&record, "") + &format!("{record:?}");
    let addresses = call.relays.iter().chain([&call.client, &call.peer_host, &call.peer_public]);
    for address in addresses {
        assert!(!told.contains(&address.ip().to_string()), "{address}");
    }
}
