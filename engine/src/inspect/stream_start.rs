//! The start of a TCP stream.

use super::dns::DNS_PORT;
use super::findings::{Findings, InspectContext};
use crate::classifier::Classifier;
use crate::dissect::{Dissection, dns, http, preamble, stun, tls};
use crate::observer::Observer;
use crate::packet_view::PacketView;
use crate::verdict::Carrier;

/// Most STUN messages read at once.
const STUN_MESSAGES: usize = 16;
/// Most preambles looked through one behind the other.
const PREAMBLES: usize = 3;

impl Classifier {
    /// The start of a TCP stream: rows, names and carrier.
    pub(crate) fn inspect_stream_start<'s>(
        &self,
        view: &mut PacketView<'s>,
        context: &mut InspectContext<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        let whole = view.bytes.len();
        self.skip_preambles(view, findings, observer);
        let bytes = view.bytes;
        let skipped = whole - bytes.len();
        let Some(&first) = bytes.first() else { return };
        self.try_prefixes(view, &self.set.table.tcp, true, findings);
        self.try_contained(view, findings);
        if view.has_port(DNS_PORT) {
            self.inspect_dns_stream(view, context, findings, observer);
            return findings.count_skipped(skipped);
        }
        // The first byte tells what most starts cannot be.
        if stun::may_be_framed(bytes) && self.inspect_stun_stream(view, findings, observer) {
            return findings.count_skipped(skipped);
        }
        let hello = if tls::may_be_hello(first) {
            tls::client_name_in(bytes, context.scratch)
        } else {
            Dissection::NotMine
        };
        match hello {
            Dissection::Found(hello) => self.inspect_hello(&hello, Carrier::Tls, findings, observer),
            Dissection::NeedMore => findings.need_more = true,
            Dissection::NotMine if tls::is_record(bytes) => findings.recognise(Carrier::Tls, observer),
            Dissection::NotMine if !http::may_be_head(first) => {}
            Dissection::NotMine => match http::head(bytes) {
                Dissection::Found(head) => self.inspect_http(view, head, context, findings, observer),
                Dissection::NeedMore => findings.need_more = true,
                Dissection::NotMine => {}
            },
        }
    }

    /// STUN over TCP, bare (RFC 8489, 6.2.2) or with a length in front of each message (RFC 4571, 2; RFC 6544, 3). Whether
    /// that is what the stream carries.
    fn inspect_stun_stream<'s>(
        &self,
        view: &mut PacketView<'s>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) -> bool {
        let stream = view.bytes;
        let is_stun = |bytes: &[u8]| bytes.get(4..8) == Some(&stun::MAGIC_COOKIE);
        let framing = match stun::stream_framing(stream) {
            Dissection::Found(framing) => framing,
            Dissection::NeedMore => {
                findings.need_more = true;
                return false;
            }
            Dissection::NotMine => return false,
        };
        for _ in 0..STUN_MESSAGES {
            let rest = stream.get(findings.consumed..).unwrap_or_default();
            let Some(message) = rest.get(framing..) else { break };
            let Some(length) = rest.get(framing + 2..framing + 4).filter(|_| is_stun(message)) else { break };
            let stated = usize::from(u16::from_be_bytes([length[0], length[1]])) + 20;
            let length = match rest {
                [high, low, ..] if framing == 2 => usize::from(u16::from_be_bytes([*high, *low])),
                _ => stated,
            };
            let Some(message) = message.get(..length) else {
                findings.need_more = true;
                break;
            };
            view.enter(message);
            self.inspect_stun(view, findings, observer);
            findings.consumed += framing + length;
        }
        view.leave(stream);
        findings.recognise(Carrier::Stun, observer);
        true
    }

    /// DNS messages one behind the other (RFC 7766, 6.2.1 and 8): all that are whole are read.
    fn inspect_dns_stream(
        &self,
        view: &PacketView<'_>,
        context: &mut InspectContext<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        loop {
            let rest = view.bytes.get(findings.consumed..).unwrap_or_default();
            match dns::tcp_message(rest) {
                Dissection::Found(message) => {
                    let whole =
                        rest.first_chunk().map_or(0, |length| 2 + usize::from(u16::from_be_bytes(*length)));
                    self.inspect_dns(&message, view, context.evidence, findings, observer);
                    if rest.len() < whole {
                        // Enough of it to read, but not yet to know where the next one begins.
                        return findings.need_more = true;
                    }
                    findings.consumed += whole;
                }
                Dissection::NeedMore => return findings.need_more = true,
                Dissection::NotMine => return,
            }
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
}
