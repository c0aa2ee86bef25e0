//! Calls in real captures: numbers as Wireshark has them, frames as facts/whatsapp.md cites them.
//!
//! Packets and losses by `tshark -q -z rtp,streams -o rtp.heuristic_rtp:TRUE -r FILE`, which knows no clock; jitter by a
//! program of its own, from RFC 3550's formula.

mod following;

use std::fs::File;

use following::{Told, follow, traces};
use wiremark_analysis::calls::Record;
use wiremark_tests::trace::Trace;

/// The calls of a capture; none, and a word about it, where the capture is missing.
fn told(name: &str) -> Option<Told> {
    let path = traces().join("messenger").join(name);
    match File::open(&path) {
        Ok(file) => Some(follow(&Trace::read(file).expect("a capture"))),
        Err(error) => {
            println!("SKIPPED: {}: {error}; this test needs the real captures", path.display());
            None
        }
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
    // Two relays were met again: too few for an estimate.
    let census = &told.names.census;
    assert_eq!((census.relays(), census.halves(), census.all_visits()), (8, (5, 5, 2), None));
}

#[test]
fn an_unanswered_call_of_2015_is_told() {
    let Some(told) = told("whatsapp_voice_and_message.pcap") else { return };
    assert_eq!(told.records.len(), 1);
    let record = &told.records[0];
    assert_eq!((record.outcome, record.dialect.as_deref()), ("unanswered", Some("2015")));
    assert_eq!(states(record), [("allocating", 26, "up"), ("ringing", 27, "down"), ("ending", 88, "up")]);
    assert_eq!((record.relays.len(), record.streams.len()), (8, 0));
    assert!(record.relays.iter().all(|relay| relay.asked == relay.answered && relay.released == 1));
    // Frames 68 to 71 ask one relay alone.
    let chosen: Vec<_> = record.relays.iter().filter(|relay| relay.chosen_by.is_some()).collect();
    assert_eq!((chosen.len(), chosen[0].asked, chosen[0].rtt_us), (1, 4, Some(228_607)));
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
