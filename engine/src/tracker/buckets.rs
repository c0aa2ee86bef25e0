//! In which of the flow table's buckets a flow can lie, and how it is found there without looking at entries.

use crate::five_tuple::FlowKey;
use crate::lru::fold;
use crate::packet::{Encapsulation, Packet, TcpFields};

/// Entries of one bucket; a flow may lie in either of two buckets.
pub(super) const WAYS: usize = 8;

/// Tags in a word.
const TAGS: usize = 4;

/// What can be told of a bucket's places without looking at their entries: which may hold a flow, and which is to make room.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// Of each 16 bits of its flow's hash, four in a word; 0 is a free place.
    tags: [u64; WAYS / TAGS],
    /// The table's stamp at each flow's last packet.
    pub(super) touched: [u32; WAYS],
    /// A bit for each flow that has an app.
    pub(super) matches: u8,
    /// A bit for each flow over UDP.
    pub(super) datagrams: u8,
}

impl Bucket {
    /// The tag of one place.
    #[inline]
    pub(super) fn tag(&self, way: usize) -> u16 {
        (self.tags[way / TAGS] >> (way % TAGS * 16)) as u16
    }

    #[inline]
    pub(super) fn set_tag(&mut self, way: usize, tag: u16) {
        let at = way % TAGS * 16;
        self.tags[way / TAGS] = self.tags[way / TAGS] & !(0xffff << at) | u64::from(tag) << at;
    }

    /// Its ways with this tag: of both words the lowest bit of each that has it.
    #[inline]
    fn ways_of(&self, tag: u16) -> [u64; 2] {
        const LOWEST: u64 = 0x0001_0001_0001_0001;
        const ALL_BUT_HIGHEST: u64 = 0x7fff_7fff_7fff_7fff;
        let tags = u64::from(tag) * LOWEST;
        self.tags.map(|word| {
            let difference = word ^ tags;
            // The highest bit stays 0 where all are 0: nothing is carried from one to the next.
            let highest = ((difference & ALL_BUT_HIGHEST) + ALL_BUT_HIGHEST) | difference;
            !highest >> 15 & LOWEST
        })
    }

    /// The places of two buckets with this tag.
    #[inline]
    pub(super) fn places_of([first, second]: [&Self; 2], tag: u16) -> Places {
        let ([a, b], [c, d]) = (first.ways_of(tag), second.ways_of(tag));
        Places(a | b << 1 | c << 2 | d << 3)
    }

    /// The first of its ways that has this tag, and how many have.
    pub(super) fn first_of(&self, tag: u16) -> Option<(usize, u32)> {
        let [a, b] = self.ways_of(tag);
        let way = match (a, b) {
            (0, 0) => return None,
            (0, b) => TAGS + b.trailing_zeros() as usize / 16,
            (a, _) => a.trailing_zeros() as usize / 16,
        };
        Some((way, a.count_ones() + b.count_ones()))
    }
}

/// Some places of two buckets: those of one word of tags lie 16 bits from each other, those of the next word one bit further.
#[derive(Clone, Copy)]
pub(super) struct Places(u64);

impl Places {
    /// Takes one: a way, of both buckets' counted on.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (at < u64::BITS as usize).then_some(at % 16 * TAGS + at / 16)
    }
}

/// One place's bit, set or not.
#[inline]
pub(super) fn with_bit(bits: u8, way: usize, is_set: bool) -> u8 {
    bits & !(1 << way) | u8::from(is_set) << way
}

/// Where a flow can lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buckets {
    first: u32,
    second: u32,
    /// Some bits of its hash, not 0.
    pub(super) tag: u16,
}

impl Buckets {
    /// Of what has no flow.
    pub(super) const NONE: Self = Self { first: 0, second: 0, tag: 0 };

    #[inline]
    pub(super) fn both(self) -> [usize; 2] {
        [self.first as usize, self.second as usize]
    }

