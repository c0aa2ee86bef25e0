//! What can be had cheaply: most packets tell nothing, and that is found out before anything is set up for them.

use crate::classifier::Classifier;
use crate::context::Context;
use crate::context::evidence::{Asked, Evidence};
use crate::dissect::{banner, dns, stun};
use crate::five_tuple::Transport;
use crate::flow::FlowState;
use crate::packet::{Fragment, Packet, TcpFields};
use crate::reassembly;
use crate::verdict::{Carrier, Confidence};

impl Classifier {
    /// Changes when flows that rest have to be asked anew: because other flows taught something, or the signatures changed. For
    /// [`FlowState::rests`].
    #[inline]
    pub fn pulse(&self, context: &Context) -> u32 {
        let (generation, budget) = (self.set.table.generation, self.resting_budget);
        u32::from(generation) << 16 | u32::from(budget) << 8 | u32::from(context.evidence.now_unnamed().epoch)
    }

    /// [`FlowState::rests`] by the pulse of this moment.
    #[inline]
    pub(crate) fn leaves_at_rest(&self, evidence: &Evidence, flow: &FlowState, packet: &Packet<'_>) -> bool {
        packet.fragment == Fragment::Whole
            && flow.rests_since(
                self.set.table.generation,
                self.resting_budget,
                evidence.now_unnamed().epoch,
                packet.five_tuple.transport,
                packet.tcp.flags,
                packet.payload,
            )
    }

    /// What can be had cheaply of a flow's beginning: a SYN, or a first datagram of which no dissector and no row would make
    /// anything, between addresses nobody knows.
    /// [`classify_in_full`](Self::classify_in_full) comes to the same.
    #[inline]
    pub(crate) fn begins_quietly(
        &self,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
        evidence: &mut Evidence,
        is_curious: bool,
    ) -> bool {
        let (table, tuple) = (&self.set.table, &packet.five_tuple);
        let is_first = !flow.has_begun();
        let carrier = match tuple.transport {
            Transport::Tcp if packet.payload.is_empty() => Carrier::Unknown,
            Transport::Udp if is_first && !packet.payload.is_empty() => {
                match self.mere_carrier(flow, packet, dns, evidence) {
                    Some(carrier) if carrier == Carrier::Unknown || !is_curious => carrier,
                    _ => return false,
                }
            }
            _ => return false,
        };
        if packet.fragment != Fragment::Whole || !self.options.related || self.options.budget_packets < 2 {
            return false;
        }
        if flow.verdict.is_match() {
            // Other flows told already, with the first SYN: the second is asked nothing.
            let is_second = tuple.transport == Transport::Tcp && flow.generation == table.generation;
            if is_second {
                flow.begin(packet);
            }
            return is_second;
        }
        let (src, dst) = (evidence.ways(tuple.src), evidence.ways(tuple.dst));
        if is_first {
            // A SYN tells which end is the server, and nothing else is asked of it; a datagram may be a call's, too.
            let may_be_told = match (tuple.transport, packet.tcp.flags & (TcpFields::SYN | TcpFields::ACK)) {
                (Transport::Udp, _) => src.has_any() || dst.has_any(),
                (Transport::Tcp, TcpFields::SYN) => dst.has_server(),
                (Transport::Tcp, flags) if flags & TcpFields::SYN != 0 => src.has_server(),
                (Transport::Tcp, _) => src.has_server() || dst.has_server(),
            };
            if table.has_addresses() || may_be_told {
                return false;
            }
            flow.renew(table.generation);
        } else if flow.generation != table.generation || !self.is_up_to_date(flow, packet, evidence) {
            return false;
        }
        let (side, _) = flow.begin(packet);
        flow.note_asked(tuple.transport, evidence.now([src, dst]));
        if tuple.transport == Transport::Udp {
            flow.verdict.carrier = carrier;
            flow.packets = 1;
            flow.note_datagram(side, packet.payload);
            flow.dead_groups = u8::MAX;
            if let Some(message) = dns {
                self.note_mere_dns(message, flow, packet, evidence);
            } else if banner::is_foreign_datagram(packet.payload, [tuple.src_port, tuple.dst_port]) {
                flow.note_foreign();
            }
        }
        true
    }

