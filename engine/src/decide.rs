//! From what matched to the flow's verdict: pairs, groups, vetoes, strength.

use crate::classifier::Classifier;
use crate::five_tuple::{Direction, Transport};
use crate::flow::{FlowState, Side};
use crate::inspect::Findings;
use crate::observer::{Event, Observer};
use crate::packet::Packet;
use crate::signature::model::Teaches;
use crate::signature::row::RowIndex;
use crate::verdict::{Carrier, Confidence, Verdict};

impl Classifier {
    /// What the packet's matches mean for the flow. Gives the row that shows most of what runs on the server.
    #[inline]
    pub(crate) fn conclude(
        &self,
        flow: &mut FlowState,
        side: Side,
        findings: &Findings,
        transport: Transport,
        observer: &mut impl Observer,
    ) -> Option<RowIndex> {
        if findings.settled.is_some() {
            return self.weigh_settled(flow, side, findings, transport, observer);
        }
        if flow.verdict.is_match() || findings.named.is_some() || !findings.matches.as_slice().is_empty() {
            return self.weigh(flow, side, findings, transport, observer);
        }
        // No row says anything, and none did before.
        if flow.verdict.carrier == Carrier::Unknown {
            flow.verdict.carrier = findings.carrier;
        }
        if transport == Transport::Udp {
            flow.dead_groups = u8::MAX;
        }
        if findings.conclusive && !findings.need_more {
            flow.verdict.flags |= Verdict::FINAL;
        }
        None
    }

    /// The same of a flow whose own bytes have decided: no row is stronger, so that it stays as it is or is taken back.
    fn weigh_settled(
        &self,
        flow: &mut FlowState,
        side: Side,
        findings: &Findings,
        transport: Transport,
        observer: &mut impl Observer,
    ) -> Option<RowIndex> {
        let rows = &self.set.table.rows;
        let sender = usize::from(flow.direction_of(side) == Direction::Responder);
        self.mark(flow, sender, findings, transport, observer);
        let decided = self.set.table.row_of(&flow.verdict)?;
        if decided.unless & flow.seen != 0 || decided.group & flow.dead_groups != 0 {
            self.withdraw(flow, observer);
            return None;
        }
        if decided.unless == 0 && decided.group == 0 && decided.teaches != Some(Teaches::Names) {
            flow.verdict.flags |= Verdict::FINAL;
        }
        let mut shown = None;
        for index in findings.matches.as_slice().iter().copied() {
            let row = &rows[usize::from(index)];
            if row.confidence == Confidence::Payload && self.may_conclude(flow, index, sender, observer) {
                if transport == Transport::Tcp {
                    flow.note_proof(side);
                }
                if row.teaches.is_some() && row.app == flow.verdict.app {
                    shown = Some(index);
                    break;
                }
            }
        }
        shown
    }

    /// Weighs what matched against what is known of the flow.
    fn weigh(
        &self,
        flow: &mut FlowState,
        side: Side,
        findings: &Findings,
        transport: Transport,
        observer: &mut impl Observer,
    ) -> Option<RowIndex> {
        let rows = &self.set.table.rows;
        let sender = usize::from(flow.direction_of(side) == Direction::Responder);
        if findings.carrier != Carrier::Unknown && flow.verdict.carrier == Carrier::Unknown {
            flow.verdict.carrier = findings.carrier;
        }
        self.mark(flow, sender, findings, transport, observer);
        self.reconsider(flow, observer);
        let mut shown: Option<RowIndex> = None;
        let mut best: Option<(RowIndex, Carrier)> = None;
        let mut offer = |row: RowIndex, carrier: Carrier| {
            let strength = |row: RowIndex| {
                let row = &rows[usize::from(row)];
                (row.confidence, core::cmp::Reverse(row.id))
            };
            if self.is_on(rows[usize::from(row)].confidence)
                && best.is_none_or(|(other, _)| strength(row) > strength(other))
            {
                best = Some((row, carrier));
            }
        };
        let carrier =
            if flow.verdict.carrier == Carrier::Unknown { Carrier::Raw } else { flow.verdict.carrier };
        for index in findings.matches.as_slice().iter().copied() {
            if self.may_conclude(flow, index, sender, observer) {
                offer(index, carrier);
                let row = &rows[usize::from(index)];
                if row.confidence == Confidence::Payload && row.teaches.is_some() {
                    shown = shown.or(Some(index));
                }
                if row.confidence == Confidence::Payload && transport == Transport::Tcp {
                    flow.note_proof(side);
                }
            }
            for awaiting in rows[usize::from(index)].awaited_by.iter().copied() {
                let other = 1 - sender;
                if flow.seen & rows[usize::from(awaiting)].marks[other] != 0
                    && self.may_conclude(flow, awaiting, other, observer)
                {
                    offer(awaiting, carrier);
                }
            }
        }
        if let Some((row, carrier)) = findings.named {
            offer(row, carrier);
        }
        match best {
            Some((row, carrier)) => self.settle(flow, row, carrier),
            None if findings.conclusive && flow.verdict.confidence < Confidence::Name => {
                self.withdraw(flow, observer);
                if !findings.need_more {
                    flow.verdict.flags |= Verdict::FINAL;
                }
            }
            None => {}
        }
        if let Some(row) = self.set.table.row_of(&flow.verdict)
            && row.unless == 0
            && row.group == 0
            && row.teaches != Some(Teaches::Names)
            && (flow.verdict.confidence == Confidence::Payload
                || flow.verdict.confidence == Confidence::Name && findings.conclusive && !findings.need_more)
        {
            flow.verdict.flags |= Verdict::FINAL;
        }
        shown.filter(|row| rows[usize::from(*row)].app == flow.verdict.app)
    }

