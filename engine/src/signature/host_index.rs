//! Rows by host name.

use super::model::HostPattern;
use super::row::RowIndex;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// Names by their fixed last labels.
#[derive(Debug)]
pub(crate) struct HostIndex {
    /// A bit for the [`shape`] of each suffix: what begins at most labels of most names has none of them.
    shapes: Box<[u64; SHAPES / 64]>,
    /// Open addressing by [`suffix_hash`]; a power of two of places.
    places: Vec<Option<Range<u32>>>,
    /// Grouped by suffix, within a suffix by falling rank.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    host: HostPattern,
    row: RowIndex,
    /// What the label before the suffix begins with; 0 where there need be none, or it may begin with anything.
    initial: u8,
}

impl Entry {
    fn new((host, row): (HostPattern, RowIndex)) -> Self {
        let begins = host.label.as_ref().and_then(|(begins, _)| begins.bytes().next());
        Self { initial: begins.unwrap_or(0), host, row }
    }
}

/// Of a name's end: its length and its first eight bytes, whatever their case. Hardly two suffixes share them.
#[inline]
fn suffix_hash(suffix: &[u8]) -> usize {
    let first = suffix.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut short = [0; 8];
        short[..suffix.len()].copy_from_slice(suffix);
        short
    });
    let caseless = u64::from_le_bytes(first) | 0x2020_2020_2020_2020;
    ((caseless ^ suffix.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

const SHAPES: usize = 1 << 14;

/// Of a name's end: its first two letters whatever their case, the length of its first label, and its length.
#[inline]
fn shape(label: &[u8], length: usize) -> usize {
    let two = match label {
        [one, other, ..] => u16::from_le_bytes([*one, *other]),
        [one] => u16::from(*one),
        [] => 0,
    };
    let all = u32::from(two | 0x2020) | (label.len() as u32) << 16 | (length as u32) << 24;
    (all.wrapping_mul(0x9e37_79b1) >> 18) as usize
}

/// Longest name looked up (RFC 1035, 2.3.4).
const NAME_BYTES: usize = 255;

impl HostIndex {
    pub(super) fn new(entries: Vec<(HostPattern, RowIndex)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().map(Entry::new).collect();
        entries.sort_by(|Entry { host: a, row: row_a, .. }, Entry { host: b, row: row_b, .. }| {
            a.suffix.cmp(&b.suffix).then(b.rank().cmp(&a.rank())).then(row_a.cmp(row_b))
        });
        let places = (2 * entries.len()).next_power_of_two().max(2);
        let mut hosts =
            Self { shapes: Box::new([0; SHAPES / 64]), places: alloc::vec![None; places], entries };
        let mut begin = 0;
        while begin < hosts.entries.len() {
            let suffix = &hosts.entries[begin].host.suffix;
            let same = |entry: &&Entry| entry.host.suffix == *suffix;
            let end = begin + hosts.entries[begin..].iter().take_while(same).count();
            let label = suffix.split('.').next().unwrap_or_default();
            let shape = shape(label.as_bytes(), suffix.len());
            hosts.shapes[shape / 64] |= 1 << (shape % 64);
            let mut place = suffix_hash(suffix.as_bytes()) & (places - 1);
            while hosts.places[place].is_some() {
                place = (place + 1) & (places - 1);
            }
            hosts.places[place] = Some(begin as u32..end as u32);
            begin = end;
        }
        hosts
    }

    /// Whether a name's end of this length, with this first label, may be a suffix.
    #[inline]
    pub(crate) fn may_hold(&self, label: &[u8], length: usize) -> bool {
        let shape = shape(label, length);
        self.shapes[shape / 64] >> (shape % 64) & 1 == 1
    }

    fn by_suffix(&self, suffix: &[u8]) -> &[Entry] {
        let mut place = suffix_hash(suffix) & (self.places.len() - 1);
        while let Some(range) = &self.places[place] {
            let entries = &self.entries[range.start as usize..range.end as usize];
            if entries[0].host.suffix.as_bytes().eq_ignore_ascii_case(suffix) {
                return entries;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        &[]
    }

    /// The row with the most specific pattern that matches, among those `accept` takes. Case does not count.
    pub(crate) fn find(&self, name: &[u8], accept: impl Fn(RowIndex) -> bool) -> Option<RowIndex> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.is_empty() || name.len() > NAME_BYTES {
            return None;
        }
        let mut next = 0;
        while let Some(rest) = name.get(next..).filter(|rest| !rest.is_empty()) {
            let start = next;
            let label = rest.iter().position(|byte| *byte == b'.').map_or(rest, |dot| &rest[..dot]);
            next += label.len() + 1;
            if !self.may_hold(label, rest.len()) {
                continue;
            }
            let front = name[..start].strip_suffix(b".").unwrap_or_default();
            let before = front.iter().rposition(|byte| *byte == b'.').map_or(front, |dot| &front[dot + 1..]);
            let initial = before.first().map_or(0, u8::to_ascii_lowercase);
            let matching = |entry: &&Entry| {
                (entry.initial == 0 || entry.initial == initial)
                    && entry.host.fits_before(front)
                    && accept(entry.row)
            };
            // No shorter suffix is more specific, whatever label stands before it.
            if let Some(entry) = self.by_suffix(&name[start..]).iter().find(matching) {
                return Some(entry.row);
            }
        }
        None
    }
}
