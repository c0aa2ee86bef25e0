//! What playing users takes: flows so far, books, ports, and numbers drawn at random.

use std::net::SocketAddr;

use super::addresses::{address, server_address};
use super::books::Books;
use super::config::{Config, Population};
use crate::random::Random;
use crate::trace::{START_US, Trace};

pub(super) const SECOND_US: u64 = 1_000_000;
pub(super) const HEARTBEAT_US: u64 = 300 * SECOND_US;
/// Version word of the 4.5 client.
pub(super) const VERSION: u32 = 0x2405_00fd;
/// What a conversation takes for its handshake, for each segment, and until the other end may speak.
pub(super) const OPEN_US: u64 = 30_500;
pub(super) const SEGMENT_US: u64 = 150;
pub(super) const TURN_US: u64 = 30_000;
pub(super) const MSS: usize = 1400;

/// The servers; the place in the list gives the address.
pub(super) const SERVERS: [&str; 8] = [
    "long.weixin.qq.com",
    "short.weixin.qq.com",
    "wx.qlogo.cn",
    "mmsns.qpic.cn",
    "www.example.com",
    "voip.weixin.qq.com",
    "resolver",
    "www.example.org",
];
pub(super) const LONG: usize = 0;
pub(super) const SHORT: usize = 1;
pub(super) const AVATARS: usize = 2;
pub(super) const PAGES: usize = 4;
pub(super) const RELAY: usize = 5;
pub(super) const RESOLVER: usize = 6;
pub(super) const ELSEWHERE: usize = 7;

pub(super) struct Player {
    pub(super) size_percent: usize,
    pub(super) hours: u64,
    pub(super) shared_servers: bool,
    pub(super) syncs_on_login: bool,
    pub(super) end_us: u64,
    pub(super) random: Random,
    pub(super) books: Books,
    pub(super) flows: Vec<Trace>,
    pub(super) port: u16,
}

impl Player {
    pub(super) fn new(config: &Config, random: Random) -> Self {
        Self {
            size_percent: config.size_percent,
            hours: config.hours,
            shared_servers: config.shared_servers,
            syncs_on_login: config.syncs_on_login,
            end_us: START_US + config.hours * 3600 * SECOND_US,
            random,
            books: Books::default(),
            flows: Vec::new(),
            port: 20_000,
        }
    }

    pub(super) fn finish(self) -> Population {
        Population { trace: Trace::mixed(self.flows), books: self.books.close() }
    }

    pub(super) fn enter(&mut self, user: usize, is_app: bool, flow: Trace) {
        self.books.flow(user, is_app, &flow);
        self.flows.push(flow);
    }

    /// A user's end with a port of its own, and a server's.
    pub(super) fn ends(&mut self, number: usize, server: usize, port: u16) -> (SocketAddr, SocketAddr) {
        self.port = if self.port >= 60_000 { 20_000 } else { self.port + 1 };
        let client = address(number);
        let server = match server {
            AVATARS..=PAGES if self.shared_servers => AVATARS,
            server => server,
        };
        let server = server_address(server, client.is_ipv6());
        (SocketAddr::new(client, self.port), SocketAddr::new(server, port))
    }

    /// About so many bytes, by half more or less.
    pub(super) fn size(&mut self, mean: usize) -> usize {
        let mean = mean * self.size_percent / 100;
        self.random.between(mean / 2, mean + mean / 2)
    }

    pub(super) fn between(&mut self, from_us: u64, to_us: u64) -> u64 {
        from_us + self.random.word() % (to_us - from_us).max(1)
    }

    /// Knuth's multiplication method.
    pub(super) fn poisson(&mut self, mean: f64) -> usize {
        let limit = (-mean.max(0.0)).exp();
        let mut product = 1.0;
        for count in 0.. {
            product *= self.random.word() as f64 / u64::MAX as f64;
            if product <= limit {
                return count;
            }
        }
        0
    }
}

/// From a message's first segment to its last.
pub(super) fn last_us(message: &[u8]) -> u64 {
    (message.len().div_ceil(MSS) as u64 - 1) * SEGMENT_US
}

/// From a message's first segment to when the other end may speak.
pub(super) fn spoken_us(message: &[u8]) -> u64 {
    message.len().div_ceil(MSS) as u64 * SEGMENT_US + TURN_US
}
