//! Where bytes wait: a fixed number of slots for handshakes that come in pieces. When all are taken the oldest goes.

use crate::five_tuple::FlowKey;
use crate::flow::Side;
use alloc::vec::Vec;
use bytes::BytesMut;
use core::ops::Range;
use smallvec::SmallVec;

/// Most separate runs of bytes one slot keeps track of.
const RUNS: usize = 8;
/// End of the list.
const NONE: u32 = u32::MAX;

/// The slots, in a list from the one to be taken next (free ones first, then the oldest) to the newest.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: Vec<Slot>,
    first: u32,
    last: u32,
    /// Slots taken from their owners to make room.
    pub(crate) lost: u64,
}

/// Bytes of one side of one flow, by their offset from the stream's start.
#[derive(Debug)]
pub(crate) struct Slot {
    owner: Option<(FlowKey, Side)>,
    /// TCP sequence number of offset 0; unused for QUIC.
    pub(crate) base: u32,
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

    /// Whether no more bytes would fit behind the contiguous ones.
    pub(crate) fn is_full(&self) -> bool {
        self.contiguous().len() == self.bytes.len()
    }
}

impl Pool {
    /// `slots` of `slot_bytes` each; the only place that allocates.
    pub(crate) fn new(slots: usize, slot_bytes: usize) -> Self {
        let count = slots.min(NONE as usize - 1) as u32;
        let slot = |index: u32| Slot {
            owner: None,
            base: 0,
            runs: SmallVec::new(),
            bytes: BytesMut::zeroed(slot_bytes),
            previous: if index == 0 { NONE } else { index - 1 },
            next: if index + 1 == count { NONE } else { index + 1 },
        };
        let (first, last) = if count == 0 { (NONE, NONE) } else { (0, count - 1) };
        Self { slots: (0..count).map(slot).collect(), first, last, lost: 0 }
    }

    /// The slot, if it still belongs to this side of this flow.
    pub(crate) fn get(&mut self, number: u32, owner: &FlowKey, side: Side) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(number as usize)?;
        slot.owner.as_ref().is_some_and(|(key, its)| *its == side && key == owner).then_some(slot)
    }

    /// Takes a free slot, or the oldest from its owner. `None` where the pool has no slots at all.
    pub(crate) fn take(&mut self, owner: FlowKey, side: Side, base: u32) -> Option<(u32, &mut Slot)> {
        let number = self.first;
        self.slots.get(number as usize)?;
        self.unlink(number);
        let last = self.last;
        self.link_between(last, number, NONE);
        let slot = &mut self.slots[number as usize];
        self.lost += u64::from(slot.owner.is_some());
        slot.owner = Some((owner, side));
        slot.base = base;
        slot.runs.clear();
        Some((number, slot))
    }

    /// Gives a slot back.
    pub(crate) fn free(&mut self, number: u32) {
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.owner = None;
            self.unlink(number);
            let first = self.first;
            self.link_between(NONE, number, first);
        }
    }

    fn unlink(&mut self, number: u32) {
        let (previous, next) = {
            let slot = &self.slots[number as usize];
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

    fn link_between(&mut self, previous: u32, number: u32, next: u32) {
        let slot = &mut self.slots[number as usize];
        (slot.previous, slot.next) = (previous, next);
        match self.slots.get_mut(previous as usize) {
            Some(slot) => slot.next = number,
            None => self.first = number,
        }
        match self.slots.get_mut(next as usize) {
            Some(slot) => slot.previous = number,
            None => self.last = number,
        }
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
        let (_, slot) = pool.take(key(1), 0, 0).unwrap();
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
        let mut pool = Pool::new(1, 64);
        let (_, slot) = pool.take(key(1), 0, 0).unwrap();
        for run in 0..RUNS {
            assert!(slot.insert(run * 4 + 2, b"x"));
        }
        assert!(!slot.insert(60, b"x"));
        assert!(!slot.runs.spilled());
        assert!(slot.insert(0, &[b'x'; 60]), "what joins runs is welcome");
        assert_eq!(slot.contiguous().len(), 60);
    }

    #[test]
    fn the_oldest_goes_and_a_freed_slot_is_taken_first() {
        let mut pool = Pool::new(2, 16);
        let (first, _) = pool.take(key(1), 0, 0).unwrap();
        let (second, _) = pool.take(key(2), 0, 0).unwrap();
        let (third, _) = pool.take(key(3), 1, 0).unwrap();
        assert_eq!(third, first);
        assert!(pool.get(first, &key(1), 0).is_none(), "its owner lost it");
        assert_eq!(pool.lost, 1);
        assert!(pool.get(third, &key(3), 1).is_some());
        assert!(pool.get(third, &key(3), 0).is_none(), "the other side's bytes");
        pool.free(third);
        assert_eq!(pool.take(key(4), 0, 0).unwrap().0, third);
        assert_eq!(pool.lost, 1, "what was given back is no loss");
        assert!(pool.get(second, &key(2), 0).is_some());
        assert!(Pool::new(0, 16).take(key(1), 0, 0).is_none());
    }
}
