//! A table of fixed size that keeps the recently used: what one flow teaches about others.

use alloc::boxed::Box;
use alloc::vec;

/// Entries looked at for one key.
const WAYS: usize = 8;

/// A key that can be spread over the table.
pub(crate) trait Spread: Copy + Eq {
    /// A number whose bits depend on all of the key.
    fn spread(&self, seed: u64) -> u64;
}

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    /// Packet time of the last use.
    used_us: u64,
    expires_us: u64,
}

/// Fixed memory: when the entries a key may use are all taken, the least recently used of them goes.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    /// A few bits of each entry's key, side by side, so that a key that is not there costs one cache line; 0 is free.
    tags: Box<[[u16; WAYS]]>,
    entries: Box<[[Option<Entry<K, V>>; WAYS]]>,
    seed: u64,
}

/// Where a key may lie.
struct Place {
    set: usize,
    tag: u16,
}

impl<K: Spread, V: Copy> Recent<K, V> {
    /// Room for `capacity` entries, rounded up to a power of two; 0 keeps nothing.
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        let sets = if capacity == 0 { 0 } else { capacity.div_ceil(WAYS).next_power_of_two() };
        Self {
            tags: vec![[0; WAYS]; sets].into_boxed_slice(),
            entries: vec![[None; WAYS]; sets].into_boxed_slice(),
            seed,
        }
    }

    fn place(&self, key: &K) -> Option<Place> {
        let hash = key.spread(self.seed);
        let set = hash as usize & self.tags.len().checked_sub(1)?;
        Some(Place { set, tag: (hash >> 48) as u16 | 1 })
    }

    fn way(&self, place: &Place, key: &K) -> Option<usize> {
        let tags = &self.tags[place.set];
        (0..WAYS).find(|way| {
            tags[*way] == place.tag
                && self.entries[place.set][*way].as_ref().is_some_and(|entry| entry.key == *key)
        })
    }

    /// The value, if it has not expired at `now_us`.
    pub(crate) fn get(&mut self, key: &K, now_us: u64) -> Option<V> {
        let place = self.place(key)?;
        let way = self.way(&place, key)?;
        let entry = self.entries[place.set][way].as_mut().filter(|entry| now_us <= entry.expires_us)?;
        entry.used_us = now_us;
        Some(entry.value)
    }

    /// Keeps `value` until `now_us + ttl_us`.
    pub(crate) fn insert(&mut self, key: K, value: V, now_us: u64, ttl_us: u64) {
        let Some(place) = self.place(&key) else { return };
        let ways = &self.entries[place.set];
        let age = |way: &usize| ways[*way].as_ref().map_or(0, |entry| 1 + entry.used_us);
        let way = self.way(&place, &key).or_else(|| (0..WAYS).min_by_key(age)).unwrap_or(0);
        self.tags[place.set][way] = place.tag;
        let expires_us = now_us.saturating_add(ttl_us);
        self.entries[place.set][way] = Some(Entry { key, value, used_us: now_us, expires_us });
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(place) = self.place(key)
            && let Some(way) = self.way(&place, key)
        {
            self.tags[place.set][way] = 0;
            self.entries[place.set][way] = None;
        }
    }
}

/// Spreads a 64-bit number: one multiplication to 128 bits, folded.
pub(crate) fn fold(value: u64, seed: u64) -> u64 {
    let product = u128::from(value ^ seed) * u128::from(0x9e37_79b9_7f4a_7c15_u64 ^ seed.rotate_left(32) | 1);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_expire_by_packet_time() {
        let mut recent = Recent::new(16, 7);
        recent.insert(1u32, 'a', 100, 50);
        assert_eq!(recent.get(&1, 150), Some('a'));
        assert_eq!(recent.get(&1, 151), None);
        recent.insert(1, 'b', 200, 50);
        recent.remove(&1);
        assert_eq!(recent.get(&1, 200), None);
    }

    #[test]
    fn the_least_recently_used_goes() {
        let mut recent = Recent::new(WAYS, 7);
        for key in 0..WAYS as u32 {
            recent.insert(key, key, u64::from(key), 1000);
        }
        recent.get(&0, 100);
        recent.insert(99, 99, 101, 1000);
        assert_eq!(recent.get(&0, 102), Some(0), "used lately");
        assert_eq!(recent.get(&1, 102), None, "the least recently used");
        assert_eq!(recent.get(&99, 102), Some(99));
    }

    #[test]
    fn no_room_keeps_nothing() {
        let mut recent = Recent::new(0, 7);
        recent.insert(1u32, 'a', 0, 50);
        assert_eq!(recent.get(&1, 0), None);
    }
}
