//! Looking at bytes: which rows match, which names stand there, and what they teach about other flows.

use crate::classifier::Classifier;
use crate::context::evidence::{Evidence, Relation};
use crate::context::{Context, Inflater};
use crate::dissect::{Dissection, dns, http, name_list, preamble, quic, stun, tls};
use crate::five_tuple::{Address, Direction};
use crate::flow::{FlowState, Side};
use crate::observer::{Event, Observer};
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::model::Teaches;
use crate::signature::pattern::Match;
use crate::signature::table::{CandidateRow, FirstBytes, Prefiltered, PrefixIndex, RowIndex};
use crate::verdict::{Carrier, Verdict};
use miniz_oxide::inflate::core as inflate;
use smallvec::SmallVec;

/// Rows whose conditions hold for one packet. More than these are not looked at.
type Matches = SmallVec<[RowIndex; 16]>;

/// The port of DNS (RFC 1035, 4.2), in clear over UDP and TCP. Multicast DNS (5353) and LLMNR (5355) name neighbours
/// and are left alone.
const DNS_PORT: u16 = 53;
/// Most QUIC Initials opened for the originator of a flow (a hello with large key shares takes two or three), and for
/// the responder, whose packets cannot be opened unless it is the client after all.
const OPENED_MAX: [u8; 2] = [8, 2];
/// Packets with payload of an unknown flow that may ask whether it is part of a call.
pub(crate) const CALL_PACKETS: u8 = 4;
/// Most preambles looked through one behind the other.
const PREAMBLES: usize = 3;

/// What a look at a packet's bytes came to.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) matches: Matches,
    /// The best row by name, and where the name stood.
    pub(crate) named: Option<(RowIndex, Carrier)>,
    pub(crate) carrier: Carrier,
    /// Some row or dissector would need more bytes.
    pub(crate) need_more: bool,
    /// The flow has said who it is: a foreign name outweighs hearsay, and nothing more will come in clear.
    pub(crate) conclusive: bool,
}

/// What of the context a look at a stream needs: all but the pool, from which its bytes may be borrowed.
pub(crate) struct InspectContext<'c> {
    pub(crate) evidence: &'c mut Evidence,
    pub(crate) scratch: &'c mut [u8],
    pub(crate) inflater: &'c mut Inflater,
    /// What the flow's answers teach.
    pub(crate) answers: Option<Teaches>,
}

impl Findings {
    /// Whether nothing was found that concerns the flow.
    pub(crate) fn is_empty(&self) -> bool {
        self.matches.is_empty()
            && self.named.is_none()
            && self.carrier == Carrier::Unknown
            && !self.conclusive
    }

    fn recognise(&mut self, carrier: Carrier, observer: &mut impl Observer) {
        self.carrier = carrier;
        observer.event(Event::Recognised(carrier));
    }
}

impl Classifier {
    /// Rows that may begin at any segment. That they would need more bytes is no reason to wait.
    pub(crate) fn try_segment_rows(&self, view: &PacketView<'_>, findings: &mut Findings) {
        if let Some(first_bytes) = FirstBytes::new(view.bytes) {
            self.try_prefixes(view, &self.set.table.tcp_segments, first_bytes, findings);
            findings.need_more = false;
        }
    }

