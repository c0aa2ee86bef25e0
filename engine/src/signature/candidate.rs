//! Rows that an index brings up for a packet.

use super::model::Conditions;
use super::row::RowIndex;
use crate::dissect::stun;
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
    /// There are conditions beside those, the prefix and what stands here.
    pub(crate) has_rest: bool,
    /// It asks for a word in User-Agent; in Referer.
    pub(crate) asks_for_agent: bool,
    pub(crate) asks_for_referer: bool,
    /// It asks for a STUN transaction id that is printable ASCII.
    pub(crate) is_printable: bool,
    /// Whether it matched is nothing that other rows ask of the flow's packets: it sets no bit in the flow, and has no group.
    pub(crate) is_plain: bool,
    /// A bit for each attribute that a STUN message must have, by the low six bits of its type.
    pub(crate) stun_attributes: u64,
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
            has_rest: !conditions.equations.is_empty()
                || !conditions.contains.is_empty()
                || conditions.stun.is_some()
                || conditions.rtp.is_some()
                || conditions.asks_for_history
                || conditions.protobuf.is_some()
                || conditions.http.is_some(),
            asks_for_agent: conditions.http.as_ref().is_some_and(|http| !http.user_agents.is_empty()),
            asks_for_referer: conditions.http.as_ref().is_some_and(|http| http.referer.is_some()),
            is_printable: conditions.stun.as_ref().is_some_and(|stun| stun.printable_id),
            is_plain: false,
            stun_attributes: conditions.stun.iter().fold(0, |bits, stun| {
                let listed = stun.attributes.iter().map(|wanted| wanted.kind);
                let others = stun.first.into_iter().chain(stun.clock).chain(stun.xor_destination);
                listed.chain(others).fold(bits, |bits, kind| bits | stun::attribute_bit(kind))
            }),
        }
    }
}
