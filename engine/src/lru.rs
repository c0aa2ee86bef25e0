//! A table of fixed size that keeps the recently used: what one flow teaches about others.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use wiremark_prefetch::prefetch;

/// Entries looked at for one key.
const WAYS: usize = 8;
/// Bits of a way's tag, and the lowest of each, the first way's and all ways'.
const TAG_BITS: usize = 13;
const FOUR_LOWEST: u64 = 1 | 1 << TAG_BITS | 1 << (2 * TAG_BITS) | 1 << (3 * TAG_BITS);
const LOWEST: u128 = four_twice(FOUR_LOWEST);
/// All tags; above them stand the ways' numbers, of three bits.
const TAGS: u128 = (1 << (WAYS * TAG_BITS)) - 1;
const NUMBERS: u32 = 0o7654_3210;
const EACH: u32 = 0o1111_1111;
const LAST: usize = 21;

/// The tags of four ways, for all.
const fn four_twice(four: u64) -> u128 {
    four as u128 | (four as u128) << (4 * TAG_BITS)
}

/// A key of the cache.
pub(crate) trait SeededHash: Copy + Eq {
    /// A number whose bits depend on all of the key.
    fn seeded_hash(&self, seed: u64) -> u64;
}

/// A packet time in bytes, so that entries lie as close as what they hold lets them.
type Time = [u8; 8];

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    expires_us: Time,
}

/// Fixed memory: when the entries a key may use are all taken, the least recently used of them goes.
#[derive(Debug)]
pub(crate) struct LruCache<K, V> {
    heads: Box<[Head]>,
    /// Memory for all entries, given to sets in pairs as they come: who learns little writes to little of it.
    entries: Vec<[Entry<K, V>; 2]>,
    seed: u64,
}

/// What is known of a set, the entries one key may use, before they are touched.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Some bits of the hash of each entry's key, the first way's lowest, so that a key that is not there costs one cache line and
    /// one comparison; 0 is free. Above them the ways' numbers, from the one used longest ago to the one used last.
    ways: u128,
    /// Which of all pairs are the set's, from 1; 0 where nothing was ever kept.
    pairs: [u32; WAYS / 2],
}

impl Head {
    const NEW: Self = Self { ways: (NUMBERS as u128) << (WAYS * TAG_BITS), pairs: [0; WAYS / 2] };

    /// Ways of this tag, a high bit for each; above the first there may be false ones.
    #[inline]
    fn tagged(&self, tag: u16) -> u128 {
        let differing = self.ways ^ four_twice(u64::from(tag).wrapping_mul(FOUR_LOWEST));
        differing.wrapping_sub(LOWEST) & !differing & (LOWEST << (TAG_BITS - 1))
    }

    fn tag(&self, way: usize) -> u16 {
        (self.ways >> (TAG_BITS * way)) as u16 % (1 << TAG_BITS)
    }

    fn set_tag(&mut self, way: usize, tag: u16) {
        let shift = TAG_BITS * way;
        self.ways = self.ways & !(((1 << TAG_BITS) - 1) << shift) | u128::from(tag) << shift;
    }

    /// The ways' numbers in the order of their last use.
    #[inline]
    fn order(&self) -> u32 {
        (self.ways >> (WAYS * TAG_BITS)) as u32
    }

    /// Notes that a way is used now.
    #[inline]
    fn note_use(&mut self, way: usize) {
        let (order, way) = (self.order(), way as u32);
        if order >> LAST == way {
            return;
        }
        let differing = order ^ (way * EACH);
        let at = (differing.wrapping_sub(EACH) & !differing & (EACH << 2)).trailing_zeros() - 2;
        let before = order & ((1 << at) - 1);
        let order = before | order >> 3 & !((1 << at) - 1) | way << LAST;
        self.ways = self.ways & TAGS | u128::from(order) << (WAYS * TAG_BITS);
    }

    /// Where among all pairs a way's is.
    #[inline]
    fn place(&self, way: usize) -> usize {
        (self.pairs[way / 2] as usize).wrapping_sub(1)
    }
}

