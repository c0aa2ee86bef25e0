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
        self.is_conclusive = hello.sni.is_some() || hello.complete;
        self.asks_for_more |= !self.is_conclusive;
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
        match dns::tcp_message(view.bytes) {
            Dissection::Found(message) => inspect_dns(set, &message, findings),
            Dissection::NeedMore => findings.asks_for_more = true,
            Dissection::NotMine => {}
        }
        return;
    }
    let mut scratch = vec![0; 16 * 1024];
    match tls::client_hello_in(view.bytes, &mut scratch) {
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
        findings.name(set, question.name.read(&mut buffer).as_bytes(), Carrier::Dns);
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
        flow.initials[side] += 1;
        let mut scratch = vec![0; 16 * 1024];
        let most = if usize::from(flow.originator().0) == side { 8 } else { 2 };
        let opened = (flow.initials[side] <= most)
            .then(|| quic::decrypt_initial(header.packet, &mut scratch))
            .flatten();
        for frame in opened.into_iter().flat_map(quic::crypto_frames) {
            let hello = &mut flow.hellos[side];
            hello.extend((frame.offset..).zip(frame.bytes.iter().copied()).filter(|(at, _)| *at < 4096));
            let joined: Vec<u8> = (0..)
                .zip(hello.iter())
                .take_while(|(at, (offset, _))| at == *offset)
                .map(|(_, (_, byte))| *byte)
                .collect();
            match tls::hello_message(&joined) {
                Dissection::Found(hello) => findings.hello(set, &hello, Carrier::Quic),
                Dissection::NeedMore => {}
                Dissection::NotMine => {
                    if let Dissection::Found(hello) = quic::google::hello_message(&joined) {
                        google_hello(set, &hello, findings);
                    }
                }
            }
            if findings.is_conclusive {
                flow.hellos[side].clear();
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
