//! What the engine remembers of one flow: 64 bytes the caller owns.

use crate::five_tuple::{Direction, Transport};
use crate::packet::{Packet, TcpFields};
use crate::verdict::Verdict;

/// How many bytes of each direction a flow keeps itself.
pub(crate) const HEAD_BYTES: usize = 16;

/// State of one flow: a plain value of 64 bytes without pointers. All zero bytes are a new flow.
///
/// The caller keeps it wherever it keeps its own flow state and hands it to
/// [`Classifier::classify`](crate::Classifier::classify) with each packet of the flow. Two ends of a flow are told
/// apart by the order of their end points, so the caller need not know who opened it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct FlowState {
    /// The first bytes each side sent, in sequence order.
    head: [[u8; HEAD_BYTES]; 2],
    pub(crate) verdict: Verdict,
    /// One bit for each veto row, two for each row that takes part in a `reverse` pair.
    pub(crate) seen: u64,
    /// TCP: the next sequence number expected; while bytes are parked, the number of the slot.
    pub(crate) sequence: [u32; 2],
    head_bytes: [u8; 2],
    flags: u16,
    /// Packets with payload so far, saturating.
    pub(crate) packets: u8,
    /// A bit for each `every` group that some packet did not match.
    pub(crate) dead_groups: u8,
    /// Which signature set the bits above speak of.
    pub(crate) generation: u16,
}

const _: () = assert!(size_of::<FlowState>() == 64);

const BEGUN: u16 = 1;
/// The originator is the end point that sorts higher.
const FROM_HIGH: u16 = 2;
/// A SYN told who the originator is.
const ORIENTED: u16 = 4;
/// The bits below stand for the lower end point; shifted by one, for the higher.
const STARTED: u16 = 0x10;
const SYN: u16 = 0x40;
const PARKED: u16 = 0x100;
const DONE: u16 = 0x400;

/// One of the two ends of a flow: 0 the lower end point, 1 the higher.
pub(crate) type Side = usize;

impl FlowState {
    /// The verdict after the last packet; it does not tell whether it changed with that packet.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether a packet can tell anything: it is the first, a SYN, or has payload.
    #[inline]
    pub(crate) fn wants(&self, packet: &Packet<'_>) -> bool {
        !packet.payload.is_empty() || !self.has(BEGUN) || packet.tcp.flags & TcpFields::SYN != 0
    }

    /// Who sent this packet, once the flow has begun.
    pub fn direction(&self, packet: &Packet<'_>) -> Direction {
        self.direction_of(usize::from(packet.five_tuple.is_from_high()))
    }

    pub(crate) fn direction_of(&self, side: Side) -> Direction {
        if (side == 1) == self.has(FROM_HIGH) { Direction::Originator } else { Direction::Responder }
    }

    /// Notes who opens the flow. Returns the sender's side and whether this is the flow's first packet.
    pub(crate) fn begin(&mut self, packet: &Packet<'_>) -> (Side, bool) {
        let side = usize::from(packet.five_tuple.is_from_high());
        let first = !self.has(BEGUN);
        let syn = packet.five_tuple.transport == Transport::Tcp && packet.tcp.flags & TcpFields::SYN != 0;
        if first || syn && !self.has(ORIENTED) {
            let answer = syn && packet.tcp.flags & TcpFields::ACK != 0;
            self.set(BEGUN, true);
            self.set(FROM_HIGH, (side == 1) != answer);
            self.set(ORIENTED, syn);
        }
        if syn {
            self.set(SYN << side, true);
            if !self.has(STARTED << side) {
                self.set(STARTED << side, true);
                self.sequence[side] = packet.tcp.sequence.wrapping_add(1);
            }
        }
        (side, first)
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u16, on: bool) {
        if on { self.flags |= flag } else { self.flags &= !flag }
    }

    /// Whether a SYN showed who opened the flow.
    pub(crate) fn is_oriented(&self) -> bool {
        self.has(ORIENTED)
    }

    /// Whether `sequence` means something for this side.
    pub(crate) fn is_started(&self, side: Side) -> bool {
        self.has(STARTED << side)
    }

    pub(crate) fn start(&mut self, side: Side, sequence: u32) {
        self.set(STARTED << side, true);
        self.sequence[side] = sequence;
    }

    /// Whether the side's SYN was seen, so that the start of its stream is known.
    pub(crate) fn has_syn(&self, side: Side) -> bool {
        self.has(SYN << side)
    }

    /// Takes `sequence` for the start of the side's stream, whatever was before.
    pub(crate) fn restart(&mut self, side: Side, sequence: u32) {
        self.set(DONE << side, false);
        self.head_bytes[side] = 0;
        self.start(side, sequence);
    }

    /// The slot that holds the side's bytes.
    pub(crate) fn slot(&self, side: Side) -> Option<u32> {
        self.has(PARKED << side).then(|| self.sequence[side])
    }

    pub(crate) fn park(&mut self, side: Side, slot: u32) {
        self.set(PARKED << side, true);
        self.sequence[side] = slot;
    }

    pub(crate) fn unpark(&mut self, side: Side, sequence: u32) {
        self.set(PARKED << side, false);
        self.sequence[side] = sequence;
    }

    /// Whether the start of the side's stream has been looked at as far as it will be.
    pub(crate) fn is_done(&self, side: Side) -> bool {
        self.has(DONE << side)
    }

    pub(crate) fn set_done(&mut self, side: Side) {
        self.set(DONE << side, true);
    }

    /// The first bytes the side sent, as far as they came in sequence.
    pub(crate) fn head(&self, side: Side) -> &[u8] {
        &self.head[side][..usize::from(self.head_bytes[side]).min(HEAD_BYTES)]
    }

    /// The head by value: 16 bytes of which the first [`head`](Self::head)`.len()` count.
    pub(crate) fn head_copy(&self, side: Side) -> [u8; HEAD_BYTES] {
        self.head[side]
    }

    pub(crate) fn is_head_full(&self, side: Side) -> bool {
        usize::from(self.head_bytes[side]) >= HEAD_BYTES
    }

    /// Adds the next bytes in sequence to the head, until it is full.
    pub(crate) fn fill_head(&mut self, side: Side, bytes: &[u8]) {
        let filled = usize::from(self.head_bytes[side]).min(HEAD_BYTES);
        let taken = bytes.len().min(HEAD_BYTES - filled);
        self.head[side][filled..filled + taken].copy_from_slice(&bytes[..taken]);
        self.head_bytes[side] = (filled + taken) as u8;
    }

    /// Counts a QUIC packet that is opened for this side; gives the count before. (UDP has no head to keep.)
    #[cfg(feature = "quic")]
    pub(crate) fn count_opened(&mut self, side: Side) -> u8 {
        let before = self.head_bytes[side];
        self.head_bytes[side] = before.saturating_add(1);
        before
    }

    /// Forgets what was gathered under another signature set, but not the verdict.
    pub(crate) fn renew(&mut self, generation: u16) {
        (self.seen, self.dead_groups, self.generation) = (0, 0, generation);
    }
}
