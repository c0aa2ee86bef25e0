//! A flow's packets so far, and what was made of them.

use super::flow_packet::FlowPacket;
use super::stream_start::StreamStart;
use std::collections::{BTreeMap, BTreeSet};
use wiremark::signature::model::Conditions;
use wiremark::{AppId, Carrier, Confidence, Role, SignatureId, TcpFields, Verdict};

/// What there is to say of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The row that decided.
    pub signature: SignatureId,
    /// Its app.
    pub app: AppId,
    /// What the flow is for.
    pub role: Role,
    /// What carries it.
    pub carrier: Carrier,
    /// The kind of evidence.
    pub confidence: Confidence,
    /// Nothing will change any more.
    pub is_final: bool,
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Self {
        let Verdict { signature, app, role, carrier, confidence, .. } = verdict;
        Self { signature, app, role, carrier, confidence, is_final: verdict.is_final() }
    }
}

/// Everything a flow has sent so far, and what was made of it.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub(super) packets: Vec<FlowPacket>,
    pub(super) said: Said,
    /// Of the lower, of the higher end point.
    pub(super) starts: [StreamStart; 2],
    /// QUIC: work spent on Initials, and bytes of the hello by their offset.
    pub(super) initials: [usize; 2],
    /// The connection id of the Initial whose part of a hello was the first to be kept.
    pub(super) first_ids: [Vec<u8>; 2],
    pub(super) hellos: [BTreeMap<u64, u8>; 2],
    /// Rows that have held, and whether for a packet of the originator.
    pub(super) noted: BTreeSet<(SignatureId, bool)>,
    pub(super) dead_groups: BTreeSet<u8>,
    /// Packets with payload looked at; those of a flow that was given up and has a verdict now count from 8 on.
    pub(super) counted: usize,
    /// Looked at as long as it is worth; only other flows could tell more.
    pub(super) is_spent: bool,
}

impl Flow {
    /// The packets so far.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether no packet has come.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether the higher end point opened the flow, and whether that is known for sure.
    pub(super) fn originator(&self) -> (bool, bool) {
        match self.packets.iter().find(|packet| packet.is_syn()) {
            Some(syn) => (syn.from_high != (syn.tcp.flags & TcpFields::ACK != 0), true),
            None => (self.packets.first().is_some_and(|first| first.from_high), false),
        }
    }

    pub(super) fn vetoed(&self, conditions: &Conditions) -> bool {
        conditions.unless.iter().any(|veto| self.noted.iter().any(|(row, _)| row == veto))
    }

    pub(super) fn is_dead(&self, conditions: &Conditions) -> bool {
        conditions.every.is_some_and(|group| self.dead_groups.contains(&group))
    }
}
