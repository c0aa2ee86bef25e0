//! What the engine remembers of one flow: 64 bytes the caller owns.

use crate::context::evidence::Asked;
use crate::dissect::stun;
use crate::five_tuple::{Direction, Transport};
use crate::packet::{Packet, TcpFields};
use crate::verdict::{Carrier, SignatureId, Verdict};

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
    // Whether a packet can tell anything is told by the first 17 bytes, so that a host that keeps them behind its own has one line to ask for.
    pub(crate) verdict: Verdict,
    head_bytes: [u8; 2],
    flags: u16,
    /// Packets with payload so far, saturating.
    pub(crate) packets: u8,
    /// UDP: a bit for each `every` group that some packet did not match. TCP: when other flows' evidence was asked last.
    pub(crate) dead_groups: u8,
    /// Which signature set the bits below speak of.
    pub(crate) generation: u16,
    /// TCP: the first bytes each side sent, where so few wait for more. UDP: how many of the first bytes of each side's first datagram there
    /// are, these, and how many datagrams with payload it has sent.
    head: [[u8; HEAD_BYTES]; 2],
    /// TCP: the number of the start. UDP: when the flow last taught of a call, and by which row. Of what waits in a slot, the slot's.
    pub(crate) sequence: [u32; 2],
    /// One bit for each veto row, two for each row that takes part in a `reverse` pair.
    pub(crate) seen: u64,
}

const _: () = assert!(size_of::<FlowState>() == 64);

/// A bit beside the number of the lower end point's first bytes: [`Asked::is_unnamed`].
const UNNAMED: u8 = 0x80;

const BEGUN: u16 = 1;
/// The originator is the end point that sorts higher.
const FROM_HIGH: u16 = 2;
/// A SYN told who the originator is. Of a flow that has not begun: a packet that waits for its pieces did.
const ORIENTED: u16 = 4;
/// The verdict rests on what other flows showed; on what runs on the server, if the next bit is set.
const HEARSAY: u16 = 8;
const OF_SERVER: u16 = 0x1000;
/// The start is another protocol's.
const FOREIGN: u16 = 0x2000;
/// A row that teaches matched bytes of the originator, of the responder.
const PROVEN: [u16; 2] = [0x4000, 0x8000];
/// The bits below stand for the lower end point; shifted by one, for the higher.
const STARTED: u16 = 0x10;
const SYN: u16 = 0x40;
const PARKED: u16 = 0x100;
const DONE: u16 = 0x400;

/// In the head of the lower end point of a flow over UDP: when other flows' evidence was asked last.
const EPOCH: usize = 0;
/// Where in the head the numbers of bytes and of datagrams stand, and the bytes kept of a side's first datagram.
const TAKEN: usize = 1;
const COUNT: usize = 2;
const FIRST: usize = 4;
const FIRST_BYTES: usize = HEAD_BYTES - FIRST;

/// What a flow keeps of its earlier datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    own: [u8; HEAD_BYTES],
    other: [u8; HEAD_BYTES],
}

impl History {
    /// The number of the datagram at hand among those of its side, from 1.
    pub(crate) fn ordinal(&self) -> u8 {
        self.own[COUNT]
    }

    /// Whether the other side has sent nothing.
    pub(crate) fn is_one_sided(&self) -> bool {
        self.other[COUNT] == 0
    }

    /// The first bytes of the first datagram of the same side.
    pub(crate) fn own_first(&self) -> &[u8] {
        first_of(&self.own)
    }

    /// The first bytes of the first datagram of the other side.
    pub(crate) fn other_first(&self) -> &[u8] {
        first_of(&self.other)
    }
}

fn first_of(head: &[u8; HEAD_BYTES]) -> &[u8] {
    &head[FIRST..FIRST + usize::from(head[TAKEN]).min(FIRST_BYTES)]
}

/// A flow of a call teaches anew of it when so many bits of its packets' time in microseconds ran out: 17 seconds, of the five
/// minutes for which a call is remembered.
const TEACHING_STEP: u32 = 24;

/// One of the two ends of a flow: 0 the lower end point, 1 the higher.
pub(crate) type Side = usize;