    /// The rest that can be had cheaply: a later packet of an unknown flow of which no dissector, no row and no other
    /// flow's evidence would make anything. [`classify_in_full`](Self::classify_in_full)
    /// comes to the same, at five times the price.
    #[inline]
    pub(crate) fn tells_nothing(
        &self,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        dns: Option<&dns::Message<'_>>,
        evidence: &mut Evidence,
        is_curious: bool,
    ) -> bool {
        let transport = packet.five_tuple.transport;
        if flow.generation != self.set.table.generation {
            return false;
        }
        if flow.verdict.is_match() {
            let nothing = transport == Transport::Tcp && self.is_behind_decision(flow, packet, is_curious);
            if nothing {
                flow.packets += 1;
            }
            return nothing;
        }
        if !self.is_up_to_date(flow, packet, evidence) {
            return false;
        }
        let is_spent = self.is_spent(flow, packet);
        match transport {
            Transport::Tcp if is_spent => true,
            Transport::Tcp => {
                let nothing = self.is_nobodys_segment(flow, packet, is_curious);
                if nothing {
                    flow.packets += 1;
                }
                nothing
            }
            Transport::Udp => {
                let carrier = match packet.fragment {
                    _ if is_spent => Some(Carrier::Unknown),
                    Fragment::Whole => self.mere_carrier(flow, packet, dns, evidence),
                    _ => None,
                };
                let Some(carrier) = carrier.filter(|carrier| *carrier == Carrier::Unknown || !is_curious)
                else {
                    return false;
                };
                if flow.verdict.carrier == Carrier::Unknown {
                    flow.verdict.carrier = carrier;
                }
                flow.packets = flow.packets.saturating_add(1);
                if let Some(message) = dns {
                    self.note_mere_dns(message, flow, packet, evidence);
                }
                if self.set.table.counts_all_datagrams {
                    flow.note_datagram(usize::from(packet.five_tuple.is_from_high()), packet.payload);
                }
                flow.dead_groups = u8::MAX;
                self.give_up_misfit(flow);
                true
            }
        }
    }

    /// Whether a segment lies behind its side's start, begins no row, and the flow's own bytes have decided for a row that teaches
    /// others nothing.
    #[inline]
    fn is_behind_decision(&self, flow: &FlowState, packet: &Packet<'_>, is_curious: bool) -> bool {
        flow.verdict.confidence == Confidence::Payload
            && self.is_behind_start(flow, packet, is_curious)
            && self.set.table.row_of(&flow.verdict).is_some_and(|row| row.teaches.is_none())
    }

    /// Whether a segment lies behind its side's start, begins no row, and gives no occasion to ask other flows or to close
    /// this one.
    #[inline]
    fn is_nobodys_segment(&self, flow: &FlowState, packet: &Packet<'_>, is_curious: bool) -> bool {
        let side = usize::from(packet.five_tuple.is_from_high());
        self.is_behind_start(flow, packet, is_curious)
            && (flow.is_oriented() || !flow.packets.is_power_of_two())
            && !reassembly::is_better_start(flow, side, packet.tcp.sequence)
    }

    /// Whether a segment lies behind its side's start and begins no row, and it is not yet time to close the flow.
    #[inline]
    fn is_behind_start(&self, flow: &FlowState, packet: &Packet<'_>, is_curious: bool) -> bool {
        let Some(first) = packet.payload.first() else { return false };
        let side = usize::from(packet.five_tuple.is_from_high());
        flow.is_done(side)
            && !self.has_segment_rows(flow, side, *first, is_curious)
            && packet.tcp.flags & TcpFields::SYN == 0
            && packet.fragment == Fragment::Whole
            && flow.packets.saturating_add(1) < self.options.budget_packets
    }

    /// Whether other flows taught nothing of this one's addresses since it asked last.
    #[inline(always)]
    pub(crate) fn is_up_to_date(
        &self,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        evidence: &Evidence,
    ) -> bool {
        let transport = packet.five_tuple.transport;
        let asked = flow.asked(transport);
        evidence.is_current(asked) || self.is_still_current(flow, packet, evidence, asked)
    }

    fn is_still_current(
        &self,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        evidence: &Evidence,
        asked: Asked,
    ) -> bool {
        let tuple = &packet.five_tuple;
        let now = evidence.still_current(asked, [tuple.src, tuple.dst]);
        if let Some(now) = now {
            flow.note_asked(tuple.transport, now);
        }
        now.is_some()
    }

    /// Datagrams of a flow whose first ones fitted nothing are looked at no further, as if it had had all it may have.
    #[inline]
    pub(crate) fn give_up_misfit(&self, flow: &mut FlowState) {
        if flow.packets == self.misfit_packets && flow.fits_nothing(self.set.table.lasting_marks) {
            flow.packets = self.options.budget_packets;
            self.close(flow);
        }
    }

    /// One that was given up and has a verdict now, a call's that began late or by what another flow told, is looked at as one that
    /// had it in time.
    pub(crate) fn take_up_again(&self, flow: &mut FlowState) {
        if flow.verdict.is_match() && flow.packets >= self.options.budget_packets && self.misfit_packets != 0
        {
            flow.packets = self.misfit_packets;
        }
    }

    /// Whether a flow without a verdict was looked at long enough: only other flows may still tell. A call's signalling may
    /// begin on an end point whose media came first.
    #[inline]
    pub(crate) fn is_spent(&self, flow: &FlowState, packet: &Packet<'_>) -> bool {
        let is_spent = flow.packets >= self.options.budget_packets;
        !flow.verdict.is_match()
            && flow.verdict.carrier != Carrier::Dns
            && match packet.five_tuple.transport {
                Transport::Tcp => {
                    // Both starts were read to their end, or there were packets enough.
                    (flow.is_over()
                        || is_spent && (flow.packets == u8::MAX || !flow.waits(0) && !flow.waits(1)))
                        && packet.tcp.flags & TcpFields::SYN == 0
                }
                Transport::Udp => {
                    is_spent
                        && packet.fragment == Fragment::Whole
                        && packet.payload.get(4..8) != Some(&stun::MAGIC_COOKIE)
                }
            }
    }
}