    /// Where in the table a place of both lies, as [`Places`] counts them. Which bucket it is of cannot be foreseen: nothing
    /// branches on it.
    #[inline]
    pub(super) fn place(self, at: usize) -> usize {
        let bucket = if at < WAYS { self.first } else { self.second };
        bucket as usize * WAYS + at % WAYS
    }

    /// All places of both.
    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        let [first, second] = self.both().map(|bucket| bucket * WAYS..bucket * WAYS + WAYS);
        first.chain(second)
    }
}

/// How flows are spread over a table's buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    key: [u64; 2],
    /// A power of two.
    buckets: u64,
}

impl Spread {
    pub(super) fn new(key: [u64; 2], buckets: usize) -> Self {
        Self { key, buckets: buckets as u64 }
    }

    /// Where a flow can lie.
    #[inline]
    pub(super) fn buckets(&self, key: &FlowKey, encapsulation: Encapsulation) -> Buckets {
        let hash = match (key.hash(self.key), encapsulation.both_ways()) {
            (hash, 0) => hash,
            (hash, both_ways) => fold(hash, both_ways),
        };
        let first = hash & (self.buckets - 1);
        let second = match hash >> 32 & (self.buckets - 1) {
            same if same == first => first ^ 1,
            other => other,
        };
        Buckets { first: first as u32, second: second as u32, tag: (hash >> 48) as u16 | 1 }
    }

    /// The flow of a packet, which has this key.
    #[inline]
    pub(super) fn sought<'k>(
        &self,
        packet: &Packet<'_>,
        key: &'k FlowKey,
        encapsulation: Encapsulation,
    ) -> Sought<'k> {
        let buckets = self.buckets(key, encapsulation);
        Sought {
            key,
            encapsulation,
            buckets,
            is_from_high: packet.five_tuple.is_from_high(),
            time_us: packet.time_us,
            tcp: packet.tcp,
            payload_bytes: packet.payload.len(),
            likely: NOWHERE,
        }
    }
}

/// The flow a packet belongs to, and what the flow table wants to know of the packet.
#[derive(Clone, Copy)]
pub(super) struct Sought<'k> {
    pub(super) key: &'k FlowKey,
    pub(super) encapsulation: Encapsulation,
    pub(super) buckets: Buckets,
    pub(super) is_from_high: bool,
    pub(super) time_us: u64,
    pub(super) tcp: TcpFields,
    pub(super) payload_bytes: usize,
    /// Where it may lie, as was found when its memory was asked for; if it does not, it is looked for.
    pub(super) likely: u32,
}

/// Where no flow lies.
pub(super) const NOWHERE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn tags_are_found_where_they_are_and_nowhere_else() {
        let tags = [0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff];
        let mut random = 7_u32;
        for _ in 0..1000 {
            let mut buckets = [Bucket::default(); 2];
            let mut kept = [0; 2 * WAYS];
            for (at, kept) in kept.iter_mut().enumerate() {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *kept = tags[random as usize >> 29];
                buckets[at / WAYS].set_tag(at % WAYS, *kept);
            }
            for tag in tags {
                let mut places = Bucket::places_of([&buckets[0], &buckets[1]], tag);
                let mut found: Vec<usize> = core::iter::from_fn(|| places.next()).collect();
                found.sort_unstable();
                let expected: Vec<usize> = (0..2 * WAYS).filter(|at| kept[*at] == tag).collect();
                assert_eq!(found, expected, "{tag:#x} in {kept:x?}");
                let of_first = kept[..WAYS].iter().filter(|kept| **kept == tag).count() as u32;
                let first = kept[..WAYS].iter().position(|kept| *kept == tag);
                assert_eq!(buckets[0].first_of(tag), first.map(|way| (way, of_first)));
                assert!((0..WAYS).all(|way| buckets[0].tag(way) == kept[way]));
            }
        }
    }
}
