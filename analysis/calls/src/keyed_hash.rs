//! A quick hash under a secret key, for maps that are asked with every packet.

use std::hash::{BuildHasher, Hasher, RandomState};

/// An odd number with its bits well spread: 2^64 over the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes hashers; each map has a key of its own, so that nobody can choose end points that collide.
#[derive(Clone, Debug)]
pub(crate) struct KeyedState(u64);

impl Default for KeyedState {
    fn default() -> Self {
        Self(RandomState::new().hash_one(FACTOR))
    }
}

impl BuildHasher for KeyedState {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(self.0)
    }
}

/// Words multiplied into the key, the upper half of each product folded onto the lower.
pub(crate) struct KeyedHasher(u64);

impl Hasher for KeyedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (wide as u64) ^ (wide >> 64) as u64;
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A number that differs for different bytes, all but certainly; the same in every run.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = KeyedHasher(bytes.len() as u64);
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighbours_lie_apart_and_keys_differ() {
        let key = KeyedState::default();
        // Both ends of a hash count: maps take the place from one and a tag from the other.
        let places: HashSet<u64> = (0..4096u64).map(|n| key.hash_one(n) & 0xffff).collect();
        let tags: HashSet<u64> = (0..4096u64).map(|n| key.hash_one(n) >> 48).collect();
        assert!(places.len() > 3600 && tags.len() > 3600, "{} {}", places.len(), tags.len());
        assert_eq!(key.hash_one([1u8, 2, 3]), key.clone().hash_one([1u8, 2, 3]));
        assert_ne!(key.hash_one(7u64), KeyedState::default().hash_one(7u64));
        assert_eq!(fingerprint(b"a token of some length"), fingerprint(b"a token of some length"));
        assert_ne!(fingerprint(b"a token of some length"), fingerprint(b"a token of some lengtH"));
        assert_ne!(fingerprint(&[0; 8]), fingerprint(&[0; 16]));
    }
}
