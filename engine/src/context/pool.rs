//! Where bytes wait: a fixed number of slots for handshakes that come in pieces. When all are taken the oldest goes. Most
//! are small; what outgrows its slot moves to one of a few that are large, within the same memory.

use crate::five_tuple::FlowKey;
use crate::flow::{HEAD_BYTES, Side};
use alloc::vec::Vec;
use bytes::BytesMut;
use core::ops::Range;
use smallvec::SmallVec;

/// Most separate runs of bytes one slot keeps track of: browsers cut QUIC hellos to shreds and shuffle them.
const RUNS: usize = 24;
/// End of the list.
const NONE: u32 = u32::MAX;
/// Of so many slots' memory one large slot is made.
const SLOTS_PER_LARGE: usize = 32;
/// Longest connection id of QUIC (RFC 9000, 17.2).
const ID_MAX: usize = 20;

/// The slots. A slot's number is twice its place in its shelf, and one more if it is large.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Small ones, then large ones.
    shelves: [Shelf; 2],
    /// Slots taken from their owners to make room.
    pub(crate) lost: u64,
}

/// Slots of one size, made as they are needed, so that who parks little writes to little memory. The list goes from the one to
/// be taken next (free ones first, then the oldest) to the newest.
#[derive(Debug)]
struct Shelf {
    /// In memory for all that there may be.
    slots: Vec<Slot>,
    most: usize,
    /// Of the slots that are not made yet.
    memory: BytesMut,
    slot_bytes: usize,
    first: u32,
    last: u32,
}

/// Bytes of one side of one flow, by their offset from the stream's start.
#[derive(Debug)]
pub(crate) struct Slot {
    owner: Option<(FlowKey, Side)>,
    /// TCP sequence number of offset 0; unused for QUIC.
    pub(crate) base: u32,
    /// QUIC: the connection id that the keys come from, with its length in front.
    id: [u8; ID_MAX + 1],
    /// What has come, in order, no two touching.
    runs: SmallVec<[Range<u32>; RUNS]>,
    bytes: BytesMut,
    previous: u32,
    next: u32,
}

impl Slot {
    /// Adds bytes at an offset, cut to the slot's size. Of bytes that come twice the later stay.
    /// Returns whether they could be kept.
    pub(crate) fn insert(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let Some(room) = self.bytes.len().checked_sub(offset).filter(|room| *room > 0) else { return false };
        let bytes = &bytes[..bytes.len().min(room)];
        let mut run = offset as u32..(offset + bytes.len()) as u32;
        let touches = |other: &Range<u32>| other.start <= run.end && run.start <= other.end;
        if self.runs.len() == RUNS && !self.runs.iter().any(touches) {
            return false;
        }
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        // Most come one behind the other.
        match self.runs.as_mut_slice() {
            [] => {
                self.runs.push(run);
                return true;
            }
            [only] if only.end == run.start => {
                only.end = run.end;
                return true;
            }
            _ => {}
        }
        self.runs.retain(|other| {
            let apart = other.start > run.end || run.start > other.end;
            if !apart {
                run = run.start.min(other.start)..run.end.max(other.end);
            }
            apart
        });
        let at = self.runs.partition_point(|other| other.start < run.start);
        self.runs.insert(at, run);
        true
    }

    /// The bytes from the start up to the first gap.
    pub(crate) fn contiguous(&self) -> &[u8] {
        match self.runs.first() {
            Some(run) if run.start == 0 => &self.bytes[..run.end as usize],
            _ => &[],
        }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The first `count` bytes are done with: what stands behind them moves to the front.
    pub(crate) fn consume(&mut self, count: usize) {
        let end = self.runs.last().map_or(0, |run| run.end as usize);
        let count = count.min(end);
        self.bytes.copy_within(count..end, 0);
        self.base = self.base.wrapping_add(count as u32);
        self.runs.retain(|run| run.end as usize > count);
        for run in &mut self.runs {
            *run = run.start.saturating_sub(count as u32)..run.end - count as u32;
        }
    }

    /// The connection id that a QUIC flow's keys come from.
    pub(crate) fn id(&self) -> &[u8] {
        self.id.get(1..1 + usize::from(self.id[0])).unwrap_or_default()
    }

    pub(crate) fn set_id(&mut self, id: &[u8]) {
        let length = id.len().min(ID_MAX);
        self.id[0] = length as u8;
        self.id[1..=length].copy_from_slice(&id[..length]);
    }

    /// Whether no more bytes would fit behind the contiguous ones.
    pub(crate) fn is_full(&self) -> bool {
        self.contiguous().len() == self.bytes.len()
    }
}

impl Shelf {
    fn new(most: usize, memory: BytesMut, slot_bytes: usize) -> Self {
        Self { slots: Vec::with_capacity(most), most, memory, slot_bytes, first: NONE, last: NONE }
    }