impl FlowState {
    /// The verdict after the last packet; it does not tell whether it changed with that packet.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether a packet can tell anything of its flow, by what its headers say: the question to ask before a [`Packet`] is made.
    /// No for most: the verdict is final, or there is no payload. [`Classifier::classify`](crate::Classifier::classify)
    /// would leave flow and verdict as they are. `tcp_flags` are 0 for UDP.
    ///
    /// (`wiremark_wants` in wiremark.h is the same in C.)
    #[inline]
    pub fn wants(&self, tcp_flags: u8, payload_bytes: usize) -> bool {
        // All of it is at hand, and none of it can be foreseen: one branch, for who asks.
        (!self.verdict.is_final() | (self.flags & (PROVEN[0] | PROVEN[1]) == PROVEN[0]))
            & ((payload_bytes != 0) | !self.has(BEGUN) | (tcp_flags & TcpFields::SYN != 0))
    }

    /// Whether the flow was looked at to its end without a verdict, so that only other flows may still tell, and none has told
    /// since ([`Classifier::pulse`](crate::Classifier::pulse) after the last packet says): the packet, which is no fragment, tells
    /// nothing.
    ///
    /// (`wiremark_rests` in wiremark.h is the same in C.)
    #[inline]
    pub fn rests(&self, pulse: u32, transport: Transport, tcp_flags: u8, payload: &[u8]) -> bool {
        let (generation, budget, epoch) = ((pulse >> 16) as u16, (pulse >> 8) as u8, pulse as u8);
        self.rests_since(generation, budget, epoch, transport, tcp_flags, payload)
    }

    /// The same, by what a pulse consists of.
    #[inline]
    pub(crate) fn rests_since(
        &self,
        generation: u16,
        budget: u8,
        epoch: u8,
        transport: Transport,
        tcp_flags: u8,
        payload: &[u8],
    ) -> bool {
        !self.verdict.is_match()
            && self.generation == generation
            && self.verdict.carrier != Carrier::Dns
            && match transport {
                Transport::Tcp => {
                    let is_spent = self.packets >= budget && budget != 0 && !self.has(PARKED | PARKED << 1);
                    (self.is_over() || is_spent) && tcp_flags & TcpFields::SYN == 0
                }
                Transport::Udp => {
                    self.packets >= budget && budget != 0 && payload.get(4..8) != Some(&stun::MAGIC_COOKIE)
                }
            }
            && self.asked(transport) == Asked { is_unnamed: true, epoch }
    }

    /// Over UDP: whether no dissector, no group of rows and no row of these bits has fitted any datagram so far.
    #[inline]
    pub(crate) fn fits_nothing(&self, marks: u64) -> bool {
        !self.verdict.is_match()
            && self.verdict.carrier == Carrier::Unknown
            && self.seen & marks == 0
            && self.dead_groups == u8::MAX
    }

    /// Whether a packet was seen.
    pub(crate) fn has_begun(&self) -> bool {
        self.has(BEGUN)
    }

    /// Who sent this packet, once the flow has begun.
    pub fn direction(&self, packet: &Packet<'_>) -> Direction {
        self.direction_of(usize::from(packet.five_tuple.is_from_high()))
    }

    pub(crate) fn direction_of(&self, side: Side) -> Direction {
        if (side == 1) == self.has(FROM_HIGH) { Direction::Originator } else { Direction::Responder }
    }

    /// Notes who opens the flow. Returns the sender's side and whether this is the flow's first packet.
    #[inline]
    pub(crate) fn begin(&mut self, packet: &Packet<'_>) -> (Side, bool) {
        let side = usize::from(packet.five_tuple.is_from_high());
        let first = !self.has(BEGUN);
        let syn = packet.five_tuple.transport == Transport::Tcp && packet.tcp.flags & TcpFields::SYN != 0;
        if first || syn {
            self.note_opener(packet, side, first, syn);
        }
        (side, first)
    }

