//! Calls of which a capture shows a part only: one way, the end, both phones of one network without marks of their sides; as
//! handed captures show them, where they are there, and as generated ones do.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::following::{Followed, follow};
use crate::scripted::ALL;
use wiremark_calls::Record;
use wiremark_tests::conversation::Tcp;
use wiremark_tests::protocol::tls::ClientHello;
use wiremark_tests::protocol::wechat_longlink::message;
use wiremark_tests::protocol::whatsapp_call::{Call, both_ends};
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::protocol::{dns, tls};
use wiremark_tests::protocol::{wechat_call, whatsapp_call::Peer};
use wiremark_tests::trace::{Frame, START_US, Trace};

const SECOND: u64 = 1_000_000;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A handed capture; none where there are none.
fn handed(name: &str) -> Option<Trace> {
    let path: PathBuf = wiremark_tests::score::default_traces().parent()?.join("faults").join(name);
    match std::fs::File::open(&path) {
        Ok(file) => Some(Trace::read(file).expect("a capture")),
        Err(error) => {
            wiremark_tests::skipped(format_args!("{}: {error}", path.display()));
            None
        }
    }
}

/// The packets that one end sent, or those that it was sent.
fn one_way(trace: &Trace, client: SocketAddr, up: bool) -> Trace {
    let frames = trace.frames().map(|(time_us, link, bytes)| Frame { time_us, link, bytes: bytes.to_vec() });
    let is_it =
        |frame: &Frame| frame.locate().is_some_and(|at| if up { at.src == client } else { at.dst == client });
    Trace::from(frames.filter(is_it).collect::<Vec<_>>())
}

fn from_on(trace: &Trace, from_us: u64) -> Trace {
    let frames = trace.frames().filter(|(time_us, ..)| *time_us >= from_us);
    Trace::from(
        frames
            .map(|(time_us, link, bytes)| Frame { time_us, link, bytes: bytes.to_vec() })
            .collect::<Vec<_>>(),
    )
}

fn one(told: &Followed) -> &Record {
    assert_eq!(
        told.records.len(),
        1,
        "{:?}",
        told.records.iter().map(|record| record.outcome).collect::<Vec<_>>()
    );
    &told.records[0]
}

/// One way asserts nothing that only the other one would show.
fn assert_upward(record: &Record) {
    let party = &record.parties[0];
    assert_eq!(party.captured, "up");
    assert_ne!(party.side_evidence, Some("who reported first"));
    assert!(record.relays.iter().all(|relay| relay.answered.is_none() && relay.asked.is_some()));
    let findings = record.findings.join("\n");
    assert!(findings.contains("whether relays or the peer answered"), "{findings}");
    for claim in ["blocked", "never answered", "led nowhere", "never tried"] {
        assert!(!findings.contains(claim), "{claim}: {findings}");
    }
    let text = wiremark_calls::story::tell(record, "then");
    assert!(text.contains("captured up only"), "{text}");
}

#[test]
fn what_one_way_cannot_show_is_said_as_unknown() {
    if let Some(trace) = handed("call_s1_up_only.pcap") {
        let told = follow(&trace);
        let record = one(&told);
        assert_upward(record);
        assert_eq!((record.outcome, record.parties[0].side), ("answered", None));
        assert!(record.findings.join("\n").contains("who called"));
    }
    for dialect in ALL {
        for caller in [true, false] {
            let call = Call { caller, ..Call::of(dialect) };
            let up = follow(&one_way(&call.trace(), call.client, true));
            assert_upward(one(&up));
            assert_eq!(one(&up).outcome, "answered");
            let down = follow(&one_way(&call.trace(), call.client, false));
            let record = one(&down);
            assert_eq!((record.outcome, record.parties[0].captured), ("answered", "down"));
            assert!(record.relays.iter().all(|relay| relay.asked.is_none() && relay.released.is_none()));
            assert!(record.findings.join("\n").contains("which relays it asked"));
        }
        // Nobody answers, seen from one side: relays may have answered or not.
        let call = Call { answered: false, ring_us: 25 * SECOND, ..Call::of(dialect) };
        let told = follow(&one_way(&call.trace(), call.client, true));
        assert_eq!(one(&told).outcome, "unknown");
        assert_upward(one(&told));
        // Both ways: as before.
        let blocked = Call { relays_answer: false, ..call.clone() };
        assert_eq!(one(&follow(&blocked.trace())).outcome, "blocked");
        assert_eq!(one(&follow(&call.trace())).outcome, "unanswered");
    }
}

