//! A request and its response, however they travel.

use std::sync::Arc;

use super::catalog::TaskId;
use super::deframer::Message;

/// One of the two ends of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The user's end.
    User,
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Side::User => Side::Server,
            Side::Server => Side::User,
        }
    }
}

/// What one side sent of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) bytes: u64,
}

impl Half {
    pub(super) fn begin(time_us: u64) -> Self {
        Self { from_us: time_us, to_us: time_us, bytes: 0 }
    }

    pub(super) fn add(&mut self, time_us: u64, bytes: u64) {
        self.to_us = self.to_us.max(time_us);
        self.bytes += bytes;
    }
}

impl From<&Message<'_>> for Half {
    fn from(message: &Message<'_>) -> Self {
        Self { from_us: message.from_us, to_us: message.to_us, bytes: message.bytes }
    }
}

/// A request and its response, as far as they were seen.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) initiator: Side,
    pub(super) request: Option<Half>,
    pub(super) response: Option<Half>,
    pub(super) task: Option<TaskId>,
    /// Path of the known CGI.
    pub(super) cgi: Option<Arc<str>>,
    pub(super) request_type: Option<u32>,
    pub(super) command: Option<u32>,
}

impl Exchange {
    pub(super) fn new(initiator: Side) -> Self {
        Self {
            initiator,
            request: None,
            response: None,
            task: None,
            cgi: None,
            request_type: None,
            command: None,
        }
    }

    /// What a side sent; the request where it began the exchange.
    pub(super) fn half(&mut self, side: Side) -> &mut Option<Half> {
        if side == self.initiator { &mut self.request } else { &mut self.response }
    }

    pub(super) fn bytes(&self, side: Side) -> u64 {
        let half = if side == self.initiator { self.request } else { self.response };
        half.map_or(0, |half| half.bytes)
    }

    pub(super) fn begins_us(&self) -> u64 {
        self.request.or(self.response).map_or(0, |half| half.from_us)
    }

    /// From the request's first byte to the response's last.
    pub(super) fn completion_us(&self) -> Option<u64> {
        Some(self.response?.to_us.saturating_sub(self.request?.from_us))
    }
}

/// What a long link tells as it goes on.
#[derive(Debug)]
pub(super) enum Step {
    /// A request or a push began at this time.
    Began(u64),
    Done(Exchange),
}
