//! In which of the flow table's buckets a flow can lie, and how it is found there without looking at entries.

use crate::five_tuple::FlowKey;
use crate::lru::fold;
use crate::packet::{Encapsulation, Packet, TcpFields};

/// Entries of one bucket; a flow may lie in either of two buckets.
pub(super) const WAYS: usize = 8;

/// What can be told of a bucket's places without looking at their entries: which may hold a flow, and which is to make room.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// Of each a few bits of its flow's hash; 0 is a free place.
    pub(super) tags: [u16; WAYS],
    /// The table's stamp at each flow's last packet.
    pub(super) touched: [u32; WAYS],
    /// A bit for each flow that has an app.
    pub(super) matches: u8,
    /// A bit for each flow over UDP.
    pub(super) datagrams: u8,
}

impl Bucket {
    /// A bit for each place of two buckets with this tag, the first's below. Nothing is wider than a tag: those of a bucket are
    /// compared at once.
    #[inline]
    pub(super) fn places_of([first, second]: [&Self; 2], tag: u16) -> u16 {
        let bits = |way: usize| {
            u16::from(first.tags[way] == tag) << way | u16::from(second.tags[way] == tag) << (way + WAYS)
        };
        (0..WAYS).map(bits).fold(0, |all, bits| all | bits)
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
