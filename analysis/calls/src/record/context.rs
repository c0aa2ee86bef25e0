//! What records of one call have in common.

use std::sync::Arc;

use wiremark::{SignatureId, SignatureSet};
use wiremark_report::Series;

use super::super::spans::Spans;
use super::super::step::Step;
use super::fields::{SeriesRecord, StateRecord};

/// What records of one call have in common.
pub(super) struct Context<'a> {
    pub(super) start_us: u64,
    pub(super) set: &'a SignatureSet,
}

impl Context<'_> {
    pub(super) fn since(&self, time_us: u64) -> u64 {
        time_us.saturating_sub(self.start_us)
    }

    pub(super) fn series(&self, series: &Series) -> SeriesRecord {
        SeriesRecord {
            at_us: self.since(series.start_us()),
            width_us: series.width_us(),
            values: series.bins().to_vec(),
        }
    }

    pub(super) fn spans(&self, spans: &Spans) -> Vec<[u64; 2]> {
        spans.all().iter().map(|(from, until)| [self.since(*from), self.since(*until)]).collect()
    }

    pub(super) fn state(&self, party: usize, step: Step, with: Option<Arc<str>>) -> StateRecord {
        StateRecord {
            party,
            state: step.state.name(),
            at_us: self.since(step.at.time_us),
            packet: step.at.number,
            way: step.way.name(),
            with,
            evidence: step.evidence,
            signature: self
                .set
                .signature(SignatureId(step.signature))
                .map(|signature| signature.name.clone()),
        }
    }
}
