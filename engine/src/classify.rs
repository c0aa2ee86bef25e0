//! The one meeting point: flow state and a packet in, verdict out.

use crate::classifier::{Classifier, Options};
use crate::context::Context;
use crate::dissect::{banner, dns};
use crate::five_tuple::Transport;
use crate::flow::{FlowState, Side};
use crate::inspect::{DNS_PORT, Findings, InspectContext};
use crate::observer::{Event, Observer};
use crate::packet::{Fragment, Packet};
use crate::packet_view::PacketView;
use crate::reassembly::{self, StreamBytes};
use crate::verdict::{Carrier, Verdict};

/// What a packet itself gave of a start of so many bytes.
#[inline]
fn fresh_of<'p>(packet: &Packet<'p>, start_bytes: usize) -> &'p [u8] {
    let payload = packet.payload;
    &payload[payload.len() - start_bytes.min(payload.len())..]
}

impl Classifier {
    /// Looks at the next packet of a flow. The payload is borrowed for this call and never kept, but for handshakes
    /// that come in pieces, whose bytes wait in `context`.
    #[inline]
    pub fn classify(&self, context: &mut Context, flow: &mut FlowState, packet: &Packet<'_>) -> Verdict {
        self.classify_observed(context, flow, packet, &mut ())
    }

    /// [`classify`](Self::classify), telling `observer` what happens on the way.
    #[inline(always)]
    pub fn classify_observed(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) -> Verdict {
        // Most packets of most flows: one cache line is read, nothing is written.
        if !flow.wants(packet.tcp.flags, packet.payload.len())
            || self.leaves_at_rest(&context.evidence, flow, packet)
        {
            return flow.verdict();
        }
        let asks_server = || flow.awaits_proof() && flow.packets < self.options.budget_packets;
        if flow.verdict.is_final() && !asks_server() {
            return flow.verdict();
        }
        if packet.five_tuple.transport == Transport::Udp && packet.five_tuple.has_port(DNS_PORT) {
            return self.classify_dns(context, flow, packet, observer);
        }
        self.look(context, flow, packet, None, observer)
    }

    #[inline(never)] // Apart, so that other packets do not go through its code.
    fn classify_dns(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) -> Verdict {
        let message = dns::message(packet.payload).found();
        self.look(context, flow, packet, message.as_ref(), observer)
    }

    /// `dns` is the message that a datagram to or from a resolver is.
    #[inline(always)]
    fn look(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
        observer: &mut impl Observer,
    ) -> Verdict {
        let is_curious = observer.is_curious();
        let is_quiet = if flow.packets == 0 {
            self.begins_quietly(flow, packet, dns, &mut context.evidence, is_curious)
        } else {
            self.tells_nothing(flow, packet, dns, &mut context.evidence, is_curious)
        };
        if is_quiet {
            return flow.verdict();
        }
        self.classify_in_full(context, flow, packet, dns, observer)
    }

    fn classify_in_full(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
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
        let was_spent = self.is_spent(flow, packet);
        let (side, first) = flow.begin(packet);
        // A flow picked up midway may never show its start: what other flows teach later still counts, now and then.
        let transport = packet.five_tuple.transport;
        let again = |flow: &mut FlowState| {
            !flow.verdict.is_match()
                && (!self.is_up_to_date(flow, packet, &context.evidence)
                    || transport == Transport::Tcp && flow.packets.is_power_of_two() && !flow.is_oriented())
        };
        if first || again(flow) {
            self.consider_relations(&mut context.evidence, flow, packet, observer);
        }
        if first {
            self.consider_addresses(flow, packet, observer);
        }
        if !packet.payload.is_empty() && !matches!(packet.fragment, Fragment::Later(_)) {
            flow.packets = flow.packets.saturating_add(1);
            match transport {
                // What others taught was all that there was to ask.
                _ if was_spent => {
                    if transport == Transport::Udp {
                        flow.note_datagram(side, packet.payload);
                    }
                    flow.dead_groups = u8::MAX;
                }
                Transport::Tcp => self.segment(context, flow, packet, side, observer),
                Transport::Udp => {
                    self.datagram(context, flow, packet, dns, side, observer);
                    self.give_up_misfit(flow);
                }
            }
            if transport == Transport::Udp && !before.is_match() {
                self.take_up_again(flow);
            }
            // A start that is still being put together is looked at to its end; its slot bounds it.
            let waits = transport == Transport::Tcp && (flow.waits(0) || flow.waits(1));
            if flow.packets >= self.options.budget_packets && (!waits || flow.packets == u8::MAX) {
                self.close(flow);
            }
        }
        let now = flow.verdict;
        if before.is_match() && !now.is_match() && transport == Transport::Tcp {
            self.unteach(&mut context.evidence, flow, packet);
        }
        let changed = (before.app, before.role, before.confidence, before.is_final())
            != (now.app, now.role, now.confidence, now.is_final());
        if changed {
            observer.event(Event::Settled(now));
        }
        now.with(Verdict::CHANGED, changed)
    }

