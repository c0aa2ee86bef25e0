//! Rows that an index brings up for a packet.

use super::model::Conditions;
use super::row::RowIndex;
use crate::five_tuple::{Direction, Transport};

/// A row worth trying, and what tells at a glance that it cannot fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CandidateRow {
    pub(crate) row: RowIndex,
    /// Payload lengths outside these never fit.
    pub(crate) shortest: u16,
    pub(crate) longest: u16,
    pub(crate) transport: Option<Transport>,
    pub(crate) direction: Option<Direction>,
    /// There are conditions on ports or addresses, or several ranges of lengths.
    pub(crate) asks_for_more: bool,
}

impl CandidateRow {
    pub(super) fn new(row: RowIndex, conditions: &Conditions) -> Self {
        Self {
            row,
            shortest: conditions.length.iter().map(|range| *range.start()).min().unwrap_or(0),
            longest: conditions.length.iter().map(|range| *range.end()).max().unwrap_or(u16::MAX),
            transport: conditions.transport,
            direction: conditions.direction,
            asks_for_more: conditions.length.len() > 1
                || !conditions.ports.is_empty()
                || !conditions.addresses.is_empty(),
        }
    }
}
