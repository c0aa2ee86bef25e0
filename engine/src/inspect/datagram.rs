//! A whole datagram.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::Context;
use crate::context::evidence::Evidence;
use crate::dissect::{dns, quic, stun};
use crate::flow::{FlowState, Side};
use crate::observer::Observer;
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::candidate::CandidateRow;
use crate::signature::first_byte::{MEDIA, QUIC, ROWS, STUN};
use crate::verdict::Carrier;

/// Packets with payload of an unknown flow that may ask whether it is part of a call.
pub(crate) const CALL_PACKETS: u8 = 4;

impl Classifier {
    /// What [`inspect_datagram`](Self::inspect_datagram), and asking other flows' evidence, would come to for the next
    /// datagram of a flow without a verdict, where that is no more than its carrier: STUN, DNS, or none. `None` where it may be more.
    #[inline]
    pub(crate) fn mere_carrier(
        &self,
        flow: &FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
        evidence: &Evidence,
    ) -> Option<Carrier> {
        let (table, tuple, payload) = (&self.set.table, &packet.five_tuple, packet.payload);
        let Some(first) = payload.first() else { return Some(Carrier::Unknown) };
        if let Some(message) = dns {
            return self.is_mere_dns(message, packet, evidence).then_some(Carrier::Dns);
        }
        let bits = table.first_bytes.of(*first);
        if bits & (ROWS | STUN | MEDIA | QUIC) == 0 {
            return Some(Carrier::Unknown);
        }
        let may_be = |bit: u8| bits & bit != 0;
        let media = || {
            flow.packets < CALL_PACKETS
                || payload.get(1).is_some_and(|byte| table.has_payload_type(byte & 0x7f))
        };
        let rows = || table.contains.is_some() || table.udp.find(payload).next().is_some();
        if may_be(MEDIA) && media() || may_be(QUIC) && quic::may_be(payload) || may_be(ROWS) && rows() {
            return None;
        }
        if may_be(STUN) && payload.get(4..8) == Some(&stun::MAGIC_COOKIE) {
            return (!evidence.may_know_call([tuple.src, tuple.dst]))
                .then(|| self.mere_stun(flow, packet))
                .flatten();
        }
        Some(Carrier::Unknown)
    }

    /// The same of a datagram that seems to be STUN, between addresses of which no call is known.
    fn mere_stun(&self, flow: &FlowState, packet: &Packet<'_>) -> Option<Carrier> {
        let Some(message) = stun::message(packet.payload).found() else { return Some(Carrier::Unknown) };
        let mut view = PacketView::new(packet, None, packet.payload);
        view.stun_attributes = message.attribute_bits();
        let table = &self.set.table;
        let counts = |candidate: &CandidateRow| {
            let row = &table.rows[usize::from(candidate.row)];
            view.may_match(candidate)
                && !row.joins_call
                && !(row.is_veto && (row.marks[0] | row.marks[1]) & !flow.seen == 0)
                && fits_id(candidate, &message)
        };
        let any_counts = |candidates: &[CandidateRow]| candidates.iter().any(counts);
        let may_match = table.by_stun_type(message.kind).into_iter().any(any_counts)
            || view.stun_attributes & table.stun_attribute_bits != 0
                && message.attributes().any(|attribute| any_counts(table.by_stun_attribute(attribute.kind)));
        (!may_match).then_some(Carrier::Stun)
    }

    /// A whole datagram: rows, names and carrier.
    #[inline(never)] // Its caller has to keep less at hand without it.
    pub(crate) fn inspect_datagram<'s>(
        &self,
        view: &mut PacketView<'s>,
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        let payload = view.bytes;
        if let Some(message) = view.dns {
            return self.inspect_dns(message, view, &mut context.evidence, findings, observer);
        }
        let Some(first) = payload.first() else { return };
        let table = &self.set.table;
        self.try_prefixes(view, &table.udp, false, findings);
        self.try_contained(view, findings);
        // The cookie tells STUN, also the dialects whose message types lie outside RFC 7983's first bytes.
        if payload.get(4..8) == Some(&stun::MAGIC_COOKIE) {
            self.inspect_stun(view, findings, observer);
        } else if first & 0xc0 == 0x80
            && payload.get(1).is_some_and(|byte| table.has_payload_type(byte & 0x7f))
        {
            self.try_rows(view, table.rtp.iter(), findings);
        }
        if view.stun.is_none() && findings.matches.as_slice().is_empty() && quic::may_be(payload) {
            self.inspect_quic(view, context, flow, side, findings, observer);
        }
        findings.need_more = false;
    }

    /// A datagram, or a datagram that a stream carries, as STUN.
    pub(super) fn inspect_stun<'s>(
        &self,
        view: &mut PacketView<'s>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        view.stun = stun::message(view.bytes).found();
        if let Some(message) = view.stun {
            findings.recognise(Carrier::Stun, observer);
            view.stun_attributes = message.attribute_bits();
            let table = &self.set.table;
            for rows in table.by_stun_type(message.kind) {
                self.try_stun_rows(view, &message, rows, findings);
            }
            if view.stun_attributes & table.stun_attribute_bits != 0 {
                for attribute in message.attributes() {
                    self.try_stun_rows(view, &message, table.by_stun_attribute(attribute.kind), findings);
                }
            }
        }
    }

    #[inline]
    fn try_stun_rows(
        &self,
        view: &PacketView<'_>,
        message: &stun::Message<'_>,
        rows: &[CandidateRow],
        findings: &mut Findings,
    ) {
        for candidate in rows {
            if view.may_match(candidate) && !findings.passes(candidate) && fits_id(candidate, message) {
                self.try_row(view, candidate, None, findings);
            }
        }
    }
}

/// Whether the message's transaction id is printable, where a row asks for that.
#[inline]
fn fits_id(candidate: &CandidateRow, message: &stun::Message<'_>) -> bool {
    !candidate.is_printable || stun::is_printable(message.transaction_id)
}
