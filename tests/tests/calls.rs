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

const ALL: [Dialect; 3] = [Dialect::Y2015, Dialect::Y2019, Dialect::Y2023];

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
    let media = answer + 100_000;
    lines.push(("relayed", media, me, relay));
    lines.push(("relayed", media + 7_000, relay, me));
    let switch = media + call.relay_us;
    if call.peer != Peer::Untried {
        lines.push(("checking", media + (call.relay_us / 2).min(1_000_000), me, call.peer_host));
    }
    let mut end = switch;
    if call.peer == Peer::Reached {
        lines.push(("reached", switch - 20_000, peer, me));
        lines.push(("direct", switch, me, peer));
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

/// The number in the trace of the packet at that time between those two.
fn number_of(trace: &Trace, at_us: u64, src: SocketAddr, dst: SocketAddr) -> u64 {
    let frames: Vec<u64> = trace.frames().map(|(time_us, ..)| time_us).collect();
    let ends: Vec<_> = trace.payloads().map(|(src, dst, _)| (src, dst)).collect();
    assert_eq!(frames.len(), ends.len(), "every packet has a payload");
    let at = frames.iter().zip(&ends).position(|(time_us, ends)| *time_us == at_us && *ends == (src, dst));
    at.unwrap_or_else(|| panic!("no packet at {at_us} from {src} to {dst}")) as u64 + 1
}

/// States with time and packet, of one party.
fn states(record: &Record, party: usize) -> Vec<(&'static str, u64, u64)> {
    let of_party = record.states.iter().filter(|state| state.party == party);
    of_party.map(|state| (state.state, record.start_us + state.at_us, state.packet)).collect()
}

fn assert_script(record: &Record, party: usize, trace: &Trace, lines: &[Line]) {
    let wanted: Vec<_> = lines
        .iter()
        .map(|(state, at_us, src, dst)| (*state, *at_us, number_of(trace, *at_us, *src, *dst)))
        .collect();
    assert_eq!(states(record, party), wanted, "{}", story::tell(record, ""));
}

/// The one call of a trace, told as scripted.
fn one(call: &Call) -> (Record, Trace) {
    let trace = call.trace();
    let told = follow(&trace);
    assert_eq!(told.records.len(), 1);
    let record = told.records.into_iter().next().expect("one");
    assert_script(&record, 0, &trace, &script(call));
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
        let asked: Vec<_> = record.relays.iter().map(|relay| (relay.name.as_str(), relay.rtt_us)).collect();
        assert_eq!(asked.len(), call.relays.len());
        assert_eq!(asked[..2], [("relay A", Some(60_000)), ("relay B", Some(75_000))]);
        assert!(record.relays.iter().all(|relay| relay.asked == relay.answered && relay.released == 1));
        assert_eq!(record.relays.iter().filter(|relay| relay.chosen_by.is_some()).count(), 1);
        assert_eq!(record.relays[0].chosen_by, Some("media"));
        let with: Vec<_> = audio(&record, "up").legs.iter().map(|leg| leg.with.as_str()).collect();
        assert_eq!(with, ["relay A", "peer B"]);
        let party = &record.parties[0];
        assert_eq!((party.setup_us, party.ringing_us), (Some(60_000), Some(call.ring_us - 60_000)));
        assert_eq!(party.first_media_us, Some(100_000));
        let [least, most] = record.relays[0].clock_ahead_us.expect("a clock");
        assert!((20_000..=30_000).contains(&least) && most <= 30_000, "{least} {most}");
    }
}

