//! Generated calls against the generator's script.

use std::net::SocketAddr;
use wiremark_calls::{Record, record::StreamRecord, story};
use wiremark_tests::protocol::whatsapp_call::{Call, Peer};
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::Trace;

use crate::following::follow;

pub(crate) const ALL: [Dialect; 4] = [Dialect::Y2015, Dialect::Y2019, Dialect::Y2021, Dialect::Y2023];

/// A line of the generator's script: state, capture time, sender and receiver of the packet that shows it.
pub(crate) type Line = (&'static str, u64, SocketAddr, SocketAddr);

/// What the story of an answered or unanswered call must be, from the call's own numbers.
pub(crate) fn script(call: &Call) -> Vec<Line> {
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
pub(crate) fn packet_at(trace: &Trace, at_us: u64, src: SocketAddr, dst: SocketAddr) -> (u64, &[u8]) {
    let times = trace.frames().map(|(time_us, ..)| time_us);
    assert_eq!(trace.len(), trace.payloads().count(), "every packet has a payload");
    let mut packets = (1..).zip(times.zip(trace.payloads()));
    let found = packets.find(|(_, (time_us, packet))| (*time_us, packet.0, packet.1) == (at_us, src, dst));
    let (number, (_, (.., payload))) = found.unwrap_or_else(|| panic!("{at_us}: none from {src} to {dst}"));
    (number, payload)
}

/// Holds what is told of one party against its script: time, packet, other end, way, and source and number of the stream
/// where media moved; in the record and in the words. `peers` are the peers in the order in which the call met them.
pub(crate) fn assert_script(
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
pub(crate) fn assert_call(record: &Record, trace: &Trace, call: &Call) {
    assert_script(record, 0, trace, &script(call), &call.relays, &[call.peer_host, call.peer_public]);
    assert_relays(record, 0, call);
}

/// What is told of the relays of one party: all of them in order, with round-trip times and use.
pub(crate) fn assert_relays(record: &Record, party: usize, call: &Call) {
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
        let answered = if call.relays_answer { relay.asked } else { Some(0) };
        assert_eq!(
            (relay.asked, relay.answered, relay.released),
            (Some(2 * rounds), answered, Some(1)),
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
pub(crate) fn one(call: &Call) -> (Record, Trace) {
    let trace = call.trace();
    let told = follow(&trace);
    assert_eq!(told.records.len(), 1);
    let record = told.records.into_iter().next().expect("one");
    assert_call(&record, &trace, call);
    (record, trace)
}

/// The audio of one way.
pub(crate) fn audio<'r>(record: &'r Record, way: &str) -> &'r StreamRecord {
    let of_way =
        |stream: &&StreamRecord| stream.way == way && stream.media == Some("audio") && stream.party == 0;
    record.streams.iter().find(of_way).expect("audio")
}

/// Source, packets and doubled packets one way, counted from the bytes.
pub(crate) fn counted(trace: &Trace, is_mine: impl Fn(SocketAddr, SocketAddr) -> bool) -> (String, u64) {
    let media = trace.payloads().filter(|(src, dst, p)| is_mine(*src, *dst) && p[0] & 0xc0 == 0x80);
    let rtp: Vec<&[u8]> = media.map(|(.., p)| p).filter(|p| p[1] & 0x7f == 120).collect();
    let ssrc = u32::from_be_bytes([rtp[0][8], rtp[0][9], rtp[0][10], rtp[0][11]]);
    (format!("0x{ssrc:08x}"), rtp.len() as u64)
}

pub(crate) fn assert_streams(record: &Record, trace: &Trace, client: SocketAddr) {
    let (up, down) = (audio(record, "up"), audio(record, "down"));
    assert_eq!((up.ssrc.clone(), up.packets), counted(trace, |src, _| src == client));
    assert_eq!((down.ssrc.clone(), down.packets), counted(trace, |_, dst| dst == client));
    for stream in [up, down] {
        assert_eq!((stream.clock_hz, stream.lost), (Some(16_000), 0), "{}", stream.ssrc);
    }
}
