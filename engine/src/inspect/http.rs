//! The head of an HTTP message, and answers that list names.

use super::findings::{Findings, InspectContext};
use crate::classifier::Classifier;
use crate::context::evidence::Relation;
use crate::dissect::{http, name_list};
use crate::five_tuple::Address;
use crate::observer::Observer;
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::model::Teaches;
use crate::signature::prefix_index::FirstBytes;
use crate::signature::row::RowIndex;
use crate::verdict::Carrier;
use miniz_oxide::inflate::core as inflate;

impl Classifier {
    pub(super) fn inspect_http<'s>(
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
                if context.row.is_some_and(|row| row.teaches == Some(Teaches::Names)) && response.complete {
                    let missing =
                        response.content_length.is_some_and(|length| (response.body.len() as u64) < length);
                    if missing {
                        findings.need_more = true;
                    } else {
                        self.read_name_list(response.content_encoding, response.body, view.packet, context);
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
        packet: &Packet<'_>,
        context: &mut InspectContext<'_>,
    ) {
        let (client, now_us) = (packet.five_tuple.dst, packet.time_us);
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
                let address = Address::from(address);
                context.evidence.name_address(client, address, Some(signature), Relation::NameList, now_us);
            }
        }
        // Addresses the app has for want of any name are no name's; the list itself tells whose they are.
        let own = context.row.map(|row| row.id);
        for address in name_list::built_in(list).filter(|address| !address.is_loopback()) {
            let address = Address::from(address);
            context.evidence.name_address(client, address, own, Relation::NameList, now_us);
        }
    }
}

/// Whether a host is an address instead of a name (RFC 3986, 3.2.2).
fn is_ip_literal(host: &[u8]) -> bool {
    host.contains(&b':') || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
