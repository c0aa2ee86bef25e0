//! What was counted.

/// What the tracker has seen and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames handed in.
    pub frames: u64,
    /// Frames with TCP or UDP inside.
    pub packets: u64,
    /// Frames cut before their headers ended.
    pub truncated: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
    /// Frames with something else inside.
    pub unsupported: u64,
    /// Flows begun.
    pub flows: u64,
    /// Flows ended by their time-out.
    pub timed_out: u64,
    /// Flows that went to make room for new ones.
    pub evicted: u64,
    /// Handshakes in pieces whose bytes went to make room for others'; see [`Context::handshakes_lost`](crate::Context::handshakes_lost).
    pub handshakes_lost: u64,
    /// Frames with a fragment of a packet, put together or not.
    pub fragments: u64,
    /// Fragments whose packet was never whole and whose flow nobody knows.
    pub fragments_lost: u64,
    /// How often a frame's time was not of the clock of the frame's before (an hour away, or a clock's met before): several
    /// clocks, or wrong ones.
    pub clock_jumps: u64,
}
