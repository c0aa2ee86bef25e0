//! Generated calls over control, data and mixed channels (UVP, section II).

mod following;

use std::net::SocketAddr;

use following::follow;
use wiremark_analysis::calls::Record;
use wiremark_tests::conversation::Udp;
use wiremark_tests::protocol::wechat_voip::{content, heartbeat, signalling};
use wiremark_tests::random::Random;
use wiremark_tests::trace::{START_US, Trace};

const SECOND: u64 = 1_000_000;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Small packets at a high rate until the answer, a burst where there is one, then heart-beats alone.
fn control(client: SocketAddr, answer_s: u64, until_s: u64, is_answered: bool) -> Trace {
    let mut random = Random::new(5);
    let mut flow = Udp::new(client, at("203.0.113.45:8080")).gap(50_000);
    for _ in 0..answer_s * 10 {
        flow = flow.client(heartbeat(0x2e, &mut random)).server(heartbeat(0x2b, &mut random));
    }
    let mut now = answer_s;
    if is_answered {
        flow = flow.gap(20_000);
        for n in 0..50 {
            flow = flow.client(signalling(n, 92, &mut random)).server(signalling(n, 75, &mut random));
        }
        now += 2;
    }
    while now < until_s {
        flow = flow.at(START_US + now * SECOND).gap(50_000);
        flow = flow.client(heartbeat(0x1e, &mut random)).server(heartbeat(0x2d, &mut random));
        now += 2;
    }
    flow.trace()
}

/// Voice in bursts of two seconds, every four.
fn data(client: SocketAddr, from_s: u64, until_s: u64) -> Trace {
    let mut random = Random::new(6);
    let mut flow = Udp::new(client, at("192.0.2.77:33000")).gap(10_000);
    for talk in (from_s..until_s).step_by(4) {
        flow = flow.at(START_US + talk * SECOND);
        for _ in 0..100 {
            flow = flow.client(content(0xa3, 95, &mut random)).server(content(0xa3, 96, &mut random));
        }
    }
    flow.trace()
}

fn one(trace: &Trace) -> Record {
    let mut told = follow(trace);
    assert_eq!(told.records.len(), 1);
    told.records.remove(0)
}

fn states(record: &Record) -> Vec<(&'static str, u64)> {
    record.states.iter().map(|state| (state.state, state.at_us / SECOND)).collect()
}

#[test]
fn control_and_data_channel_are_one_call() {
    let trace = Trace::mixed([control(at("10.0.0.9:5000"), 7, 40, true), data(at("10.0.0.9:5001"), 8, 38)]);
    let record = one(&trace);
    assert_eq!((record.app.as_deref(), record.outcome), (Some("wechat"), "answered"));
    let kinds: Vec<_> = record.legs.iter().map(|leg| (leg.kind, leg.name.as_str())).collect();
    assert_eq!(kinds, [("control", "server A"), ("data", "peer A")]);
    let wanted = [("ringing", 0), ("answered", 7), ("direct", 8), ("heartbeat", 11), ("ending", 39)];
    assert_eq!(states(&record), wanted);
    assert_eq!(record.states[0].packet, 1, "also the packets before the verdict are told");
    let ringing_us = record.parties[0].ringing_us.expect("answered");
    assert!((7 * SECOND..7 * SECOND + 900_000).contains(&ringing_us), "{ringing_us}");
    assert!(record.findings.join("\n").contains("8 bursts of voice"), "{:?}", record.findings);
}

#[test]
fn a_mixed_channel_is_relayed() {
    let server = "203.0.113.45:8080";
    let mut random = Random::new(7);
    let mut flow = Udp::new(at("10.0.0.9:5000"), at(server)).gap(50_000);
    for _ in 0..50 {
        flow = flow.client(heartbeat(0x2e, &mut random)).server(heartbeat(0x2b, &mut random));
    }
    flow = flow.gap(10_000);
    for n in 0..1000 {
        flow = flow.client(content(0xa3, 95, &mut random)).server(content(0xa3, 96, &mut random));
        if n % 100 == 0 {
            flow = flow.client(heartbeat(0x2e, &mut random)).server(heartbeat(0x2b, &mut random));
        }
    }
    let record = one(&flow.trace());
    let kinds: Vec<_> = record.legs.iter().map(|leg| leg.kind).collect();
    assert_eq!(kinds, ["mixed"]);
    let names: Vec<_> = record.states.iter().map(|state| state.state).collect();
    assert_eq!(names, ["ringing", "answered", "relayed", "ending"]);
    assert!((5 * SECOND..6 * SECOND).contains(&record.states[1].at_us));
}

#[test]
fn without_the_initial_burst_nobody_answered() {
    let record = one(&control(at("10.0.0.9:5000"), 20, 20, false));
    assert_eq!((record.outcome, states(&record)), ("unanswered", vec![("ringing", 0), ("ending", 19)]));
}

#[test]
fn clients_and_later_calls_are_kept_apart() {
    let first = || control(at("10.0.0.9:5000"), 4, 20, true);
    let other = control(at("10.0.0.10:5000"), 6, 30, true);
    let later = first().shift(120 * SECOND as i64);
    let told = follow(&Trace::mixed([first(), other, later]));
    let answered: Vec<u64> = told.records.iter().map(|record| record.states[1].at_us / SECOND).collect();
    assert_eq!(answered, [4, 6, 4]);
}
