//! What flows teach each other: asked for a flow's first packets, handed on once a flow has shown what it is.

use crate::classifier::Classifier;
use crate::context::evidence::EndPoint;
use crate::context::evidence::{Evidence, Relation};
use crate::dissect::banner;
use crate::five_tuple::{Direction, Transport};
use crate::flow::{FlowState, Side};
use crate::inspect::{CALL_PACKETS, Findings};
use crate::observer::{Event, Observer};
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::model::{Anchor, Teaches};
use crate::signature::row::{Row, RowIndex};
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
        if !self.options.related || flow.is_foreign() {
            return;
        }
        let (tuple, now_us) = (&packet.five_tuple, packet.time_us);
        let transport = tuple.transport;
        let mut known = [evidence.ways(tuple.src), evidence.ways(tuple.dst)];
        flow.note_asked(transport, evidence.now(known));
        if flow.direction(packet) == Direction::Responder {
            known.reverse();
        }
        // Picked up midway, either end may be the server.
        let may_be_server = [!flow.is_oriented() && known[0].has_server(), known[1].has_server()];
        if may_be_server == [false, false] {
            return;
        }
        let (originator, responder) = ends(flow, packet);
        let clients = [originator, responder].map(|end| evidence.client(end.0, tuple));
        let found = evidence.server(clients[0], responder, transport, now_us).or_else(|| {
            let other = || evidence.server(clients[1], originator, transport, now_us);
            may_be_server[0].then(other).flatten()
        });
        if let Some((signature, relation)) = found
            && self.set.table.row(signature).is_some_and(|row| {
                relation == Relation::Server || row.transport.is_none_or(|wanted| wanted == transport)
            })
        {
            self.relate(flow, signature, relation, observer);
        }
    }

    /// Notes that a flow's start is another protocol's, and takes back what other flows' evidence said of it: also where
    /// it is not what payload showed to run on that server.
    pub(crate) fn contradict(
        &self,
        flow: &mut FlowState,
        side: Side,
        packet: &Packet<'_>,
        start: &[u8],
        findings: &Findings,
        observer: &mut impl Observer,
    ) {
        if flow.verdict.confidence > Confidence::Related {
            return;
        }
        let tuple = &packet.five_tuple;
        let foreign = findings.carrier == Carrier::Dns
            || match tuple.transport {
                Transport::Tcp => banner::is_foreign_stream(start),
                Transport::Udp => banner::is_foreign_datagram(start, [tuple.src_port, tuple.dst_port]),
            };
        if foreign {
            flow.note_foreign();
        }
        if flow.verdict.is_match()
            && flow.is_hearsay()
            && (foreign || flow.is_of_server() && self.is_other_shape(flow, side, start, findings))
        {
            self.withdraw(flow, observer);
        }
    }

    /// Whether the start of an originator's stream is not what runs on the server as another flow showed.
    fn is_other_shape(&self, flow: &FlowState, side: Side, start: &[u8], findings: &Findings) -> bool {
        let Some(row) = self.set.table.row_of(&flow.verdict) else { return false };
        let rows = &self.set.table.rows;
        let speaks = findings.matches.as_slice().iter().any(|other| rows[usize::from(*other)].app == row.app)
            || match row.anchor {
                Some(Anchor::Http) => findings.carrier == Carrier::Http,
                Some(Anchor::Host) => matches!(findings.carrier, Carrier::Tls | Carrier::Http),
                _ => false,
            };
        !speaks
            && !findings.need_more
            && flow.has_syn(side)
            && flow.direction_of(side) == Direction::Originator
            && start.len() >= SHAPE_BYTES
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
        } else if let Some(signature) =
            view.ssrc().and_then(|ssrc| evidence.stream(ssrc, &packet.five_tuple, packet.time_us))
        {
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
            flow.note_hearsay(relation == Relation::Server);
            let Verdict { carrier, flags, .. } = flow.verdict;
            let confidence = Confidence::Related;
            flow.verdict =
                Verdict { signature: id, app: row.app, role: row.role, carrier, confidence, flags };
        }
    }

    /// Of what matched, drops the rows that count only within a call, where the packet's client has none of that app.
    pub(crate) fn leave_others_calls(
        &self,
        evidence: &mut Evidence,
        findings: &mut Findings,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) {
        let rows = &self.set.table.rows;
        if !findings.matches.as_slice().iter().any(|row| rows[usize::from(*row)].joins_call) {
            return;
        }
        let call = evidence.client_call(&packet.five_tuple, packet.time_us);
        let app = call.and_then(|signature| self.set.table.row(signature)).map(|row| row.app);
        findings.matches.retain(|row| {
            let row = &rows[usize::from(row)];
            let stays = !row.joins_call || app == Some(row.app);
            if !stays {
                observer.event(Event::NotInCall(row.id));
            }
            stays
        });
    }

    /// The verdict was taken back: what it taught goes with it.
    pub(crate) fn unteach(&self, evidence: &mut Evidence, flow: &FlowState, packet: &Packet<'_>) {
        let (originator, responder) = ends(flow, packet);
        evidence.forget_server(evidence.client(originator.0, &packet.five_tuple), responder);
    }

    /// Hands on what the flow has shown beyond hearsay.
    #[inline]
    pub(crate) fn teach(
        &self,
        evidence: &mut Evidence,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        datagram: Option<&PacketView<'_>>,
        shown: Option<RowIndex>,
    ) {
        if flow.verdict.confidence >= Confidence::Name && flow.verdict.carrier != Carrier::Dns {
            self.teach_by_row(evidence, flow, packet, datagram, shown);
        }
    }

    fn teach_by_row(
        &self,
        evidence: &mut Evidence,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        datagram: Option<&PacketView<'_>>,
        shown: Option<RowIndex>,
    ) {
        // However the bytes were cut, and whichever row came first: what teaches is the row that shows most.
        let shown = shown.map(|row| &self.set.table.rows[usize::from(row)]);
        let Some(row) = shown.or_else(|| self.set.table.row_of(&flow.verdict)) else { return };
        match row.teaches {
            // A name in clear in front of any body at any server: proxies and tunnels write what they like.
            Some(Teaches::Server)
                if row.anchor == Some(Anchor::Host) && flow.verdict.carrier == Carrier::Http => {}
            Some(Teaches::Server) => self.teach_server(evidence, flow, packet, row),
            Some(Teaches::Call) => {
                if flow.teaches_anew(row.id, packet.time_us) {
                    evidence.note_call(ends(flow, packet), &packet.five_tuple, row.id, packet.time_us);
                }
                if let Some(ssrc) = datagram.filter(|view| view.stun.is_none()).and_then(PacketView::ssrc) {
                    evidence.note_stream(ssrc, &packet.five_tuple, row.id, packet.time_us);
                }
            }
            Some(Teaches::Names) | None => {}
        }
    }

    fn teach_server(&self, evidence: &mut Evidence, flow: &FlowState, packet: &Packet<'_>, row: &Row) {
        let (originator, responder) = ends(flow, packet);
        let (tuple, now_us) = (&packet.five_tuple, packet.time_us);
        let client = evidence.client(originator.0, tuple);
        evidence.show_server(Some(client), responder, row.id, tuple.transport, now_us);
        if flow.is_proven_by_both() {
            evidence.show_server(None, responder, row.id, tuple.transport, now_us);
        }
    }
}

/// Bytes of a start that show what it is.
const SHAPE_BYTES: usize = 4;

/// Originator and responder of a flow.
fn ends(flow: &FlowState, packet: &Packet<'_>) -> (EndPoint, EndPoint) {
    let tuple = &packet.five_tuple;
    let (src, dst) = ((tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port));
    match flow.direction(packet) {
        Direction::Originator => (src, dst),
        Direction::Responder => (dst, src),
    }
}