    /// What a first packet and a SYN tell of who opens the flow.
    #[inline]
    fn note_opener(&mut self, packet: &Packet<'_>, side: Side, first: bool, syn: bool) {
        if first || !self.has(ORIENTED) {
            let answer = syn && packet.tcp.flags & TcpFields::ACK != 0;
            if syn || !self.has(ORIENTED) {
                self.set(FROM_HIGH, (side == 1) != answer);
            }
            self.set(BEGUN, true);
            self.set(ORIENTED, syn);
        }
        if syn {
            self.set(SYN << side, true);
            if !self.has(STARTED << side) {
                self.set(STARTED << side, true);
                self.sequence[side] = packet.tcp.sequence.wrapping_add(1);
            }
        }
    }

    /// Notes who sent first where that packet cannot be looked at before its pieces are there: the flow has not begun,
    /// and will with the packet that is looked at first.
    pub(crate) fn expect(&mut self, is_from_high: bool) {
        if self.flags & (BEGUN | ORIENTED) == 0 {
            self.set(FROM_HIGH, is_from_high);
            self.set(ORIENTED, true);
        }
    }

    /// The verdict comes from another flow.
    pub(crate) fn note_hearsay(&mut self, of_server: bool) {
        self.set(HEARSAY, true);
        self.set(OF_SERVER, of_server);
    }

    /// The verdict comes from the flow's own bytes.
    pub(crate) fn note_own(&mut self) {
        self.set(HEARSAY, false);
    }

    /// Whether the verdict came from another flow.
    pub(crate) fn is_hearsay(&self) -> bool {
        self.has(HEARSAY)
    }

    /// Whether what came from another flow was about the server's address and port.
    pub(crate) fn is_of_server(&self) -> bool {
        self.has(OF_SERVER)
    }

    /// The flow began as another protocol.
    pub(crate) fn note_foreign(&mut self) {
        self.set(FOREIGN, true);
    }

    /// Whether the flow began as another protocol.
    pub(crate) fn is_foreign(&self) -> bool {
        self.has(FOREIGN)
    }

    /// Payload of the side showed the app.
    pub(crate) fn note_proof(&mut self, side: Side) {
        self.set(PROVEN[usize::from(self.direction_of(side) == Direction::Responder)], true);
    }

    /// Whether a flow over UDP that shows a call by a row taught something else last, or not lately. Notes that it did now.
    #[inline]
    pub(crate) fn teaches_anew(&mut self, row: SignatureId, now_us: u64) -> bool {
        let taught = [(now_us >> TEACHING_STEP) as u32, u32::from(row.0)];
        let is_anew = self.sequence != taught || self.flags & (PARKED | PARKED << 1) != 0;
        if self.flags & (PARKED | PARKED << 1) == 0 {
            self.sequence = taught;
        }
        is_anew
    }

    /// Whether payload of the side did.
    #[inline]
    pub(crate) fn is_proven(&self, side: Side) -> bool {
        self.has(PROVEN[usize::from(self.direction_of(side) == Direction::Responder)])
    }

    /// Whether payload of both sides showed the app, so that the server is no mere claim of its client's.
    pub(crate) fn is_proven_by_both(&self) -> bool {
        self.flags & (PROVEN[0] | PROVEN[1]) == PROVEN[0] | PROVEN[1]
    }

    /// Whether the client's bytes showed the app and the server's have still to.
    pub(crate) fn awaits_proof(&self) -> bool {
        self.flags & (PROVEN[0] | PROVEN[1]) == PROVEN[0] && !self.is_done(usize::from(!self.has(FROM_HIGH)))
    }

    /// When other flows' evidence was asked last.
    #[inline]
    pub(crate) fn asked(&self, transport: Transport) -> Asked {
        let epoch = if transport == Transport::Tcp { self.dead_groups } else { self.head[0][EPOCH] };
        Asked { is_unnamed: self.head_bytes[0] & UNNAMED != 0, epoch }
    }

    #[inline]
    pub(crate) fn note_asked(&mut self, transport: Transport, asked: Asked) {
        match transport {
            Transport::Tcp => self.dead_groups = asked.epoch,
            Transport::Udp => self.head[0][EPOCH] = asked.epoch,
        }
        self.head_bytes[0] = self.head_bytes[0] & !UNNAMED | if asked.is_unnamed { UNNAMED } else { 0 };
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u16, on: bool) {
        if on { self.flags |= flag } else { self.flags &= !flag }
    }

