//! Writes a capture of many calls among other traffic, `calls-trace CALLS OUT.pcap`, or of calls that follow the nine
//! sessions of "WhatsApp Exposed", a minute apart: `calls-trace sessions OUT.pcap`; or of two calls over WeChat's channels,
//! peer to peer and over a relay: `calls-trace channels OUT.pcap`; or of fifty calls with both legs behind one gateway:
//! `calls-trace linkable OUT.pcap`, or others of that kind by a seed: `calls-trace linkable OUT.pcap SEED`.
//!
//! Calls begin 100 ms apart and last some seconds, so that some dozens go on at a time; each comes with a look-up and a TLS
//! connection of somebody else. The capture is written as it is built and takes no memory to speak of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use wiremark_tests::protocol::tls::ClientHello;
use wiremark_tests::protocol::wechat_call::{control, data, mixed};
use wiremark_tests::protocol::whatsapp_call::{Call, Peer, both_ends};
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::protocol::{dns, linkable, tls};
use wiremark_tests::trace::{START_US, Trace};

const APART_US: u64 = 100_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (calls, out, seed) = match arguments.as_slice() {
        [calls, out] => (calls, out, Some(1)),
        [calls, out, seed] if calls == "linkable" => (calls, out, seed.parse().ok()),
        _ => {
            eprintln!(
                "usage: calls-trace CALLS|sessions|channels OUT.pcap, or calls-trace linkable OUT.pcap [SEED]"
            );
            return ExitCode::from(2);
        }
    };
    let Some(seed) = seed else {
        eprintln!("{}: expected a seed, a number from 0 on", arguments[2]);
        return ExitCode::from(2);
    };
    let small = match calls.as_str() {
        "sessions" => Some(sessions()),
        "channels" => Some(channels()),
        "linkable" => Some(linkable::calls(50, 40, seed)),
        _ => None,
    };
    if let Some(trace) = small {
        return done(out, File::create(out).and_then(|file| trace.write_pcap(BufWriter::new(file))));
    }
    let Ok(calls) = calls.parse::<u64>() else {
        eprintln!("{calls}: expected a number of calls");
        return ExitCode::from(2);
    };
    done(out, File::create(out).and_then(|file| write(calls, &mut BufWriter::new(file))))
}

fn done(out: &str, written: std::io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{out}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One call a session of the paper, in the dialect of its year.
fn sessions() -> Trace {
    let of = |n: u64| Call { start_us: START_US + n * 60_000_000, ..Call::of(Dialect::Y2015) };
    let unanswered = |n| Call { answered: false, ring_us: 25_000_000, ..of(n) };
    let callee = SocketAddr::from(([10, 0, 0, 2], 35_574));
    Trace::mixed([
        Call { relay_us: 3_000_000, peer_us: 12_000_000, ..of(0) }.trace(),
        Call {
            caller: false,
            relay_us: 2_860_000,
            pause: Some((160_000, 2_860_000)),
            peer_us: 12_000_000,
            ..of(1)
        }
        .trace(),
        unanswered(2).trace(),
        Call { relay_us: 800_000, pause: Some((300_000, 2_720_000)), peer_us: 12_000_000, ..of(3) }.trace(),
        Call { peer: Peer::Blocked, relay_us: 15_000_000, doubled_from_us: Some(5_000_000), ..of(4) }.trace(),
        Call { peer_us: 8_000_000, fallback_us: 10_000_000, ..of(5) }.trace(),
        Call { relays_answer: false, ring_us: 15_000_000, ..of(6) }.trace(),
        both_ends(&Call { peer_us: 10_000_000, ..of(7) }, callee, 1_000_000),
        both_ends(&unanswered(8), callee, 1_500_000),
    ])
}

/// Calls of two clients, two minutes apart.
fn channels() -> Trace {
    let [client, other] = [9, 10].map(|host| move |port| SocketAddr::from(([10, 0, 0, host], port)));
    let server = SocketAddr::from(([203, 0, 113, 45], 8080));
    let peer = SocketAddr::from(([192, 0, 2, 77], 33_000));
    let direct = [control(client(5000), server, 7, 40, true), data(client(5001), peer, 8, 38)];
    Trace::mixed(direct.into_iter().chain([mixed(other(5000), server).shift(120_000_000)]))
}

fn write(calls: u64, out: &mut impl Write) -> std::io::Result<()> {
    // pcap, microseconds, raw IP.
    out.write_all(&0xa1b2_c3d4u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
    out.write_all(&262_144u32.to_le_bytes())?;
    out.write_all(&101u32.to_le_bytes())?;
    let mut waiting: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let mut order = 0;
    for n in 0..calls {
        for trace in [call(n).trace(), somebody_else(n)] {
            for (time_us, _, bytes) in trace.frames() {
                order += 1;
                waiting.insert((time_us, order), bytes.to_vec());
            }
        }
        let until = START_US + (n + 1) * APART_US;
        let later = waiting.split_off(&(until, 0));
        for ((time_us, _), bytes) in std::mem::replace(&mut waiting, later) {
            record(out, time_us, &bytes)?;
        }
    }
    waiting.into_iter().try_for_each(|((time_us, _), bytes)| record(out, time_us, &bytes))?;
    out.flush()
}

fn record(out: &mut impl Write, time_us: u64, bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(&((time_us / 1_000_000) as u32).to_le_bytes())?;
    out.write_all(&((time_us % 1_000_000) as u32).to_le_bytes())?;
    out.write_all(&[(bytes.len() as u32).to_le_bytes(); 2].concat())?;
    out.write_all(bytes)
}

fn call(n: u64) -> Call {
    let [_, _, high, low] = (n as u32).to_be_bytes();
    let dialect = [Dialect::Y2015, Dialect::Y2019, Dialect::Y2023][n as usize % 3];
    let relay = |k: u64| SocketAddr::from(([198, 51, 100, ((n * 7 + k * 11) % 100) as u8], 3478));
    let of = Call::of(dialect);
    Call {
        client: SocketAddr::from(([10, 1, high, low], 40_000 + (n % 20_000) as u16)),
        caller: n.is_multiple_of(2),
        relays: (0..of.relays.len() as u64).map(relay).collect(),
        peer_public: SocketAddr::from(([203, 0, high, low], 35_574)),
        start_us: START_US + n * APART_US,
        answered: !n.is_multiple_of(5),
        peer: if n.is_multiple_of(7) { Peer::Blocked } else { Peer::Reached },
        ring_us: 1_000_000,
        relay_us: 600_000,
        peer_us: 1_500_000,
        seed: n,
        ..of
    }
}

fn somebody_else(n: u64) -> Trace {
    let [_, _, high, low] = (n as u32).to_be_bytes();
    let port = 20_000 + (n % 20_000) as u16;
    let client = SocketAddr::from(([10, 2, high, low], port));
    let site = SocketAddr::from(([198, 51, 101, low], 443));
    let resolver = SocketAddr::from(([10, 2, 0, 254], 53));
    let hello = ClientHello::to("www.example.net");
    let flows = [
        dns::flow(client, resolver, "www.example.net", &[], &[site.ip()]),
        tls::flow(client, site, &hello, 60_000, n).shift(100_000),
    ];
    Trace::mixed(flows).shift((n * APART_US) as i64)
}
