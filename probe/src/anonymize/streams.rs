//! TCP: each side of a connection put together from its segments, rewritten as one, and cut up again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use wiremark::dissect::preamble;
use wiremark::dissect::{Dissection, banner, dns, http, longlink, mmtls, tls};
use wiremark::{Packet, TcpFields};

use super::datagram::DNS_PORT;
use super::headers::octets;
use super::rules::{Facts, Rules, SEGMENT_BYTES};
use super::sheet::Sheet;
use super::{banners, framed, http as http_stream, tls as tls_stream};

/// Preambles behind one another that are looked through, as the engine does.
const PREAMBLES: usize = 3;

/// A segment with payload.
#[derive(Clone, Debug)]
struct Segment {
    /// Sequence number of the first byte.
    sequence: u32,
    /// Number of its frame.
    frame: usize,
    payload: Vec<u8>,
}

/// One side of a connection.
#[derive(Default)]
pub(super) struct Side {
    segments: Vec<Segment>,
    /// Sequence number of the stream's first byte, where a SYN told.
    start: Option<u32>,
}

impl Side {
    /// Adds a segment out of the frame with this number.
    pub(super) fn add(&mut self, packet: &Packet<'_>, frame: usize) {
        let is_syn = packet.tcp.flags & TcpFields::SYN != 0;
        let sequence = packet.tcp.sequence.wrapping_add(u32::from(is_syn));
        if is_syn {
            self.start = self.start.or(Some(sequence));
        }
        if !packet.payload.is_empty() {
            self.segments.push(Segment { sequence, frame, payload: packet.payload.to_vec() });
        }
    }

    /// The payload of every frame anew.
    pub(super) fn rewrite(self, facts: Facts, rules: &mut Rules<'_>) -> HashMap<usize, Vec<u8>> {
        let placed = self.placed();
        let blank = |segment: &Segment| (segment.frame, vec![0; segment.payload.len()]);
        let mut rewritten: HashMap<usize, Vec<u8>> = self.segments.iter().map(blank).collect();
        let mut rest = &placed[..];
        let first_seen = placed.iter().min_by_key(|(_, segment)| segment.frame).map_or(0, |(at, _)| *at);
        while let Some((start, _)) = rest.first() {
            let start = *start;
            let mut stream: Vec<u8> = Vec::new();
            let mut count = 0;
            for (at, segment) in rest {
                let Some(overlap) = usize::try_from(start + stream.len() as i64 - at).ok() else { break };
                stream.extend(segment.payload.get(overlap..).unwrap_or_default());
                count += 1;
            }
            let (run, behind) = rest.split_at(count);
            let borders: Vec<usize> = run.iter().map(|(at, _)| (at - start) as usize).collect();
            let first_seen = usize::try_from(first_seen - start).ok().filter(|at| *at < stream.len());
            let out = rewrite_run(&stream, &borders, first_seen, facts, rules);
            for (at, segment) in run {
                let at = (at - start) as usize;
                let payload = out.get(at..at + segment.payload.len()).unwrap_or_default();
                rewritten.insert(segment.frame, payload.to_vec());
            }
            rest = behind;
        }
        rewritten
    }

    /// The segments by their offset in the stream. The first byte has offset 0 where its place is known.
    fn placed(&self) -> Vec<(i64, &Segment)> {
        let Some(first) = self.segments.first() else { return Vec::new() };
        let (mut sequence, mut at) = match self.start {
            Some(start) => (start, 0),
            None => (first.sequence, 0),
        };
        let mut placed: Vec<(i64, &Segment)> = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            // The numbers wrap around; no segment lies further than half of them from the one before.
            at += i64::from(segment.sequence.wrapping_sub(sequence) as i32);
            sequence = segment.sequence;
            placed.push((at, segment));
        }
        if self.start.is_some() {
            // A probe whether the other side is still there repeats a byte from before the first.
            placed.retain(|(at, _)| *at >= 0);
        }
        placed.sort_by_key(|(at, segment)| (*at, segment.frame));
        placed
    }
}