#[test]
fn a_call_met_after_its_beginning_is_one_call() {
    if let Some(trace) = handed("call_s1_from_middle.pcap") {
        let told = follow(&trace);
        let record = one(&told);
        assert_eq!((record.outcome, record.app.as_deref()), ("partial", Some("whatsapp")));
        assert!(record.findings.join("\n").contains("the beginning of the call is not in the capture"));
        let [up, down] =
            ["up", "down"].map(|way| record.streams.iter().find(|stream| stream.way == way).unwrap());
        assert_eq!((up.packets, down.packets), (458, 459));
        assert_eq!(record.legs.iter().filter(|leg| leg.kind == "peer").count(), 1);
    }
    for dialect in ALL {
        let call = Call { relay_us: 2 * SECOND, peer_us: 4 * SECOND, ..Call::of(dialect) };
        let trace = call.trace();
        // After the switch to the peer, on the relay, and just the end.
        for (from_us, has_streams) in [
            (call.media_us() + 3 * SECOND, true),
            (call.media_us() + SECOND, true),
            (call.media_us() + 6 * SECOND + 1_000, false),
        ] {
            let told = follow(&from_on(&trace, from_us));
            let record = one(&told);
            assert_eq!(
                (record.outcome, !record.streams.is_empty()),
                ("partial", has_streams),
                "{dialect:?} {from_us}"
            );
            assert!(record.findings.join("\n").contains("the beginning of the call is not in the capture"));
        }
    }
    // Somebody else's media with the same payload type, and nothing that is the app's: no call.
    let call = Call { peer_us: 4 * SECOND, ..Call::of(Dialect::Y2015) };
    let end_us = call.media_us() + call.relay_us + 3 * SECOND;
    let frames = from_on(&call.trace(), call.media_us() + 2 * SECOND);
    let media = frames.frames().filter(|(time_us, ..)| *time_us < end_us);
    let media = media.map(|(time_us, link, bytes)| Frame { time_us, link, bytes: bytes.to_vec() });
    assert!(follow(&Trace::from(media.collect::<Vec<_>>())).records.is_empty());
}

/// Other tokens than those of which the dialects are known: nothing marks the sides.
fn without_marks(trace: &Trace) -> Trace {
    let change = |(time_us, link, bytes): (u64, u16, &[u8])| {
        let mut frame = Frame { time_us, link, bytes: bytes.to_vec() };
        if let Some(place) = frame.locate()
            && frame.bytes.get(place.payload..place.payload + 2) == Some(&[0, 3])
        {
            let attribute = place.payload + 20;
            frame.bytes[attribute..attribute + 2].copy_from_slice(&[0x40, 0x00]);
            frame.bytes[attribute + 4] = 0xb4;
        }
        frame
    };
    Trace::from(trace.frames().map(change).collect::<Vec<_>>())
}

#[test]
fn two_phones_of_one_network_without_an_answer_are_one_call() {
    if let Some(trace) = handed("call_s9.pcap") {
        let told = follow(&trace);
        let record = one(&told);
        assert_eq!((record.outcome, record.parties.len()), ("unanswered", 2));
        assert_eq!((told.names.mark_recapture.calls(), told.names.mark_recapture.relays()), (1, 8));
        let sides: Vec<_> = record.parties.iter().map(|party| party.side).collect();
        assert_eq!(sides, [Some("caller"), Some("callee")]);
    }
    let callee = at("10.0.0.2:35574");
    let call = Call { answered: false, ring_us: 12 * SECOND, ..Call::of(Dialect::Y2015) };
    let trace = without_marks(&both_ends(&call, callee, 1_500_000));
    let told = follow(&trace);
    assert_eq!((one(&told).parties.len(), told.names.mark_recapture.calls()), (2, 1));
    assert_eq!(one(&told).dialect, None, "nothing tells the year");
    // Two calls at a time: to other relays, or that end apart.
    let others = Call {
        relays: (1..=8).map(|n| at(&format!("203.0.113.{n}:3478"))).collect(),
        client: callee,
        ..call.clone()
    };
    let later = Call { ring_us: 20 * SECOND, client: callee, ..call.clone() };
    for other in [others, later] {
        let trace = without_marks(&Trace::mixed([
            call.trace(),
            Call { start_us: START_US + SECOND, ..other }.trace(),
        ]));
        assert_eq!(follow(&trace).records.len(), 2);
    }
}