    /// The place of a slot to be used next, now the newest: a free one, one that is made now, or the oldest.
    fn next(&mut self) -> Option<u32> {
        let is_free = self.slots.get(self.first as usize).is_some_and(|slot| slot.owner.is_none());
        let place = if !is_free && self.slots.len() < self.most { self.make() } else { self.first };
        if place == self.first {
            self.slots.get(place as usize)?;
            self.unlink(place);
        }
        self.link_between(self.last, place, NONE);
        Some(place)
    }

    #[cold]
    fn make(&mut self) -> u32 {
        self.slots.push(Slot {
            owner: None,
            base: 0,
            id: [0; ID_MAX + 1],
            runs: SmallVec::new(),
            bytes: self.memory.split_to(self.slot_bytes),
            previous: NONE,
            next: NONE,
        });
        self.slots.len() as u32 - 1
    }

    fn free(&mut self, place: u32) {
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.owner = None;
            self.unlink(place);
            self.link_between(NONE, place, self.first);
        }
    }

    fn unlink(&mut self, place: u32) {
        let (previous, next) = {
            let slot = &self.slots[place as usize];
            (slot.previous, slot.next)
        };
        match self.slots.get_mut(previous as usize) {
            Some(slot) => slot.next = next,
            None => self.first = next,
        }
        match self.slots.get_mut(next as usize) {
            Some(slot) => slot.previous = previous,
            None => self.last = previous,
        }
    }

    fn link_between(&mut self, previous: u32, place: u32, next: u32) {
        let slot = &mut self.slots[place as usize];
        (slot.previous, slot.next) = (previous, next);
        match self.slots.get_mut(previous as usize) {
            Some(slot) => slot.next = place,
            None => self.first = place,
        }
        match self.slots.get_mut(next as usize) {
            Some(slot) => slot.previous = place,
            None => self.last = place,
        }
    }
}

impl Pool {
    /// Memory of `slots` times `slot_bytes`; the only place that allocates. A 32nd of the slots is large, each in place
    /// of four.
    pub(crate) fn new(slots: usize, slot_bytes: usize) -> Self {
        let slots = slots.min(NONE as usize / 2 - 1);
        // What outgrows a flow's own head finds room.
        let slot_bytes = slot_bytes.max(HEAD_BYTES);
        let large = slots / SLOTS_PER_LARGE;
        let small = slots - 4 * large;
        let large_bytes = 4 * slot_bytes + slot_bytes / 4;
        // In one piece, of which the system gives what is written to.
        let mut memory = BytesMut::zeroed(small * slot_bytes + large * large_bytes);
        let of_small = memory.split_to(small * slot_bytes);
        let shelves = [Shelf::new(small, of_small, slot_bytes), Shelf::new(large, memory, large_bytes)];
        Self { shelves, lost: 0 }
    }

    /// The slot, if it still belongs to this side of this flow.
    pub(crate) fn get(&mut self, number: u32, owner: &FlowKey, side: Side) -> Option<&mut Slot> {
        let slot = self.shelf(number).slots.get_mut(number as usize / 2)?;
        slot.owner.as_ref().is_some_and(|(key, its)| *its == side && key == owner).then_some(slot)
    }

    fn shelf(&mut self, number: u32) -> &mut Shelf {
        &mut self.shelves[number as usize % 2]
    }

    /// Takes a free slot, or the oldest from its owner, with room for `bytes` if there is any such. `None` where the pool
    /// has no slots at all.
    pub(crate) fn take(
        &mut self,
        owner: FlowKey,
        side: Side,
        base: u32,
        bytes: usize,
    ) -> Option<(u32, &mut Slot)> {
        let wants_large = bytes > self.shelves[0].slot_bytes && self.shelves[1].most > 0;
        let shelf = &mut self.shelves[usize::from(wants_large)];
        let place = shelf.next()?;
        let slot = shelf.slots.get_mut(place as usize)?;
        self.lost += u64::from(slot.owner.is_some());
        slot.owner = Some((owner, side));
        slot.base = base;
        slot.id[0] = 0;
        slot.runs.clear();
        Some((2 * place + u32::from(wants_large), slot))
    }

