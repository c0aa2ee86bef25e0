//! What a packet shows: rows, names, carrier.

use super::conditions::{View, hold};
use super::flow::Flow;
use super::names::most_specific;
use wiremark::dissect::{Dissection, dns, http, preamble, quic, tls};
use wiremark::signature::Signature;
use wiremark::signature::model::Conditions;
use wiremark::{Carrier, SignatureSet, Transport};

/// What one packet shows.
#[derive(Default)]
pub(super) struct Findings<'s> {
    pub(super) rows: Vec<&'s Signature>,
    pub(super) named: Option<(&'s Signature, Carrier)>,
    pub(super) carrier: Carrier,
    pub(super) asks_for_more: bool,
    pub(super) is_conclusive: bool,
    /// Bytes of the opening that are messages read to their end.
    pub(super) consumed: usize,
}

impl<'s> Findings<'s> {
    fn name(&mut self, set: &'s SignatureSet, name: &[u8], carrier: Carrier) {
        self.named = self.named.or(most_specific(set, name, carrier).map(|row| (row, carrier)));
    }

    pub(super) fn try_rows(
        &mut self,
        set: &'s SignatureSet,
        view: &View<'_>,
        among: impl Fn(&Conditions) -> bool,
    ) {
        for row in set.signatures().iter().filter(|row| among(&row.conditions)) {
            match hold(&row.conditions, view) {
                Some(true) => self.rows.push(row),
                Some(false) => {}
                None => self.asks_for_more = true,
            }
        }
    }

    fn hello(&mut self, set: &'s SignatureSet, hello: &tls::ClientHello<'_>, carrier: Carrier) {
        self.carrier = carrier;
        self.is_conclusive = hello.sni.is_some();
        self.asks_for_more |= hello.sni.is_none() && !hello.complete;
        if let Some(name) = hello.sni {
            self.name(set, name, carrier);
        }
    }
}

fn is_ip(name: &[u8]) -> bool {
    name.contains(&b':') || name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

pub(super) fn inspect_stream_start<'s>(
    set: &'s SignatureSet,
    view: &mut View<'_>,
    awaits_names: bool,
    findings: &mut Findings<'s>,
) {
    let whole = view.bytes.len();
    for _ in 0..3 {
        match preamble::preamble(view.bytes) {
            Dissection::Found(found) => {
                if let Some(name) = found.name {
                    findings.name(set, name, Carrier::Unknown);
                }
                view.bytes = &view.bytes[found.length..];
                findings.asks_for_more |= view.bytes.is_empty();
            }
            Dissection::NeedMore => {
                findings.asks_for_more = true;
                break;
            }
            Dissection::NotMine => break,
        }
    }
    if view.bytes.is_empty() {
        return;
    }
    let of_stream =
        |row: &Conditions| row.transport == Some(Transport::Tcp) && !row.any_segment && row.http.is_none();
    findings.try_rows(set, view, |row| of_stream(row) && (row.prefix.is_some() || !row.contains.is_empty()));
    if [view.packet.five_tuple.src_port, view.packet.five_tuple.dst_port].contains(&53) {
        let mut rest = view.bytes;
        loop {
            match dns::tcp_message(rest) {
                Dissection::Found(message) => {
                    inspect_dns(set, &message, findings);
                    let length = 2 + usize::from(rest[0]) * 256 + usize::from(rest[1]);
                    if rest.len() < length {
                        findings.asks_for_more = true;
                        break;
                    }
                    rest = &rest[length..];
                    findings.consumed += length;
                }
                Dissection::NeedMore => {
                    findings.asks_for_more = true;
                    break;
                }
                Dissection::NotMine => break,
            }
        }
        if findings.consumed > 0 {
            findings.consumed += whole - view.bytes.len();
        }
        return;
    }
    if inspect_stun(set, view, findings) {
        if findings.consumed > 0 {
            findings.consumed += whole - view.bytes.len();
        }
        return;
    }
    let mut scratch = vec![0; 16 * 1024];
    match tls::client_name_in(view.bytes, &mut scratch) {
        Dissection::Found(hello) => return findings.hello(set, &hello, Carrier::Tls),
        Dissection::NeedMore => return findings.asks_for_more = true,
        Dissection::NotMine if tls::is_record(view.bytes) => return findings.carrier = Carrier::Tls,
        Dissection::NotMine => {}
    }
    match http::head(view.bytes) {
        Dissection::Found(head) => look_at_http(set, view, head, awaits_names, findings),
        Dissection::NeedMore => findings.asks_for_more = true,
        Dissection::NotMine => {}
    }
}

