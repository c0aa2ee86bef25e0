//! What evidence is found by: an address, an end point, a stream; most of them as one client knows it.

use crate::five_tuple::Address;
use crate::lru::{SeededHash, fold};

/// Address and port.
pub(crate) type EndPoint = (Address, u16);

/// Who something was learned of, or is believed for.
pub(crate) type Client = Address;

impl SeededHash for Address {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        let value = u128::from_be_bytes(self.0);
        fold((value >> 64) as u64, fold(value as u64, seed))
    }
}

impl SeededHash for EndPoint {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(self.1), self.0.seeded_hash(seed))
    }
}

impl SeededHash for (Client, Address) {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        for_client(self.0, self.1.seeded_hash(seed))
    }
}

impl SeededHash for (Client, EndPoint) {
    #[inline]
    fn seeded_hash(&self, seed: u64) -> u64 {
        for_client(self.0, self.1.seeded_hash(seed))
    }
}

/// The hash of something as this client knows it.
#[inline]
pub(super) fn for_client(client: Client, hash: u64) -> u64 {
    let value = u128::from_be_bytes(client.0);
    fold(value as u64 ^ (value >> 64) as u64, hash)
}

impl SeededHash for u32 {
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(*self), seed)
    }
}

impl SeededHash for (Client, u32) {
    fn seeded_hash(&self, seed: u64) -> u64 {
        for_client(self.0, self.1.seeded_hash(seed))
    }
}
