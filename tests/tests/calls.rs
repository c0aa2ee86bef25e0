//! Generated calls that follow the sessions of "WhatsApp Exposed": the story is the generator's script.

use std::net::SocketAddr;

use crate::following::follow;
use crate::scripted::*;
use wiremark_calls::{Record, record::StreamRecord, story};
use wiremark_tests::protocol::whatsapp_call::{Call, Peer, both_ends};
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::START_US;

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
        assert!(record.relays.iter().all(|relay| relay.asked == Some(6) && relay.answered == Some(0)));
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
    assert_eq!(told.names.mark_recapture.calls(), 1, "the relays of one call count once");
}
