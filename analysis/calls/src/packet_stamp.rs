//! Which packet of the capture, and when.

/// A packet of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketStamp {
    /// Capture time, microseconds since 1970.
    pub time_us: u64,
    /// The packet's number in the capture, from 1.
    pub number: u64,
}
