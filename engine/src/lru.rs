//! A table of fixed size that keeps the recently used: what one flow teaches about others.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use wiremark_prefetch::prefetch;

/// Entries looked at for one key.
const WAYS: usize = 8;
/// The lowest bit of each way's tag.
const LOWEST: u128 = 0x0001_0001_0001_0001_0001_0001_0001_0001;

/// A key of the cache.
pub(crate) trait SeededHash: Copy + Eq {
    /// A number whose bits depend on all of the key.
    fn seeded_hash(&self, seed: u64) -> u64;
}

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    /// Packet time of the last use.
    used_us: u64,
    expires_us: u64,
}

/// The entries one key may use.
type Set<K, V> = [Option<Entry<K, V>>; WAYS];

/// Fixed memory: when the entries a key may use are all taken, the least recently used of them goes.
#[derive(Debug)]
pub(crate) struct LruCache<K, V> {
    heads: Box<[Head]>,
    /// Memory for all sets, given to them as they come: who learns little writes to little of it.
    entries: Vec<Set<K, V>>,
    seed: u64,
}

/// What is known of a set before its entries are touched.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Sixteen bits of the hash of each entry's key, the first way's lowest, so that a key that is not there costs one
    /// cache line and one comparison; 0 is free.
    tags: u128,
    /// Which of all entries are the set's, from 1; 0 where nothing was ever kept.
    place: u32,
}

/// Where a key may lie.
struct Place {
    set: usize,
    tag: u16,
}

impl<K: SeededHash, V: Copy> LruCache<K, V> {
    /// Room for `capacity` entries, rounded up to a power of two; 0 keeps nothing.
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        let sets = if capacity == 0 { 0 } else { capacity.div_ceil(WAYS).next_power_of_two() };
        Self {
            heads: vec![Head { tags: 0, place: 0 }; sets].into_boxed_slice(),
            entries: Vec::with_capacity(sets),
            seed,
        }
    }

    /// How many sets of places there are.
    pub(crate) fn sets(&self) -> usize {
        self.heads.len()
    }

    /// The keys in one of them.
    pub(crate) fn keys_of(&self, set: usize) -> impl Iterator<Item = K> + '_ {
        self.ways(set).into_iter().flatten().flatten().map(|entry| entry.key)
    }

    /// A set's entries, where something was ever kept.
    #[inline]
    fn ways(&self, set: usize) -> Option<&Set<K, V>> {
        self.entries.get((self.heads.get(set)?.place as usize).wrapping_sub(1))
    }

    /// The same, to be written to.
    #[inline]
    fn ways_mut(&mut self, set: usize) -> Option<&mut Set<K, V>> {
        self.entries.get_mut((self.heads[set].place as usize).wrapping_sub(1))
    }

    #[inline]
    fn place(&self, hash: u64) -> Option<Place> {
        let set = hash as usize & self.heads.len().checked_sub(1)?;
        Some(Place { set, tag: (hash >> 48) as u16 | 1 })
    }

    /// Ways whose tag is the key's, a high bit for each; above the first there may be false ones.
    #[inline]
    fn candidates(&self, place: &Place) -> u128 {
        let splat = u64::from(place.tag).wrapping_mul(0x0001_0001_0001_0001);
        let differing = self.heads[place.set].tags ^ (u128::from(splat) << 64 | u128::from(splat));
        differing.wrapping_sub(LOWEST) & !differing & (LOWEST << 15)
    }

    /// The way of these that is the key's.
    #[inline]
    fn way_of(ways: &Set<K, V>, mut candidates: u128, key: &K) -> Option<usize> {
        while candidates != 0 {
            let way = candidates.trailing_zeros() as usize / 16;
            if ways[way].as_ref().is_some_and(|entry| entry.key == *key) {
                return Some(way);
            }
            candidates &= candidates - 1;
        }
        None
    }

    fn set_tag(&mut self, place: &Place, way: usize, tag: u16) {
        let shift = 16 * way as u32;
        let tags = &mut self.heads[place.set].tags;
        *tags = *tags & !(0xffff << shift) | u128::from(tag) << shift;
    }

    /// The value, if it has not expired at `now_us`.
    #[inline]
    pub(crate) fn get(&mut self, key: &K, now_us: u64) -> Option<V> {
        self.get_hashed(key, key.seeded_hash(self.seed), now_us)
    }

    /// The same for a key whose [`SeededHash::seeded_hash`] is at hand.
    #[inline]
    pub(crate) fn get_hashed(&mut self, key: &K, hash: u64, now_us: u64) -> Option<V> {
        let place = self.place(hash)?;
        match self.candidates(&place) {
            0 => None,
            candidates => self.found(&place, candidates, key, now_us),
        }
    }

    #[inline(never)]
    fn found(&mut self, place: &Place, candidates: u128, key: &K, now_us: u64) -> Option<V> {
        let ways = self.ways_mut(place.set)?;
        let entry = ways[Self::way_of(ways, candidates, key)?].as_mut();
        let entry = entry.filter(|entry| now_us <= entry.expires_us)?;
        entry.used_us = now_us;
        Some(entry.value)
    }

    /// Asks for what tells where a key may lie: its hash, before it is looked up.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        if let Some(place) = self.place(hash) {
            prefetch(&self.heads[place.set]);
        }
    }

    /// Asks for the entry itself, once that has come. The first of a set's, which has its key most often.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: u64) {
        if let Some(ways) = self.place(hash).and_then(|place| self.ways(place.set)) {
            prefetch(&ways[0]);
        }
    }

    /// Keeps `value` until `now_us + ttl_us`.
    pub(crate) fn insert(&mut self, key: K, value: V, now_us: u64, ttl_us: u64) {
        self.insert_hashed(key, key.seeded_hash(self.seed), value, now_us, ttl_us);
    }

    /// The same for a key whose [`SeededHash::seeded_hash`] is at hand. Whether the key was not there before.
    pub(crate) fn insert_hashed(&mut self, key: K, hash: u64, value: V, now_us: u64, ttl_us: u64) -> bool {
        let Some(place) = self.place(hash) else { return false };
        let expires_us = now_us.saturating_add(ttl_us);
        let candidates = self.candidates(&place);
        if self.heads[place.set].place == 0 {
            // There is room for all sets.
            self.entries.push([None; WAYS]);
            self.heads[place.set].place = self.entries.len() as u32;
        }
        let Some(ways) = self.ways_mut(place.set) else { return false };
        let known = Self::way_of(ways, candidates, &key);
        if let Some(entry) = known.and_then(|way| ways[way].as_mut()) {
            (entry.value, entry.used_us, entry.expires_us) = (value, now_us, expires_us);
            return false;
        }
        // `None`, a free place, comes before any time.
        let age = |way: &usize| ways[*way].as_ref().map(|entry| entry.used_us);
        let way = (0..WAYS).min_by_key(age).unwrap_or(0);
        ways[way] = Some(Entry { key, value, used_us: now_us, expires_us });
        self.set_tag(&place, way, place.tag);
        true
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, key: &K) {
        let Some(place) = self.place(key.seeded_hash(self.seed)) else { return };
        let candidates = self.candidates(&place);
        let Some(ways) = self.ways_mut(place.set) else { return };
        if let Some(way) = Self::way_of(ways, candidates, key) {
            ways[way] = None;
            self.set_tag(&place, way, 0);
        }
    }
}

