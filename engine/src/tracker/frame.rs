//! What the tracker is given, and what it gives back.

use crate::five_tuple::Direction;
use crate::packet::LinkType;
use crate::verdict::Verdict;

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How the bytes begin.
    pub link_type: LinkType,
    /// Capture time, microseconds since 1970; 0 where it is not known.
    pub time_us: u64,
    /// What was captured of the frame.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire, in bytes.
    pub wire_bytes: u32,
}

/// What is known of a frame's flow after it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The flow's verdict.
    pub verdict: Verdict,
    /// Who sent the packet.
    pub direction: Direction,
    /// Number of the flow, from 1 in the order of first packets.
    pub flow_number: u64,
    /// Where the flow lies in the table, from 0 and below [`Tracker::places`](crate::Tracker::places): the same for all its packets, and until it
    /// ends no other flow's. For what somebody keeps of each flow beside the table.
    pub place: usize,
    /// Number of the packet in its flow, from 1.
    pub packet_number: u64,
    /// Bytes of transport payload.
    pub payload_bytes: usize,
}