/// A run of bytes without gaps. `borders` are the segments' beginnings, `first_seen` that of the segment that was
/// captured first: a capture that lost the connection's start is read from there on.
fn rewrite_run(
    stream: &[u8],
    borders: &[usize],
    first_seen: Option<usize>,
    facts: Facts,
    rules: &mut Rules<'_>,
) -> Vec<u8> {
    let mut sheet = Sheet::new(stream);
    let starts = [Some(0), first_seen.filter(|at| *at > 0)];
    let unknown: Vec<Option<usize>> =
        starts.into_iter().flatten().map(|at| keep_start(&mut sheet, at, facts, rules)).collect();
    if unknown.iter().all(Option::is_some) {
        let unknown: Vec<usize> = unknown.into_iter().flatten().collect();
        keep_unknown(&mut sheet, borders, &unknown, facts, rules);
    }
    sheet.finish(rules)
}

/// What stays of formats that are not known from their starts: nothing, or the first bytes; of a flow with a verdict
/// what is framed at every segment's start, and where the verdict needs them the first bytes of every segment, too.
fn keep_unknown(
    sheet: &mut Sheet<'_>,
    borders: &[usize],
    starts: &[usize],
    facts: Facts,
    rules: &mut Rules<'_>,
) {
    // Nothing before the first start but preambles, which are dealt with.
    let first = starts.iter().copied().min().unwrap_or(0);
    let borders = borders.get(borders.partition_point(|at| *at < first)..).unwrap_or_default();
    let mut framed = Vec::new();
    if facts.is_decided {
        let length = sheet.bytes.len();
        let is_framed = |at: &usize| keep_framed(sheet, *at..(*at + SEGMENT_BYTES).min(length));
        framed.extend(borders.iter().copied().filter(is_framed));
    }
    let mut keep = |at: usize, length: usize| {
        if let Err(next) = framed.binary_search(&at) {
            let end = framed.get(next).copied().unwrap_or(usize::MAX);
            sheet.keep_textless(at..end.min(at + length), rules);
        }
    };
    let length = rules.unknown_bytes(facts);
    starts.iter().for_each(|at| keep(*at, length));
    if facts.is_needy() {
        borders.iter().for_each(|at| keep(*at, SEGMENT_BYTES));
        starts.iter().for_each(|at| banners::keep(sheet, *at, banner::is_foreign_stream));
    }
}

/// Keeps what stays of a known format that begins at a place, maybe behind preambles; gives back where the unknown
/// begins where none does.
fn keep_start(sheet: &mut Sheet<'_>, mut at: usize, facts: Facts, rules: &mut Rules<'_>) -> Option<usize> {
    for _ in 0..PREAMBLES {
        let Dissection::Found(found) = preamble::preamble(sheet.from(at)) else { break };
        keep_preamble(sheet, at..at + found.length, facts, rules);
        at += found.length;
    }
    let bytes = sheet.from(at);
    if facts.ports.contains(&DNS_PORT) && dns::tcp_message(bytes).found().is_some() {
        while let Some(&[high, low]) = sheet.from(at).first_chunk() {
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            sheet.keep(at..at + 2);
            super::dns::message(sheet, at + 2..end.min(sheet.bytes.len()), rules);
            at = end;
        }
    } else if tls::is_record(bytes) {
        tls_stream::records(sheet, at, rules);
    } else if http::head(bytes).found().is_some() {
        http_stream::messages(sheet, at, facts, rules);
    } else {
        return (!keep_framed(sheet, at..sheet.bytes.len())).then_some(at);
    }
    None
}

/// What stays of framed messages that begin in a range, at its start; false where none does.
fn keep_framed(sheet: &mut Sheet<'_>, range: Range<usize>) -> bool {
    let bytes = sheet.from(range.start);
    if mmtls::is_record(bytes) {
        framed::mmtls(sheet, range);
    } else if longlink::header(bytes).found().is_some() {
        framed::longlink(sheet, range);
    } else {
        return false;
    }
    true
}

