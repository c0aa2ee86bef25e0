//! Calls in real captures: numbers as Wireshark has them, frames as facts/whatsapp.md cites them.
//!
//! Packets and losses by `tshark -q -z rtp,streams -o rtp.heuristic_rtp:TRUE -r FILE`, which knows no clock; jitter by a
//! program of its own, from RFC 3550's formula.

use std::fs::File;

use crate::following::{Followed, follow, traces};
use wiremark_calls::{CallKind, EndPoint, Party, Record, State, story};
use wiremark_tests::packet::{UDP, locate};
use wiremark_tests::trace::Trace;

/// The calls of a capture, held against its bytes; none, and a word about it, where the capture is missing.
fn told(name: &str) -> Option<Followed> {
    let path = traces().join("messenger").join(name);
    match File::open(&path) {
        Ok(file) => {
            let trace = Trace::read(file).expect("a capture");
            let told = follow(&trace);
            told.calls.iter().for_each(|call| {
                let CallKind::Relayed(parties) = &call.kind else { panic!("calls over relays") };
                assert_eq!(parties.len(), 1);
                assert_counted(&trace, &parties[0]);
                assert_evidence(&trace, &parties[0]);
            });
            Some(told)
        }
        Err(error) => {
            println!("SKIPPED: {}: {error}; this test needs the real captures", path.display());
            None
        }
    }
}

/// A datagram of a party: its frame's number, who sent it (0 for the party), and its payload.
type Datagram<'t> = (u64, usize, &'t [u8]);

/// What a party exchanged with one remote, or with all where none is given, from its first packet to its last.
fn datagrams<'t>(trace: &'t Trace, party: &Party, remote: Option<EndPoint>) -> Vec<Datagram<'t>> {
    let end = |at: std::net::SocketAddr| EndPoint { address: at.ip().into(), port: at.port() };
    let mut datagrams = Vec::new();
    for (number, (_, link, bytes)) in (1..).zip(trace.frames()) {
        let Some(at) = locate(link, bytes).filter(|at| at.protocol == UDP) else { continue };
        let way = match (end(at.src) == party.local, end(at.dst) == party.local) {
            (true, _) => 0,
            (_, true) => 1,
            _ => continue,
        };
        let other = end(if way == 0 { at.dst } else { at.src });
        let is_within = (party.first.number..=party.last.number).contains(&number);
        if is_within && remote.is_none_or(|remote| remote == other) {
            datagrams.push((number, way, &bytes[at.payload..at.end]));
        }
    }
    datagrams
}

fn is_stun(payload: &[u8], kind: [u8; 2]) -> bool {
    payload.starts_with(&kind) && payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42])
}

/// RTP and RTCP (RFC 7983, RFC 5761), but not the probes of 2019 that have an RTCP type.
fn is_rtp(payload: &[u8]) -> bool {
    payload[0] >> 6 == 2 && !(192..224).contains(&payload[1])
}

fn is_rtcp(payload: &[u8]) -> bool {
    payload[0] >> 6 == 2 && (200..224).contains(&payload[1])
}

