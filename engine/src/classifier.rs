//! The one meeting point: flow state and a packet in, verdict out.

use crate::context::Context;
use crate::dissect::{Dissection, dns, http, rtp, stun, tls};
use crate::five_tuple::{Direction, Transport};
use crate::flow::{FlowState, Side};
use crate::observer::{Event, Observer};
use crate::packet::{Fragment, Packet};
use crate::sight::Sight;
use crate::signature::SignatureSet;
use crate::signature::pattern::Match;
use crate::signature::table::{Opening, RowIndex};
use crate::stream::{self, Look};
use crate::verdict::{Carrier, Confidence, SignatureId, Verdict};
use smallvec::SmallVec;

/// What counts as evidence, and for how long a flow is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of the protocols themselves.
    pub payload: bool,
    /// Names inside the flow.
    pub name: bool,
    /// What other flows told.
    pub related: bool,
    /// Address lists.
    pub address: bool,
    /// Packets with payload after which a flow's verdict is final; 1 to 255.
    pub budget_packets: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { payload: true, name: true, related: true, address: true, budget_packets: 32 }
    }
}

/// Signatures, ready to classify with: immutable, shared by any number of threads.
#[derive(Debug)]
pub struct Classifier {
    set: SignatureSet,
    options: Options,
}

/// Rows whose conditions hold for one packet. More than these are not looked at.
type Matches = SmallVec<[RowIndex; 16]>;

/// The port of DNS (RFC 1035, 4.2), in clear over UDP and TCP. Multicast DNS (5353) and LLMNR (5355) name neighbours
/// and are left alone.
const DNS_PORT: u16 = 53;

/// What a look at a packet's bytes came to, besides the rows that matched.
#[derive(Default)]
struct Outcome {
    matches: Matches,
    /// The best row by name, and where the name stood.
    named: Option<(RowIndex, Carrier)>,
    carrier: Carrier,
    /// Some row or dissector would need more bytes.
    need_more: bool,
    /// The flow has said who it is: a foreign name outweighs hearsay, and nothing more will come in clear.
    conclusive: bool,
}

impl Classifier {
    /// Takes over a set.
    pub fn new(set: SignatureSet, options: Options) -> Self {
        Self { set, options }
    }

    /// The signatures in force.
    pub fn set(&self) -> &SignatureSet {
        &self.set
    }

    /// Looks at the next packet of a flow. The payload is borrowed for this call and never kept, but for handshakes
    /// that come in pieces, whose bytes wait in `context`.
    pub fn classify(&self, context: &mut Context, flow: &mut FlowState, packet: &Packet<'_>) -> Verdict {
        self.classify_observed(context, flow, packet, &mut ())
    }

    /// [`classify`](Self::classify), telling `observer` what happens on the way.
    pub fn classify_observed(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        observer: &mut impl Observer,
    ) -> Verdict {
        flow.verdict.flags &= !Verdict::CHANGED;
        if flow.verdict.is_final() {
            return flow.verdict;
        }
        if flow.generation != self.set.table.generation {
            flow.renew(self.set.table.generation);
        }
        let before = flow.verdict;
        let (side, first) = flow.begin(packet);
        if first {
            self.consider_addresses(flow, packet, observer);
        }
        if !packet.payload.is_empty() && !matches!(packet.fragment, Fragment::Later(_)) {
            flow.packets = flow.packets.saturating_add(1);
            match packet.five_tuple.transport {
                Transport::Tcp => self.segment(context, flow, packet, side, observer),
                Transport::Udp => self.datagram(flow, packet, side, observer),
            }
            if flow.packets >= self.options.budget_packets && flow.verdict.carrier != Carrier::Dns {
                flow.verdict.flags |= Verdict::FINAL;
            }
        }
        if flow.is_lost() {
            flow.verdict.flags |= Verdict::LOST;
        }
        if (before.app, before.role, before.confidence, before.is_final())
            != (flow.verdict.app, flow.verdict.role, flow.verdict.confidence, flow.verdict.is_final())
        {
            flow.verdict.flags |= Verdict::CHANGED;
            observer.event(Event::Settled(flow.verdict));
        }
        flow.verdict
    }

    fn consider_addresses(&self, flow: &mut FlowState, packet: &Packet<'_>, observer: &mut impl Observer) {
        let tuple = &packet.five_tuple;
        let listed = || [tuple.dst, tuple.src].into_iter().find_map(|one| self.set.table.by_address(one));
        if self.options.address
            && let Some(row) = listed()
        {
            observer.event(Event::Matched(self.set.table.rows[usize::from(row)].id));
            self.settle(flow, row, Carrier::Unknown);
        }
    }

