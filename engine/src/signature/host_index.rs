//! Rows by host name.

use super::model::HostPattern;
use super::row::RowIndex;
use crate::dissect::text;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// Names by their fixed last labels.
#[derive(Debug)]
pub(crate) struct HostIndex {
    /// A bit for the [`shape`] of each suffix: what begins at most labels of most names has none of them.
    shapes: Shapes,
    /// The same of their last two labels, by which most names are told to have no suffix at all.
    domains: Shapes,
    /// Some suffix has one label only.
    has_short: bool,
    /// Open addressing by [`suffix_hash`]; a power of two of places.
    places: Vec<Option<Group>>,
    /// Grouped by suffix, within a suffix by falling rank.
    entries: Vec<Entry>,
}

/// The patterns with one suffix.
#[derive(Clone, Debug)]
struct Group {
    hash: u32,
    dotted: Box<[u8]>,
    /// The same with each label's length in place of the dot before it.
    counted: Box<[u8]>,
    entries: Range<u32>,
}

#[derive(Debug)]
struct Entry {
    host: HostPattern,
    row: RowIndex,
    /// What the label before the suffix begins and ends with, and which bits of that count: none where it may be any byte.
    edges: u16,
    edge_bits: u16,
}

impl Entry {
    fn new((host, row): (HostPattern, RowIndex)) -> Self {
        let edges = host
            .label
            .as_ref()
            .map_or([None; 2], |(begins, ends)| [begins.bytes().next(), ends.bytes().next_back()]);
        let [edges, edge_bits] =
            [edges.map(|byte| byte.unwrap_or(0)), edges.map(|byte| if byte.is_some() { u8::MAX } else { 0 })];
        Self { edges: u16::from_le_bytes(edges), edge_bits: u16::from_le_bytes(edge_bits), host, row }
    }
}

/// How names are written: with one byte between two labels in both ways.
trait Writing {
    /// A name from its first label on, and that label's length. `None` where there is none.
    fn first(name: &[u8]) -> Option<(&[u8], usize)>;
    /// The same of the label behind one.
    fn next(behind: &[u8]) -> Option<(&[u8], usize)>;
    fn suffix(group: &Group) -> &[u8];
}

/// As text.
struct Dotted;

/// As in DNS messages, each label behind its length.
struct Counted;

impl Writing for Dotted {
    #[inline]
    fn first(name: &[u8]) -> Option<(&[u8], usize)> {
        // Labels are so short that a search eight bytes at a time takes longer.
        let dot = name.iter().position(|byte| *byte == b'.');
        (!name.is_empty()).then(|| (name, dot.unwrap_or(name.len())))
    }

    #[inline]
    fn next(behind: &[u8]) -> Option<(&[u8], usize)> {
        Self::first(behind.get(1..)?)
    }

    #[inline]
    fn suffix(group: &Group) -> &[u8] {
        &group.dotted
    }
}

impl Writing for Counted {
    #[inline]
    fn first(name: &[u8]) -> Option<(&[u8], usize)> {
        name.split_first().map(|(length, rest)| (rest, usize::from(*length)))
    }

    #[inline]
    fn next(behind: &[u8]) -> Option<(&[u8], usize)> {
        Self::first(behind)
    }

    #[inline]
    fn suffix(group: &Group) -> &[u8] {
        &group.counted
    }
}

/// A dotted name with each label's length in place of the dot before it, but for the first.
fn counted(dotted: &str) -> Box<[u8]> {
    let mut bytes: Vec<u8> = Vec::with_capacity(dotted.len() + 1);
    for label in dotted.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes[1..].into()
}