/// Spreads a 64-bit number: one multiplication to 128 bits, folded.
#[inline]
pub(crate) fn fold(value: u64, seed: u64) -> u64 {
    let product = u128::from(value ^ seed) * u128::from(0x9e37_79b9_7f4a_7c15_u64 ^ seed.rotate_left(32) | 1);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_expire_by_packet_time() {
        let mut cache = LruCache::new(16, 7);
        cache.insert(1u32, 'a', 100, 50);
        assert_eq!(cache.get(&1, 150), Some('a'));
        assert_eq!(cache.get(&1, 151), None);
        cache.insert(1, 'b', 200, 50);
        cache.remove(&1);
        assert_eq!(cache.get(&1, 200), None);
    }

    #[test]
    fn the_least_recently_used_goes() {
        let mut cache = LruCache::new(WAYS, 7);
        for key in 0..WAYS as u32 {
            cache.insert(key, key, u64::from(key), 1000);
        }
        cache.get(&0, 100);
        cache.insert(99, 99, 101, 1000);
        assert_eq!(cache.get(&0, 102), Some(0), "used lately");
        assert_eq!(cache.get(&1, 102), None, "the least recently used");
        assert_eq!(cache.get(&99, 102), Some(99));
    }

    #[test]
    fn the_last_moment_there_is_is_a_time_like_any_other() {
        let mut cache = LruCache::new(WAYS, 7);
        for key in 0..2 * WAYS as u32 {
            cache.insert(key, key, u64::MAX, 1000);
        }
        assert!((0..2 * WAYS as u32).any(|key| cache.get(&key, u64::MAX) == Some(key)));
    }

    #[test]
    fn memory_is_what_was_taken_at_first() {
        let mut cache = LruCache::new(64, 7);
        let room = cache.entries.capacity();
        for key in 0..10_000u32 {
            cache.insert(key, key, u64::from(key), 1000);
            if key % 3 == 0 {
                cache.remove(&key);
            }
        }
        assert_eq!((cache.entries.len(), cache.entries.capacity()), (cache.sets(), room));
    }

    #[test]
    fn no_room_keeps_nothing() {
        let mut cache = LruCache::new(0, 7);
        cache.insert(1u32, 'a', 0, 50);
        assert_eq!(cache.get(&1, 0), None);
    }
}