    fn segment(
        &self,
        context: &mut Context,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        side: Side,
        observer: &mut impl Observer,
    ) {
        let key = packet.five_tuple.key();
        let was_lost = flow.is_lost();
        let look = stream::look(flow, &mut context.pool, &key, side, packet);
        if flow.is_lost() && !was_lost {
            observer.event(Event::Lost);
        }
        let mut outcome = Outcome::default();
        let head = flow.head_copy(side);
        let start = match look {
            Look::Nothing => return,
            Look::Segment => None,
            Look::Start(bytes) => Some(bytes),
            Look::Head => Some(&head[..flow.head(side).len()]),
        };
        let mut sight =
            Sight::new(packet, flow.is_oriented().then(|| flow.direction_of(side)), packet.payload);
        if let Some(opening) = Opening::new(packet.payload) {
            self.try_rows(&sight, self.set.table.tcp_segments.find(opening), &mut outcome);
        }
        outcome.need_more = false;
        if let Some(start) = start {
            sight.bytes = start;
            self.look_at_start(&mut sight, &mut outcome, observer);
        }
        let fresh = start.map_or(0, <[u8]>::len).min(packet.payload.len());
        let is_start = start.is_some();
        self.conclude(flow, side, &outcome, observer);
        if is_start {
            let fresh = &packet.payload[packet.payload.len() - fresh..];
            let waits = outcome.need_more
                && !flow.verdict.is_final()
                && stream::wait(flow, &mut context.pool, &key, side, fresh);
            if waits {
                observer.event(Event::NeedMore(fresh.len()));
            } else {
                stream::done(flow, &mut context.pool, &key, side);
            }
        }
        if flow.is_oriented() && flow.is_done(0) && flow.is_done(1) && flow.verdict.carrier != Carrier::Dns {
            flow.verdict.flags |= Verdict::FINAL;
        }
    }