    /// The start of a TCP stream: rows, names and carrier.
    pub(crate) fn inspect_stream_start<'s>(
        &self,
        view: &mut PacketView<'s>,
        context: &mut InspectContext<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        self.skip_preambles(view, findings, observer);
        let bytes = view.bytes;
        let Some(first_bytes) = FirstBytes::new(bytes) else { return };
        self.try_prefixes(view, &self.set.table.tcp, first_bytes, findings);
        self.try_contained(view, findings);
        if view.has_port(DNS_PORT) {
            match dns::tcp_message(bytes) {
                Dissection::Found(message) => {
                    self.inspect_dns(&message, view, context.evidence, findings, observer)
                }
                Dissection::NeedMore => findings.need_more = true,
                Dissection::NotMine => {}
            }
            return;
        }
        match tls::client_hello_in(bytes, context.scratch) {
            Dissection::Found(hello) => self.inspect_hello(&hello, Carrier::Tls, findings, observer),
            Dissection::NeedMore => findings.need_more = true,
            Dissection::NotMine if tls::is_record(bytes) => findings.recognise(Carrier::Tls, observer),
            Dissection::NotMine => match http::head(bytes) {
                Dissection::Found(head) => self.inspect_http(view, head, context, findings, observer),
                Dissection::NeedMore => findings.need_more = true,
                Dissection::NotMine => {}
            },
        }
    }

    /// Moves the start behind what a proxy is told. The name it is told counts like any other.
    fn skip_preambles(
        &self,
        view: &mut PacketView<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        for _ in 0..PREAMBLES {
            match preamble::preamble(view.bytes) {
                Dissection::Found(found) => {
                    if let Some(name) = found.name {
                        self.note_name(name, Carrier::Unknown, findings, observer);
                    }
                    view.bytes = &view.bytes[found.length..];
                    findings.need_more |= view.bytes.is_empty();
                }
                Dissection::NeedMore => return findings.need_more = true,
                Dissection::NotMine => return,
            }
        }
    }

    fn inspect_hello(
        &self,
        hello: &tls::ClientHello<'_>,
        carrier: Carrier,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.recognise(carrier, observer);
        findings.conclusive = hello.sni.is_some() || hello.complete;
        findings.need_more |= !findings.conclusive;
        if let Some(name) = hello.sni {
            self.note_name(name, carrier, findings, observer);
        }
    }

    fn inspect_http<'s>(
        &self,
        view: &mut PacketView<'s>,
        head: http::Head<'s>,
        context: &mut InspectContext<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.recognise(Carrier::Http, observer);
        view.http = Some(head);
        match head {
            http::Head::Request(request) => {
                view.path = request.path();
                if let Some(path) = FirstBytes::new(view.path) {
                    let by_path = self.set.table.requests_by_path.find(path);
                    self.try_rows(view, by_path.map(|entry| entry.candidate), findings);
                }
                self.try_rows(view, self.set.table.requests.iter().copied(), findings);
                findings.need_more |= !request.complete;
                if let Some(name) = request.host() {
                    self.note_name(name, Carrier::Http, findings, observer);
                    findings.conclusive = request.complete && !is_ip_literal(name);
                }
            }
            http::Head::Response(response) => {
                self.try_rows(view, self.set.table.responses.iter().copied(), findings);
                findings.need_more |= !response.complete;
                if context.answers == Some(Teaches::Names) && response.complete {
                    let missing =
                        response.content_length.is_some_and(|length| (response.body.len() as u64) < length);
                    if missing {
                        findings.need_more = true;
                    } else {
                        self.read_name_list(
                            response.content_encoding,
                            response.body,
                            view.packet.time_us,
                            context,
                        );
                    }
                    findings.need_more |= response.content_length.is_none();
                }
            }
        }
    }

    /// An answer that lists names and their addresses, maybe deflated (zlib or raw, RFC 9110, 8.4.1.2).
    fn read_name_list(
        &self,
        encoding: Option<&[u8]>,
        body: &[u8],
        now_us: u64,
        context: &mut InspectContext<'_>,
    ) {
        let list = match encoding {
            Some(encoding) if encoding.eq_ignore_ascii_case(b"deflate") => {
                let zlib = body
                    .first_chunk()
                    .is_some_and(|two| two[0] & 15 == 8 && u16::from_be_bytes(*two) % 31 == 0);
                let mut flags = inflate::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
                if zlib {
                    flags |= inflate::inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
                }
                context.inflater.0.init();
                let (_, _, written) =
                    inflate::decompress(&mut context.inflater.0, body, context.scratch, 0, flags);
                &context.scratch[..written]
            }
            _ => body,
        };
        if !name_list::is_list(list) {
            return;
        }
        let mut last: Option<(&[u8], Option<RowIndex>)> = None;
        for (name, address) in name_list::pairs(list).filter(|(_, address)| !address.is_loopback()) {
            // A name's addresses follow each other.
            let row = match last {
                Some((same, row)) if core::ptr::eq(same, name) => row,
                _ => self.find_name(name, Carrier::Dns),
            };
            last = Some((name, row));
            if let Some(row) = row {
                let signature = self.set.table.rows[usize::from(row)].id;
                context.evidence.name_address(Address::from(address), signature, Relation::NameList, now_us);
            }
        }
    }

    /// Whether [`inspect_datagram`](Self::inspect_datagram), and asking other flows' evidence, would come to nothing for
    /// a datagram behind `packets` others with payload.
    #[inline]
    pub(crate) fn cannot_match(&self, packets: u8, packet: &Packet<'_>) -> bool {
        let (table, tuple) = (&self.set.table, &packet.five_tuple);
        let Some(first_bytes) = FirstBytes::new(packet.payload) else { return true };
        let is_like_media = first_bytes.first & 0xc0 == 0x80;
        let may_be_media = || {
            packets < CALL_PACKETS
                || packet.payload.get(1).is_some_and(|byte| table.has_payload_type(byte & 0x7f))
        };
        packet.payload.get(4..8) != Some(&stun::MAGIC_COOKIE)
            && !(is_like_media && may_be_media())
            && tuple.src_port != DNS_PORT
            && tuple.dst_port != DNS_PORT
            && !quic::may_be(packet.payload)
            && table.contains.is_none()
            && table.udp.find(first_bytes).next().is_none()
    }

    /// A whole datagram: rows, names and carrier.
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
        if view.has_port(DNS_PORT)
            && let Dissection::Found(message) = dns::message(payload)
        {
            return self.inspect_dns(&message, view, &mut context.evidence, findings, observer);
        }
        let Some(first_bytes) = FirstBytes::new(payload) else { return };
        let table = &self.set.table;
        self.try_prefixes(view, &table.udp, first_bytes, findings);
        self.try_contained(view, findings);
        // The cookie tells STUN, also the dialects whose message types lie outside RFC 7983's first bytes.
        if payload.get(4..8) == Some(&stun::MAGIC_COOKIE) {
            view.stun = stun::message(payload).found();
            if let Some(message) = view.stun {
                findings.recognise(Carrier::Stun, observer);
                self.try_rows(view, table.by_stun_type(message.kind), findings);
                for attribute in message.attributes() {
                    self.try_rows(view, table.by_stun_attribute(attribute.kind), findings);
                }
            }
        } else if payload[0] & 0xc0 == 0x80
            && payload.get(1).is_some_and(|byte| table.has_payload_type(byte & 0x7f))
        {
            self.try_rows(view, table.rtp.iter().copied(), findings);
        }
        if view.stun.is_none() && findings.matches.is_empty() && quic::may_be(payload) {
            self.inspect_quic(view, context, flow, side, findings, observer);
        }
        findings.need_more = false;
    }

    /// The hello of a QUIC flow: opened, joined over packets and datagrams, read.
    fn inspect_quic(
        &self,
        view: &PacketView<'_>,
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        if let Dissection::Found(packet) = quic::google::packet(view.bytes) {
            findings.recognise(Carrier::Quic, observer);
            if let Some(hello) = packet.hello() {
                self.inspect_google_hello(&hello, findings, observer);
            }
            return;
        }
        for header in quic::packets(view.bytes) {
            findings.recognise(Carrier::Quic, observer);
            #[cfg(feature = "quic")]
            if header.kind == quic::PacketKind::Initial
                && flow.count_opened(side)
                    < OPENED_MAX[usize::from(flow.direction_of(side) == Direction::Responder)]
            {
                self.open_initial(view, header.packet, context, flow, side, findings, observer);
            }
            if findings.conclusive {
                break;
            }
        }
    }

    #[cfg(feature = "quic")]
    #[expect(clippy::too_many_arguments, reason = "one step of inspect_quic")]
    fn open_initial(
        &self,
        view: &PacketView<'_>,
        packet: &[u8],
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        let Context { pool, scratch, .. } = context;
        let Some(frames) = quic::decrypt_initial(packet, scratch) else { return };
        let key = view.packet.five_tuple.key();
        for frame in quic::crypto_frames(frames) {
            if flow.slot(side).is_some_and(|number| pool.get(number, &key, side).is_none()) {
                flow.unpark(side, 0);
                flow.verdict.flags |= Verdict::LOST;
                observer.event(Event::Lost);
            }
            let parked = flow.slot(side).and_then(|number| pool.get(number, &key, side));
            let joined = match parked {
                Some(slot) => {
                    slot.insert(usize::try_from(frame.offset).unwrap_or(usize::MAX), frame.bytes);
                    slot.contiguous()
                }
                None if frame.offset == 0 => frame.bytes,
                None => &[],
            };
            match tls::hello_message(joined) {
                Dissection::Found(hello) => self.inspect_hello(&hello, Carrier::Quic, findings, observer),
                Dissection::NotMine => match quic::google::hello_message(joined) {
                    Dissection::Found(hello) => self.inspect_google_hello(&hello, findings, observer),
                    Dissection::NeedMore | Dissection::NotMine => {}
                },
                Dissection::NeedMore if flow.slot(side).is_none() => {
                    if let Some((number, slot)) = pool.take(key, side, 0) {
                        slot.insert(usize::try_from(frame.offset).unwrap_or(usize::MAX), frame.bytes);
                        flow.park(side, number);
                        observer.event(Event::NeedMore(frame.bytes.len()));
                    }
                }
                Dissection::NeedMore => {}
            }
            if findings.conclusive {
                break;
            }
        }
        if findings.conclusive
            && let Some(number) = flow.slot(side)
        {
            if pool.get(number, &key, side).is_some() {
                pool.free(number);
            }
            flow.unpark(side, 0);
        }
    }

    fn inspect_google_hello(
        &self,
        hello: &quic::google::Hello<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.conclusive = true;
        if let Some(name) = hello.sni() {
            self.note_name(name, Carrier::Quic, findings, observer);
        }
    }

    #[inline]
    fn try_prefixes(
        &self,
        view: &PacketView<'_>,
        prefixes: &PrefixIndex,
        first_bytes: FirstBytes,
        findings: &mut Findings,
    ) {
        for entry in prefixes.find(first_bytes) {
            if view.may_match(&entry.candidate) {
                self.try_row(view, &entry.candidate, entry.prefilter(view.bytes.len()), findings);
            }
        }
    }

    #[inline]
    fn try_rows(
        &self,
        view: &PacketView<'_>,
        candidates: impl Iterator<Item = CandidateRow>,
        findings: &mut Findings,
    ) {
        for candidate in candidates {
            if view.may_match(&candidate) {
                self.try_row(view, &candidate, Prefiltered::NotTried, findings);
            }
        }
    }

    fn try_row(
        &self,
        view: &PacketView<'_>,
        candidate: &CandidateRow,
        prefix: Prefiltered,
        findings: &mut Findings,
    ) {
        let row = candidate.row;
        match view.matches(candidate, &self.set.signatures()[usize::from(row)].conditions, prefix) {
            Match::Yes if findings.matches.contains(&row) => {}
            Match::Yes if findings.matches.len() < findings.matches.inline_size() => {
                findings.matches.push(row)
            }
            Match::NeedMore => findings.need_more = true,
            _ => {}
        }
    }

    fn try_contained(&self, view: &PacketView<'_>, findings: &mut Findings) {
        if let Some((automaton, rows)) = &self.set.table.contains {
            let found = automaton.find_overlapping_iter(view.packet.payload);
            self.try_rows(view, found.map(|one| rows[one.pattern().as_usize()]), findings);
        }
    }

    /// A DNS message: the names asked for, and what the answers say of addresses.
    fn inspect_dns(
        &self,
        message: &dns::Message<'_>,
        view: &PacketView<'_>,
        evidence: &mut Evidence,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.recognise(Carrier::Dns, observer);
        let mut buffer = dns::NameBuffer::new();
        for question in message.questions() {
            self.note_name(question.name.read_bytes(&mut buffer), Carrier::Dns, findings, observer);
        }
        if !message.response {
            return;
        }
        let mut row = findings.named.map(|(row, _)| row);
        for answer in message.answers() {
            let now_us = view.packet.time_us;
            let mut stands_for = |address: Address| match row {
                Some(row) => {
                    let signature = self.set.table.rows[usize::from(row)].id;
                    evidence.name_address(address, signature, Relation::DnsAnswer, now_us);
                }
                None => evidence.forget_address(address),
            };
            match answer.record {
                dns::Record::V4(ip) => stands_for(Address::from(ip)),
                dns::Record::V6(ip) => stands_for(Address::v6(ip.octets())),
                // The name asked for says most; where it has no row, an alias may.
                dns::Record::Alias(target) => {
                    if row.is_none() {
                        row = self.find_name(target.read_bytes(&mut buffer), Carrier::Dns);
                    }
                }
                dns::Record::Service(service) => {
                    service.v4_hints().for_each(|ip| stands_for(Address::from(ip)));
                    service.v6_hints().for_each(|ip| stands_for(Address::v6(ip.octets())));
                }
            }
        }
    }

    /// Of several names in a packet the first that has a row counts.
    fn note_name(
        &self,
        name: &[u8],
        carrier: Carrier,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        let row = self.find_name(name, carrier);
        let signature = row.map(|row| self.set.table.rows[usize::from(row)].id);
        observer.event(Event::Name { name, carrier, signature });
        findings.named = findings.named.or(row.map(|row| (row, carrier)));
    }
}

/// Whether a host is an address instead of a name (RFC 3986, 3.2.2).
fn is_ip_literal(host: &[u8]) -> bool {
    host.contains(&b':') || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