#[test]
fn what_the_network_carries_is_told_beside_what_the_codec_needs() {
    let call =
        Call { relay_us: 3 * SECOND, peer_us: 9 * SECOND, peer: Peer::Reached, ..Call::of(Dialect::Y2015) };
    let told = follow(&call.trace());
    let record = one(&told);
    for stream in &record.streams {
        let packets = stream.packets;
        assert_eq!(stream.net_bytes, stream.bytes + 28 * packets);
        assert_eq!(stream.codec_bytes, stream.bytes - (12 + 4) * packets, "RTP's header and SRTP's tag");
        assert!(stream.net_kbit_s > stream.codec_kbit_s && stream.codec_kbit_s.is_some());
        assert_eq!(stream.dscp, [0], "not set");
    }
    let up = record.streams.iter().find(|stream| stream.way == "up").unwrap();
    let told: Vec<_> = up.packetisations.iter().map(|change| (change.units, change.ms)).collect();
    let wanted = up.steps.iter().filter(|step| step.count > 2).count();
    assert!(wanted > 1 && told.len() >= wanted, "{told:?}: every packetisation, and when it began");
    let estimate = told_estimate(&[call]);
    assert_eq!((estimate.calls, estimate.relays, estimate.marked, estimate.captured), (1, 8, 8, 0));
}

fn told_estimate(calls: &[Call]) -> wiremark_calls::population::RelayEstimate {
    let told = follow(&Trace::mixed(calls.iter().map(Call::trace)));
    told.names.mark_recapture.estimate().expect("relays were asked")
}

/// A long link in clear on which an invite goes out, or comes in, at a time.
fn long_link(client: SocketAddr, command: u32, up: bool, at_us: u64) -> Trace {
    let link = Tcp::new(client, at("203.0.113.95:8080"), 3);
    let link = link.client(message(6, 0x7fff_ffff, &[])).server(message(1_000_000_006, 0x7fff_ffff, &[]));
    let link = link.at(at_us);
    let link = if up {
        link.client(message(command, 2, &[7; 300]))
    } else {
        link.server(message(command, 0, &[7; 300]))
    };
    link.trace()
}

#[test]
fn the_invite_goes_before_the_channels() {
    let client = at("10.0.0.9:5000");
    let control =
        || wechat_call::control(client, at("203.0.113.45:8080"), 7, 40, true).shift(6 * SECOND as i64);
    let cases = [(63, true, "caller"), (61, false, "callee")];
    for (command, up, side) in cases {
        let link = long_link(at("10.0.0.9:41000"), command, up, START_US + 5 * SECOND);
        let told = follow(&Trace::mixed([link, control()]));
        let record = one(&told);
        assert_eq!(
            (record.parties[0].side, record.parties[0].side_evidence),
            (Some(side), Some("the invite"))
        );
        let first = &record.states[0];
        assert_eq!((first.state, first.at_us, first.way), ("inviting", 0, if up { "up" } else { "down" }));
        assert_eq!((record.states[1].state, record.states[1].at_us), ("ringing", SECOND));
    }
    // Another message is no invite, an answer is none, and neither is somebody else's.
    for (link, command) in [("10.0.0.9:41000", 2), ("10.0.0.9:41000", 1_000_000_063), ("10.0.0.77:41000", 63)]
    {
        let link = long_link(at(link), command, true, START_US + 5 * SECOND);
        let told = follow(&Trace::mixed([link, control()]));
        assert_eq!((one(&told).parties[0].side, one(&told).states[0].state), (None, "ringing"), "{command}");
    }
}

