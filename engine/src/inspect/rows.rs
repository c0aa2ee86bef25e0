//! Trying rows: the indexes name candidates, and those that are not ruled out at a glance are compared whole.

use super::findings::{Findings, Settled};
use crate::classifier::Classifier;
use crate::flow::{FlowState, Side};
use crate::packet_view::PacketView;
use crate::signature::candidate::{self, CandidateRow};
use crate::signature::first_byte::SEGMENT_ROWS;
use crate::signature::pattern::Match;
use crate::signature::prefix_index::{PrefixIndex, each};
use crate::signature::row::RowIndex;
use crate::verdict::Confidence;
use aho_corasick::AhoCorasick;

impl Classifier {
    /// Rows that may begin at any segment. That they would need more bytes is no reason to wait.
    pub(crate) fn try_segment_rows(&self, view: &PacketView<'_>, findings: &mut Findings) {
        self.try_prefixes(view, &self.set.table.tcp_segments, false, findings);
        findings.need_more = false;
    }

    /// Whether rows that may begin at any segment are to be tried with one of this side that begins with this byte. Who is curious
    /// learns of all of them.
    #[inline]
    pub(crate) fn has_segment_rows(&self, flow: &FlowState, side: Side, first: u8, is_curious: bool) -> bool {
        let first_bytes = &self.set.table.first_bytes;
        let has_decided = flow.verdict.confidence == Confidence::Payload && flow.is_proven(side);
        first_bytes.of(first) & SEGMENT_ROWS != 0
            && (is_curious || !has_decided || first_bytes.counts_for(first, flow.verdict.app))
    }

    /// Rows by their first bytes. That one of them would need more bytes is noted once, where `may_grow`.
    #[inline]
    pub(super) fn try_prefixes(
        &self,
        view: &PacketView<'_>,
        prefixes: &PrefixIndex,
        may_grow: bool,
        findings: &mut Findings,
    ) {
        for (rows, fits) in prefixes.walk(view.bytes) {
            let is_idle = |findings: &Findings| findings.need_more || !may_grow;
            for candidate in each(fits.yes).filter_map(|row| rows.get(row)) {
                let is_nothing = is_idle(findings)
                    && (candidate.is_beyond(view.bytes.len()) || findings.passes(candidate));
                if is_nothing || !view.may_match(candidate) {
                    continue;
                }
                match candidate.asks & !candidate::PREFIX {
                    // The bytes are all there is to it.
                    0 => self.note_match(candidate.row, findings),
                    _ => self.try_row(view, candidate, Some(Match::Yes), findings),
                }
            }
            for candidate in each(fits.more).filter_map(|row| rows.get(row)) {
                if is_idle(findings) {
                    break;
                }
                if view.may_match(candidate) {
                    match candidate.asks & !candidate::PREFIX {
                        0 => findings.need_more = true,
                        _ => self.try_row(view, candidate, Some(Match::NeedMore), findings),
                    }
                }
            }
        }
    }

    #[inline]
    pub(super) fn try_rows<'c>(
        &self,
        view: &PacketView<'_>,
        candidates: impl Iterator<Item = &'c CandidateRow>,
        findings: &mut Findings,
    ) {
        candidates.for_each(|candidate| {
            if view.may_match(candidate) && !findings.passes(candidate) {
                self.try_row(view, candidate, None, findings);
            }
        });
    }

    pub(super) fn try_row(
        &self,
        view: &PacketView<'_>,
        candidate: &CandidateRow,
        prefix: Option<Match>,
        findings: &mut Findings,
    ) {
        let row = candidate.row;
        let conditions = &self.set.signatures()[usize::from(row)].conditions;
        let fits = match candidate.asks {
            candidate::STUN => Match::from(view.stun_fits(conditions)),
            _ => view.matches(candidate, conditions, prefix),
        };
        match fits {
            Match::Yes => self.note_match(row, findings),
            Match::NeedMore => findings.need_more = true,
            Match::No => {}
        }
    }

    /// Adds a row to those that match, once.
    #[inline]
    pub(super) fn note_match(&self, row: RowIndex, findings: &mut Findings) {
        if findings.matches.note(row) {
            findings.has_teacher |= findings.settled.is_some_and(|of| self.teaches(row, of));
        }
    }

    /// Whether a row that matched is one by which a flow teaches others.
    fn teaches(&self, row: RowIndex, of: Settled) -> bool {
        let row = &self.set.table.rows[usize::from(row)];
        let has_any = |bits: [u64; 2]| bits[of.sender] == 0 || bits[of.sender] & of.seen != 0;
        row.confidence == Confidence::Payload
            && row.teaches.is_some()
            && row.app == of.app
            && !(row.is_veto || row.joins_call || row.group != 0)
            && row.unless & of.seen == 0
            && has_any(row.needs)
            && has_any(row.after)
    }

    #[inline]
    pub(super) fn try_contained(&self, view: &PacketView<'_>, findings: &mut Findings) {
        if let Some((automaton, rows)) = &self.set.table.contains {
            self.try_texts(view, automaton, rows, findings);
        }
    }

    #[inline(never)]
    fn try_texts(
        &self,
        view: &PacketView<'_>,
        automaton: &AhoCorasick,
        rows: &[CandidateRow],
        findings: &mut Findings,
    ) {
        let found = automaton.find_overlapping_iter(view.packet.payload);
        self.try_rows(view, found.map(|one| &rows[one.pattern().as_usize()]), findings);
    }
}
