//! What inspecting a packet's bytes came to.

use crate::classifier::Classifier;
use crate::context::Inflater;
use crate::context::evidence::Evidence;
use crate::context::lists::Lists;
use crate::five_tuple::Direction;
use crate::flow::{FlowState, Side};
use crate::observer::{Event, Observer};
use crate::signature::candidate::CandidateRow;
use crate::signature::row::{Row, RowIndex};
use crate::verdict::{AppId, Carrier, Confidence};

/// Most rows that are noted for one packet.
const MATCHES_MAX: usize = 16;

/// Rows whose conditions hold for one packet, in the order in which they were found. More than these are not looked at.
#[derive(Clone, Copy)]
pub(crate) struct Matches {
    rows: [RowIndex; MATCHES_MAX],
    count: usize,
}

impl Matches {
    const NONE: Self = Self { rows: [0; MATCHES_MAX], count: 0 };

    #[inline]
    pub(crate) fn as_slice(&self) -> &[RowIndex] {
        self.rows.get(..self.count).unwrap_or_default()
    }

    /// Adds a row, if it is not there yet and there is room; whether it did.
    #[inline]
    pub(super) fn note(&mut self, row: RowIndex) -> bool {
        let is_new = self.as_slice().iter().all(|known| *known != row);
        match self.rows.get_mut(self.count) {
            Some(place) if is_new => {
                *place = row;
                self.count += 1;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn retain(&mut self, mut stays: impl FnMut(RowIndex) -> bool) {
        let all = *self;
        *self = Self::NONE;
        for row in all.as_slice().iter().copied().filter(|row| stays(*row)) {
            self.note(row);
        }
    }
}

/// What inspecting a packet's bytes came to.
pub(crate) struct Findings {
    pub(crate) matches: Matches,
    /// The best row by name, and where the name stood.
    pub(crate) named: Option<(RowIndex, Carrier)>,
    pub(crate) carrier: Carrier,
    /// Some row or dissector would need more bytes.
    pub(crate) need_more: bool,
    /// Bytes of the stream's start that are whole messages, read; the next begins behind them.
    pub(crate) consumed: usize,
    /// The flow's own bytes have decided: only a row that other rows ask about can still change the verdict, and of all others the
    /// first one that teaches counts.
    pub(crate) settled: Option<Settled>,
    /// That first one was found.
    pub(crate) has_teacher: bool,
    /// The flow has said who it is: a foreign name outweighs hearsay, and nothing more will come in clear.
    pub(crate) conclusive: bool,
}

/// What of a flow whose own bytes have decided tells which rows still hold for it.
#[derive(Clone, Copy)]
pub(crate) struct Settled {
    /// The bits that its packets have set so far.
    pub(crate) seen: u64,
    /// Who sent the packet: 0 the originator, 1 the responder.
    pub(crate) sender: usize,
    /// The app of the verdict: a row of another one teaches nothing here.
    pub(crate) app: AppId,
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
    /// Nothing yet, of a flow nothing is known of.
    pub(crate) const NONE: Self = Self {
        matches: Matches::NONE,
        named: None,
        carrier: Carrier::Unknown,
        need_more: false,
        consumed: 0,
        settled: None,
        has_teacher: false,
        conclusive: false,
    };

    /// Nothing yet, of a packet of this flow.
    #[inline]
    pub(crate) fn of(flow: &FlowState, side: Side, observer: &impl Observer) -> Self {
        let is_settled = flow.verdict.confidence == Confidence::Payload && !observer.is_curious();
        let settled = is_settled.then(|| Settled {
            seen: flow.seen,
            sender: usize::from(flow.direction_of(side) == Direction::Responder),
            app: flow.verdict.app,
        });
        Self { settled, ..Self::NONE }
    }

    /// Whether what the flow's own bytes had decided was taken back: then all rows count again.
    #[inline]
    pub(crate) fn is_taken_back(&self, flow: &FlowState) -> bool {
        self.settled.is_some() && !flow.verdict.is_match()
    }

    /// Whether a row is of no account any more.
    #[inline]
    pub(super) fn passes(&self, candidate: &CandidateRow) -> bool {
        self.has_teacher && candidate.is_plain
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