/// Of a name's end: its length, and the first eight bytes of its first label, whatever their case. Hardly two suffixes share them.
#[inline]
fn suffix_hash(label: &[u8], suffix: &[u8]) -> u32 {
    let first = suffix.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut short = [0; 8];
        short.iter_mut().zip(suffix).for_each(|(to, byte)| *to = *byte);
        short
    });
    let behind = u64::MAX.unbounded_shl(8 * label.len() as u32);
    let caseless = (u64::from_le_bytes(first) | 0x2020_2020_2020_2020) & !behind;
    ((caseless ^ suffix.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Where the last two labels of a dotted name begin, or the only one.
#[inline]
fn domain_of(name: &[u8]) -> usize {
    let dot = |name: &[u8]| name.iter().rposition(|byte| *byte == b'.');
    dot(name).and_then(|last| dot(&name[..last])).map_or(0, |dot| dot + 1)
}

const SHAPES: usize = 1 << 14;

/// A bit for each [`shape`] that there is.
#[derive(Debug)]
struct Shapes(Box<[u64; SHAPES / 64]>);

impl Shapes {
    fn new() -> Self {
        Self(Box::new([0; SHAPES / 64]))
    }

    fn add(&mut self, label: &[u8], length: usize) {
        let shape = shape(label, length);
        self.0[shape / 64] |= 1 << (shape % 64);
    }

    #[inline]
    fn has(&self, label: &[u8], length: usize) -> bool {
        let shape = shape(label, length);
        self.0[shape / 64] >> (shape % 64) & 1 == 1
    }
}

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
        let mut hosts = Self {
            shapes: Shapes::new(),
            domains: Shapes::new(),
            has_short: false,
            places: alloc::vec![None; places],
            entries,
        };
        let mut begin = 0;
        while begin < hosts.entries.len() {
            let suffix = &hosts.entries[begin].host.suffix;
            let same = |entry: &&Entry| entry.host.suffix == *suffix;
            let end = begin + hosts.entries[begin..].iter().take_while(same).count();
            let label = suffix.split('.').next().unwrap_or_default().as_bytes();
            hosts.shapes.add(label, suffix.len());
            let domain = &suffix.as_bytes()[domain_of(suffix.as_bytes())..];
            match text::position(domain, b'.') {
                Some(dot) => hosts.domains.add(&domain[..dot], domain.len()),
                None => hosts.has_short = true,
            }
            let hash = suffix_hash(label, suffix.as_bytes());
            let mut place = hash as usize & (places - 1);
            while hosts.places[place].is_some() {
                place = (place + 1) & (places - 1);
            }
            let entries = begin as u32..end as u32;
            hosts.places[place] =
                Some(Group { hash, dotted: suffix.as_bytes().into(), counted: counted(suffix), entries });
            begin = end;
        }
        hosts
    }

    /// Whether a name's end of this length, with this first label, may be a suffix.
    #[inline]
    pub(crate) fn may_hold(&self, label: &[u8], length: usize) -> bool {
        self.shapes.has(label, length)
    }

    /// Whether a name as it stands in a DNS message, the last two of whose labels begin at `domain`, may have a row.
    #[inline]
    pub(crate) fn may_hold_domain(&self, labels: &[u8], domain: usize) -> bool {
        let last_two = labels.get(domain..).and_then(Counted::first);
        last_two.is_some_and(|(domain, length)| self.may_be_known(domain, length))
    }

    /// By its last two labels, the first of which has this length.
    #[inline]
    fn may_be_known(&self, domain: &[u8], length: usize) -> bool {
        self.has_short || domain.get(..length).is_some_and(|label| self.domains.has(label, domain.len()))
    }

    fn by_suffix<W: Writing>(&self, label: &[u8], suffix: &[u8]) -> &[Entry] {
        let hash = suffix_hash(label, suffix);
        let mut place = hash as usize & (self.places.len() - 1);
        while let Some(group) = &self.places[place] {
            if group.hash == hash && text::is_caseless(suffix, W::suffix(group)) {
                return &self.entries[group.entries.start as usize..group.entries.end as usize];
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        &[]
    }

    /// The row with the most specific pattern that matches, among those `accept` takes. Case does not count.
    pub(crate) fn find(&self, name: &[u8], accept: impl Fn(RowIndex) -> bool) -> Option<RowIndex> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        self.search::<Dotted>(name, domain_of(name), accept)
    }

    /// The same of a name as it stands in a DNS message, each label behind its length, without the root's zero; the last two
    /// of its labels, or the only one, begin at `domain`.
    #[inline]
    pub(crate) fn find_counted(
        &self,
        labels: &[u8],
        domain: usize,
        accept: impl Fn(RowIndex) -> bool,
    ) -> Option<RowIndex> {
        self.search::<Counted>(labels, domain, accept)
    }

    #[inline]
    fn search<W: Writing>(
        &self,
        name: &[u8],
        domain: usize,
        accept: impl Fn(RowIndex) -> bool,
    ) -> Option<RowIndex> {
        let (domain, length) = W::first(name.get(domain..)?)?;
        let is_unknown = !self.may_be_known(domain, length) || name.len() > NAME_BYTES;
        if is_unknown { None } else { self.search_labels::<W>(name, accept) }
    }

    fn search_labels<W: Writing>(&self, name: &[u8], accept: impl Fn(RowIndex) -> bool) -> Option<RowIndex> {
        let (mut before, mut next) = (None, W::first(name));
        while let Some((suffix, length)) = next {
            let (label, behind) = suffix.split_at_checked(length)?;
            // No shorter suffix is more specific, whatever label stands before it.
            if self.may_hold(label, suffix.len())
                && let Some(row) = self.search_before::<W>(before, label, suffix, &accept)
            {
                return Some(row);
            }
            (before, next) = (Some((label, before.is_none())), W::next(behind));
        }
        None
    }

    /// The row whose suffix this is, and whose pattern fits the label before it, of which is known whether it is the first.
    #[inline]
    fn search_before<W: Writing>(
        &self,
        before: Option<(&[u8], bool)>,
        label: &[u8],
        suffix: &[u8],
        accept: &impl Fn(RowIndex) -> bool,
    ) -> Option<RowIndex> {
        // A dot at the very beginning does not count.
        let before = before.filter(|(label, is_first)| !(*is_first && label.is_empty()));
        let edges =
            before.map_or([0; 2], |(label, _)| [label.first(), label.last()].map(|byte| *byte.unwrap_or(&0)));
        let edges = u16::from_le_bytes(edges.map(|byte| byte.to_ascii_lowercase()));
        let fits = |entry: &&Entry| {
            (entry.edges ^ edges) & entry.edge_bits == 0 && entry.host.fits_label(before) && accept(entry.row)
        };
        self.by_suffix::<W>(label, suffix).iter().find(fits).map(|entry| entry.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_the_same_row_dotted_and_counted() {
        let patterns =
            ["example.net", "=a.example.net", "*b.example.net", "c*d.example.net", "x.y.example.org", "q"];
        for short in [5, 6] {
            let entries =
                patterns[..short].iter().flat_map(|text| HostPattern::parse(text).unwrap()).zip(0..);
            let index = HostIndex::new(entries.collect());
            for (name, row) in [
                ("example.net", Some(0)),
                ("Www.EXAMPLE.net", Some(0)),
                ("example.org", None),
                ("net", None),
                ("badexample.net", None),
                ("a.example.net", Some(1)),
                ("a.a.example.net", Some(0)),
                ("b.example.net", Some(2)),
                ("x.aB.example.net", Some(2)),
                ("c-D.example.net", Some(3)),
                ("cd.example.net", Some(3)),
                ("c.example.net", Some(0)),
                ("y.example.org", None),
                ("z.x.y.example.org", Some(4)),
                ("q", (short > 5).then_some(5)),
                ("longer.q", (short > 5).then_some(5)),
            ] {
                let mut labels: Vec<u8> = Vec::new();
                let mut starts = Vec::new();
                for label in name.split('.') {
                    starts.push(labels.len());
                    labels.push(label.len() as u8);
                    labels.extend_from_slice(label.as_bytes());
                }
                let domain = starts[starts.len().saturating_sub(2)];
                assert_eq!(index.find(name.as_bytes(), |_| true), row, "{name}");
                assert_eq!(index.find_counted(&labels, domain, |_| true), row, "{name}");
                assert_eq!(index.find(name.as_bytes(), |_| false), None);
            }
            assert_eq!(index.find(b".a.example.net", |_| true), Some(1));
            assert_eq!(index.find(b".example.net", |_| true), Some(0));
            assert_eq!(index.find(b"example.net.", |_| true), Some(0));
        }
    }
}