/// Every count of every remote is that of the bytes.
fn assert_counted(trace: &Trace, party: &Party) {
    for remote in &party.remotes {
        let all = datagrams(trace, party, Some(remote.end_point));
        let count = |wanted: usize, is_it: &dyn Fn(&[u8]) -> bool| {
            all.iter().filter(|(_, way, payload)| *way == wanted && is_it(payload)).count() as u64
        };
        let stun = |way, kind| count(way, &|payload| is_stun(payload, kind));
        let both = |is_it: &dyn Fn(&[u8]) -> bool| [count(0, is_it), count(1, is_it)];
        assert_eq!(remote.packets, both(&|_| true));
        assert_eq!((remote.asked, remote.answered), (stun(0, [0, 3]), stun(1, [1, 3])));
        assert_eq!(remote.released.map_or(0, |(count, _)| count), stun(0, [8, 0]));
        assert_eq!(remote.checks, [stun(0, [0, 1]), stun(1, [0, 1])]);
        assert_eq!(remote.checked, [stun(0, [1, 1]), stun(1, [1, 1])]);
        let is_ping =
            |payload: &[u8]| payload == b"health" || is_stun(payload, [8, 1]) && payload.len() == 20;
        let is_pong = |payload: &[u8]| payload == b"OK" || is_stun(payload, [8, 2]) && payload.len() == 20;
        assert_eq!((remote.pings, remote.pongs), (count(0, &is_ping), count(1, &is_pong)));
        assert_eq!(remote.media, both(&is_rtp));
        assert_eq!(remote.reports, both(&is_rtcp));
    }
    let all = datagrams(trace, party, None);
    let told: u64 = party.remotes.iter().map(|remote| remote.packets[0] + remote.packets[1]).sum();
    assert_eq!(told, all.len() as u64, "no datagram of the port is left out");
    // SRTCP (RFC 3711, 3.4) ends in an index that counts up, and a tag of ten bytes.
    let encrypted = all.iter().filter(|(.., p)| is_rtcp(p) && p[p.len() - 14..][..2] == [0x80, 0]);
    assert_eq!(party.reports.encrypted, encrypted.count() as u64);
}

/// The packet that each state cites is what it is cited for.
fn assert_evidence(trace: &Trace, party: &Party) {
    let all = datagrams(trace, party, None);
    for step in &party.steps {
        let cited = all.iter().find(|(number, ..)| *number == step.at.number).expect("a packet of the call");
        let (_, way, payload) = *cited;
        assert_eq!(way == 0, step.way.name() == "up", "{step:?}");
        let fits = match step.state {
            State::Allocating => is_stun(payload, [0, 3]),
            State::Ringing => is_stun(payload, [1, 3]),
            State::Handshake => is_rtcp(payload),
            State::Checking => is_stun(payload, [0, 1]) && payload.len() == 44,
            State::Reached => is_stun(payload, [1, 1]) && payload.len() == 44,
            State::Relayed | State::Direct | State::Fallback => {
                let source: String = payload[8..12].iter().map(|byte| format!("{byte:02x}")).collect();
                is_rtp(payload) && step.evidence.contains(&format!("source 0x{source}"))
            }
            State::Ending => is_stun(payload, [8, 0]) || is_rtcp(payload),
            State::Inviting | State::Answered | State::Heartbeat => false,
        };
        assert!(fits, "{step:?}");
    }
    // The relay called chosen is the one that carried most media.
    let relays = || party.remotes.iter().filter(|remote| remote.asked > 0);
    let most =
        relays().max_by_key(|relay| relay.media[0] + relay.media[1]).filter(|relay| relay.media != [0; 2]);
    if let (Some(most), Some((chosen, by))) = (most, party.chosen_relay()) {
        assert_eq!((party.remotes[chosen].end_point, by), (most.end_point, "media"));
    }
}

fn states(record: &Record) -> Vec<(&'static str, u64, &'static str)> {
    record.states.iter().map(|state| (state.state, state.packet, state.way)).collect()
}

