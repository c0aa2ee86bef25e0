//! Fragments: only the first has ports, so the later ones find their flow by the number they share with it.

use crate::five_tuple::{Address, FlowKey};
use crate::lru::{LruCache, SeededHash, fold};
use crate::packet::{Fragment, Packet};

/// Fragmented packets whose first fragment is remembered, and for how long (RFC 791 suggests 15 s, RFC 8200 60 s).
const FRAGMENTS: usize = 1024;
const FRAGMENT_US: u64 = 60_000_000;

/// The two end points and the number that fragments of one packet share.
type FragmentKey = (Address, Address, u32);

impl SeededHash for FragmentKey {
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(self.2), self.0.seeded_hash(self.1.seeded_hash(seed)))
    }
}

/// The flows of packets whose first fragment was seen.
#[derive(Debug)]
pub(super) struct Fragments(LruCache<FragmentKey, FlowKey>);

impl Fragments {
    pub(super) fn new(seed: u64) -> Self {
        Self(LruCache::new(FRAGMENTS, seed))
    }

    /// The key under which the packet's flow lies; `None` for a later fragment whose first was not seen.
    #[inline]
    pub(super) fn key_of(&mut self, packet: &Packet<'_>) -> Option<FlowKey> {
        let tuple = &packet.five_tuple;
        match packet.fragment {
            Fragment::Whole => Some(tuple.key()),
            Fragment::First(number) => {
                let key = tuple.key();
                self.0.insert((tuple.src, tuple.dst, number), key, packet.time_us, FRAGMENT_US);
                Some(key)
            }
            Fragment::Later(number) => self.0.get(&(tuple.src, tuple.dst, number), packet.time_us),
        }
    }
}
