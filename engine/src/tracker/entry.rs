//! What the flow table keeps of a flow, and what it tells of it.

use super::buckets::Sought;
use crate::five_tuple::{Direction, FiveTuple, FlowKey, Transport};
use crate::flow::FlowState;
use crate::packet::{Encapsulation, TcpFields};
use crate::verdict::Verdict;
use wiremark_prefetch::LINE_BYTES;

/// One flow of the table.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// From 1 in the order of first packets.
    pub number: u64,
    /// Where the flow lies, or lay, in the table; see [`Seen::place`](crate::Seen::place).
    pub place: usize,
    /// The source is the originator.
    pub five_tuple: FiveTuple,
    /// Whether a TCP SYN showed who the originator is; else it is the end that was seen to send first.
    pub is_oriented: bool,
    /// After the last packet.
    pub verdict: Verdict,
    /// Time of the first packet that has one, microseconds since 1970; 0 where none has.
    pub first_us: u64,
    /// Time of the last packet.
    pub last_us: u64,
    /// Packets from the originator, from the responder.
    pub packets: [u64; 2],
    /// Frame bytes on the wire from the originator, from the responder.
    pub bytes: [u64; 2],
    /// The packet of the flow, from 1, with which app, role, signature and evidence became what they are; 0 without an app.
    pub decided_at_packet: u64,
    /// VLANs and tunnel; of a tunnel that numbers each direction by itself, the originator's direction.
    pub encapsulation: Encapsulation,
}

/// What every packet wants lies in the first three lines: which flow it is and when it was touched; its state; its counts.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Entry {
    pub(super) key: FlowKey,
    /// Which of the capture's clocks gave the last packet its time.
    pub(super) clock: u8,
    /// The part of the encapsulation that both directions share.
    pub(super) both_ways: u64,
    /// The tracker's clock at the last packet, from which the time-out runs.
    pub(super) touched_us: u64,
    pub(super) last_us: u64,
    pub(super) state: FlowState,
    pub(super) packets: [u64; 2],
    pub(super) bytes: [u64; 2],
    pub(super) number: u64,
    pub(super) first_us: u64,
    pub(super) decided_at_packet: u64,
    /// The tunnel's number in the direction from the lower end point, and from the higher; 0 where not known.
    pub(super) one_way: [u32; 2],
    pub(super) connection: Connection,
}

/// Cache lines of an entry that every packet wants.
pub(super) const HOT_LINES: usize = 3;
/// All of them.
pub(super) const ENTRY_LINES: usize = size_of::<Entry>() / LINE_BYTES;
const _: () =
    assert!(core::mem::offset_of!(Entry, state) == 64 && core::mem::offset_of!(Entry, one_way) >= 184);

/// What tells one TCP connection from the next between the same end points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connection {
    /// The sequence number of the first byte of each side, the lower end point's first: of its SYN, or as first seen.
    first: [u32; 2],
    /// No `bool`: whether an entry is there could be told by it, in a line that packets do not want otherwise.
    flags: u8,
}

/// The lower end point has begun; shifted by one, the higher.
const BEGUN: u8 = 1;
/// A FIN or RST was seen.
const CLOSING: u8 = 4;
/// Nothing but SYNs so far.
const ASKING: u8 = 8;

/// A flow that was quiet for so long is not in the middle of something.
const QUIET_US: u64 = 1_000_000;
/// How far beyond what was seen a sequence number can be of the same connection.
const WINDOW_BYTES: u64 = 65_536;

impl Connection {
    /// Whether a packet with these flags is taken in, be it its side's first or not.
    #[inline]
    pub(super) fn is_noted(flags: u8) -> bool {
        flags & (TcpFields::SYN | TcpFields::FIN | TcpFields::RST) != 0
    }

    /// Takes in a packet with SYN, FIN or RST, or the first of a side.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, sought: &Sought<'_>) {
        let TcpFields { flags, sequence } = sought.tcp;
        if sought.key.transport != Transport::Tcp {
            return;
        }
        let side = usize::from(sought.is_from_high);
        let is_syn = flags & TcpFields::SYN != 0;
        if self.flags & (BEGUN | BEGUN << 1) == 0 {
            self.flags |= ASKING;
        }
        if flags & (TcpFields::SYN | TcpFields::ACK) != TcpFields::SYN {
            self.flags &= !ASKING;
        }
        if flags & (TcpFields::FIN | TcpFields::RST) != 0 {
            self.flags |= CLOSING;
        }
        if self.flags & BEGUN << side == 0 && flags & TcpFields::RST == 0 {
            self.flags |= BEGUN << side;
            self.first[side] = sequence.wrapping_add(is_syn.into());
        }
    }

    /// Whether a packet with SYN begins another connection. `seen_bytes` is how much the flow has had, and `quiet_us` how
    /// long it was quiet. The same SYN once more, however late, does not.
    #[cold]
    pub(super) fn is_replaced_by(&self, sought: &Sought<'_>, seen_bytes: u64, quiet_us: u64) -> bool {
        let side = usize::from(sought.is_from_high);
        let is_first = sought.tcp.flags & TcpFields::ACK == 0;
        let (is_closing, is_asking) = (self.flags & CLOSING != 0, self.flags & ASKING != 0);
        if self.flags & BEGUN << side == 0 {
            return is_closing && is_first;
        }
        let ahead = sought.tcp.sequence.wrapping_add(1).wrapping_sub(self.first[side]);
        if ahead == 0 {
            return false;
        }
        // The side's SYN may come after its first bytes.
        let is_near =
            u64::from(ahead) <= seen_bytes + WINDOW_BYTES || u64::from(ahead.wrapping_neg()) <= WINDOW_BYTES;
        is_closing || is_asking || quiet_us >= QUIET_US || !is_near
    }
}

impl Entry {
    /// Takes in the verdict after a packet that was counted, and what was decided before it.
    #[inline]
    pub(super) fn decide(&mut self, before: Verdict, verdict: Verdict) {
        if before.decision() != verdict.decision() {
            let packets = self.packets[0] + self.packets[1];
            self.decided_at_packet = if verdict.is_match() { packets } else { 0 };
        }
    }

    pub(super) fn flow(&self, place: usize) -> Flow {
        let FlowKey { low, high, transport } = self.key;
        let (src, dst, one_way) = match self.state.direction_of(0) {
            Direction::Originator => (low, high, self.one_way),
            Direction::Responder => (high, low, [self.one_way[1], self.one_way[0]]),
        };
        let one_way = if one_way[0] == 0 { one_way[1] } else { one_way[0] };
        Flow {
            number: self.number,
            place,
            five_tuple: FiveTuple { src: src.0, dst: dst.0, src_port: src.1, dst_port: dst.1, transport },
            is_oriented: self.state.is_oriented(),
            verdict: self.state.verdict(),
            first_us: self.first_us,
            last_us: self.last_us,
            packets: self.packets,
            bytes: self.bytes,
            decided_at_packet: self.decided_at_packet,
            encapsulation: Encapsulation::from_parts(self.both_ways, one_way),
        }
    }
}
