//! Look-up lists that were read lately: servers give the same list to one client after another, and byte for byte the same list
//! says the same.

use crate::five_tuple::Address;
use crate::verdict::SignatureId;
use alloc::vec::Vec;

/// Lists kept.
const LISTS: usize = 4;
/// Longest body kept, in bytes, packed as it came; longer ones are read each time.
const BODY_BYTES: usize = 16 * 1024;
/// Most addresses kept of a list; one with more is read each time.
const ADDRESSES: usize = 512;

/// What reading a list depends on beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// [`SignatureSet::number`](crate::signature::SignatureSet::number) of the set.
    pub(crate) set: u64,
    /// The row that has the list read, whose are addresses without a name.
    pub(crate) row: Option<SignatureId>,
    /// Whether the body is deflated.
    pub(crate) is_deflated: bool,
}

/// A list, and what it says.
#[derive(Debug)]
struct List {
    reading: Reading,
    body: Vec<u8>,
    addresses: Vec<(Address, SignatureId)>,
}

/// The lists read last, in memory taken at once.
#[derive(Debug)]
pub(crate) struct Lists {
    lists: [List; LISTS],
    /// The one that makes room next.
    oldest: usize,
}

impl Lists {
    pub(crate) fn new() -> Self {
        let list = |_| List {
            reading: Reading::default(),
            body: Vec::with_capacity(BODY_BYTES),
            addresses: Vec::with_capacity(ADDRESSES),
        };
        Self { lists: core::array::from_fn(list), oldest: 0 }
    }

    /// The rows' addresses in a body that was read before.
    pub(crate) fn known(&self, reading: Reading, body: &[u8]) -> Option<&[(Address, SignatureId)]> {
        let mut lists = self.lists.iter();
        let is_same = |list: &&List| !body.is_empty() && list.reading == reading && list.body == body;
        lists.find(is_same).map(|list| list.addresses.as_slice())
    }

    /// Begins to keep what a body says.
    pub(crate) fn begin(&mut self, reading: Reading, body: &[u8]) {
        let list = &mut self.lists[self.oldest];
        list.reading = reading;
        list.body.clear();
        list.addresses.clear();
        if body.len() <= BODY_BYTES {
            list.body.extend_from_slice(body);
        }
    }

    /// Keeps an address of the body begun.
    pub(crate) fn add(&mut self, address: Address, signature: SignatureId) {
        let list = &mut self.lists[self.oldest];
        if list.addresses.len() == ADDRESSES {
            list.body.clear();
        } else {
            list.addresses.push((address, signature));
        }
    }

    /// All of the body was read.
    pub(crate) fn end(&mut self) {
        if !self.lists[self.oldest].body.is_empty() {
            self.oldest = (self.oldest + 1) % LISTS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address = Address([1; 16]);

    fn keep(lists: &mut Lists, reading: Reading, body: &[u8], count: usize) {
        lists.begin(reading, body);
        (0..count).for_each(|_| lists.add(ADDRESS, SignatureId(7)));
        lists.end();
    }

    #[test]
    fn the_same_bytes_read_the_same_way_are_known() {
        let (mut lists, reading) = (Lists::new(), Reading { set: 1, ..Reading::default() });
        keep(&mut lists, reading, b"one", 2);
        assert_eq!(lists.known(reading, b"one"), Some(&[(ADDRESS, SignatureId(7)); 2][..]));
        assert_eq!(lists.known(reading, b"two"), None);
        assert_eq!(lists.known(Reading { set: 2, ..reading }, b"one"), None);
        assert_eq!(lists.known(Reading { is_deflated: true, ..reading }, b"one"), None);
        assert_eq!(lists.known(Reading { row: Some(SignatureId(1)), ..reading }, b"one"), None);
        (0..LISTS as u8).for_each(|number| keep(&mut lists, reading, &[number], 1));
        assert_eq!(lists.known(reading, b"one"), None, "the oldest makes room");
    }

    #[test]
    fn what_is_too_long_is_read_each_time() {
        let (mut lists, reading) = (Lists::new(), Reading::default());
        let long = alloc::vec![1; BODY_BYTES + 1];
        keep(&mut lists, reading, &long, 1);
        assert_eq!(lists.known(reading, &long), None);
        keep(&mut lists, reading, b"many", ADDRESSES + 1);
        assert_eq!(lists.known(reading, b"many"), None);
        assert_eq!(lists.known(reading, b""), None);
    }
}
