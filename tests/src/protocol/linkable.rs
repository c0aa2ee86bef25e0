//! Relayed calls of both apps with both legs behind one gateway, voice by the on/off model of the linkability audit, and other
//! traffic around them.

use std::net::SocketAddr;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use wiremark_linkage::flow::Sized;
use wiremark_linkage::simulate::data::{Setting, relayed};
use wiremark_linkage::simulate::voice::{Codec, voice};

use super::rtp::Stream;
use super::tls::ClientHello;
use super::whatsapp_relay::{self as relay, Dialect};
use super::{dns, tls, wechat_voip};
use crate::random::Random;
use crate::trace::{START_US, Trace};

/// Calls begin within so long.
const WITHIN_US: u64 = 60_000_000;
const SECOND_US: u64 = 1_000_000;

/// Addresses of caller and callee of a call.
pub fn ends(call: u64) -> [SocketAddr; 2] {
    [1, 2].map(|side| SocketAddr::from(([10, side, (call >> 8) as u8, call as u8], 40_000 + side as u16)))
}

/// So many calls of `seconds` of voice each, every second one WeChat's, the others WhatsApp's, and a look-up and a TLS connection
/// of somebody else for each.
pub fn calls(count: u64, seconds: u64, seed: u64) -> Trace {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut random = Random::new(seed);
    let mut traces = Vec::new();
    for call in 0..count {
        let answer_us = START_US + 8 * SECOND_US + draw.random_range(0..WITHIN_US);
        let codec = Codec::random(&mut draw);
        let ways = [0, 1].map(|_| {
            let sent = voice(&codec, answer_us, seconds * SECOND_US, &mut draw);
            let delay_s = 0.05 + 0.3 * draw.random::<f64>();
            let received = relayed(&sent, delay_s, &Setting::HARD, &mut draw);
            [sent, received]
        });
        let [[there, arrived], [back, returned]] = &ways;
        let [caller, callee] = ends(call);
        let (first_ssrc, second_ssrc) =
            (u32::from_be_bytes(random.array()), u32::from_be_bytes(random.array()));
        for (client, up, down, ssrcs) in [
            (caller, there, returned, [first_ssrc, second_ssrc]),
            (callee, back, arrived, [second_ssrc, first_ssrc]),
        ] {
            traces.push(if call % 2 == 0 {
                wechat_leg(client, answer_us, up, down, &mut random)
            } else {
                whatsapp_leg(client, answer_us, up, down, ssrcs, &mut random)
            });
        }
        traces.push(somebody_else(call, answer_us));
    }
    Trace::mixed(traces)
}

/// A mixed channel: heart-beats while it rings, the initial burst, then voice.
fn wechat_leg(
    client: SocketAddr,
    answer_us: u64,
    up: &[Sized],
    down: &[Sized],
    random: &mut Random,
) -> Trace {
    let server = SocketAddr::from(([203, 0, 113, 45], 8080));
    let mut trace = Trace::new();
    for n in 0..60 {
        let at_us = answer_us - 6 * SECOND_US + n * 100_000;
        trace.push_udp(at_us, client, server, &wechat_voip::heartbeat(0x2e, random));
        trace.push_udp(at_us + 40_000, server, client, &wechat_voip::heartbeat(0x2b, random));
    }
    for n in 0..20 {
        let at_us = answer_us + n * 20_000;
        trace.push_udp(at_us, client, server, &wechat_voip::signalling(n as u32, 92, random));
        trace.push_udp(at_us + 9_000, server, client, &wechat_voip::signalling(n as u32, 75, random));
    }
    for packet in up {
        trace.push_udp(
            packet.time_us,
            client,
            server,
            &wechat_voip::content(0xa3, packet.bytes as usize, random),
        );
    }
    for packet in down {
        trace.push_udp(
            packet.time_us,
            server,
            client,
            &wechat_voip::content(0xa3, packet.bytes as usize, random),
        );
    }
    Trace::mixed([trace])
}

/// An allocation, media over the relay, its release.
fn whatsapp_leg(
    client: SocketAddr,
    answer_us: u64,
    up: &[Sized],
    down: &[Sized],
    ssrcs: [u32; 2],
    random: &mut Random,
) -> Trace {
    let server = SocketAddr::from(([198, 51, 100, 7], 3478));
    let dialect = Dialect::Y2023;
    let (token, id) = (dialect.token(random), random.array());
    let mut trace = Trace::new();
    let asked_us = answer_us - 5 * SECOND_US;
    trace.push_udp(
        asked_us,
        client,
        server,
        &relay::allocate(dialect, 0x4000, &token, id, server, false, random),
    );
    let answered = relay::allocated(dialect, id, client, asked_us / 1_000, random);
    trace.push_udp(asked_us + 30_000, server, client, &answered);
    for (packets, (src, dst), ssrc) in [(up, (client, server), ssrcs[0]), (down, (server, client), ssrcs[1])]
    {
        let mut stream = Stream { payload_type: 120, ssrc, sequence: 7, timestamp: 1_000, extension: None };
        for packet in packets {
            trace.push_udp(
                packet.time_us,
                src,
                dst,
                &stream.packet(random, false, 320, packet.bytes as usize),
            );
        }
    }
    let last_us = up.iter().chain(down).map(|packet| packet.time_us).max().unwrap_or(answer_us);
    let release = relay::terminate(dialect, &token, relay::next_id(id), server, random);
    trace.push_udp(last_us + 100_000, client, server, &release);
    Trace::mixed([trace])
}

fn somebody_else(n: u64, at_us: u64) -> Trace {
    let client = SocketAddr::from(([10, 9, (n >> 8) as u8, n as u8], 20_000 + n as u16));
    let site = SocketAddr::from(([198, 51, 101, n as u8], 443));
    let resolver = SocketAddr::from(([10, 9, 0, 254], 53));
    let flows = [
        dns::flow(client, resolver, "www.example.net", &[], &[site.ip()]),
        tls::flow(client, site, &ClientHello::to("www.example.net"), 60_000, n).shift(100_000),
    ];
    Trace::mixed(flows).shift((at_us - START_US) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leg_is_there() {
        let trace = calls(4, 10, 1);
        for call in 0..4 {
            for end in ends(call) {
                let sent = trace.payloads().filter(|(src, ..)| *src == end).count();
                assert!(sent > 100, "{end}: {sent}");
            }
        }
    }
}
