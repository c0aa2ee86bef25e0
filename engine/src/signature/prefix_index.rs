//! Rows by the first bytes of a payload, as far as sixteen bytes and a mask tell.

use super::candidate::{CandidateRow, saturated};
use super::pattern::{Match, Pattern};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A row to be found by the first bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaskedPrefix {
    value: u128,
    mask: u128,
    /// So many leading bytes `value` and `mask` decide alone.
    decided: u8,
    /// They decide the whole pattern.
    is_whole: bool,
    /// Bytes that the pattern and the row's equations take at least.
    least: u16,
    /// First elements that its pattern shares with that of the entry before.
    pub(crate) shared: u16,
    pub(crate) candidate: CandidateRow,
}

impl MaskedPrefix {
    fn new(candidate: CandidateRow, pattern: &Pattern, before: Option<&Pattern>) -> Self {
        let (value, mask) = pattern.head();
        let (decided, is_whole) = pattern.decided();
        let least = saturated(pattern.least()).max(candidate.equated);
        let shared = saturated(before.map_or(0, |before| pattern.shared_with(before)));
        Self { value, mask, decided, is_whole, least, shared, candidate }
    }

    /// Whether so many bytes are too few for pattern and equations: the row may need more, or fail, but cannot match.
    #[inline]
    pub(crate) fn is_beyond(&self, length: usize) -> bool {
        length < usize::from(self.least)
    }

    /// Whether the fixed first bytes fit as far as there are bytes.
    #[inline]
    pub(crate) fn fits(&self, first_bytes: FirstBytes) -> bool {
        (first_bytes.bytes ^ self.value) & self.mask & first_bytes.present == 0
    }

    /// What is known of the pattern without walking it, for bytes that it may fit by their first.
    #[inline]
    pub(crate) fn prefilter(&self, length: usize) -> Prefiltered {
        let decided = usize::from(self.decided);
        match self.is_whole {
            true if length >= decided => Prefiltered::Decided(Match::Yes),
            false if length > decided => Prefiltered::FitsUpTo(decided),
            _ => Prefiltered::Decided(Match::NeedMore),
        }
    }
}

/// What is known of a row's prefix before it is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prefiltered {
    /// All of it.
    Decided(Match),
    /// The bytes before this offset fit.
    FitsUpTo(usize),
}

/// Rows with a prefix, in one list for each first byte.
#[derive(Debug)]
pub(crate) struct PrefixIndex {
    bounds: Box<[u32; 257]>,
    entries: Vec<MaskedPrefix>,
}

/// The first bytes of a payload, ready to be compared with entries.
#[derive(Clone, Copy)]
pub(crate) struct FirstBytes {
    pub(crate) first: u8,
    bytes: u128,
    /// Which bytes there are.
    present: u128,
}

impl FirstBytes {
    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Option<FirstBytes> {
        let first = *bytes.first()?;
        if let Some(head) = bytes.first_chunk::<16>() {
            return Some(FirstBytes { first, bytes: u128::from_be_bytes(*head), present: u128::MAX });
        }
        let mut head = [0u8; 16];
        head[..bytes.len()].copy_from_slice(bytes);
        let present = !(u128::MAX >> (8 * bytes.len() as u32));
        Some(FirstBytes { first, bytes: u128::from_be_bytes(head), present })
    }
}

impl PrefixIndex {
    pub(super) fn new(rows: &[(CandidateRow, &Pattern)]) -> Self {
        let (mut bounds, mut entries) = (Box::new([0; 257]), Vec::new());
        for byte in 0..=255u8 {
            let mut before = None;
            for (candidate, pattern) in rows.iter().filter(|(_, pattern)| pattern.may_begin_with(byte)) {
                entries.push(MaskedPrefix::new(*candidate, pattern, before));
                before = Some(pattern);
            }
            bounds[usize::from(byte) + 1] = entries.len() as u32;
        }
        Self { bounds, entries }
    }

    /// Whether some row's pattern may begin with this byte.
    #[inline]
    pub(crate) fn has_any(&self, first: u8) -> bool {
        let first = usize::from(first);
        self.bounds[first] != self.bounds[first + 1]
    }

    /// Rows that begin with a byte.
    #[inline]
    pub(crate) fn of(&self, first: u8) -> &[MaskedPrefix] {
        let first = usize::from(first);
        &self.entries[self.bounds[first] as usize..self.bounds[first + 1] as usize]
    }

    /// Rows whose fixed first bytes fit as far as there are bytes.
    #[inline]
    pub(crate) fn find(&self, first_bytes: FirstBytes) -> impl Iterator<Item = &MaskedPrefix> + '_ {
        self.of(first_bytes.first).iter().filter(move |one| one.fits(first_bytes))
    }
}
