//! Rows by the first bytes of a payload.

use super::candidate::CandidateRow;
use super::pattern::{Element, Pattern};
use super::pattern_tree::{Fits, PATTERNS_MAX, PatternTree};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// Rows with a prefix, in the order of the set.
#[derive(Debug)]
struct Rows {
    candidates: Vec<CandidateRow>,
    tree: PatternTree,
}

/// Rows with a prefix, by each first byte in one list, or in several where they are many.
#[derive(Debug)]
pub(crate) struct PrefixIndex {
    lists: Vec<Rows>,
    /// The lists of each first byte.
    by_first: Box<[Range<u16>; 256]>,
}

impl PrefixIndex {
    pub(super) fn new(rows: &[(CandidateRow, &Pattern)]) -> Self {
        let mut known: Vec<(Vec<usize>, Range<u16>)> = Vec::new();
        let (mut lists, mut by_first) = (Vec::new(), Box::new([const { 0..0 }; 256]));
        for (byte, range) in (0..=255u8).zip(by_first.iter_mut()) {
            let begin: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].1.may_begin_with(byte)).collect();
            if let Some((_, same)) = known.iter().find(|(other, _)| *other == begin) {
                *range = same.clone();
                continue;
            }
            let first = lists.len() as u16;
            lists.extend(begin.chunks(PATTERNS_MAX).map(|rows_of| {
                let elements: Vec<Vec<Element>> =
                    rows_of.iter().map(|row| rows[*row].1.all_elements()).collect();
                Rows {
                    candidates: rows_of.iter().map(|row| rows[*row].0).collect(),
                    tree: PatternTree::new(&elements),
                }
            }));
            *range = first..lists.len() as u16;
            known.push((begin, range.clone()));
        }
        Self { lists, by_first }
    }

    /// Whether some row's pattern may begin with this byte.
    #[inline]
    pub(crate) fn has_any(&self, first: u8) -> bool {
        !self.by_first[usize::from(first)].is_empty()
    }

    /// Rows whose pattern may begin with this byte.
    pub(super) fn beginning_with(&self, first: u8) -> impl Iterator<Item = &CandidateRow> {
        let Range { start, end } = self.by_first[usize::from(first)].clone();
        self.lists[usize::from(start)..usize::from(end)].iter().flat_map(|rows| &rows.candidates)
    }

    /// Rows that begin with the first of these bytes, and how the patterns of each turn out.
    #[inline]
    pub(crate) fn walk(&self, bytes: &[u8]) -> impl Iterator<Item = (&[CandidateRow], Fits)> {
        let range = bytes.first().map_or(0..0, |first| self.by_first[usize::from(*first)].clone());
        let lists = &self.lists[usize::from(range.start)..usize::from(range.end)];
        lists.iter().map(move |rows| (rows.candidates.as_slice(), rows.tree.walk(bytes)))
    }

    /// Rows whose pattern fits, in the order of the set.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8]) -> impl Iterator<Item = &CandidateRow> {
        self.walk(bytes).flat_map(|(rows, fits)| each(fits.yes).filter_map(|row| rows.get(row)))
    }
}

/// The numbers of the bits that are set, from the lowest on.
#[inline]
pub(crate) fn each(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(lowest)
    })
}

#[cfg(test)]
mod tests {
    use super::super::model::Conditions;
    use super::*;

    #[test]
    fn more_rows_than_a_tree_takes_are_found_in_the_order_of_the_set() {
        let patterns: Vec<Pattern> = (0..200u8).map(|row| Pattern::from_literal(&[7, row % 2])).collect();
        let rows: Vec<_> = (0..)
            .zip(&patterns)
            .map(|(row, pattern)| (CandidateRow::new(row, &Conditions::default()), pattern))
            .collect();
        let index = PrefixIndex::new(&rows);
        let found = |bytes: &[u8]| index.find(bytes).map(|candidate| candidate.row).collect::<Vec<_>>();
        assert_eq!(found(&[7, 1, 0]), (0..200).filter(|row| row % 2 == 1).collect::<Vec<_>>());
        assert!(found(&[7]).is_empty() && found(&[8, 1]).is_empty() && found(&[]).is_empty());
        assert!(index.has_any(7) && !index.has_any(8));
        let waiting = index.walk(&[7]).map(|(_, fits)| fits.more.count_ones()).sum::<u32>();
        assert_eq!(waiting, 200);
    }
}
