//! A request and its response, however they travel.

use std::sync::Arc;

use super::catalog::{Cluster, TaskId};
use super::deframer::Message;
pub(super) use super::half::Half;

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

impl From<&Message<'_>> for Half {
    fn from(message: &Message<'_>) -> Self {
        let Message { from_us, to_us, bytes, missed, .. } = *message;
        Self { from_us, to_us, bytes, missed }
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
    /// The request's business header says how its body is encrypted, and so whether somebody is logged in.
    pub(super) is_logged_in: Option<bool>,
    /// Which cluster of servers it went to (ChatDissect, Figure 4).
    pub(super) cluster: Option<Cluster>,
    /// It is the app's only by a rule wider than the paper's.
    pub(super) is_wider: bool,
    /// Lengths of the messages within single encrypted records, request's and response's.
    pub(super) inner: [Option<u64>; 2],
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
            is_logged_in: None,
            cluster: None,
            is_wider: false,
            inner: [None; 2],
        }
    }

    /// What a side sent; the request where it began the exchange.
    pub(super) fn half(&mut self, side: Side) -> &mut Option<Half> {
        if side == self.initiator { &mut self.request } else { &mut self.response }
    }

    /// Bytes of a side that were captured.
    pub(super) fn bytes(&self, side: Side) -> u64 {
        self.of(side).map_or(0, |half| half.bytes)
    }

    /// Bytes of a side that were sent but not captured.
    pub(super) fn missed(&self, side: Side) -> u64 {
        self.of(side).map_or(0, |half| half.missed)
    }

    fn of(&self, side: Side) -> Option<Half> {
        if side == self.initiator { self.request } else { self.response }
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
