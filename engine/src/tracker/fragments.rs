//! Fragments put together: so many packets at the same time, of 64 KB and no longer than a while, in memory taken once.
//!
//! RFC 791, 3.2; RFC 8200, 4.5. A piece that overlaps another with other bytes ends its packet (RFC 5722); the same piece once
//! more is a copy.

use crate::five_tuple::{Address, FiveTuple};
use crate::lru::{SeededHash, fold};
use crate::packet::{Encapsulation, Piece};
use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;

/// Packets of one set; a packet may lie in one set.
const WAYS: usize = 16;
/// The longest payload of an IP packet, rounded up to the units of fragments.
pub(super) const WHOLE_BYTES: usize = 65_536;
/// Fragments count in units of 8 bytes; a bit for each.
const UNIT_BYTES: usize = 8;
const WORDS: usize = WHOLE_BYTES / UNIT_BYTES / 64;
/// How long pieces wait for the others (RFC 791 suggests 15 s, RFC 8200 60 s).
const WAIT_US: u64 = 30_000_000;

/// What the pieces of one packet share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    src: Address,
    dst: Address,
    id: u32,
    protocol: u8,
    encapsulation: Encapsulation,
}

impl Key {
    fn of(piece: &Piece<'_>) -> Self {
        let network = &piece.network;
        // Of IPv6 only the first piece's number counts (RFC 8200, 4.5).
        let protocol = if network.src.to_v4().is_some() { network.protocol } else { 0 };
        let (src, dst) = (network.src, network.dst);
        Self { src, dst, id: piece.id, protocol, encapsulation: piece.encapsulation }
    }

