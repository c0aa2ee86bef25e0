//! The head of an HTTP message, and answers that list names.

use super::findings::{Findings, InspectContext};
use crate::classifier::Classifier;
use crate::context::evidence::Relation;
use crate::context::lists::Reading;
use crate::dissect::{http, name_list, text, unpack};
use crate::five_tuple::Address;
use crate::observer::Observer;
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::candidate::{self, AGENT, CandidateRow, HOST, PATH, REFERER, UPGRADE};
use crate::signature::model::Teaches;
use crate::signature::pattern::Match;
use crate::signature::row::RowIndex;
use crate::signature::word_index::Held;
use crate::verdict::{Carrier, SignatureId};
use core::net::IpAddr;

impl Classifier {
    #[inline(never)] // Most starts are no HTTP: what it keeps at hand is not made room for then.
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
                self.try_requests(view, &request, findings);
                findings.need_more |= !request.complete;
                if let Some(name) = request.host() {
                    self.note_name(name, Carrier::Http, findings, observer);
                    findings.conclusive = request.complete && !is_ip_literal(name);
                }
            }
            http::Head::Response(response) => {
                self.try_rows(view, self.set.table.responses.iter(), findings);
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

    /// Rows about requests, by the path and by the words in header fields. A row that waits for a field waits no longer than for
    /// the end of the head, and that the caller notes.
    fn try_requests(&self, view: &PacketView<'_>, request: &http::Request<'_>, findings: &mut Findings) {
        let table = &self.set.table;
        let [agents, referers] =
            [table.agents.find(request.user_agent), table.referers.find(request.referer)];
        let words = agents.may.and(&referers.may);
        let (method, lacking) = (http::method_bit(request.method), lacking(request));
        let mut try_request = |candidate: &CandidateRow, mut open: u8| {
            if candidate.methods & method == 0 || open & lacking != 0 || !view.may_match(candidate) {
                return;
            }
            if let Some(row) = candidate.word_row {
                if !words.has(row) {
                    return;
                }
                let sure = |field: u8, held: &Held| if held.sure.has(row) { field } else { 0 };
                open &= !(sure(AGENT, &agents) | sure(REFERER, &referers));
            }
            if !findings.passes(candidate) {
                self.try_request(view, request, candidate, open, findings);
            }
        };
        let by_path = table.requests_by_path.find(view.path);
        by_path.for_each(|candidate| try_request(candidate, candidate.asks_of_request & !PATH));
        let by_word = words.each().filter_map(|row| table.requests_by_word.get(row));
        let by_word = by_word.filter(|candidate| candidate.asks_of_request & PATH == 0);
        by_word
            .chain(&table.requests)
            .for_each(|candidate| try_request(candidate, candidate.asks_of_request));
    }

    /// The same of one row, of which these parts are still open.
    #[inline]
    fn try_request(
        &self,
        view: &PacketView<'_>,
        request: &http::Request<'_>,
        candidate: &CandidateRow,
        open: u8,
        findings: &mut Findings,
    ) {
        let conditions = &self.set.signatures()[usize::from(candidate.row)].conditions;
        let fits = if candidate.asks == candidate::HTTP && open == 0 {
            Match::Yes
        } else if candidate.asks == candidate::HTTP {
            view.request_fits(request, open, conditions)
        } else {
            view.matches(&candidate.with_open(open), conditions, None)
        };
        match fits {
            Match::Yes => self.note_match(candidate.row, findings),
            Match::NeedMore => findings.need_more = true,
            Match::No => {}
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
        let InspectContext { evidence, scratch, inflater, lists, row } = context;
        let client = evidence.client(packet.five_tuple.dst, &packet.five_tuple);
        let now_us = packet.time_us;
        let is_deflated = encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"deflate"));
        let reading = Reading { set: self.set.number(), row: row.map(|row| row.id), is_deflated };
        let mut tell = |address: Address, signature: SignatureId| {
            evidence.name_address(client, address, Some(signature), Relation::NameList, now_us);
        };
        if let Some(known) = lists.known(reading, body) {
            return known.iter().for_each(|(address, signature)| tell(*address, *signature));
        }
        lists.begin(reading, body);
        let mut note = |address: IpAddr, signature: SignatureId| {
            let address = Address::from(address);
            lists.add(address, signature);
            tell(address, signature);
        };
        let (mut reader, mut last) = (name_list::Reader::default(), None);
        // Reads what has come; whether more is wanted. Behind what brings neither a name nor an address nothing is.
        let mut read = |list: &[u8]| {
            let before = reader.last();
            while let Some((name, address)) = reader.next(list) {
                if address.is_loopback() {
                    continue;
                }
                // A name's addresses follow each other.
                let place = name.as_ptr().addr();
                let row: Option<RowIndex> = match last {
                    Some((same, row)) if same == place => row,
                    _ => self.find_name(name, Carrier::Dns),
                };
                last = Some((place, row));
                if let Some(row) = row {
                    note(address, self.set.table.rows[usize::from(row)].id);
                }
            }
            !reader.is_over() && reader.last() > before
        };
        let mut is_list = false;
        let is_wanted = |start: &[u8]| {
            is_list = is_list || name_list::is_list(start);
            if is_list { read(start) } else { start.len() < LIST_START_BYTES }
        };
        let list =
            if is_deflated { unpack::unpacked(body, &mut inflater.0, scratch, is_wanted) } else { body };
        if name_list::is_list(list) {
            read(list);
            // Addresses the app has for want of any name are no name's; the list itself tells whose they are.
            if let Some(own) = reading.row {
                name_list::built_in(list)
                    .filter(|address| !address.is_loopback())
                    .for_each(|one| note(one, own));
            }
        }
        lists.end();
    }
}

/// Bytes that tell whether a body is a list.
const LIST_START_BYTES: usize = 256;

/// What a row may ask for that a request does not have and will not get.
fn lacking(request: &http::Request<'_>) -> u8 {
    let absent = |bit: u8, field: Option<&[u8]>| if field.is_none() { bit } else { 0 };
    let all = absent(AGENT, request.user_agent)
        | absent(REFERER, request.referer)
        | absent(UPGRADE, request.upgrade)
        | absent(HOST, request.host());
    if request.complete { all } else { 0 }
}

/// Whether a host is an address instead of a name (RFC 3986, 3.2.2).
fn is_ip_literal(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') || text::position(host, b':').is_some()
}
