//! The start of a TCP stream.

use super::dns::DNS_PORT;
use super::findings::{Findings, InspectContext};
use crate::classifier::Classifier;
use crate::dissect::{Dissection, dns, http, preamble, tls};
use crate::observer::Observer;
use crate::packet_view::PacketView;
use crate::signature::prefix_index::FirstBytes;
use crate::verdict::Carrier;

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
}