    fn hash(&self, seed: u64) -> u64 {
        fold(u64::from(self.id), self.src.seeded_hash(self.dst.seeded_hash(seed)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// Pieces are missing.
    Waits,
    /// All were there.
    Whole,
    /// There will be no whole: pieces overlapped, were cut or made no sense.
    Refused,
}

/// One packet in pieces.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: Key,
    state: State,
    /// The packet's flow, once a piece told it, and what it comes through.
    flow: Option<(FiveTuple, Encapsulation)>,
    since_us: u64,
    /// Protocol number of what the pieces are of.
    protocol: u8,
    /// Length of the whole; 0 until the last piece came.
    total_bytes: usize,
    /// Units that are there.
    units: usize,
    /// The end of the furthest of them.
    end_unit: usize,
    /// Of a packet that was whole: whether its last piece has come once more. `bits` are the units that have.
    has_last_again: bool,
    /// Pieces not counted to a flow yet, and their frames' bytes.
    uncounted: Uncounted,
    bits: [u64; WORDS],
}

impl Slot {
    /// Marks a piece's units.
    fn take(&mut self, piece: &Piece<'_>) {
        let start = usize::from(piece.offset);
        let units = start / UNIT_BYTES..(start + piece.network.payload.len()).div_ceil(UNIT_BYTES);
        self.end_unit = self.end_unit.max(units.end);
        for unit in units {
            let bit = 1 << (unit % 64);
            self.units += usize::from(self.bits[unit / 64] & bit == 0);
            self.bits[unit / 64] |= bit;
        }
    }
}

/// Frames that belong to a flow not known yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uncounted {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Uncounted {
    pub(super) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What a piece leads to.
pub(super) enum Added {
    /// The others are missing. The flow and what it comes through, if it is known; then the frames to count to it.
    Waits(Option<(FiveTuple, Encapsulation)>, Uncounted),
    /// The packet is whole: so many bytes of the buffer given.
    Whole {
        /// Protocol number of what it is.
        protocol: u8,
        /// How long it is.
        bytes: usize,
        /// Frames to count to its flow.
        uncounted: Uncounted,
    },
}

/// A first piece whose others never came, to be looked at by itself.
pub(super) struct Alone {
    pub(super) flow: FiveTuple,
    /// Protocol number of what it is a piece of.
    pub(super) protocol: u8,
    pub(super) encapsulation: Encapsulation,
    /// IP's identification.
    pub(super) id: u32,
}

/// Packets in pieces.
#[derive(Debug)]
pub(super) struct Fragments {
    seed: u64,
    slots: Box<[Slot]>,
    bytes: Box<[u8]>,
    /// Slots that are not free.
    used: usize,
    /// Pieces of packets that were never whole, and were counted to no flow.
    pub(super) lost: u64,
}

impl Fragments {
    /// Room for so many packets, rounded up to a power of two, at least 16; each takes 66 KB once it is used.
    pub(super) fn new(packets: usize, seed: u64) -> Self {
        let places = packets.max(WAYS).next_power_of_two();
        let key = Key {
            src: Address::default(),
            dst: Address::default(),
            id: 0,
            protocol: 0,
            encapsulation: Encapsulation::NONE,
        };
        let free = Slot {
            key,
            state: State::Free,
            flow: None,
            since_us: 0,
            protocol: 0,
            total_bytes: 0,
            units: 0,
            end_unit: 0,
            has_last_again: false,
            uncounted: Uncounted::default(),
            bits: [0; WORDS],
        };
        Self {
            seed,
            slots: vec![free; places].into_boxed_slice(),
            bytes: vec![0; places * WHOLE_BYTES].into_boxed_slice(),
            used: 0,
            lost: 0,
        }
    }

    /// Whether any packet is in pieces.
    pub(super) fn is_used(&self) -> bool {
        self.used > 0
    }

    /// Takes in a piece in a frame of so many bytes on the wire. Where it makes its packet whole, the packet is copied into
    /// `whole`. `alone` is called with what gives up its room.
    pub(super) fn add(
        &mut self,
        piece: &Piece<'_>,
        uncounted: Uncounted,
        now_us: u64,
        whole: &mut [u8],
        alone: &mut impl FnMut(&Alone, &[u8]),
    ) -> Added {
        let key = Key::of(piece);
        let (place, is_new) = self.place(&key, now_us);
        if is_new {
            self.give_up(place, alone);
            self.begin(place, key, now_us);
        } else if self.slots[place].state == State::Whole {
            if self.is_copy(place, piece) {
                return self.again(place, piece, uncounted, whole);
            }
            self.begin_another(place, piece, now_us, alone);
        }
        if let (Some(tuple), 0) = (piece.alone.map(|packet| packet.five_tuple), piece.offset) {
            self.slots[place].flow = Some((tuple, piece.encapsulation));
        }
        self.slots[place].uncounted.add(uncounted);
        if self.slots[place].state == State::Waits {
            self.fill(place, piece);
        }
        let slot = &mut self.slots[place];
        if slot.state == State::Waits
            && slot.total_bytes > 0
            && slot.units == slot.total_bytes.div_ceil(UNIT_BYTES)
        {
            slot.state = State::Whole;
            slot.bits.fill(0);
            (slot.units, slot.end_unit, slot.has_last_again) = (0, 0, false);
            return self.whole(place, whole);
        }
        match slot.flow {
            Some(flow) => Added::Waits(Some(flow), core::mem::take(&mut slot.uncounted)),
            None => Added::Waits(None, Uncounted::default()),
        }
    }

    fn whole(&mut self, place: usize, whole: &mut [u8]) -> Added {
        let slot = &mut self.slots[place];
        let (protocol, bytes) = (slot.protocol, slot.total_bytes);
        let uncounted = core::mem::take(&mut slot.uncounted);
        let start = place * WHOLE_BYTES;
        whole[..bytes].copy_from_slice(&self.bytes[start..start + bytes]);
        Added::Whole { protocol, bytes, uncounted }
    }

    /// The same piece of a packet that was whole: a copy, or another packet's with the same number that begins alike.
    fn again(&mut self, place: usize, piece: &Piece<'_>, uncounted: Uncounted, whole: &mut [u8]) -> Added {
        let slot = &mut self.slots[place];
        if piece.offset == 0 {
            slot.bits.fill(0);
            (slot.units, slot.end_unit, slot.has_last_again) = (0, 0, false);
        }
        slot.take(piece);
        slot.has_last_again |= !piece.has_more;
        match slot.flow {
            Some(flow) => Added::Waits(Some(flow), uncounted),
            // What it is of is itself in pieces, or no flow's: this frame is what it holds.
            None => {
                slot.uncounted.add(uncounted);
                self.whole(place, whole)
            }
        }
    }

    /// Another packet with the number of one that was whole. What has come again since its first piece is its own.
    fn begin_another(
        &mut self,
        place: usize,
        piece: &Piece<'_>,
        now_us: u64,
        alone: &mut impl FnMut(&Alone, &[u8]),
    ) {
        let before = self.slots[place];
        self.give_up(place, alone);
        self.begin(place, before.key, now_us);
        if piece.offset > 0 && before.bits[0] & 1 == 1 {
            let slot = &mut self.slots[place];
            let Slot { flow, protocol, units, end_unit, bits, .. } = before;
            let total_bytes = if before.has_last_again { before.total_bytes } else { 0 };
            *slot = Slot { flow, protocol, units, end_unit, bits, total_bytes, ..*slot };
        }
    }

    /// The flow of a packet that turned out to be whole and inside a tunnel: for copies of its pieces.
    pub(super) fn belongs(&mut self, piece: &Piece<'_>, flow: (FiveTuple, Encapsulation)) {
        let key = Key::of(piece);
        if let (place, false) = self.place(&key, 0) {
            self.slots[place].flow.get_or_insert(flow);
        }
    }

    /// Gives up what waited for too long, or everything.
    pub(super) fn expire(&mut self, now_us: Option<u64>, alone: &mut impl FnMut(&Alone, &[u8])) {
        if self.used == 0 {
            return;
        }
        for place in 0..self.slots.len() {
            let slot = &self.slots[place];
            let is_over = now_us.is_none_or(|now_us| now_us.saturating_sub(slot.since_us) > WAIT_US);
            if slot.state != State::Free && is_over {
                self.give_up(place, alone);
            }
        }
    }

    /// Where the packet lies, or is to lie, and whether it is new.
    fn place(&self, key: &Key, now_us: u64) -> (usize, bool) {
        let sets = self.slots.len() / WAYS;
        let first = (key.hash(self.seed) as usize & (sets - 1)) * WAYS;
        let places = first..first + WAYS;
        let is_here =
            |place: &usize| self.slots[*place].state != State::Free && self.slots[*place].key == *key;
        if let Some(place) = places.clone().find(is_here) {
            return (place, now_us.saturating_sub(self.slots[place].since_us) > WAIT_US);
        }
        let worth = |place: &usize| match self.slots[*place].state {
            State::Free => (0, 0),
            State::Whole | State::Refused => (1, self.slots[*place].since_us),
            State::Waits => (2, self.slots[*place].since_us),
        };
        (places.min_by_key(worth).unwrap_or(first), true)
    }

    /// Whether a piece of a packet that was whole is a copy, and not another packet's with the same number.
    fn is_copy(&self, place: usize, piece: &Piece<'_>) -> bool {
        let total_bytes = self.slots[place].total_bytes;
        let end = usize::from(piece.offset) + piece.network.payload.len();
        (if piece.has_more { end < total_bytes } else { end == total_bytes })
            && self.bytes.get(range(place, piece)) == Some(piece.network.payload)
    }

    fn begin(&mut self, place: usize, key: Key, now_us: u64) {
        self.used += 1;
        let slot = &mut self.slots[place];
        slot.bits.fill(0);
        *slot = Slot {
            key,
            state: State::Waits,
            flow: None,
            since_us: now_us,
            protocol: 0,
            total_bytes: 0,
            units: 0,
            end_unit: 0,
            has_last_again: false,
            uncounted: Uncounted::default(),
            bits: slot.bits,
        };
    }

    /// Puts a piece where it belongs, or refuses the packet.
    fn fill(&mut self, place: usize, piece: &Piece<'_>) {
        let Piece { network, offset, has_more, .. } = piece;
        let start = usize::from(*offset);
        let end = start + network.payload.len();
        let slot = &mut self.slots[place];
        // What ends behind the longest packet there is has no place here at all.
        if end >= WHOLE_BYTES {
            slot.state = State::Refused;
            return;
        }
        let is_right = network.is_complete
            && !network.payload.is_empty()
            && (!has_more || end.is_multiple_of(UNIT_BYTES))
            && (slot.total_bytes == 0
                || if *has_more { end < slot.total_bytes } else { end == slot.total_bytes });
        let units = start / UNIT_BYTES..end.div_ceil(UNIT_BYTES);
        let is_behind_the_end = !has_more && units.end < slot.end_unit;
        let there = units.clone().filter(|unit| slot.bits[unit / 64] >> (unit % 64) & 1 == 1).count();
        let kept = &mut self.bytes[range(place, piece)];
        let is_copy = there == units.len() && *kept == *network.payload;
        if !is_right || is_behind_the_end || there > 0 && !is_copy {
            slot.state = State::Refused;
            return;
        }
        if start == 0 {
            slot.protocol = network.protocol;
        }
        if !has_more {
            slot.total_bytes = end;
        }
        if !is_copy {
            kept.copy_from_slice(network.payload);
            slot.take(piece);
        }
    }

    /// Frees a slot. Of a packet that never was whole, the first piece is handed out.
    fn give_up(&mut self, place: usize, alone: &mut impl FnMut(&Alone, &[u8])) {
        let slot = &mut self.slots[place];
        if slot.state == State::Free {
            return;
        }
        self.used -= 1;
        self.lost += slot.uncounted.packets;
        let state = core::mem::replace(&mut slot.state, State::Free);
        let Some((flow, _)) = slot.flow.filter(|_| state == State::Waits) else { return };
        let units = (0..WORDS * 64).take_while(|unit| slot.bits[unit / 64] >> (unit % 64) & 1 == 1).count();
        let bytes =
            (units * UNIT_BYTES).min(if slot.total_bytes > 0 { slot.total_bytes } else { usize::MAX });
        let start = place * WHOLE_BYTES;
        let Key { id, encapsulation, .. } = slot.key;
        let first = Alone { flow, protocol: slot.protocol, encapsulation, id };
        alone(&first, &self.bytes[start..start + bytes]);
    }
}

/// Where a slot keeps a piece's bytes, cut at the slot's end.
fn range(place: usize, piece: &Piece<'_>) -> Range<usize> {
    let start = place * WHOLE_BYTES + usize::from(piece.offset);
    start..(start + piece.network.payload.len()).min((place + 1) * WHOLE_BYTES)
}
