//! The floor's flow table: what any engine that keeps flows pays before it looks at a payload.

use crate::prefetch::prefetch;
use wiremark::{Address, FlowKey, Transport};

/// 64 bytes: the key, and what every probe counts.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    key: FlowKey,
    is_used: bool,
    /// The engine has said that it wants no more packets of this flow.
    pub(crate) is_done: bool,
    packets: u32,
    bytes: u64,
    last_us: u64,
}

const _: () = assert!(size_of::<Entry>() == 64);

const NO_ONE: (Address, u16) = (Address([0; 16]), 0);

/// Open addressing with linear probing, at most half full: hardly a look-up needs a second entry.
///
/// The engine's states lie apart from the entries, so that flows it is done with cost what they cost without it.
#[derive(Debug)]
pub(crate) struct Table<S> {
    entries: Box<[Entry]>,
    states: Box<[S]>,
    /// Flows in it.
    pub(crate) flows: usize,
}

impl<S: Default + Clone> Table<S> {
    /// Room for so many flows.
    pub(crate) fn new(flows: usize) -> Self {
        let free = Entry {
            key: FlowKey { low: NO_ONE, high: NO_ONE, transport: Transport::Tcp },
            is_used: false,
            is_done: false,
            packets: 0,
            bytes: 0,
            last_us: 0,
        };
        let places = (2 * flows).next_power_of_two();
        Self {
            entries: vec![free; places].into_boxed_slice(),
            states: vec![S::default(); places].into_boxed_slice(),
            flows: 0,
        }
    }

    /// Forgets all flows.
    pub(crate) fn clear(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.is_used = false);
        self.states.fill(S::default());
        self.flows = 0;
    }
}

impl<S> Table<S> {
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
        let home = self.home(hash);
        let is_wanted = size_of::<S>() > 0 && !self.entries[home].is_done;
        if is_wanted {
            prefetch(&self.states[home]);
        }
        is_wanted
    }

    /// The flow's entry, made where there is none, with this packet counted, and its state.
    #[inline]
    pub(crate) fn count(
        &mut self,
        key: &FlowKey,
        hash: u64,
        bytes: usize,
        time_us: u64,
    ) -> (&mut Entry, &mut S) {
        let mut at = self.home(hash);
        while self.entries[at].is_used && self.entries[at].key != *key {
            at = (at + 1) & (self.entries.len() - 1);
        }
        let entry = &mut self.entries[at];
        if !entry.is_used {
            (entry.key, entry.is_used, entry.is_done, entry.packets, entry.bytes) = (*key, true, false, 0, 0);
            self.flows += 1;
        }
        entry.packets += 1;
        entry.bytes += bytes as u64;
        entry.last_us = time_us;
        (entry, &mut self.states[at])
    }

    /// The states of all flows.
    pub(crate) fn states(&self) -> impl Iterator<Item = &S> {
        self.entries.iter().zip(&self.states).filter(|(entry, _)| entry.is_used).map(|(_, state)| state)
    }
}
