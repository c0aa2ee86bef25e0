//! What is told of calls that overlap, are rejected, silent, lossy or cut; and what is never told.

use std::net::SocketAddr;

use crate::following::follow;
use crate::scripted::*;
use wiremark_calls::{Record, record::StreamRecord, story};
use wiremark_tests::conversation::Tcp;
use wiremark_tests::protocol::whatsapp_call::Call;
use wiremark_tests::protocol::whatsapp_chat::Chat;
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::{START_US, Trace};
use wiremark_tests::wrap::Wrap;

#[test]
fn paced_relays_keep_their_round_trips() {
    let call =
        Call { pace_us: Some(500_000), answered: false, ring_us: 30_000_000, ..Call::of(Dialect::Y2015) };
    let (record, _) = one(&call);
    assert!(record.relays.iter().all(|relay| relay.rtt_us == Some(60_000) && relay.released == Some(1)));
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
    let (marked, captured, recaptured) = told.names.mark_recapture.halves();
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
    assert_eq!(told.names.mark_recapture.halves(), (16, 14, 9));
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

/// A mirror port before and behind a router gives every packet twice, in two networks.
#[test]
fn a_call_in_two_networks_counts_once() {
    let trace = Call { video: true, ..Call::of(Dialect::Y2019) }.trace();
    let one = follow(&trace.clone().wrap(Wrap::Vlan(10)));
    let both = [10, 20].map(|vlan| trace.clone().wrap(Wrap::Vlan(vlan)));
    let two = follow(&Trace::mixed(both));
    let packets = |record: &Record| {
        record
            .streams
            .iter()
            .map(|stream| (stream.ssrc.clone(), stream.packets, stream.duplicates))
            .collect::<Vec<_>>()
    };
    let (one, two) = (&one.records[..], &two.records[..]);
    assert_eq!((one.len(), two.len()), (1, 1));
    assert!(packets(&one[0]).iter().any(|(_, packets, _)| *packets > 100));
    assert_eq!(packets(&two[0]), packets(&one[0]));
    let reports = |record: &Record| {
        record.parties.iter().map(|party| (party.rtcp, party.srtcp, party.signalling)).collect::<Vec<_>>()
    };
    assert_eq!(reports(&two[0]), reports(&one[0]));
}
