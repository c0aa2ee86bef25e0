//! WeChat's calls as UVP (section II) and facts/wechat.md 7.4 describe their channels, from the packets of `wechat_voip`.

use std::net::SocketAddr;

use super::wechat_voip::{content, heartbeat, signalling};
use crate::conversation::Udp;
use crate::random::Random;
use crate::trace::{START_US, Trace};

const SECOND: u64 = 1_000_000;

/// A control channel: small packets at a high rate until the answer, a burst where there is one, then heart-beats alone.
pub fn control(
    client: SocketAddr,
    server: SocketAddr,
    answer_s: u64,
    until_s: u64,
    is_answered: bool,
) -> Trace {
    let mut random = Random::new(5);
    let mut flow = Udp::new(client, server).gap(50_000);
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

/// A data channel: voice in bursts of two seconds, every four.
pub fn data(client: SocketAddr, peer: SocketAddr, from_s: u64, until_s: u64) -> Trace {
    let mut random = Random::new(6);
    let mut flow = Udp::new(client, peer).gap(10_000);
    for talk in (from_s..until_s).step_by(4) {
        flow = flow.at(START_US + talk * SECOND);
        for _ in 0..100 {
            flow = flow.client(content(0xa3, 95, &mut random)).server(content(0xa3, 96, &mut random));
        }
    }
    flow.trace()
}

/// A mixed channel: five seconds of heart-beats, then ten of voice with heart-beats in between.
pub fn mixed(client: SocketAddr, server: SocketAddr) -> Trace {
    let mut random = Random::new(7);
    let mut flow = Udp::new(client, server).gap(50_000);
    for _ in 0..50 {
        flow = flow.client(heartbeat(0x2e, &mut random)).server(heartbeat(0x2b, &mut random));
    }
    flow = flow.gap(5_000);
    for n in 0..1000 {
        flow = flow.client(content(0xa3, 95, &mut random)).server(content(0xa3, 96, &mut random));
        if n % 100 == 0 {
            flow = flow.client(heartbeat(0x2e, &mut random)).server(heartbeat(0x2b, &mut random));
        }
    }
    flow.trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_keep_their_times() {
        let at = |text: &str| text.parse().expect("an address");
        let seconds = |trace: &Trace| (trace.end_us() - START_US) / SECOND;
        assert_eq!(seconds(&control(at("10.0.0.9:5000"), at("203.0.113.45:8080"), 7, 40, true)), 39);
        assert_eq!(seconds(&data(at("10.0.0.9:5001"), at("192.0.2.77:33000"), 8, 38)), 37);
        assert_eq!(seconds(&mixed(at("10.0.0.9:5000"), at("203.0.113.45:8080"))), 15);
    }
}
