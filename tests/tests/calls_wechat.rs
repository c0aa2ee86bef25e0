//! Generated calls over control, data and mixed channels (UVP, section II).

use std::net::SocketAddr;

use crate::following::follow;
use wiremark_calls::Record;
use wiremark_tests::conversation::Tcp;
use wiremark_tests::protocol::{mmtls, wechat_call};
use wiremark_tests::trace::{START_US, Trace};

const SECOND: u64 = 1_000_000;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn control(client: SocketAddr, answer_s: u64, until_s: u64, is_answered: bool) -> Trace {
    wechat_call::control(client, at("203.0.113.45:8080"), answer_s, until_s, is_answered)
}

fn data(client: SocketAddr, from_s: u64, until_s: u64) -> Trace {
    wechat_call::data(client, at("192.0.2.77:33000"), from_s, until_s)
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
    let kinds: Vec<_> = record.legs.iter().map(|leg| (leg.kind, &*leg.name)).collect();
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
    let record = one(&wechat_call::mixed(at("10.0.0.9:5000"), at("203.0.113.45:8080")));
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

#[test]
fn the_long_link_is_the_calls_signalling() {
    let client = at("10.0.0.9:5000");
    let link: Tcp = mmtls::longlink(at("10.0.0.9:41000"), at("203.0.113.80:443"), 4, 3);
    let link =
        link.at(START_US + 6 * SECOND).client([0x19; 200]).at(START_US + 7 * SECOND).server([0x19; 120]);
    let record = one(&Trace::mixed([link.trace(), control(client, 7, 40, true)]));
    let [up, down] = record.parties[0].signalling;
    assert!(up > 0 && down > 0, "{up} {down}");
    // Somebody else's link is none of the call's.
    let other = mmtls::longlink(at("10.0.0.77:41000"), at("203.0.113.80:443"), 4, 3);
    let record = one(&Trace::mixed([other.trace(), control(client, 7, 40, true)]));
    assert_eq!(record.parties[0].signalling, [0, 0]);
}