#[test]
fn a_call_of_varying_sizes_has_its_channels() {
    let Some(trace) = handed("wxcall_p2p_varying.pcap") else { return };
    let told = follow(&trace);
    let record = one(&told);
    assert_eq!((record.app.as_deref(), record.outcome), (Some("wechat"), "answered"));
    let kinds: Vec<_> = record.legs.iter().map(|leg| leg.kind).collect();
    assert_eq!(kinds, ["control", "data"]);
    assert_eq!(record.parties[0].side, Some("caller"), "its invite went before");
    let states: Vec<_> = record.states.iter().map(|state| (state.state, state.at_us / SECOND)).collect();
    assert_eq!(states[..3], [("inviting", 0), ("ringing", 0), ("answered", 7)]);
}

/// A control channel over TCP, to a server that DNS named: small messages until the answer, a burst, then heart-beats, or voice.
fn over_tcp(client: SocketAddr, has_voice: bool) -> Trace {
    let server = at("203.0.113.46:80");
    let [resolver, asker] = ["203.0.113.53:53", "10.0.0.9:5353"].map(at);
    let asked = dns::flow(asker, resolver, "voip.weixin.qq.com", &[], &[server.ip()]);
    let mut link = Tcp::new(client, server, 9).at(START_US + SECOND);
    for n in 0..30u64 {
        link = link.at(START_US + SECOND + n * 200_000).client([9; 60]).server([8; 40]);
    }
    let until = if has_voice { 900u64 } else { 100 };
    for n in 0..until {
        link = link.at(START_US + 7 * SECOND + n * 40_000).client([7; 90]).server([6; 90]);
    }
    for n in 0..4u64 {
        link = link.at(START_US + 50 * SECOND + n * 5 * SECOND).client([5; 40]);
    }
    Trace::mixed([asked, link.trace()])
}

#[test]
fn a_control_channel_may_be_a_tcp_connection() {
    for (has_voice, kind) in [(false, "control"), (true, "mixed")] {
        let told = follow(&over_tcp(at("10.0.0.9:45000"), has_voice));
        let record = one(&told);
        assert_eq!((record.app.as_deref(), record.outcome), (Some("wechat"), "answered"));
        assert_eq!(record.legs.iter().map(|leg| leg.kind).collect::<Vec<_>>(), [kind]);
        assert!(record.states[0].evidence.contains("over TCP"), "{}", record.states[0].evidence);
        assert_eq!(record.states[1].state, "answered");
    }
}

#[test]
fn a_request_to_a_calls_server_is_no_call() {
    let server = at("203.0.113.46:443");
    let [resolver, asker] = ["203.0.113.53:53", "10.0.0.9:5353"].map(at);
    let asked = dns::flow(asker, resolver, "voip.weixin.qq.com", &[], &[server.ip()]);
    let hello = ClientHello::to("voip.weixin.qq.com");
    let request = tls::flow(at("10.0.0.9:45000"), server, &hello, 60_000, 3).shift(1_000_000);
    assert_eq!(follow(&Trace::mixed([asked, request])).records.len(), 0);
}

#[test]
fn bytes_of_a_connection_are_no_classes_of_datagrams() {
    // Every segment begins as content of a UDP channel does, for as long as an initial burst lasts.
    let (client, server) = (at("10.0.0.9:45000"), at("203.0.113.46:8080"));
    let [resolver, asker] = ["203.0.113.53:53", "10.0.0.9:5353"].map(at);
    let asked = dns::flow(asker, resolver, "voip.weixin.qq.com", &[], &[server.ip()]);
    let mut link = Tcp::new(client, server, 9);
    for n in 0..100u64 {
        link = link.at(START_US + SECOND + n * 40_000).client([0xa3; 90]).server([0xd5; 90]);
    }
    let told = follow(&Trace::mixed([asked, link.trace()]));
    assert_eq!(one(&told).legs.iter().map(|leg| leg.kind).collect::<Vec<_>>(), ["control"]);
}
