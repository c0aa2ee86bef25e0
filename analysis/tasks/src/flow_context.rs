//! What the parts of a flow are handed with each packet.

use wiremark::{Carrier, SignatureSet, TcpFields, Verdict};

use super::catalog::TaskTable;
use super::exchange::Side;

/// What a flow is taken apart by: the table, and what the verdict says.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowContext<'a> {
    pub(super) table: &'a TaskTable,
    pub(super) set: &'a SignatureSet,
    pub(super) verdict: Verdict,
}

impl<'a> FlowContext<'a> {
    pub(super) fn role(&self) -> &'a str {
        self.set.role_name(self.verdict.app, self.verdict.role)
    }

    pub(super) fn carrier(&self) -> Carrier {
        self.verdict.carrier
    }
}

/// A segment or datagram, live or parked.
#[derive(Clone, Copy, Debug)]
pub(super) struct SidedPacket<'a> {
    pub(super) side: Side,
    pub(super) time_us: u64,
    pub(super) tcp: TcpFields,
    pub(super) payload: &'a [u8],
}