#[test]
fn session_2_the_callee_reports_first() {
    for dialect in ALL {
        let call = Call { caller: false, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!((record.parties[0].side, record.outcome), (Some("callee"), "answered"));
    }
}

#[test]
fn session_3_nobody_answers() {
    for dialect in ALL {
        let call = Call { answered: false, ring_us: 25_000_000, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!((record.outcome, record.streams.len(), record.legs.len()), ("unanswered", 0, 0));
    }
}

#[test]
fn session_4_large_packets_are_steps_of_160_ms_and_no_silence() {
    let call = Call { relay_us: 800_000, peer_us: 6_000_000, ..Call::of(Dialect::Y2015) };
    let (record, _) = one(&call);
    let up = audio(&record, "up");
    let steps: Vec<_> = up.steps.iter().map(|step| (step.units, step.ms)).collect();
    assert_eq!(steps, [(320, Some(20.0)), (2560, Some(160.0))]);
    assert_eq!((up.suppressed_us, up.silent, up.duplicates), (0, 0, 0));
    assert!(up.markers > 5, "large packets carry the marker");
}

#[test]
fn session_5_a_blocked_peer_leaves_the_call_on_the_relay() {
    for dialect in ALL {
        let call = Call { peer: Peer::Blocked, relay_us: 8_000_000, ..Call::of(dialect) };
        let (record, _) = one(&call);
        assert_eq!(record.parties[0].direct_us, 0);
        let checked: Vec<_> =
            record.legs.iter().filter(|leg| leg.checks[0] > 0).map(|leg| (leg.kind, leg.checked)).collect();
        assert_eq!(checked, [("peer host", [0, 0]), ("peer", [0, 0])]);
        let told = record.findings.join("\n");
        assert!(told.contains("stayed on the relay; checks of the peer led nowhere"), "{told}");
    }
}

#[test]
fn session_6_the_way_back_to_the_relay() {
    for dialect in ALL {
        let call = Call { peer_us: 6_000_000, fallback_us: 4_000_000, ..Call::of(dialect) };
        let trace = call.trace();
        let record = follow(&trace).records.remove(0);
        assert_script(&record, 0, &trace, &script(&call));
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
        let told = record.findings.join("\n");
        let paused = format!("paused {:.1} s", gap.length_us as f64 / 1e6);
        assert!(told.contains("came twice with relay A") && told.contains(&paused), "{told}");
        assert!(told.contains("without signalling"), "{told}");
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

/// The caller's script in a capture that shows the callee too: checks go to the callee's only address.
fn script_of_two(call: &Call, callee: SocketAddr) -> Vec<Line> {
    script(&Call { peer_host: callee, peer_public: callee, ..call.clone() })
}

#[test]
fn session_8_both_clients_are_one_call() {
    for dialect in ALL {
        let call = Call::of(dialect);
        let callee: SocketAddr = "10.0.0.2:35574".parse().unwrap();
        let trace = both_ends(&call, callee, 1_000_000);
        let told = follow(&trace);
        assert_eq!(told.records.len(), 1);
        let record = &told.records[0];
        assert_script(record, 0, &trace, &script_of_two(&call, callee));
        let sides: Vec<_> = record.parties.iter().map(|party| party.side).collect();
        assert_eq!(sides, [Some("caller"), Some("callee")]);
        let chosen: Vec<_> =
            record.relays.iter().filter(|relay| relay.chosen_by.is_some()).map(|relay| &relay.name).collect();
        assert_eq!(chosen, ["relay A", "relay A"]);
        let both = |way: &str, party: usize| {
            let stream = |stream: &&StreamRecord| stream.way == way && stream.party == party;
            record.streams.iter().find(stream).map(|stream| (stream.ssrc.clone(), stream.packets))
        };
        assert_eq!(both("up", 0), both("down", 1));
        assert_eq!(both("down", 0), both("up", 1));
        let names: Vec<_> = states(record, 1).iter().map(|state| state.0).collect();
        for state in
            ["allocating", "ringing", "handshake", "relayed", "checking", "reached", "direct", "ending"]
        {
            assert!(names.contains(&state), "{state} of the callee in {names:?}");
        }
    }
}

#[test]
fn session_9_both_clients_and_no_answer() {
    let call = Call { answered: false, ring_us: 12_000_000, ..Call::of(Dialect::Y2015) };
    let callee: SocketAddr = "10.0.0.2:35574".parse().unwrap();
    let trace = both_ends(&call, callee, 1_500_000);
    let told = follow(&trace);
    assert_eq!(
        told.records.len(),
        1,
        "marks of caller and callee, the same relay and the same end join them"
    );
    let record = &told.records[0];
    assert_eq!((record.outcome, record.parties.len()), ("unanswered", 2));
    assert_script(record, 0, &trace, &script_of_two(&call, callee));
    let late = Call { client: callee, start_us: START_US + 1_500_000, ring_us: 10_500_000, ..call };
    assert_script(record, 1, &trace, &script(&late));
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
        assert_script(record, 0, &trace, &script(call));
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
    let outcome = |told_at: Option<u64>| {
        let trace = Trace::mixed([chat(told_at).trace(), call.trace()]);
        follow(&trace).records.remove(0).outcome
    };
    assert_eq!(outcome(Some(call.start_us + 7_800_000)), "rejected");
    assert_eq!(outcome(Some(call.start_us + 3_000_000)), "unanswered");
    assert_eq!(outcome(None), "unanswered");
}

#[test]
fn a_capture_that_begins_within_a_call_says_so() {
    let call = Call { peer_us: 8_000_000, ..Call::of(Dialect::Y2023) };
    let trace = call.trace();
    let media = trace.frames().position(|(time_us, ..)| time_us > call.start_us + call.ring_us + 500_000);
    let told = follow(&trace.skip(media.unwrap()));
    let record = &told.records[0];
    assert_eq!(record.outcome, "partial");
    assert_eq!(audio(record, "down").lost, 0);
    assert_eq!(record.parties[0].side, None, "who reported first was not seen");
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
