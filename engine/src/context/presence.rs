//! Whether anything was learned of an address at all: a bit for its hash, for each way of learning. Most addresses are known in
//! no way, and one look here saves six in the tables.

use alloc::boxed::Box;
use alloc::vec;

/// Ways of learning of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A name with a row stands for it.
    Named,
    /// It is a server that a flow showed.
    Server,
    /// It is an end of a call.
    Call,
}

const WAYS: usize = 3;
/// Eight for each thing that is remembered by default.
const BITS: usize = 1 << 16;
/// So many new bits are set before those of what is forgotten are cleared.
const ROUND: usize = BITS / 8;

/// Bits, and which of them are worth a look: of so many hashes side by side, whether anything at all is known of one. That is 2 KB, which
/// stay in a near cache where the rest does not.
const SHARED: usize = 4;

#[derive(Debug)]
struct Bits {
    any: Box<[u64]>,
    /// Of each run of 64 hashes the bits of every way, side by side in one cache line.
    ways: Box<[[u64; WAYS]]>,
}

impl Bits {
    fn new() -> Self {
        Self {
            any: vec![0; BITS / SHARED / 64].into_boxed_slice(),
            ways: vec![[0; WAYS]; BITS / 64].into_boxed_slice(),
        }
    }

    #[inline]
    fn has_any(&self, hash: u64) -> bool {
        let (word, bit) = shared_place(hash);
        self.any[word] & bit != 0
    }

    /// Whether the bit was not set before.
    fn set(&mut self, hash: u64, how: Known) -> bool {
        let (word, bit) = shared_place(hash);
        self.any[word] |= bit;
        let (word, bit) = place(hash);
        let bits = &mut self.ways[word][how as usize];
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }

    fn clear(&mut self) {
        self.any.fill(0);
        self.ways.fill([0; WAYS]);
    }
}

/// Bits of what is remembered and, until they are next cleared, of what was forgotten since. They are cleared without a pause:
/// a second set of bits is filled from the tables, a little with each new bit, and then takes the place of the first.
#[derive(Debug)]
pub(super) struct Presence {
    bits: Bits,
    next: Bits,
    /// Bits set since the last exchange.
    fresh: usize,
    /// Which part of the tables goes into `next` with the next bit.
    hand: Option<usize>,
}

/// Where the bit of a hash stands.
#[inline]
fn place(hash: u64) -> (usize, u64) {
    let place = (hash >> 32) as usize % BITS;
    (place / 64, 1 << (place % 64))
}

/// Where the bit stands that it shares with its neighbours.
#[inline]
fn shared_place(hash: u64) -> (usize, u64) {
    let place = (hash >> 32) as usize % BITS / SHARED;
    (place / 64, 1 << (place % 64))
}

impl Presence {
    pub(super) fn new() -> Self {
        Self { bits: Bits::new(), next: Bits::new(), fresh: 0, hand: None }
    }

    /// Whether something of this kind may be known; when in doubt it is.
    #[inline]
    pub(super) fn has(&self, hash: u64, how: Known) -> bool {
        let (word, bit) = place(hash);
        self.bits.has_any(hash) && self.bits.ways[word][how as usize] & bit != 0
    }

    /// In which ways something may be known: a bit for each, by the numbers of [`Known`].
    #[inline]
    pub(super) fn ways(&self, hash: u64) -> u8 {
        if !self.bits.has_any(hash) {
            return 0;
        }
        let (word, bit) = place(hash);
        let [named, server, call] = self.bits.ways[word].map(|bits| u8::from(bits & bit != 0));
        named | server << 1 | call << 2
    }

    /// Whether anything but calls may be known.
    #[inline]
    pub(super) fn has_server(&self, hash: u64) -> bool {
        let (word, bit) = place(hash);
        let [named, server, _] = self.bits.ways[word];
        (named | server) & bit != 0
    }

    /// Notes that something was learned. Gives the part of the tables, out of `parts`, whose hashes are to be
    /// [kept](Self::keep) now, if one is.
    pub(super) fn note(&mut self, hash: u64, how: Known, parts: usize) -> Option<usize> {
        self.next.set(hash, how);
        if !self.bits.set(hash, how) {
            return None;
        }
        self.fresh += 1;
        match self.hand {
            Some(part) if part < parts => {
                self.hand = Some(part + 1);
                Some(part)
            }
            Some(_) => {
                core::mem::swap(&mut self.bits, &mut self.next);
                (self.hand, self.fresh) = (None, 0);
                None
            }
            None => {
                if self.fresh >= ROUND {
                    // What comes from here on is in both; what was before is in the tables, or forgotten.
                    self.next.clear();
                    self.next.set(hash, how);
                    self.hand = Some(0);
                }
                None
            }
        }
    }

    /// Notes that something is still remembered.
    pub(super) fn keep(&mut self, hash: u64, how: Known) {
        self.next.set(hash, how);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    #[test]
    fn what_is_remembered_stays_known_and_what_was_forgotten_does_not_pile_up() {
        const REMEMBERED: usize = 2000;
        const PARTS: usize = 64;
        let mut presence = Presence::new();
        let mut table = VecDeque::new();
        let mut hash = 1u64;
        for step in 0..20 * ROUND {
            hash = crate::lru::fold(step as u64, hash);
            if let Some(part) = presence.note(hash, Known::Server, PARTS) {
                let kept = table.iter().filter(|hash| **hash as usize % PARTS == part);
                kept.for_each(|hash| presence.keep(*hash, Known::Server));
            }
            table.push_back(hash);
            if table.len() > REMEMBERED {
                table.pop_front();
            }
            if step % 997 == 0 {
                assert!(table.iter().all(|hash| presence.has(*hash, Known::Server)), "step {step}");
            }
        }
        let ones: u32 = presence.bits.ways.iter().flatten().map(|word| word.count_ones()).sum();
        assert!(ones as usize <= REMEMBERED + ROUND + 2 * PARTS, "{ones} bits");
        assert!(presence.has_server(hash) && !presence.has(hash, Known::Named));
        assert_eq!(presence.ways(hash), 1 << Known::Server as u8);
    }
}
