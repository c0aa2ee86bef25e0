//! The floor's flow table: what any engine that keeps flows pays before it looks at a payload.

use crate::prefetch::prefetch;
use wiremark::{Address, FlowKey, Transport};

/// 64 bytes: the key, and what every probe counts.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    key: FlowKey,
    is_used: bool,
    /// The engine is done with the flow, and gave it a verdict.
    is_match: bool,
    packets: u32,
    /// Where the engine's state lies.
    state: u32,
    bytes: u64,
    last_us: u64,
}

const _: () = assert!(size_of::<Entry>() == 64);

/// In place of a state's place: the engine wants no more packets of the flow; there is no flow yet.
const DONE: u32 = u32::MAX;
const FREE: u32 = u32::MAX - 1;

const NO_ONE: (Address, u16) = (Address([0; 16]), 0);

/// Open addressing with linear probing, at most half full: hardly a look-up needs a second entry.
///
/// The engine's states lie apart from the entries, and only of flows it looks at: those it is done with cost what they cost
/// without it, and leave their place to the next.
#[derive(Debug)]
pub(crate) struct Table<S> {
    entries: Box<[Entry]>,
    states: Vec<S>,
    /// Places among the states that were left.
    left: Vec<u32>,
    /// Flows in it.
    pub(crate) flows: usize,
}

impl<S: Default> Table<S> {
    /// Room for so many flows.
    pub(crate) fn new(flows: usize) -> Self {
        let free = Entry {
            key: FlowKey { low: NO_ONE, high: NO_ONE, transport: Transport::Tcp },
            is_used: false,
            is_match: false,
            packets: 0,
            state: FREE,
            bytes: 0,
            last_us: 0,
        };
        let places = (2 * flows).next_power_of_two();
        // Memory that nothing was written to is not resident.
        let states = Vec::with_capacity(if size_of::<S>() > 0 { flows } else { 0 });
        Self { entries: vec![free; places].into_boxed_slice(), states, left: Vec::new(), flows: 0 }
    }

    /// Forgets all flows.
    pub(crate) fn clear(&mut self) {
        self.entries.iter_mut().for_each(|entry| (entry.is_used, entry.state) = (false, FREE));
        self.states.clear();
        self.left.clear();
        self.flows = 0;
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.entries.len() - 1)
    }

    /// Asks for the line a flow of this hash most likely lies in.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch(&self.entries[self.home(hash)]);
    }

    /// Whether the engine will want to look at a packet with this hash; asks for the flow's state then.
    #[inline]
    pub(crate) fn prefetch_state(&self, hash: u64) -> bool {
        let entry = &self.entries[self.home(hash)];
        if let Some(state) = self.states.get(entry.state as usize) {
            prefetch(state);
        }
        entry.state != DONE
    }

    /// Counts a packet in its flow's entry, which is made where there is none. Gives the places of the entry and of the engine's
    /// state.
    #[inline]
    pub(crate) fn count(&mut self, key: &FlowKey, hash: u64, bytes: usize, time_us: u64) -> (usize, u32) {
        let mut at = self.home(hash);
        while self.entries[at].is_used && self.entries[at].key != *key {
            at = (at + 1) & (self.entries.len() - 1);
        }
        let entry = &mut self.entries[at];
        if !entry.is_used {
            (entry.key, entry.is_used, entry.is_match, entry.packets, entry.bytes) =
                (*key, true, false, 0, 0);
            self.flows += 1;
            if size_of::<S>() > 0 {
                entry.state = self.left.pop().unwrap_or_else(|| {
                    self.states.push(S::default());
                    self.states.len() as u32 - 1
                });
            }
        }
        entry.packets += 1;
        entry.bytes += bytes as u64;
        entry.last_us = time_us;
        (at, entry.state)
    }

    /// The engine's state at a place; none where it is done with the flow.
    #[inline]
    pub(crate) fn state(&mut self, place: u32) -> Option<&mut S> {
        self.states.get_mut(place as usize)
    }

    /// The engine wants no more packets of the flow at a place.
    #[inline]
    pub(crate) fn finish(&mut self, at: usize, is_match: bool) {
        let entry = &mut self.entries[at];
        let state = std::mem::replace(&mut entry.state, DONE);
        entry.is_match = is_match;
        self.states[state as usize] = S::default();
        self.left.push(state);
    }

    /// How many flows have a verdict; `is_match` tells of those that the engine looks at.
    pub(crate) fn matched(&self, is_match: impl Fn(&S) -> bool) -> usize {
        let has_verdict = |entry: &&Entry| {
            entry.is_used && (entry.is_match || self.states.get(entry.state as usize).is_some_and(&is_match))
        };
        self.entries.iter().filter(has_verdict).count()
    }
}
