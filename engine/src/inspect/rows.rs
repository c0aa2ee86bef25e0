//! Trying rows: the indexes name candidates, and those that are not ruled out at a glance are compared whole.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::packet_view::PacketView;
use crate::signature::candidate::CandidateRow;
use crate::signature::pattern::{Match, Walk};
use crate::signature::prefix_index::{FirstBytes, Prefiltered, PrefixIndex};

impl Classifier {
    /// Rows that may begin at any segment. That they would need more bytes is no reason to wait.
    pub(crate) fn try_segment_rows(&self, view: &PacketView<'_>, findings: &mut Findings) {
        if let Some(first_bytes) = FirstBytes::new(view.bytes) {
            self.try_prefixes(view, &self.set.table.tcp_segments, first_bytes, false, findings);
            findings.need_more = false;
        }
    }

    /// Rows by their first bytes. That one of them would need more bytes is noted once, where `may_grow`.
    #[inline]
    pub(super) fn try_prefixes(
        &self,
        view: &PacketView<'_>,
        prefixes: &PrefixIndex,
        first_bytes: FirstBytes,
        may_grow: bool,
        findings: &mut Findings,
    ) {
        let length = view.bytes.len();
        let mut walk = Walk::default();
        for entry in prefixes.of(first_bytes.first) {
            walk.share(entry.shared.into());
            let is_idle = || entry.is_beyond(length) && (findings.need_more || !may_grow);
            if !entry.fits(first_bytes) || is_idle() || !view.may_match(&entry.candidate) {
                continue;
            }
            let row = usize::from(entry.candidate.row);
            let known = match entry.prefilter(length) {
                Prefiltered::FitsUpTo(position) => match &self.set.signatures()[row].conditions.prefix {
                    Some(pattern) => pattern.matches_after(view.bytes, position, &mut walk),
                    None => Match::Yes,
                },
                Prefiltered::Decided(known) => known,
            };
            if known != Match::No {
                self.try_row(view, &entry.candidate, Some(known), findings);
            }
        }
    }

    #[inline]
    pub(super) fn try_rows(
        &self,
        view: &PacketView<'_>,
        candidates: impl Iterator<Item = CandidateRow>,
        findings: &mut Findings,
    ) {
        for candidate in candidates {
            if view.may_match(&candidate) {
                self.try_row(view, &candidate, None, findings);
            }
        }
    }

    fn try_row(
        &self,
        view: &PacketView<'_>,
        candidate: &CandidateRow,
        prefix: Option<Match>,
        findings: &mut Findings,
    ) {
        let row = candidate.row;
        match view.matches(candidate, &self.set.signatures()[usize::from(row)].conditions, prefix) {
            Match::Yes if findings.matches.contains(&row) => {}
            Match::Yes if findings.matches.len() < findings.matches.inline_size() => {
                findings.matches.push(row)
            }
            Match::NeedMore => findings.need_more = true,
            _ => {}
        }
    }

    pub(super) fn try_contained(&self, view: &PacketView<'_>, findings: &mut Findings) {
        if let Some((automaton, rows)) = &self.set.table.contains {
            let found = automaton.find_overlapping_iter(view.packet.payload);
            self.try_rows(view, found.map(|one| rows[one.pattern().as_usize()]), findings);
        }
    }
}