    /// Whether a SYN showed who opened the flow.
    pub(crate) fn is_oriented(&self) -> bool {
        self.flags & (BEGUN | ORIENTED) == BEGUN | ORIENTED
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
        self.set((DONE | PARKED) << side, false);
        self.empty_head(side);
        self.start(side, sequence);
    }

    /// Whether bytes of the side's start wait for more: over TCP in its [head](Self::head) if that is not empty, else in a slot.
    pub(crate) fn waits(&self, side: Side) -> bool {
        self.has(PARKED << side)
    }

    /// The slot that holds the side's bytes, unless its head does.
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

    /// Whether the starts of both sides' streams have been, and it is known which end opened the flow.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        const ALL: u16 = BEGUN | ORIENTED | DONE | DONE << 1;
        self.flags & ALL == ALL
    }

    pub(crate) fn set_done(&mut self, side: Side) {
        self.set(DONE << side, true);
    }

    /// How many of the side's first bytes are kept.
    fn filled(&self, side: Side) -> usize {
        usize::from(self.head_bytes[side] & !UNNAMED).min(HEAD_BYTES)
    }

    /// The first bytes the side sent, while they wait there for more.
    pub(crate) fn head(&self, side: Side) -> &[u8] {
        &self.head[side][..self.filled(side)]
    }

    /// The head by value: 16 bytes of which the first [`head`](Self::head)`.len()` count.
    pub(crate) fn head_copy(&self, side: Side) -> [u8; HEAD_BYTES] {
        self.head[side]
    }

    pub(crate) fn is_head_full(&self, side: Side) -> bool {
        self.filled(side) >= HEAD_BYTES
    }

    /// Adds bytes to the head, as far as they join what is there and fit. Of bytes that come twice the later stay.
    pub(crate) fn fill_head(&mut self, side: Side, offset: usize, bytes: &[u8]) {
        let filled = self.filled(side);
        if offset <= filled {
            let end = HEAD_BYTES.min(offset + bytes.len());
            self.head[side][offset..end].copy_from_slice(&bytes[..end - offset]);
            self.head_bytes[side] = self.head_bytes[side] & UNNAMED | filled.max(end) as u8;
        }
    }

    /// The side's start waits there no longer.
    pub(crate) fn empty_head(&mut self, side: Side) {
        self.head_bytes[side] &= UNNAMED;
    }

    /// Takes in the next datagram with payload of a side; gives what rows about several datagrams ask of the flow.
    #[inline]
    pub(crate) fn note_datagram(&mut self, side: Side, payload: &[u8]) -> History {
        let own = &mut self.head[side];
        if own[COUNT] == 0 {
            let taken = payload.len().min(FIRST_BYTES);
            match payload.first_chunk::<FIRST_BYTES>() {
                Some(first) => own[FIRST..].copy_from_slice(first),
                None => own[FIRST..FIRST + taken].copy_from_slice(payload),
            }
            own[TAKEN] = taken as u8;
        }
        own[COUNT] = own[COUNT].saturating_add(1);
        History { own: self.head[side], other: self.head[1 - side] }
    }

    /// Work spent on opening QUIC packets of this side. (UDP has no stream whose first bytes would be kept.)
    #[cfg(feature = "quic")]
    pub(crate) fn opened(&self, side: Side) -> u8 {
        self.head_bytes[side] & !UNNAMED
    }

    /// Adds to it.
    #[cfg(feature = "quic")]
    pub(crate) fn count_opened(&mut self, side: Side, work: u8) {
        let work = self.opened(side).saturating_add(work).min(!UNNAMED);
        self.head_bytes[side] = self.head_bytes[side] & UNNAMED | work;
    }

    /// Forgets what was gathered under another signature set, but not the verdict.
    pub(crate) fn renew(&mut self, generation: u16) {
        (self.seen, self.dead_groups, self.generation) = (0, 0, generation);
    }
}

#[cfg(test)]
mod tests;