/// What a client says to a proxy.
fn keep_preamble(sheet: &mut Sheet<'_>, range: Range<usize>, facts: Facts, rules: &mut Rules<'_>) {
    let bytes = sheet.bytes.get(range.clone()).unwrap_or_default();
    let at = range.start;
    match bytes.first() {
        Some(b'C') => http_stream::messages(sheet, at, facts, rules),
        Some(b'P') => {
            let digits = |byte: &u8| if byte.is_ascii_digit() { b'0' } else { *byte };
            // `PROXY TCP4`, then addresses and ports.
            sheet.replace(at, &bytes.iter().map(digits).collect::<Vec<_>>());
            sheet.keep(at..at + 10);
        }
        Some(b'\r') => {
            // Sixteen bytes, two addresses, their ports.
            sheet.keep(at..at + 16);
            let length = match bytes.get(13).map(|family| family >> 4) {
                Some(1) => 4,
                Some(2) => 16,
                _ => return,
            };
            put_address(sheet, at + 16, length, rules);
            put_address(sheet, at + 16 + length, length, rules);
            sheet.keep(at + 16 + 2 * length..at + 20 + 2 * length);
        }
        Some(5) => keep_socks5(sheet, range, rules),
        Some(4) => {
            // Version, command, port; address; user; maybe a name.
            sheet.keep(at..at + 4);
            put_address(sheet, at + 4, 4, rules);
            let mut texts = bytes.get(8..).unwrap_or_default().split(|byte| *byte == 0);
            let user = texts.next().unwrap_or_default();
            let user = sheet.place(user);
            let masked = rules.masked(sheet.bytes.get(user.clone()).unwrap_or_default());
            sheet.replace(user.start, &masked);
            if let Some(name) = texts.next() {
                sheet.keep_host(sheet.place(name), rules);
            }
        }
        _ => {}
    }
}

/// Greeting, maybe user and password, and the request, which ends the preamble with address or name, and port.
fn keep_socks5(sheet: &mut Sheet<'_>, range: Range<usize>, rules: &mut Rules<'_>) {
    let bytes = sheet.bytes.get(range.clone()).unwrap_or_default();
    let methods = bytes.get(1).map_or(0, |count| usize::from(*count));
    let mut at = 2 + methods;
    sheet.keep(range.start..range.start + at);
    if bytes.get(at) == Some(&1) {
        let user = bytes.get(at + 1).map_or(0, |length| usize::from(*length));
        let password = bytes.get(at + 2 + user).map_or(0, |length| usize::from(*length));
        sheet.keep(range.start + at..range.start + at + 2);
        sheet.keep(range.start + at + 2 + user..range.start + at + 3 + user);
        at += 3 + user + password;
    }
    let start = range.start + at;
    sheet.keep(start..start + 4);
    match bytes.get(at + 3) {
        Some(1) => put_address(sheet, start + 4, 4, rules),
        Some(4) => put_address(sheet, start + 4, 16, rules),
        _ => {
            sheet.keep(start + 4..start + 5);
            sheet.keep_host(start + 5..range.end.saturating_sub(2).max(start + 5), rules);
        }
    }
    sheet.keep(range.end.saturating_sub(2)..range.end);
}

fn put_address(sheet: &mut Sheet<'_>, at: usize, length: usize, rules: &mut Rules<'_>) {
    let bytes = sheet.from(at);
    let address: Option<IpAddr> = match length {
        4 => bytes.first_chunk::<4>().map(|bytes| (*bytes).into()),
        _ => bytes.first_chunk::<16>().map(|bytes| (*bytes).into()),
    };
    if let Some(address) = address {
        sheet.put(at, octets(rules.addresses.ip(address)));
    }
}
