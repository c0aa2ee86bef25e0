//! Rows by a number of 16 bits that a message carries: its type, or that of an attribute.

use super::candidate::CandidateRow;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Rows in one list for each low byte of their number, in the order of the set.
#[derive(Debug)]
pub(crate) struct KindIndex {
    bounds: Box<[u32; 257]>,
    /// The numbers, and the row of each.
    kinds: Vec<u16>,
    rows: Vec<CandidateRow>,
}

impl KindIndex {
    pub(super) fn new(mut entries: Vec<(u16, CandidateRow)>) -> Self {
        entries.sort_by_key(|(kind, candidate)| (kind % 256, *kind, candidate.row));
        let mut bounds = Box::new([0; 257]);
        for (low, bound) in (1..=256u16).zip(&mut bounds[1..]) {
            *bound = entries.partition_point(|(kind, _)| kind % 256 < low) as u32;
        }
        let (kinds, rows) = entries.into_iter().unzip();
        Self { bounds, kinds, rows }
    }

    /// The rows under this number.
    #[inline]
    pub(crate) fn of(&self, kind: u16) -> &[CandidateRow] {
        let low = usize::from(kind % 256);
        let (mut start, mut end) = (self.bounds[low] as usize, self.bounds[low + 1] as usize);
        while start < end && self.kinds[start] != kind {
            start += 1;
        }
        while start < end && self.kinds[end - 1] != kind {
            end -= 1;
        }
        &self.rows[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Conditions;
    use super::*;

    #[test]
    fn rows_are_found_by_their_whole_number_and_in_order() {
        let kinds = [3u16, 0x0103, 3, 0x01ff, 0xff, 3];
        let row = |row: u16| (kinds[usize::from(row)], CandidateRow::new(row, &Conditions::default()));
        let index = KindIndex::new((0..6).rev().map(row).collect());
        let found = |kind| index.of(kind).iter().map(|candidate| candidate.row).collect::<Vec<_>>();
        assert_eq!(found(3), [0, 2, 5]);
        assert_eq!([found(0x0103), found(0x01ff), found(0xff)], [[1], [3], [4]]);
        assert!(found(0x0203).is_empty());
    }
}