/// The first of some ways.
#[inline]
fn first_way(ways: u128) -> usize {
    ways.trailing_zeros() as usize / TAG_BITS
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
            heads: vec![Head::NEW; sets].into_boxed_slice(),
            entries: Vec::with_capacity(sets * WAYS / 2),
            seed,
        }
    }

    /// How many sets of places there are.
    pub(crate) fn sets(&self) -> usize {
        self.heads.len()
    }

    /// The keys in one of them.
    pub(crate) fn keys_of(&self, set: usize) -> impl Iterator<Item = K> + '_ {
        let ways = self.heads.get(set).into_iter().flat_map(|head| (0..WAYS).map(move |way| (head, way)));
        let taken = ways.filter(|(head, way)| head.tag(*way) != 0);
        taken.filter_map(|(head, way)| Some(self.entries.get(head.place(way))?[way % 2].key))
    }

    #[inline]
    fn place(&self, hash: u64) -> Option<Place> {
        let set = hash as usize & self.heads.len().checked_sub(1)?;
        Some(Place { set, tag: (hash >> (64 - TAG_BITS)) as u16 | 1 })
    }

    /// The way of a set that is the key's, of some whose tag is, and its entry.
    #[inline]
    fn find<'e>(
        entries: &'e mut [[Entry<K, V>; 2]],
        head: &Head,
        mut candidates: u128,
        key: &K,
    ) -> Option<(usize, &'e mut Entry<K, V>)> {
        while candidates != 0 {
            let way = first_way(candidates);
            let place = head.place(way);
            if entries.get(place).is_some_and(|pair| pair[way % 2].key == *key) {
                return Some((way, &mut entries[place][way % 2]));
            }
            candidates &= candidates - 1;
        }
        None
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
        match self.heads[place.set].tagged(place.tag) {
            0 => None,
            candidates => self.found(place.set, candidates, key, now_us),
        }
    }

    #[inline(never)]
    fn found(&mut self, set: usize, candidates: u128, key: &K, now_us: u64) -> Option<V> {
        let head = &mut self.heads[set];
        let (way, entry) = Self::find(&mut self.entries, head, candidates, key)?;
        if now_us > u64::from_ne_bytes(entry.expires_us) {
            return None;
        }
        head.note_use(way);
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
        let pair = self.place(hash).and_then(|place| self.entries.get(self.heads[place.set].place(0)));
        if let Some(pair) = pair {
            prefetch(pair);
        }
    }

    /// Keeps `value` until `now_us + ttl_us`.
    pub(crate) fn insert(&mut self, key: K, value: V, now_us: u64, ttl_us: u64) {
        self.insert_hashed(key, key.seeded_hash(self.seed), value, now_us, ttl_us);
    }

    /// The same for a key whose [`SeededHash::seeded_hash`] is at hand. Whether the key was not there before.
    pub(crate) fn insert_hashed(&mut self, key: K, hash: u64, value: V, now_us: u64, ttl_us: u64) -> bool {
        let Some(place) = self.place(hash) else { return false };
        let head = &mut self.heads[place.set];
        let expires_us = now_us.saturating_add(ttl_us).to_ne_bytes();
        if let Some((way, entry)) = Self::find(&mut self.entries, head, head.tagged(place.tag), &key) {
            (entry.value, entry.expires_us) = (value, expires_us);
            head.note_use(way);
            return false;
        }
        let entry = Entry { key, value, expires_us };
        let way = match head.tagged(0) {
            0 => (head.order() % WAYS as u32) as usize,
            free => first_way(free),
        };
        head.note_use(way);
        head.set_tag(way, place.tag);
        if let Some(pair) = self.entries.get_mut(head.place(way)) {
            pair[way % 2] = entry;
        } else {
            // There is room for all sets.
            self.entries.push([entry; 2]);
            head.pairs[way / 2] = self.entries.len() as u32;
        }
        true
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, key: &K) {
        let Some(place) = self.place(key.seeded_hash(self.seed)) else { return };
        let head = &mut self.heads[place.set];
        if let Some((way, _)) = Self::find(&mut self.entries, head, head.tagged(place.tag), key) {
            head.set_tag(way, 0);
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
        assert_eq!((cache.entries.len(), cache.entries.capacity()), (cache.sets() * WAYS / 2, room));
    }

    #[test]
    fn who_learns_little_writes_to_little() {
        assert!(size_of::<Entry<[u8; 16], ()>>() == 24 && size_of::<Head>() == 32);
        let mut cache = LruCache::new(WAYS, 7);
        let pairs = [1, 1, 2, 2, 3, 3, 4, 4, 4, 4];
        for (key, pairs) in (0u32..).zip(pairs) {
            cache.insert(key, key, 1, 1000);
            cache.remove(&99);
            assert_eq!(cache.entries.len(), pairs);
        }
        cache.remove(&7);
        assert_eq!(cache.keys_of(0).count(), 7);
        cache.insert(50, 50, 1, 1000);
        assert_eq!((cache.get(&50, 1), cache.get(&9, 1), cache.keys_of(0).count()), (Some(50), Some(9), 8));
        assert_eq!(cache.keys_of(1).count(), 0);
    }

    #[test]
    fn a_set_does_what_a_plain_list_does() {
        let mut cache = LruCache::new(WAYS, 7);
        // Key, value and the end of its time, from the one used longest ago.
        let mut list: Vec<(u32, u64, u64)> = Vec::new();
        let mut random = 1;
        for now_us in 0..20_000 {
            random = fold(random, 3);
            let (key, ttl_us) = ((random >> 32) as u32 % 12, (random >> 40) % 60);
            let at = list.iter().position(|(other, ..)| *other == key);
            match random % 8 {
                0 => {
                    cache.remove(&key);
                    at.map(|at| list.remove(at));
                }
                1..=4 => {
                    cache.insert(key, now_us, now_us, ttl_us);
                    let goes = at.or((list.len() == WAYS).then_some(0));
                    goes.map(|at| list.remove(at));
                    list.push((key, now_us, now_us + ttl_us));
                }
                _ => {
                    let still = at.filter(|at| now_us <= list[*at].2).map(|at| list.remove(at));
                    list.extend(still);
                    assert_eq!(cache.get(&key, now_us), still.map(|(_, value, _)| value), "{now_us}");
                }
            }
        }
    }

    #[test]
    fn no_room_keeps_nothing() {
        let mut cache = LruCache::new(0, 7);
        cache.insert(1u32, 'a', 0, 50);
        assert_eq!(cache.get(&1, 0), None);
    }
}