    #[inline(never)] // Apart, so that neither kind of packet goes through the other's code.
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
        let head = if matches!(bytes, StreamBytes::Head) { flow.head_copy(side) } else { Default::default() };
        let start = match bytes {
            StreamBytes::Head => &head[..flow.head(side).len()],
            _ => start,
        };
        let mut inspect_context = InspectContext {
            evidence: &mut context.evidence,
            scratch: &mut context.scratch,
            inflater: &mut context.inflater,
            lists: &mut context.lists,
            row: self.set.table.row_of(&flow.verdict),
        };
        let mut findings = Findings::of(flow, side, observer);
        let (inspected, shown) = loop {
            let mut view = PacketView::new(packet, direction, packet.payload);
            if packet
                .payload
                .first()
                .is_some_and(|first| self.has_segment_rows(flow, side, *first, observer.is_curious()))
            {
                self.try_segment_rows(&view, &mut findings);
            }
            if is_start {
                view.bytes = start;
                self.inspect_stream_start(&mut view, &mut inspect_context, &mut findings, observer);
            }
            let shown = self.conclude(flow, side, &findings, Transport::Tcp, observer);
            if !findings.is_taken_back(flow) {
                break (view.bytes, shown);
            }
            findings = Findings::NONE;
        };
        // What the packet itself gave of the start, to be kept if the start waits for more.
        let fresh_bytes = start.len();
        if is_start {
            self.contradict(flow, side, packet, inspected, &findings, observer);
        }
        self.teach(&mut context.evidence, flow, packet, None, shown);
        if is_start && findings.consumed > 0 {
            reassembly::advance(
                flow,
                &mut context.pool,
                &packet.five_tuple,
                side,
                findings.consumed,
                fresh_of(packet, fresh_bytes),
            );
        } else if is_start {
            let fresh = fresh_of(packet, fresh_bytes);
            let waits = findings.need_more
                && (!flow.verdict.is_final() || flow.awaits_proof())
                && reassembly::keep(flow, &mut context.pool, &packet.five_tuple, side, fresh);
            if waits {
                observer.event(Event::NeedMore(fresh.len()));
            } else {
                reassembly::finish(flow, &mut context.pool, &packet.five_tuple, side);
            }
        }
        if flow.is_over() {
            self.close(flow);
        }
    }

    /// Looked at long enough: what the flow is taken for will not change. Of one without a verdict other flows may still
    /// tell, and DNS flows never end.
    pub(crate) fn close(&self, flow: &mut FlowState) {
        if flow.verdict.carrier != Carrier::Dns && (flow.verdict.is_match() || !self.options.related) {
            flow.verdict.flags |= Verdict::FINAL;
        }
    }

    #[inline(never)]
    fn datagram(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
        side: Side,
        observer: &mut impl Observer,
    ) {
        let mut findings = Findings::of(flow, side, observer);
        let mut view = PacketView::new(packet, None, packet.payload);
        view.dns = dns;
        view.history = Some(flow.note_datagram(side, packet.payload));
        let shown = loop {
            self.inspect_datagram(&mut view, context, flow, side, &mut findings, observer);
            self.leave_others_calls(&mut context.evidence, &mut findings, packet, observer);
            if !flow.verdict.is_match() {
                self.consider_call(&mut context.evidence, flow, &view, observer);
            }
            let shown = self.conclude(flow, side, &findings, Transport::Udp, observer);
            if !findings.is_taken_back(flow) {
                break shown;
            }
            findings = Findings::NONE;
        };
        if flow.packets <= banner::FIRST_DATAGRAMS {
            self.contradict(flow, side, packet, view.bytes, &findings, observer);
        }
        self.teach(&mut context.evidence, flow, packet, Some(&view), shown);
    }
}
