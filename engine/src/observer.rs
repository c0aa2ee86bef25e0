//! For those who want to know why: what happened while a packet was looked at.

use crate::context::evidence::Relation;
use crate::verdict::{Carrier, SignatureId, Verdict};

/// One step on the way to a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A dissector recognised the carrier.
    Recognised(Carrier),
    /// A name was read, and this is the row it led to, if any.
    Name {
        /// As on the wire.
        name: &'e [u8],
        /// Where it stood.
        carrier: Carrier,
        /// The most specific row for it.
        signature: Option<SignatureId>,
    },
    /// Everything the row asks for holds: it concludes.
    Matched(SignatureId),
    /// The row matched, but waits for its counterpart in the other direction.
    AwaitsReverse(SignatureId),
    /// The row matched, but none of those that must have matched before it in its direction has.
    AwaitsAfter(SignatureId),
    /// The row matched, but the flow's client is in no call of its app.
    NotInCall(SignatureId),
    /// The row matched, but a veto row has fired on this flow.
    Blocked(SignatureId),
    /// The row matched, but an earlier packet matched no row of its group.
    GroupBroken(SignatureId),
    /// A row that only takes notice of the other direction's half matched.
    Noted(SignatureId),
    /// A veto row fired.
    Vetoed(SignatureId),
    /// The verdict by this row was taken back.
    Withdrawn(SignatureId),
    /// What another flow taught leads to this row.
    Related {
        /// The row.
        signature: SignatureId,
        /// How the flows are related.
        relation: Relation,
    },
    /// Row or dissector would need more bytes than there are; so many were kept.
    NeedMore(usize),
    /// The bytes kept for this flow went to make room for another.
    Lost,
    /// The verdict changed to this.
    Settled(Verdict),
}

/// Is told each [`Event`]. `()` is the observer that does not care, and costs nothing.
pub trait Observer {
    /// Called in the order in which things happen.
    fn event(&mut self, event: Event<'_>);

    /// Whether it is told also of what changes no verdict, such as names without a row, and of the names in DNS messages.
    #[inline]
    fn is_curious(&self) -> bool {
        true
    }
}

impl Observer for () {
    #[inline]
    fn event(&mut self, _event: Event<'_>) {}

    #[inline]
    fn is_curious(&self) -> bool {
        false
    }
}
