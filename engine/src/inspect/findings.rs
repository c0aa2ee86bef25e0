//! What inspecting a packet's bytes came to.

use crate::classifier::Classifier;
use crate::context::Inflater;
use crate::context::evidence::Evidence;
use crate::context::lists::Lists;
use crate::observer::{Event, Observer};
use crate::signature::row::{Row, RowIndex};
use crate::verdict::Carrier;
use smallvec::SmallVec;

/// Rows whose conditions hold for one packet. More than these are not looked at.
type Matches = SmallVec<[RowIndex; 16]>;

/// What inspecting a packet's bytes came to.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) matches: Matches,
    /// The best row by name, and where the name stood.
    pub(crate) named: Option<(RowIndex, Carrier)>,
    pub(crate) carrier: Carrier,
    /// Some row or dissector would need more bytes.
    pub(crate) need_more: bool,
    /// Bytes of the stream's start that are whole messages, read; the next begins behind them.
    pub(crate) consumed: usize,
    /// The flow has said who it is: a foreign name outweighs hearsay, and nothing more will come in clear.
    pub(crate) conclusive: bool,
}

/// What of the context inspecting a stream needs: all but the pool, from which its bytes may be borrowed.
pub(crate) struct InspectContext<'c> {
    pub(crate) evidence: &'c mut Evidence,
    pub(crate) scratch: &'c mut [u8],
    pub(crate) inflater: &'c mut Inflater,
    pub(crate) lists: &'c mut Lists,
    /// The row behind the flow's verdict.
    pub(crate) row: Option<&'c Row>,
}

impl Findings {
    /// Whether nothing was found that concerns the flow.
    pub(crate) fn is_empty(&self) -> bool {
        self.matches.is_empty()
            && self.named.is_none()
            && self.carrier == Carrier::Unknown
            && !self.conclusive
    }

    /// What was read stands behind so many bytes of the start.
    pub(super) fn count_skipped(&mut self, bytes: usize) {
        if self.consumed > 0 {
            self.consumed += bytes;
        }
    }

    pub(super) fn recognise(&mut self, carrier: Carrier, observer: &mut impl Observer) {
        self.carrier = carrier;
        observer.event(Event::Recognised(carrier));
    }
}

impl Classifier {
    /// Of several names in a packet the first that has a row counts.
    pub(super) fn note_name(
        &self,
        name: &[u8],
        carrier: Carrier,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        self.note_found(name, carrier, self.find_name(name, carrier), findings, observer);
    }

    /// The same of a name whose row was found already.
    pub(super) fn note_found(
        &self,
        name: &[u8],
        carrier: Carrier,
        row: Option<RowIndex>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        let signature = row.map(|row| self.set.table.rows[usize::from(row)].id);
        observer.event(Event::Name { name, carrier, signature });
        findings.named = findings.named.or(row.map(|row| (row, carrier)));
    }
}
