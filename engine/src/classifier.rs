//! Signatures and options, ready to classify with. What is done with a packet stands in `classify`.

use crate::signature::SignatureSet;
use crate::signature::row::RowIndex;
use crate::verdict::{Carrier, SignatureId};

/// What counts as evidence, and for how long a flow is looked at. Where nothing counts, every flow is final at once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of the protocols themselves.
    pub payload: bool,
    /// Names inside the flow.
    pub name: bool,
    /// What other flows told.
    pub related: bool,
    /// Address lists.
    pub address: bool,
    /// Packets with payload after which a flow's verdict is final; 1 to 255. One without a verdict is then looked at no
    /// further (one over UDP after 8 datagrams, if none of them fitted anything), but other flows may still tell what it is: count for
    /// yourself where that is not worth the wait.
    pub budget_packets: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { payload: true, name: true, related: true, address: true, budget_packets: 32 }
    }
}

/// Datagrams of a flow that fitted no row and no dissector, after which none is expected to.
const MISFIT_PACKETS: u8 = 8;

/// Signatures, ready to classify with: immutable, shared by any number of threads.
#[derive(Debug)]
pub struct Classifier {
    pub(crate) set: SignatureSet,
    pub(crate) options: Options,
    /// After how many datagrams a flow without a verdict may rest; 0: never.
    pub(crate) resting_budget: u8,
    /// Datagrams after which a flow that fits nothing is given up; 0: it is looked at like any other.
    pub(crate) misfit_packets: u8,
}

impl Classifier {
    /// Takes over a set.
    pub fn new(set: SignatureSet, options: Options) -> Self {
        let budget = options.budget_packets;
        let (resting_budget, misfit_packets) = match set.table.counts_all_datagrams {
            true => (0, 0),
            false => (budget, if budget > MISFIT_PACKETS { MISFIT_PACKETS } else { 0 }),
        };
        Self { set, options, resting_budget, misfit_packets }
    }

    /// The signatures in force.
    pub fn set(&self) -> &SignatureSet {
        &self.set
    }

    /// Whether a row is about names in this carrier.
    #[inline]
    fn is_about(&self, row: RowIndex, carrier: Carrier) -> bool {
        let carriers = &self.set.signatures()[usize::from(row)].conditions.carriers;
        carriers.is_empty() || carriers.contains(&carrier)
    }

    pub(crate) fn find_name(&self, name: &[u8], carrier: Carrier) -> Option<RowIndex> {
        self.set.table.hosts.find(name, |row| self.is_about(row, carrier))
    }

    /// The same of a name in a DNS message, by its labels, each behind its length; the last two of them begin at `domain`.
    #[inline]
    pub(crate) fn find_labels(&self, labels: &[u8], domain: usize) -> Option<RowIndex> {
        self.set.table.hosts.find_counted(labels, domain, |row| self.is_about(row, Carrier::Dns))
    }

    /// The most specific signature for a host name seen in this carrier.
    pub fn by_name(&self, name: &[u8], carrier: Carrier) -> Option<SignatureId> {
        self.find_name(name, carrier).map(|row| self.set.table.rows[usize::from(row)].id)
    }
}
