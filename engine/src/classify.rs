//! The one meeting point: flow state and a packet in, verdict out.

use crate::classifier::{Classifier, Options};
use crate::context::Context;
use crate::five_tuple::Transport;
use crate::flow::{FlowState, Side};
use crate::inspect::{Findings, InspectContext};
use crate::observer::{Event, Observer};
use crate::packet::{Fragment, Packet};
use crate::packet_view::PacketView;
use crate::reassembly::{self, StreamBytes};
use crate::verdict::{Carrier, Verdict};

impl Classifier {
    /// Looks at the next packet of a flow. The payload is borrowed for this call and never kept, but for handshakes
    /// that come in pieces, whose bytes wait in `context`.
    #[inline]
    pub fn classify(&self, context: &mut Context, flow: &mut FlowState, packet: &Packet<'_>) -> Verdict {
        self.classify_observed(context, flow, packet, &mut ())
    }

    /// [`classify`](Self::classify), telling `observer` what happens on the way.
    #[inline]
    pub fn classify_observed(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) -> Verdict {
        // Most packets of most flows: one cache line is read, nothing is written.
        if flow.verdict.is_final() || !flow.wants(packet) || self.tells_nothing(flow, packet) {
            return flow.verdict();
        }
        self.classify_in_full(context, flow, packet, observer)
    }

    /// The rest that can be had cheaply: a later datagram of an unknown flow of which no dissector, no row and no other
    /// flow's evidence would make anything. [`classify_in_full`](Self::classify_in_full)
    /// comes to the same, at five times the price.
    fn tells_nothing(&self, flow: &mut FlowState, packet: &Packet<'_>) -> bool {
        let table = &self.set.table;
        let in_time = flow.packets > 0
            && flow.packets.saturating_add(1) < self.options.budget_packets
            && flow.generation == table.generation;
        let nothing = packet.five_tuple.transport == Transport::Udp
            && in_time
            && !flow.verdict.is_match()
            && packet.fragment == Fragment::Whole
            && self.cannot_match(flow.packets, packet);
        if nothing {
            flow.packets += 1;
            flow.dead_groups = u8::MAX;
        }
        nothing
    }

    fn classify_in_full(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) -> Verdict {
        let Options { payload, name, related, address, .. } = self.options;
        if !(payload || name || related || address) {
            flow.begin(packet);
            flow.verdict.flags |= Verdict::FINAL;
            return flow.verdict;
        }
        if flow.generation != self.set.table.generation {
            flow.renew(self.set.table.generation);
        }
        let before = flow.verdict;
        let (side, first) = flow.begin(packet);
        // A flow picked up midway may never show its start: what other flows teach later still counts, now and then.
        let again = || !flow.verdict.is_match() && flow.packets.is_power_of_two() && !flow.is_oriented();
        if first || packet.five_tuple.transport == Transport::Tcp && again() {
            self.consider_relations(&mut context.evidence, flow, packet, observer);
        }
        if first {
            self.consider_addresses(flow, packet, observer);
        }
        if !packet.payload.is_empty() && !matches!(packet.fragment, Fragment::Later(_)) {
            flow.packets = flow.packets.saturating_add(1);
            match packet.five_tuple.transport {
                Transport::Tcp => self.segment(context, flow, packet, side, observer),
                Transport::Udp => self.datagram(context, flow, packet, side, observer),
            }
            if flow.packets >= self.options.budget_packets && flow.verdict.carrier != Carrier::Dns {
                flow.verdict.flags |= Verdict::FINAL;
            }
        }
        let now = flow.verdict;
        let changed = (before.app, before.role, before.confidence, before.is_final())
            != (now.app, now.role, now.confidence, now.is_final());
        if changed {
            observer.event(Event::Settled(now));
        }
        now.with(Verdict::CHANGED, changed)
    }

    fn segment(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        side: Side,
        observer: &mut impl Observer,
    ) {
        let bytes = reassembly::add(flow, &mut context.pool, side, packet);
        let (start, is_start) = match bytes {
            StreamBytes::Nothing => return,
            StreamBytes::Segment => (&[][..], false),
            StreamBytes::Start(start) => (start, true),
            StreamBytes::Head => (&[][..], true),
            StreamBytes::Lost => {
                flow.verdict.flags |= Verdict::LOST;
                observer.event(Event::Lost);
                (&[][..], false)
            }
        };
        let direction = flow.is_oriented().then(|| flow.direction_of(side));
        let mut view = PacketView::new(packet, direction, packet.payload);
        let mut findings = Findings::default();
        self.try_segment_rows(&view, &mut findings);
        let head = if matches!(bytes, StreamBytes::Head) { flow.head_copy(side) } else { Default::default() };
        let mut fresh: &[u8] = &[];
        if is_start {
            view.bytes =
                if matches!(bytes, StreamBytes::Head) { &head[..flow.head(side).len()] } else { start };
            // What the packet itself gave of the start, to be kept if the start waits for more.
            fresh = &packet.payload[packet.payload.len() - view.bytes.len().min(packet.payload.len())..];
            let mut inspect_context = InspectContext {
                evidence: &mut context.evidence,
                scratch: &mut context.scratch,
                inflater: &mut context.inflater,
                answers: self.set.table.row_of(&flow.verdict).and_then(|row| row.teaches),
            };
            self.inspect_stream_start(&mut view, &mut inspect_context, &mut findings, observer);
        }
        self.conclude(flow, side, &findings, observer);
        self.teach(&mut context.evidence, flow, packet, None);
        if is_start {
            let waits = findings.need_more
                && !flow.verdict.is_final()
                && reassembly::keep(flow, &mut context.pool, &packet.five_tuple, side, fresh);
            if waits {
                observer.event(Event::NeedMore(fresh.len()));
            } else {
                reassembly::finish(flow, &mut context.pool, &packet.five_tuple, side, fresh.len());
            }
        }
        if flow.is_oriented() && flow.is_done(0) && flow.is_done(1) && flow.verdict.carrier != Carrier::Dns {
            flow.verdict.flags |= Verdict::FINAL;
        }
    }

    fn datagram(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        side: Side,
        observer: &mut impl Observer,
    ) {
        let mut findings = Findings::default();
        let mut view = PacketView::new(packet, None, packet.payload);
        self.inspect_datagram(&mut view, context, flow, side, &mut findings, observer);
        if !flow.verdict.is_match() {
            self.consider_call(&mut context.evidence, flow, &view, observer);
        }
        self.conclude(flow, side, &findings, observer);
        self.teach(&mut context.evidence, flow, packet, Some(&view));
    }
}