/// Way, packets, losses and clock of a source, and of each leg packets and mean jitter in tenths of a millisecond.
type Row = (&'static str, u64, u64, Option<u32>, Vec<(u64, Option<u64>)>);

fn stream(record: &Record, ssrc: &str) -> Row {
    let streams: Vec<_> = record.streams.iter().filter(|stream| stream.ssrc == ssrc).collect();
    assert_eq!(streams.len(), 1, "one stream a source");
    let stream = streams[0];
    let legs = stream.legs.iter();
    let legs = legs.map(|leg| (leg.packets, leg.jitter_ms.map(|ms| (ms * 10.0).round() as u64)));
    (stream.way, stream.packets, stream.lost, stream.clock_hz, legs.collect())
}

#[test]
fn wa_voice_is_told() {
    let Some(told) = told("wa_voice.pcap") else { return };
    assert_eq!(told.records.len(), 1);
    let record = &told.records[0];
    assert_eq!((record.outcome, record.dialect.as_deref()), ("answered", Some("2019")));
    assert_eq!(record.parties[0].side, Some("caller"), "the other side reported first, frame 464");
    assert_eq!(
        states(record),
        [
            ("allocating", 215, "up"),
            ("ringing", 225, "down"),
            ("handshake", 464, "down"),
            ("checking", 465, "down"),
            ("relayed", 467, "down"),
            ("handshake", 489, "up"),
            ("reached", 504, "up"),
            ("relayed", 506, "up"),
            ("direct", 511, "down"),
            ("direct", 512, "up"),
            ("ending", 705, "up"),
        ]
    );
    assert_eq!(record.relays.len(), 5);
    let used: Vec<_> = record.relays.iter().map(|relay| (relay.chosen_by, relay.keepalives)).collect();
    assert_eq!(used, [(Some("media"), 9), (None, 0), (None, 0), (None, 0), (None, 0)]);
    assert_eq!(
        stream(record, "0x87fab2d7"),
        ("down", 70, 0, Some(16_000), vec![(8, Some(59)), (62, Some(105))])
    );
    assert_eq!(stream(record, "0xf50386f4"), ("up", 61, 0, Some(16_000), vec![(1, None), (60, Some(149))]));
    assert!(record.findings.iter().any(|finding| finding.contains("16 checks")), "{:?}", record.findings);
    // Asked at once, again during the ringing, the chosen one twice more when media begins.
    let asked: Vec<_> =
        record.relays.iter().map(|relay| (relay.asked.unwrap(), relay.released.unwrap())).collect();
    assert_eq!(asked, [(8, 1), (4, 1), (4, 1), (4, 1), (4, 1)]);
    // It rang for 23.6 s; the last words, frames 705 to 707, went to the peer.
    assert_eq!(record.parties[0].ringing_us.expect("rang") / 100_000, 235);
    let end = record.states.last().expect("states");
    assert_eq!(end.with.as_deref(), Some("peer A"));
    assert!(end.evidence.starts_with("last report (3 packets), then release"), "{}", end.evidence);
    // Frame 725, the peer's last one, came a second after the release.
    assert_eq!((record.duration_us - end.at_us) / 10_000, 99);
    let audio =
        record.streams.iter().map(|stream| (stream.first_sequence, stream.markers, stream.steps[0].units));
    assert_eq!(audio.collect::<Vec<_>>(), [(1, 0, 2560), (1, 0, 2560)]);
    let party = &record.parties[0];
    assert_eq!(
        (party.rtcp, party.srtcp, party.compact_rtcp, party.behind_nat),
        ([17, 24], 41, 12, Some(true))
    );
    // Relay clocks agree with the capture's.
    let ahead = record.relays.iter().filter_map(|relay| relay.clock_ahead_us);
    assert!(ahead.clone().count() == 5 && ahead.flatten().all(|us| us.abs() < 30_000));
}

#[test]
fn stun_wa_call_is_two_calls() {
    let Some(told) = told("stun_wa_call.pcapng") else { return };
    assert_eq!(told.records.len(), 2);
    let (relayed, video) = (&told.records[0], &told.records[1]);
    assert_eq!((relayed.outcome, relayed.dialect.as_deref()), ("answered", Some("2023")));
    assert_eq!(
        states(relayed),
        [
            ("allocating", 1, "up"),
            ("ringing", 11, "down"),
            ("handshake", 21, "down"),
            ("handshake", 38, "up"),
            ("relayed", 49, "up"),
            ("relayed", 56, "down"),
            ("ending", 406, "up"),
        ]
    );
    assert_eq!(relayed.parties[0].side, Some("caller"));
    assert_eq!(stream(relayed, "0x1b9f01ee"), ("up", 140, 1, Some(16_000), vec![(140, Some(144))]));
    assert_eq!(stream(relayed, "0xe17231aa"), ("down", 179, 0, Some(16_000), vec![(179, Some(118))]));
    assert!(relayed.findings.iter().any(|finding| finding.contains("nobody tried the peer")));
    assert!(relayed.legs.iter().all(|leg| leg.kind == "relay" && leg.checks == [0, 0]));
    // Media for 29 s, all of it over one of five relays, its keep-alives every 3 s.
    assert_eq!(relayed.parties[0].relayed_us / 1_000_000, 28);
    let used: Vec<_> = relayed.relays.iter().map(|relay| (relay.chosen_by, relay.keepalives)).collect();
    assert_eq!(used, [(Some("media"), 10), (None, 0), (None, 0), (None, 0), (None, 0)]);
    let end = relayed.states.last().expect("states");
    assert!(end.evidence.starts_with("last report (3 packets), then release"), "{}", end.evidence);
    // The extension that marks a packet without voice.
    let silent: u64 =
        told.records.iter().flat_map(|record| &record.streams).map(|stream| stream.silent).sum();
    assert_eq!(silent, 62);
    let clocks = relayed.streams.iter().map(|stream| (stream.clock_hz, stream.clock_measured));
    assert_eq!(clocks.collect::<Vec<_>>(), [(Some(16_000), true); 2]);

    assert_eq!(
        states(video),
        [
            ("allocating", 414, "up"),
            ("ringing", 424, "down"),
            ("handshake", 504, "up"),
            ("handshake", 506, "down"),
            ("relayed", 508, "up"),
            ("relayed", 509, "down"),
            ("checking", 531, "up"),
            ("reached", 540, "down"),
            ("direct", 549, "up"),
            ("direct", 550, "down"),
            ("ending", 587, "up"),
        ]
    );
    assert_eq!(video.parties[0].side, Some("callee"));
    let pictures: Vec<_> = video.streams.iter().filter(|stream| stream.media == Some("video")).collect();
    assert_eq!(pictures.len(), 2);
    assert!(pictures.iter().all(|stream| stream.clock_hz == Some(90_000) && stream.lost == 0));
    assert_eq!(stream(video, "0x5167dcb6").1, 7);
    assert!(pictures.iter().all(|stream| stream.payload_types == [97]));
    // One relay measured, 16 times each way; kept alive beyond the switch to the peer, which came 135 ms after the answer.
    let used: Vec<_> =
        video.relays.iter().map(|relay| (relay.chosen_by, relay.keepalives, relay.probes)).collect();
    assert_eq!(used, [(Some("media"), 5, 32), (None, 0, 0), (None, 0, 0), (None, 0, 0), (None, 0, 0)]);
    let at_us = |packet: u64| video.states.iter().find(|state| state.packet == packet).expect("told").at_us;
    assert_eq!((at_us(549) - at_us(540)) / 1_000, 135);
    let moved = video.states.iter().find(|state| state.packet == 549).expect("told");
    assert!(moved.evidence.ends_with("sequence 4 to 5"), "{}", moved.evidence);
    assert!(video.findings.iter().any(|finding| finding.contains("20 checks of peer A (a private address)")));
    // Its media is in the capture for less than a second.
    let silent = |way: &str| format!("no media {way} in the last 10.");
    assert!(["up", "down"].iter().all(|way| video.findings.join("\n").contains(&silent(way))), "{video:?}");
    // Two relays were met again: too few for an estimate.
    let mark_recapture = &told.names.mark_recapture;
    assert_eq!(
        (mark_recapture.relays(), mark_recapture.halves(), mark_recapture.all_visits()),
        (8, (5, 5, 2), None)
    );
}

#[test]
fn an_unanswered_call_of_2015_is_told() {
    let Some(told) = told("whatsapp_voice_and_message.pcap") else { return };
    assert_eq!(told.records.len(), 1);
    let record = &told.records[0];
    assert_eq!((record.outcome, record.dialect.as_deref()), ("unanswered", Some("2015")));
    assert_eq!(states(record), [("allocating", 26, "up"), ("ringing", 27, "down"), ("ending", 88, "up")]);
    assert_eq!((record.relays.len(), record.streams.len()), (8, 0));
    assert!(record.relays.iter().all(|relay| relay.asked == relay.answered && relay.released == Some(1)));
    // Frames 68 to 71 ask one relay alone.
    let chosen: Vec<_> = record.relays.iter().filter(|relay| relay.chosen_by.is_some()).collect();
    assert_eq!((chosen.len(), chosen[0].asked, chosen[0].rtt_us), (1, Some(4), Some(228_607)));
    // Relays were asked about half a second apart, and given up, frames 88 to 96, a second apart.
    let asked_us: Vec<u64> = record.relays.iter().map(|relay| relay.at_us).collect();
    assert!(asked_us.windows(2).all(|two| (350_000..900_000).contains(&(two[1] - two[0]))), "{asked_us:?}");
    let released = record.relays.iter().map(|relay| relay.activity.last().expect("a packet")[0]);
    let released: Vec<u64> = released.collect();
    assert!(
        released.windows(2).all(|two| two[1].abs_diff(two[0]).abs_diff(1_000_000) < 2_000),
        "{released:?}"
    );
    assert_eq!(record.parties[0].side, Some("caller"));
    let told = story::tell(record, "");
    assert!(told.contains("no media: given up by this end"), "{told}");
}

#[test]
fn captures_without_messengers_hold_no_calls_of_theirs() {
    let folder = traces().join("other");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("SKIPPED: {}: no captures; this test needs the real ones", folder.display());
        return;
    };
    let mut captures = 0;
    for entry in entries {
        let path = entry.expect("an entry").path();
        let Ok(trace) = File::open(&path).and_then(Trace::read) else { continue };
        captures += 1;
        let told = follow(&trace);
        let apps: Vec<_> = told.records.iter().map(|record| record.app.as_deref()).collect();
        assert!(apps.iter().all(|app| *app == Some("meta")), "{}: {apps:?}", path.display());
    }
    assert!(captures > 200);
}

