//! Where a message comes from.

/// Flow, direction and time of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Number of the flow; the same for both directions.
    pub flow: u64,
    /// Sent by the flow's originator.
    pub upward: bool,
    /// Time of its first byte, microseconds since 1970.
    pub time_us: u64,
}

/// A flow that rows are to find.
#[derive(Clone, Debug)]
pub struct DraftFlow {
    /// Over UDP, else TCP.
    pub is_udp: bool,
    /// Port of the responder.
    pub port: u16,
    /// Its messages.
    pub messages: Vec<usize>,
}
