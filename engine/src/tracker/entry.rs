//! What the flow table keeps of a flow, and what it tells of it.

use crate::five_tuple::{Direction, FiveTuple, FlowKey};
use crate::flow::FlowState;
use crate::verdict::Verdict;

/// One flow of the table.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// From 1 in the order of first packets.
    pub number: u64,
    /// Where the flow lies, or lay, in the table; see [`Seen::place`](crate::Seen::place).
    pub place: usize,
    /// The source is the originator.
    pub five_tuple: FiveTuple,
    /// After the last packet.
    pub verdict: Verdict,
    /// Time of the first packet, microseconds since 1970.
    pub first_us: u64,
    /// Time of the last packet.
    pub last_us: u64,
    /// Packets from the originator, from the responder.
    pub packets: [u64; 2],
    /// Frame bytes on the wire from the originator, from the responder.
    pub bytes: [u64; 2],
    /// The packet of the flow, from 1, with which app and role became what they are; 0 without an app.
    pub decided_at_packet: u64,
}

/// What counts for every packet lies in the first lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Entry {
    pub(super) key: FlowKey,
    pub(super) state: FlowState,
    pub(super) number: u64,
    pub(super) first_us: u64,
    pub(super) last_us: u64,
    pub(super) packets: [u64; 2],
    pub(super) bytes: [u64; 2],
    pub(super) decided_at_packet: u64,
    /// The tracker's clock at the last packet, from which the time-out runs.
    pub(super) touched_us: u64,
    /// A FIN or RST was seen: a SYN begins another connection between the same end points.
    pub(super) is_closing: bool,
}

impl Entry {
    pub(super) fn flow(&self, place: usize) -> Flow {
        let FlowKey { low, high, transport } = self.key;
        let (src, dst) = match self.state.direction_of(0) {
            Direction::Originator => (low, high),
            Direction::Responder => (high, low),
        };
        Flow {
            number: self.number,
            place,
            five_tuple: FiveTuple { src: src.0, dst: dst.0, src_port: src.1, dst_port: dst.1, transport },
            verdict: self.state.verdict(),
            first_us: self.first_us,
            last_us: self.last_us,
            packets: self.packets,
            bytes: self.bytes,
            decided_at_packet: self.decided_at_packet,
        }
    }
}