    /// Sets the bits of what matched, and ends the groups of which nothing did.
    #[inline]
    fn mark(
        &self,
        flow: &mut FlowState,
        sender: usize,
        findings: &Findings,
        transport: Transport,
        observer: &mut impl Observer,
    ) {
        let mut groups = 0;
        for row in findings.matches.as_slice().iter().map(|row| &self.set.table.rows[usize::from(*row)]) {
            if row.is_veto {
                observer.event(if row.is_feared { Event::Vetoed(row.id) } else { Event::Noted(row.id) });
            }
            flow.seen |= row.marks[sender];
            groups |= row.group;
        }
        if transport == Transport::Udp {
            flow.dead_groups |= !groups;
        }
    }

    /// Takes the verdict back where a veto fired or its group broke.
    fn reconsider(&self, flow: &mut FlowState, observer: &mut impl Observer) {
        if let Some(row) = self.set.table.row_of(&flow.verdict)
            && (row.unless & flow.seen != 0 || row.group & flow.dead_groups != 0)
        {
            self.withdraw(flow, observer);
        }
    }

    pub(crate) fn withdraw(&self, flow: &mut FlowState, observer: &mut impl Observer) {
        if flow.verdict.is_match() {
            observer.event(Event::Withdrawn(flow.verdict.signature));
            flow.verdict =
                Verdict { carrier: flow.verdict.carrier, flags: flow.verdict.flags, ..Verdict::default() };
        }
    }

    /// Whether a row that matched a packet of `sender` (0 originator, 1 responder) concludes.
    fn may_conclude(
        &self,
        flow: &FlowState,
        index: RowIndex,
        sender: usize,
        observer: &mut impl Observer,
    ) -> bool {
        let row = &self.set.table.rows[usize::from(index)];
        if row.is_veto {
            return false;
        }
        if row.unless & flow.seen != 0 {
            observer.event(Event::Blocked(row.id));
        } else if row.group & flow.dead_groups != 0 {
            observer.event(Event::GroupBroken(row.id));
        } else if row.needs[sender] != 0 && row.needs[sender] & flow.seen == 0 {
            observer.event(Event::AwaitsReverse(row.id));
        } else if row.after[sender] != 0 && row.after[sender] & flow.seen == 0 {
            observer.event(Event::AwaitsAfter(row.id));
        } else {
            observer.event(Event::Matched(row.id));
            return true;
        }
        false
    }

    fn is_on(&self, confidence: Confidence) -> bool {
        match confidence {
            Confidence::None => false,
            Confidence::Address => self.options.address,
            Confidence::Related => self.options.related,
            Confidence::Name => self.options.name,
            Confidence::Payload => self.options.payload,
        }
    }

    /// The strongest evidence wins; what is as strong as the verdict in force changes nothing.
    fn settle(&self, flow: &mut FlowState, index: RowIndex, carrier: Carrier) {
        let row = &self.set.table.rows[usize::from(index)];
        let carrier = if carrier == Carrier::Unknown { flow.verdict.carrier } else { carrier };
        if row.confidence > flow.verdict.confidence {
            flow.note_own();
            flow.verdict = Verdict {
                signature: row.id,
                app: row.app,
                role: if carrier == Carrier::Dns { row.lookup_role } else { row.role },
                carrier,
                confidence: row.confidence,
                flags: flow.verdict.flags,
            };
        }
    }

    /// Address lists, for a flow's first packet.
    pub(crate) fn consider_addresses(
        &self,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) {
        let tuple = &packet.five_tuple;
        let listed = || [tuple.dst, tuple.src].into_iter().find_map(|one| self.set.table.by_address(one));
        if self.options.address
            && self.set.table.has_addresses()
            && let Some(row) = listed()
        {
            observer.event(Event::Matched(self.set.table.rows[usize::from(row)].id));
            self.settle(flow, row, Carrier::Unknown);
        }
    }
}
