//! What flows teach each other: asked for a flow's first packets, handed on once a flow has shown what it is.

use crate::classifier::Classifier;
use crate::context::evidence::{Evidence, Relation};
use crate::five_tuple::Direction;
use crate::flow::FlowState;
use crate::inspect::CALL_PACKETS;
use crate::observer::{Event, Observer};
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::model::Teaches;
use crate::verdict::{Carrier, Confidence, SignatureId, Verdict};

impl Classifier {
    /// What other flows taught about this one's end points, for its first packet.
    pub(crate) fn consider_relations(
        &self,
        evidence: &mut Evidence,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) {
        if !self.options.related {
            return;
        }
        let tuple = &packet.five_tuple;
        let (src, dst) = ((tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port));
        let (responder, originator) = match flow.direction(packet) {
            Direction::Originator => (dst, src),
            Direction::Responder => (src, dst),
        };
        let found = evidence.server(responder, packet.time_us).or_else(|| {
            // Picked up midway, either end may be the server.
            (!flow.is_oriented()).then(|| evidence.server(originator, packet.time_us)).flatten()
        });
        if let Some((signature, relation)) = found {
            self.relate(flow, signature, relation, observer);
        }
    }

    /// Whether a datagram belongs to a call that other flows showed.
    pub(crate) fn consider_call(
        &self,
        evidence: &mut Evidence,
        flow: &mut FlowState,
        view: &PacketView<'_>,
        observer: &mut impl Observer,
    ) {
        // A call's other flows may become known only after this one began: its checks ask again, its media a few times.
        let asks = flow.packets <= 1 || view.stun.is_some();
        if !self.options.related || !asks && flow.packets > CALL_PACKETS {
            return;
        }
        let packet = view.packet;
        if let Some(signature) = asks.then(|| evidence.call(&packet.five_tuple, packet.time_us)).flatten() {
            self.relate(flow, signature, Relation::CallEndPoint, observer);
        } else if let Some(signature) = view.ssrc().and_then(|ssrc| evidence.stream(ssrc, packet.time_us)) {
            self.relate(flow, signature, Relation::CallStream, observer);
        }
    }

    fn relate(
        &self,
        flow: &mut FlowState,
        id: SignatureId,
        relation: Relation,
        observer: &mut impl Observer,
    ) {
        if let Some(row) = self.set.table.row(id)
            && Confidence::Related > flow.verdict.confidence
            && row.unless & flow.seen == 0
        {
            observer.event(Event::Related { signature: id, relation });
            let Verdict { carrier, flags, .. } = flow.verdict;
            let confidence = Confidence::Related;
            flow.verdict =
                Verdict { signature: id, app: row.app, role: row.role, carrier, confidence, flags };
        }
    }

    /// Hands on what the flow has shown beyond hearsay.
    pub(crate) fn teach(
        &self,
        evidence: &mut Evidence,
        flow: &FlowState,
        packet: &Packet<'_>,
        datagram: Option<&PacketView<'_>>,
    ) {
        let verdict = flow.verdict;
        if verdict.confidence < Confidence::Name || verdict.carrier == Carrier::Dns {
            return;
        }
        let Some(row) = self.set.table.row_of(&verdict) else { return };
        let tuple = &packet.five_tuple;
        let (src, dst) = ((tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port));
        let (originator, responder) = match flow.direction(packet) {
            Direction::Originator => (src, dst),
            Direction::Responder => (dst, src),
        };
        match row.teaches {
            Some(Teaches::Server) => evidence.name_server(responder, row.id, packet.time_us),
            Some(Teaches::Call) => {
                evidence.note_call(originator, responder, row.id, packet.time_us);
                if let Some(ssrc) = datagram.and_then(PacketView::ssrc) {
                    evidence.note_stream(ssrc, row.id, packet.time_us);
                }
            }
            Some(Teaches::Names) | None => {}
        }
    }
}
