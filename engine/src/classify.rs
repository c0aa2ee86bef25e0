//! The one meeting point: flow state and a packet in, verdict out.

use crate::classifier::{Classifier, Options};
use crate::context::Context;
use crate::context::evidence::Evidence;
use crate::dissect::{banner, stun};
use crate::five_tuple::Transport;
use crate::flow::{FlowState, Side};
use crate::inspect::{Findings, InspectContext};
use crate::observer::{Event, Observer};
use crate::packet::{Fragment, Packet, TcpFields};
use crate::packet_view::PacketView;
use crate::reassembly::{self, StreamBytes};
use crate::signature::first_byte::SEGMENT_ROWS;
use crate::verdict::{Carrier, Verdict};

/// What a packet itself gave of a start of so many bytes.
fn fresh_of<'p>(packet: &Packet<'p>, start_bytes: usize) -> &'p [u8] {
    let payload = packet.payload;
    &payload[payload.len() - start_bytes.min(payload.len())..]
}

/// Datagrams of a flow that may show another protocol.
const FIRST_DATAGRAMS: u8 = 4;

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
        if !flow.wants(packet.tcp.flags, packet.payload.len()) {
            return flow.verdict();
        }
        let asks_server = || flow.awaits_proof() && flow.packets < self.options.budget_packets;
        if flow.verdict.is_final() && !asks_server() {
            return flow.verdict();
        }
        let is_quiet = if flow.packets == 0 {
            self.begins_quietly(flow, packet, &context.evidence)
        } else {
            self.tells_nothing(flow, packet, &context.evidence)
        };
        if is_quiet {
            return flow.verdict();
        }
        self.classify_in_full(context, flow, packet, observer)
    }

    /// What can be had cheaply of a flow's beginning: a SYN, or a first datagram of which no dissector and no row would make
    /// anything, between addresses nobody knows.
    /// [`classify_in_full`](Self::classify_in_full) comes to the same.
    #[inline]
    fn begins_quietly(&self, flow: &mut FlowState, packet: &Packet<'_>, evidence: &Evidence) -> bool {
        let (table, tuple) = (&self.set.table, &packet.five_tuple);
        let is_first = !flow.has_begun();
        let is_silent = match tuple.transport {
            Transport::Tcp => packet.payload.is_empty(),
            Transport::Udp => is_first && !packet.payload.is_empty() && self.cannot_match(0, packet),
        };
        if !is_silent
            || flow.verdict.is_match()
            || packet.fragment != Fragment::Whole
            || !self.options.related
            || self.options.budget_packets < 2
        {
            return false;
        }
        if is_first {
            // A SYN tells which end is the server, and nothing else is asked of it; a datagram may be a call's, too.
            let (src, dst) = (tuple.src, tuple.dst);
            let may_be_told = match (tuple.transport, packet.tcp.flags & (TcpFields::SYN | TcpFields::ACK)) {
                (Transport::Udp, _) => evidence.may_know(src) || evidence.may_know(dst),
                (Transport::Tcp, TcpFields::SYN) => evidence.may_know_server(dst),
                (Transport::Tcp, flags) if flags & TcpFields::SYN != 0 => evidence.may_know_server(src),
                (Transport::Tcp, _) => evidence.may_know_server(src) || evidence.may_know_server(dst),
            };
            if table.has_addresses() || may_be_told {
                return false;
            }
            flow.renew(table.generation);
        } else if flow.generation != table.generation || !self.is_up_to_date(flow, packet, evidence) {
            return false;
        }
        let (side, _) = flow.begin(packet);
        flow.note_epoch(tuple.transport, evidence.epoch() as u8);
        if tuple.transport == Transport::Udp {
            flow.packets = 1;
            flow.note_datagram(side, packet.payload);
            flow.dead_groups = u8::MAX;
            if banner::is_foreign_datagram(packet.payload, [tuple.src_port, tuple.dst_port]) {
                flow.note_foreign();
            }
        }
        true
    }

    /// The rest that can be had cheaply: a later packet of an unknown flow of which no dissector, no row and no other
    /// flow's evidence would make anything. [`classify_in_full`](Self::classify_in_full)
    /// comes to the same, at five times the price.
    #[inline]
    fn tells_nothing(&self, flow: &mut FlowState, packet: &Packet<'_>, evidence: &Evidence) -> bool {
        let transport = packet.five_tuple.transport;
        if flow.verdict.is_match()
            || flow.generation != self.set.table.generation
            || !self.is_up_to_date(flow, packet, evidence)
        {
            return false;
        }
        let is_spent = self.is_spent(flow, packet);
        match transport {
            Transport::Tcp if is_spent => true,
            Transport::Tcp => {
                let nothing = self.is_nobodys_segment(flow, packet);
                if nothing {
                    flow.packets += 1;
                }
                nothing
            }
            Transport::Udp => {
                let nothing =
                    is_spent || packet.fragment == Fragment::Whole && self.cannot_match(flow.packets, packet);
                if nothing {
                    flow.packets = flow.packets.saturating_add(1);
                    if self.set.table.counts_all_datagrams {
                        flow.note_datagram(usize::from(packet.five_tuple.is_from_high()), packet.payload);
                    }
                    flow.dead_groups = u8::MAX;
                }
                nothing
            }
        }
    }

    /// Whether a segment lies behind its side's start, begins no row, and gives no occasion to ask other flows or to close
    /// this one.
    #[inline]
    fn is_nobodys_segment(&self, flow: &FlowState, packet: &Packet<'_>) -> bool {
        let Some(first) = packet.payload.first() else { return false };
        let side = usize::from(packet.five_tuple.is_from_high());
        let count = flow.packets.saturating_add(1);
        flow.is_done(side)
            && self.set.table.first_bytes.of(*first) & SEGMENT_ROWS == 0
            && packet.tcp.flags & TcpFields::SYN == 0
            && packet.fragment == Fragment::Whole
            && count < self.options.budget_packets
            && (flow.is_oriented() || !flow.packets.is_power_of_two())
            && !reassembly::is_better_start(flow, side, packet.tcp.sequence)
    }

    /// Whether other flows taught nothing of this one's addresses since it asked last.
    #[inline]
    fn is_up_to_date(&self, flow: &mut FlowState, packet: &Packet<'_>, evidence: &Evidence) -> bool {
        let (transport, epoch) = (packet.five_tuple.transport, evidence.epoch() as u8);
        let since = flow.epoch(transport);
        if since == epoch {
            return true;
        }
        if evidence.named_since(since, [packet.five_tuple.src, packet.five_tuple.dst]) {
            return false;
        }
        flow.note_epoch(transport, epoch);
        true
    }

    /// Whether a flow without a verdict was looked at long enough: only other flows may still tell. A call's signalling may
    /// begin on an end point whose media came first.
    #[inline]
    fn is_spent(&self, flow: &FlowState, packet: &Packet<'_>) -> bool {
        let is_spent = flow.packets >= self.options.budget_packets;
        !flow.verdict.is_match()
            && flow.verdict.carrier != Carrier::Dns
            && match packet.five_tuple.transport {
                Transport::Tcp => {
                    // Both starts were read to their end, or there were packets enough.
                    let is_over = flow.is_oriented() && flow.is_done(0) && flow.is_done(1);
                    (is_over
                        || is_spent
                            && (flow.packets == u8::MAX || flow.slot(0).is_none() && flow.slot(1).is_none()))
                        && packet.tcp.flags & TcpFields::SYN == 0
                }
                Transport::Udp => {
                    is_spent
                        && packet.fragment == Fragment::Whole
                        && packet.payload.get(4..8) != Some(&stun::MAGIC_COOKIE)
                }
            }
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
                Transport::Udp => self.datagram(context, flow, packet, side, observer),
            }
            // A start that is still being put together is looked at to its end; its slot bounds it.
            let waits = transport == Transport::Tcp && (flow.slot(0).is_some() || flow.slot(1).is_some());
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
        let mut fresh_bytes = 0;
        if is_start {
            view.bytes =
                if matches!(bytes, StreamBytes::Head) { &head[..flow.head(side).len()] } else { start };
            // What the packet itself gave of the start, to be kept if the start waits for more.
            fresh_bytes = view.bytes.len();
            let mut inspect_context = InspectContext {
                evidence: &mut context.evidence,
                scratch: &mut context.scratch,
                inflater: &mut context.inflater,
                lists: &mut context.lists,
                row: self.set.table.row_of(&flow.verdict),
            };
            self.inspect_stream_start(&mut view, &mut inspect_context, &mut findings, observer);
        }
        let shown = self.conclude(flow, side, &findings, Transport::Tcp, observer);
        if is_start {
            self.contradict(flow, side, packet, view.bytes, &findings, observer);
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
                reassembly::finish(flow, &mut context.pool, &packet.five_tuple, side, fresh.len());
            }
        }
        if flow.is_oriented() && flow.is_done(0) && flow.is_done(1) {
            self.close(flow);
        }
    }

    /// Looked at long enough: what the flow is taken for will not change. Of one without a verdict other flows may still
    /// tell, and DNS flows never end.
    fn close(&self, flow: &mut FlowState) {
        if flow.verdict.carrier != Carrier::Dns && (flow.verdict.is_match() || !self.options.related) {
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
        view.history = Some(flow.note_datagram(side, packet.payload));
        self.inspect_datagram(&mut view, context, flow, side, &mut findings, observer);
        self.leave_others_calls(&mut context.evidence, &mut findings, packet, observer);
        if !flow.verdict.is_match() {
            self.consider_call(&mut context.evidence, flow, &view, observer);
        }
        let shown = self.conclude(flow, side, &findings, Transport::Udp, observer);
        if flow.packets <= FIRST_DATAGRAMS {
            self.contradict(flow, side, packet, view.bytes, &findings, observer);
        }
        self.teach(&mut context.evidence, flow, packet, Some(&view), shown);
    }
}