/// STUN in a stream, bare or with lengths in front: at most sixteen messages at a time.
fn inspect_stun<'s>(set: &'s SignatureSet, view: &mut View<'_>, findings: &mut Findings<'s>) -> bool {
    const COOKIE: &[u8] = &[0x21, 0x12, 0xa4, 0x42];
    let stream = view.bytes;
    let framing = match wiremark::dissect::stun::stream_framing(stream) {
        Dissection::Found(framing) => framing,
        Dissection::NeedMore => {
            findings.asks_for_more = true;
            return false;
        }
        Dissection::NotMine => return false,
    };
    let mut rest = stream;
    for _ in 0..16 {
        if rest.get(framing + 4..framing + 8) != Some(COOKIE) {
            break;
        }
        let number = |at: usize| usize::from(rest[at]) * 256 + usize::from(rest[at + 1]);
        let length = if framing == 2 { number(0) } else { number(2) + 20 };
        let Some(message) = rest.get(framing..framing + length) else {
            findings.asks_for_more = true;
            break;
        };
        let stun = wiremark::dissect::stun::message(message).found();
        let framed = View {
            bytes: message,
            http: None,
            stun,
            media: None,
            length,
            is_framed: true,
            history: None,
            ..*view
        };
        findings.try_rows(set, &framed, |row| row.stun.is_some());
        rest = &rest[framing + length..];
        findings.consumed += framing + length;
    }
    findings.carrier = Carrier::Stun;
    true
}

fn look_at_http<'s, 'v>(
    set: &'s SignatureSet,
    view: &mut View<'v>,
    head: http::Head<'v>,
    awaits_names: bool,
    findings: &mut Findings<'s>,
) {
    findings.carrier = Carrier::Http;
    view.http = Some(head);
    findings.try_rows(set, view, |row| row.http.is_some());
    match head {
        http::Head::Request(request) => {
            findings.asks_for_more |= !request.complete;
            if let Some(name) = request.host() {
                findings.name(set, name, Carrier::Http);
                findings.is_conclusive = request.complete && !is_ip(name);
            }
        }
        http::Head::Response(response) => {
            let is_whole = response.content_length.is_some_and(|length| response.body.len() as u64 >= length);
            findings.asks_for_more |= !response.complete || awaits_names && !is_whole;
        }
    }
}

pub(super) fn inspect_dns<'s>(
    set: &'s SignatureSet,
    message: &dns::Message<'_>,
    findings: &mut Findings<'s>,
) {
    findings.carrier = Carrier::Dns;
    let mut buffer = dns::NameBuffer::new();
    for question in message.questions() {
        let name = question.name.read(&mut buffer).to_owned();
        let known = |name: &str| most_specific(set, name.as_bytes(), Carrier::Dns).is_some();
        // In front of up to five labels of a search suffix.
        let dots = name.rmatch_indices('.').take(5);
        let meant = dots.map(|(dot, _)| (&name[..dot], &name[dot + 1..])).find(|(front, suffix)| {
            let refused = message.response && message.rcode == 3;
            (refused || dns::is_private_suffix(suffix.as_bytes())) && known(front)
        });
        let name = if known(&name) { &name } else { meant.map_or(name.as_str(), |(front, _)| front) };
        findings.name(set, name.as_bytes(), Carrier::Dns);
    }
}

pub(super) fn inspect_quic<'s>(
    set: &'s SignatureSet,
    flow: &mut Flow,
    side: usize,
    bytes: &[u8],
    findings: &mut Findings<'s>,
) {
    if let Dissection::Found(packet) = quic::google::packet(bytes) {
        findings.carrier = Carrier::Quic;
        if let Some(hello) = packet.hello() {
            google_hello(set, &hello, findings);
        }
        return;
    }
    for header in quic::packets(bytes) {
        findings.carrier = Carrier::Quic;
        if header.kind != quic::PacketKind::Initial {
            continue;
        }
        if flow.initials[side] >= 64 {
            continue;
        }
        let mut scratch = vec![0; 16 * 1024];
        let first = &flow.first_ids[side];
        let mut ids = vec![header.destination_id];
        if !first.is_empty() && first != header.destination_id {
            ids.insert(0, first);
        }
        let opened = ids
            .iter()
            .find_map(|id| quic::decrypt_initial_of(header.packet, id, &mut scratch).map(<[u8]>::to_vec));
        flow.initials[side] += if opened.is_some() { 1 } else { 16 };
        let opened = opened.as_deref();
        for frame in opened.into_iter().flat_map(quic::crypto_frames) {
            let hello = &mut flow.hellos[side];
            hello.extend((frame.offset..).zip(frame.bytes.iter().copied()).filter(|(at, _)| *at < 17_408));
            let joined: Vec<u8> = (0..)
                .zip(hello.iter())
                .take_while(|(at, (offset, _))| at == *offset)
                .map(|(_, (_, byte))| *byte)
                .collect();
            match tls::hello_message(&joined) {
                Dissection::Found(hello) => findings.hello(set, &hello, Carrier::Quic),
                Dissection::NeedMore if flow.first_ids[side].is_empty() => {
                    flow.first_ids[side] = header.destination_id.to_vec();
                }
                Dissection::NeedMore => {}
                Dissection::NotMine => {
                    if let Dissection::Found(hello) = quic::google::hello_message(&joined) {
                        google_hello(set, &hello, findings);
                    }
                }
            }
            if findings.is_conclusive {
                flow.hellos[side].clear();
                flow.first_ids[side].clear();
                return;
            }
        }
    }
}

fn google_hello<'s>(set: &'s SignatureSet, hello: &quic::google::Hello<'_>, findings: &mut Findings<'s>) {
    findings.is_conclusive = true;
    if let Some(name) = hello.sni() {
        findings.name(set, name, Carrier::Quic);
    }
}