    /// Whether there are no slots at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.shelves[0].most == 0
    }

    /// Whether what outgrows a slot would find room in a larger one.
    pub(crate) fn may_grow(&self, number: u32) -> bool {
        number.is_multiple_of(2) && self.shelves[1].most > 0
    }

    /// Moves what a small slot holds to a large one, because `bytes` are to fit. Gives the number to use from now on.
    pub(crate) fn grow(&mut self, number: u32, bytes: usize) -> u32 {
        if bytes <= self.shelves[0].slot_bytes || !self.may_grow(number) {
            return number;
        }
        let Some(slot) = self.shelves[0].slots.get(number as usize / 2) else { return number };
        let Some((owner, side)) = slot.owner else { return number };
        let (base, id, runs) = (slot.base, slot.id, slot.runs.clone());
        let Some((new, _)) = self.take(owner, side, base, bytes) else { return number };
        let [small, large] = &mut self.shelves;
        let (from, to) = (&small.slots[number as usize / 2], &mut large.slots[new as usize / 2]);
        to.bytes[..from.bytes.len()].copy_from_slice(&from.bytes);
        (to.id, to.runs) = (id, runs);
        self.free(number);
        new
    }

    /// Gives a slot back.
    pub(crate) fn free(&mut self, number: u32) {
        self.shelf(number).free(number / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::five_tuple::{Address, Transport};

    fn key(port: u16) -> FlowKey {
        let end = (Address::v4([10, 0, 0, 1]), port);
        FlowKey { low: end, high: (Address::v4([10, 0, 0, 2]), 443), transport: Transport::Tcp }
    }

    #[test]
    fn bytes_come_together_in_any_order() {
        let mut pool = Pool::new(1, 16);
        let (_, slot) = pool.take(key(1), 0, 0, 1).unwrap();
        assert!(slot.insert(4, b"efgh"));
        assert_eq!(slot.contiguous(), b"");
        assert!(slot.insert(0, b"ab"));
        assert_eq!(slot.contiguous(), b"ab");
        assert!(slot.insert(1, b"bcde"));
        assert_eq!(slot.contiguous(), b"abcdefgh");
        assert!(slot.insert(8, &[b'x'; 100]), "cut to the slot");
        assert!(slot.is_full());
        assert!(!slot.insert(16, b"y"));
    }

    #[test]
    fn a_slot_keeps_a_bounded_number_of_runs() {
        let mut pool = Pool::new(1, 128);
        let (_, slot) = pool.take(key(1), 0, 0, 1).unwrap();
        for run in 0..RUNS {
            assert!(slot.insert(run * 4 + 2, b"x"));
        }
        assert!(!slot.insert(120, b"x"));
        assert!(!slot.runs.spilled());
        assert!(slot.insert(0, &[b'x'; 120]), "what joins runs is welcome");
        assert_eq!(slot.contiguous().len(), 120);
    }

    #[test]
    fn the_oldest_goes_and_a_freed_slot_is_taken_first() {
        let mut pool = Pool::new(2, 16);
        let (first, _) = pool.take(key(1), 0, 0, 1).unwrap();
        let (second, _) = pool.take(key(2), 0, 0, 1).unwrap();
        let (third, _) = pool.take(key(3), 1, 0, 1).unwrap();
        assert_eq!(third, first);
        assert!(pool.get(first, &key(1), 0).is_none(), "its owner lost it");
        assert_eq!(pool.lost, 1);
        assert!(pool.get(third, &key(3), 1).is_some());
        assert!(pool.get(third, &key(3), 0).is_none(), "the other side's bytes");
        pool.free(third);
        assert_eq!(pool.take(key(4), 0, 0, 1).unwrap().0, third);
        assert_eq!(pool.lost, 1, "what was given back is no loss");
        assert!(pool.get(second, &key(2), 0).is_some());
        assert!(Pool::new(0, 16).take(key(1), 0, 0, 1).is_none());
    }

    #[test]
    fn slots_are_made_as_they_are_needed() {
        let mut pool = Pool::new(64, 16);
        for port in 0..1000 {
            let (number, slot) = pool.take(key(port), 0, 0, if port % 2 == 0 { 1 } else { 17 }).unwrap();
            assert!(slot.insert(0, b"x"));
            pool.free(number);
        }
        assert_eq!(pool.shelves.each_ref().map(|shelf| shelf.slots.len()), [1, 1]);
        for port in 0..200 {
            pool.take(key(port), 0, 0, 1 + usize::from(port % 2) * 16).unwrap();
        }
        let made = pool.shelves.each_ref().map(|shelf| (shelf.slots.len(), shelf.slots.capacity()));
        assert_eq!((made, pool.lost), ([(56, 56), (2, 2)], 200 - 58));
    }

    #[test]
    fn what_outgrows_its_slot_moves_to_a_large_one() {
        let mut pool = Pool::new(32, 16);
        let (number, slot) = pool.take(key(1), 0, 7, 1).unwrap();
        assert!(slot.insert(0, &[b'a'; 16]));
        let large = pool.grow(number, 40);
        assert_ne!(large, number);
        let slot = pool.get(large, &key(1), 0).unwrap();
        assert!(slot.insert(16, &[b'b'; 30]));
        assert_eq!((slot.base, slot.contiguous().len()), (7, 46));
        assert!(pool.get(number, &key(1), 0).is_none(), "given back");
        assert_eq!(pool.grow(large, 400), large, "there is none larger");
        assert_eq!(pool.take(key(2), 0, 0, 1).unwrap().0, number);
        assert_eq!(pool.lost, 0);
    }

    #[test]
    fn what_was_read_makes_room() {
        let mut pool = Pool::new(1, 16);
        let (_, slot) = pool.take(key(1), 0, 100, 1).unwrap();
        slot.insert(0, b"abcdef");
        slot.insert(8, b"xy");
        slot.consume(4);
        assert_eq!((slot.base, slot.contiguous()), (104, &b"ef"[..]));
        slot.insert(2, b"..");
        assert_eq!(slot.contiguous(), b"ef..xy");
    }
}