    /// The start of a TCP stream: rows, names and carrier.
    fn look_at_start<'s>(&self, sight: &mut Sight<'s>, outcome: &mut Outcome, observer: &mut impl Observer) {
        let bytes = sight.bytes;
        let Some(opening) = Opening::new(bytes) else { return };
        let table = &self.set.table;
        self.try_rows(sight, table.tcp.find(opening), outcome);
        self.try_contained(sight, outcome);
        if sight.has_port(DNS_PORT) {
            match dns::tcp_message(bytes) {
                Dissection::Found(message) => self.look_up(&message, outcome, observer),
                Dissection::NeedMore => outcome.need_more = true,
                Dissection::NotMine => {}
            }
            return;
        }
        match tls::client_hello(bytes) {
            Dissection::Found(hello) => {
                outcome.recognise(Carrier::Tls, observer);
                outcome.conclusive = hello.sni.is_some() || hello.complete;
                outcome.need_more |= !outcome.conclusive;
                if let Some(name) = hello.sni {
                    self.name(name, Carrier::Tls, outcome, observer);
                }
            }
            Dissection::NeedMore => outcome.need_more = true,
            Dissection::NotMine if tls::is_record(bytes) => outcome.recognise(Carrier::Tls, observer),
            Dissection::NotMine => match http::head(bytes) {
                Dissection::Found(head) => self.look_at_http(sight, head, outcome, observer),
                Dissection::NeedMore => outcome.need_more = true,
                Dissection::NotMine => {}
            },
        }
    }

    fn look_at_http<'s>(
        &self,
        sight: &mut Sight<'s>,
        head: http::Head<'s>,
        outcome: &mut Outcome,
        observer: &mut impl Observer,
    ) {
        outcome.recognise(Carrier::Http, observer);
        sight.http = Some(head);
        match head {
            http::Head::Request(request) => {
                self.try_rows(sight, self.set.table.requests.iter().copied(), outcome);
                outcome.need_more |= !request.complete;
                if let Some(name) = request.host() {
                    self.name(name, Carrier::Http, outcome, observer);
                    outcome.conclusive = request.complete && !is_ip_literal(name);
                }
            }
            http::Head::Response(response) => {
                self.try_rows(sight, self.set.table.responses.iter().copied(), outcome);
                outcome.need_more |= !response.complete && !self.set.table.responses.is_empty();
            }
        }
    }

    fn datagram(&self, flow: &mut FlowState, packet: &Packet<'_>, side: Side, observer: &mut impl Observer) {
        let mut outcome = Outcome::default();
        let mut sight = Sight::new(packet, None, packet.payload);
        if sight.has_port(DNS_PORT)
            && let Dissection::Found(message) = dns::message(packet.payload)
        {
            self.look_up(&message, &mut outcome, observer);
        } else if let Some(opening) = Opening::new(packet.payload) {
            let table = &self.set.table;
            sight.stun = stun::message(packet.payload).found();
            sight.media = rtp::packet(packet.payload).found();
            self.try_rows(&sight, table.udp.find(opening), &mut outcome);
            self.try_contained(&sight, &mut outcome);
            if let Some(message) = sight.stun {
                outcome.recognise(Carrier::Stun, observer);
                self.try_rows(&sight, table.by_stun_type(message.kind), &mut outcome);
            } else if sight.media.is_some() {
                self.try_rows(&sight, table.rtp.iter().copied(), &mut outcome);
            }
        }
        self.conclude(flow, side, &outcome, observer);
    }

    fn try_rows(&self, sight: &Sight<'_>, rows: impl Iterator<Item = RowIndex>, outcome: &mut Outcome) {
        for row in rows {
            match sight.fits(&self.set.signatures()[usize::from(row)].conditions) {
                Match::Yes if outcome.matches.len() < outcome.matches.inline_size() => {
                    outcome.matches.push(row)
                }
                Match::NeedMore => outcome.need_more = true,
                _ => {}
            }
        }
    }

    fn try_contained(&self, sight: &Sight<'_>, outcome: &mut Outcome) {
        if let Some((automaton, rows)) = &self.set.table.contains {
            let found = automaton.find_overlapping_iter(sight.packet.payload);
            self.try_rows(sight, found.map(|one| rows[one.pattern().as_usize()]), outcome);
        }
    }

    fn look_up(&self, message: &dns::Message<'_>, outcome: &mut Outcome, observer: &mut impl Observer) {
        outcome.recognise(Carrier::Dns, observer);
        let mut buffer = dns::NameBuffer::new();
        for question in message.questions() {
            self.name(question.name.read(&mut buffer).as_bytes(), Carrier::Dns, outcome, observer);
        }
    }

    fn find_name(&self, name: &[u8], carrier: Carrier) -> Option<RowIndex> {
        let allowed = |row: RowIndex| {
            let carriers = &self.set.signatures()[usize::from(row)].conditions.carriers;
            carriers.is_empty() || carriers.contains(&carrier)
        };
        self.set.table.hosts.find(name, allowed)
    }

    /// The most specific signature for a host name seen in this carrier.
    pub fn by_name(&self, name: &[u8], carrier: Carrier) -> Option<SignatureId> {
        self.find_name(name, carrier).map(|row| self.set.table.rows[usize::from(row)].id)
    }

    /// Of several names in a packet the first that has a row counts.
    fn name(&self, name: &[u8], carrier: Carrier, outcome: &mut Outcome, observer: &mut impl Observer) {
        let row = self.find_name(name, carrier);
        let signature = row.map(|row| self.set.table.rows[usize::from(row)].id);
        observer.event(Event::Name { name, carrier, signature });
        outcome.named = outcome.named.or(row.map(|row| (row, carrier)));
    }

    /// What the packet's matches mean for the flow.
    fn conclude(&self, flow: &mut FlowState, side: Side, outcome: &Outcome, observer: &mut impl Observer) {
        let rows = &self.set.table.rows;
        let sender = match flow.direction_of(side) {
            Direction::Originator => 0,
            Direction::Responder => 1,
        };
        if outcome.carrier != Carrier::Unknown && flow.verdict.carrier == Carrier::Unknown {
            flow.verdict.carrier = outcome.carrier;
        }
        let mut groups = 0;
        for row in outcome.matches.iter().map(|row| &rows[usize::from(*row)]) {
            if row.is_veto {
                observer.event(Event::Vetoed(row.id));
            }
            flow.seen |= row.marks[sender];
            groups |= row.group;
        }
        flow.dead_groups |= !groups;
        self.reconsider(flow, observer);
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
        for index in outcome.matches.iter().copied() {
            if self.may_conclude(flow, index, sender, observer) {
                offer(index, carrier);
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
        if let Some((row, carrier)) = outcome.named {
            offer(row, carrier);
        }
        match best {
            Some((row, carrier)) => self.settle(flow, row, carrier),
            None if outcome.conclusive && flow.verdict.confidence < Confidence::Name => {
                self.withdraw(flow, observer);
                flow.verdict.flags |= Verdict::FINAL;
            }
            None => {}
        }
        if let Some(row) = self.set.table.row(flow.verdict.signature)
            && row.unless == 0
            && row.group == 0
            && (row.confidence == Confidence::Payload
                || row.confidence == Confidence::Name && outcome.conclusive)
        {
            flow.verdict.flags |= Verdict::FINAL;
        }
    }

    /// Takes the verdict back where a veto fired or its group broke.
    fn reconsider(&self, flow: &mut FlowState, observer: &mut impl Observer) {
        if let Some(row) = self.set.table.row(flow.verdict.signature)
            && (row.unless & flow.seen != 0 || row.group & flow.dead_groups != 0)
        {
            self.withdraw(flow, observer);
        }
    }

    fn withdraw(&self, flow: &mut FlowState, observer: &mut impl Observer) {
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
        if row.confidence > flow.verdict.confidence {
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
}

impl Outcome {
    fn recognise(&mut self, carrier: Carrier, observer: &mut impl Observer) {
        self.carrier = carrier;
        observer.event(Event::Recognised(carrier));
    }
}

/// Whether a host is an address instead of a name (RFC 3986, 3.2.2).
fn is_ip_literal(host: &[u8]) -> bool {
    host.contains(&b':') || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
