//! A UDP flow.

use std::net::SocketAddr;

use super::Side;
use crate::trace::{START_US, Trace};

/// Builds a UDP flow, datagram by datagram.
#[derive(Clone, Debug)]
pub struct Udp {
    client: SocketAddr,
    server: SocketAddr,
    now_us: u64,
    gap_us: u64,
    trace: Trace,
}

impl Udp {
    /// A flow between two end points that starts at [`START_US`].
    pub fn new(client: SocketAddr, server: SocketAddr) -> Self {
        Self { client, server, now_us: START_US, gap_us: 20_000, trace: Trace::new() }
    }

    /// The next datagram is captured at this time.
    pub fn at(mut self, time_us: u64) -> Self {
        self.now_us = time_us;
        self
    }

    /// Time from one datagram to the next (20 ms unless set).
    pub fn gap(mut self, gap_us: u64) -> Self {
        self.gap_us = gap_us;
        self
    }

    /// The next datagram comes later by this much.
    pub fn wait(mut self, by_us: u64) -> Self {
        self.now_us += by_us;
        self
    }

    /// A datagram from the client.
    pub fn client(self, payload: impl AsRef<[u8]>) -> Self {
        self.say(Side::Client, payload)
    }

    /// A datagram from the server.
    pub fn server(self, payload: impl AsRef<[u8]>) -> Self {
        self.say(Side::Server, payload)
    }

    /// A datagram from either side.
    pub fn say(mut self, side: Side, payload: impl AsRef<[u8]>) -> Self {
        let (src, dst) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        self.trace.push_udp(self.now_us, src, dst, payload.as_ref());
        self.now_us += self.gap_us;
        self
    }

    /// The flow's packets.
    pub fn trace(self) -> Trace {
        self.trace
    }
}