/// Packets and losses of every stream, leg by leg, as `tshark` counts them.
#[test]
fn tshark_counts_the_same_packets_and_losses() {
    for name in ["wa_voice.pcap", "stun_wa_call.pcapng"] {
        let Some(told) = told(name) else { return };
        let path = traces().join("messenger").join(name);
        let options = ["-q", "-z", "rtp,streams", "-o", "rtp.heuristic_rtp:TRUE", "-r"];
        let Ok(output) = std::process::Command::new("tshark").args(options).arg(&path).output() else {
            println!("SKIPPED: no tshark to compare with");
            return;
        };
        // A line a leg: start, end, source, port, destination, port, SSRC, payload, packets, lost (share), ...
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let row = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| word.starts_with("0x"))?;
            let number = |n: usize| words.get(at + n)?.parse::<u64>().ok();
            Some((words[at].to_lowercase(), number(2)?, number(3)?))
        };
        let mut theirs: Vec<(String, u64)> =
            text.lines().filter_map(row).map(|(ssrc, packets, _)| (ssrc, packets)).collect();
        let streams = || told.records.iter().flat_map(|record| &record.streams);
        let legs =
            streams().flat_map(|stream| stream.legs.iter().map(|leg| (stream.ssrc.clone(), leg.packets)));
        let mut ours: Vec<(String, u64)> = legs.collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "{name}");
        let lost: u64 = text.lines().filter_map(row).map(|(.., lost)| lost).sum();
        assert_eq!(streams().map(|stream| stream.lost).sum::<u64>(), lost, "{name}");
    }
}
