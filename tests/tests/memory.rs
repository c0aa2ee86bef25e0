//! Memory stays where it is, whatever comes: names, half-open hellos and call end points by the million.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use wiremark::{Address, Classifier, Context, FiveTuple, FlowState, Fragment, Options};
use wiremark::{Packet, TcpFields, Transport, Verdict};
use wiremark_tests::hostile::floods::{Flood, Kind};
use wiremark_tests::protocol::whatsapp_relay::{Dialect, allocate};
use wiremark_tests::random::Random;

/// Memory is the whole program's: one test at a time.
static MEMORY: Mutex<()> = Mutex::new(());

/// Resident memory of this program, in bytes (Linux).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Plays the first packet of flow number `n`, of a client of its own.
fn first_packet(
    classifier: &Classifier,
    context: &mut Context,
    n: u32,
    to: (Ipv4Addr, u16, Transport),
    payload: &[u8],
) -> Verdict {
    let (server, dst_port, transport) = to;
    let client = Address::from(Ipv4Addr::from(0x0a00_0000 | n & 0x00ff_ffff));
    let five_tuple =
        FiveTuple { src: client, dst: Address::from(server), src_port: 40_000, dst_port, transport };
    let flags = if payload.is_empty() { TcpFields::SYN } else { TcpFields::ACK };
    let time_us = 1_700_000_000_000_000 + u64::from(n);
    let packet = Packet {
        five_tuple,
        tcp: TcpFields { sequence: 1, flags },
        time_us,
        payload,
        fragment: Fragment::Whole,
    };
    classifier.classify(context, &mut FlowState::default(), &packet)
}

/// A DNS answer that gives `name` the address `ip`.
fn answer(name: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend_from_slice(&ip.octets());
    message
}

/// The start of a TLS client's hello that never completes.
const HALF_A_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// `STREAM=10000000 cargo test --release -p wiremark-tests --test memory -- --nocapture` plays the whole stream.
#[test]
fn what_flows_teach_takes_no_more_room() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    let mut context = Context::default();
    let total: u32 = std::env::var("STREAM").ok().and_then(|count| count.parse().ok()).unwrap_or(400_000);
    let mut random = Random::new(7);
    let relay_at = SocketAddr::from(([192, 0, 2, 1], 3478));
    let token = Dialect::Y2019.token(&mut random);
    let relay = allocate(Dialect::Y2019, 0x4000, &token, [7; 12], relay_at, false, &mut random);
    let server = Ipv4Addr::new(192, 0, 2, 1);
    let mut after_warm_up = None;
    for n in 0..total {
        let named = answer("g.whatsapp.net", Ipv4Addr::from(0xcb00_0000 ^ n));
        first_packet(&classifier, &mut context, n, (server, 53, Transport::Udp), &named);
        first_packet(&classifier, &mut context, n, (server, 443, Transport::Tcp), HALF_A_HELLO);
        let call = first_packet(&classifier, &mut context, n, (server, 3478, Transport::Udp), &relay);
        assert!(call.is_match(), "a call is seen, however many came before");
        if n == 100_000 {
            after_warm_up = resident_bytes();
        }
    }
    let live = Ipv4Addr::new(198, 51, 100, 5);
    first_packet(
        &classifier,
        &mut context,
        total,
        (server, 53, Transport::Udp),
        &answer("g.whatsapp.net", live),
    );
    let verdict = first_packet(&classifier, &mut context, total + 1, (live, 5222, Transport::Tcp), &[]);
    assert!(verdict.is_match(), "the name learned last still counts");
    match (after_warm_up, resident_bytes()) {
        (Some(before), Some(after)) => {
            let kilobytes = (before / 1024, after / 1024);
            println!(
                "{total} of each: {} KB resident after 100,000, {} KB at the end",
                kilobytes.0, kilobytes.1
            );
            assert!(after < before + 1024 * 1024, "grew from {before} to {after} bytes");
        }
        _ => wiremark_tests::skipped("this system does not tell its resident memory"),
    }
}

/// `cargo run --release -p wiremark-tests --features tools --bin hostile-floods` plays fifty million packets of each.
#[test]
fn a_flood_takes_no_memory() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    for kind in [Kind::Syn, Kind::Datagram] {
        let flood = Flood { kind, packets: 200_000, rate: 20_000, capacity: 4096, decided: 100 };
        match flood.play(&classifier).resident {
            Some((low, high)) => assert!(high < low + (1 << 20), "{kind:?}: grew from {low} to {high} bytes"),
            None => wiremark_tests::skipped("this system does not tell its resident memory"),
        }
    }
}
