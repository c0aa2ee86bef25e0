//! The ends of calls that go on, by address and port: asked for with every datagram of a flow that nobody knows.

use std::collections::HashMap;
use std::fmt;

use wiremark::Address;

use super::end_point::EndPoint;
use super::keyed_hash::KeyedState;

/// Places of the sieve; a power of two, and few enough to stay in the nearest memory.
const SIEVE: usize = 8192;

/// Numbers of ends of calls.
pub(crate) struct Locals {
    numbers: HashMap<EndPoint, u64, KeyedState>,
    /// How many ends share some bits of address and port: mostly none, and then nothing has to be looked for.
    sieve: Box<[u32]>,
}

impl fmt::Debug for Locals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.numbers.fmt(f)
    }
}

impl Default for Locals {
    fn default() -> Self {
        Self { numbers: HashMap::default(), sieve: vec![0; SIEVE].into() }
    }
}

impl Locals {
    /// Whether an end may be one of them; else it is not.
    #[inline]
    pub(crate) fn may_have(&self, address: &Address, port: u16) -> bool {
        self.sieve.get(place(address, port)).is_some_and(|count| *count > 0)
    }

    pub(crate) fn get(&self, end: &EndPoint) -> Option<u64> {
        let may_be = self.may_have(&end.address, end.port);
        if may_be { self.numbers.get(end).copied() } else { None }
    }

    /// The number of an end, in the place of another it may have had.
    pub(crate) fn insert(&mut self, end: EndPoint, number: u64) {
        if self.numbers.insert(end, number).is_none()
            && let Some(count) = self.sieve.get_mut(place(&end.address, end.port))
        {
            *count += 1;
        }
    }

    /// Forgets an end, if that is still its number.
    pub(crate) fn remove(&mut self, end: &EndPoint, number: u64) {
        if self.numbers.get(end) == Some(&number)
            && self.numbers.remove(end).is_some()
            && let Some(count) = self.sieve.get_mut(place(&end.address, end.port))
        {
            *count -= 1;
        }
    }
}

#[inline]
fn place(address: &Address, port: u16) -> usize {
    let [.., high, low] = address.0;
    usize::from(port ^ u16::from_be_bytes([low, high])) % SIEVE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found_until_they_are_forgotten() {
        let mut locals = Locals::default();
        let end = |number: u16| EndPoint {
            address: Address::v4([10, 0, (number % 7) as u8, (number % 5) as u8]),
            port: number % 1000,
        };
        for number in 0..3000 {
            locals.insert(end(number), number.into());
        }
        // The later of two with the same end has it.
        for number in 0..3000 {
            locals.remove(&end(number), number.wrapping_sub(1).into());
        }
        let latest = |number: u16| (0..3000).rev().find(|other| end(*other) == end(number)).map(u64::from);
        for number in 0..3000 {
            assert_eq!(locals.get(&end(number)), latest(number));
        }
        for number in 0..3000 {
            locals.remove(&end(number), number.into());
        }
        assert!((0..3000).all(|number| locals.get(&end(number)).is_none()));
        assert!(locals.sieve.iter().all(|count| *count == 0) && locals.numbers.is_empty());
    }
}
