//! What a call is like.

use std::net::SocketAddr;

use super::super::whatsapp_relay::Dialect;
use crate::trace::START_US;

/// What becomes of the direct path to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nobody tries: the call stays on the relay.
    Untried,
    /// Checks are sent and never answered.
    Blocked,
    /// The check of the public address is answered, and media moves.
    Reached,
}

/// A call, seen at one caller's access.
#[derive(Clone, Debug)]
pub struct Call {
    /// The years' dialect.
    pub dialect: Dialect,
    /// The observed end; it uses one port for everything.
    pub client: SocketAddr,
    /// Whether the observed end called.
    pub caller: bool,
    /// Relays asked, in order; the first is used.
    pub relays: Vec<SocketAddr>,
    /// The peer's address in its own network.
    pub peer_host: SocketAddr,
    /// The peer's address as the Internet sees it.
    pub peer_public: SocketAddr,
    /// Capture time of the first allocation; the relays' clock is right at that time.
    pub start_us: u64,
    /// Whether relays answer (not so where their port is blocked).
    pub relays_answer: bool,
    /// From the first allocation to the answer, or to giving up.
    pub ring_us: u64,
    /// Whether the call is answered.
    pub answered: bool,
    /// With video.
    pub video: bool,
    /// The direct path.
    pub peer: Peer,
    /// Media on the relay before it moves, or until the end.
    pub relay_us: u64,
    /// Media on the direct path.
    pub peer_us: u64,
    /// Media on the relay after the direct path went silent for five seconds; 0 for no such thing.
    pub fallback_us: u64,
    /// Time from one relay's allocation to the next one's, and from one release to the next (2 ms and 0.5 ms unless
    /// set); behind a VPN, a phone of 2015 took about a second.
    pub pace_us: Option<u64>,
    /// The client sends nothing between these times after the first media (sessions 2 and 4); its stream then goes on with
    /// the next sequence number.
    pub pause: Option<(u64, u64)>,
    /// From so long after the first media on, the client sends each packet on the relay twice (session 5).
    pub doubled_from_us: Option<u64>,
    /// Seed of everything that looks random.
    pub seed: u64,
}

impl Call {
    /// A short answered call of that dialect that reaches the peer.
    pub fn of(dialect: Dialect) -> Self {
        let relays = if dialect == Dialect::Y2015 { 8 } else { 5 };
        let at = |text: &str| text.parse().expect("an address");
        Self {
            dialect,
            client: at("10.0.0.1:45395"),
            caller: true,
            relays: (1..=relays).map(|n| at(&format!("198.51.100.{n}:3478"))).collect(),
            peer_host: at("192.168.0.106:35574"),
            peer_public: at("203.0.113.82:35574"),
            start_us: START_US,
            relays_answer: true,
            ring_us: 4_000_000,
            answered: true,
            video: false,
            peer: Peer::Reached,
            relay_us: 1_500_000,
            peer_us: 3_000_000,
            fallback_us: 0,
            pace_us: None,
            pause: None,
            doubled_from_us: None,
            seed: 1,
        }
    }

    /// When media begins, where the call is answered.
    pub fn media_us(&self) -> u64 {
        self.start_us + self.ring_us + 100_000
    }

    /// Whether the client is silent at that time.
    pub(super) fn is_paused(&self, at_us: u64) -> bool {
        let since = at_us.saturating_sub(self.media_us());
        self.pause.is_some_and(|(from, until)| (from..until).contains(&since))
    }

    /// Whether the client doubles its packets on the relay at that time.
    pub(super) fn is_doubled(&self, at_us: u64) -> bool {
        self.doubled_from_us.is_some_and(|from| at_us >= self.media_us() + from)
    }
}
