//! What the first byte of a payload makes possible at all: one look rules most packets out.

use super::prefix_index::PrefixIndex;
use super::row::Row;
use crate::verdict::AppId;
use alloc::boxed::Box;

/// A row about datagrams begins with the byte, or at any byte.
pub(crate) const ROWS: u8 = 1;
/// STUN (RFC 8489, 5: two bits of zero).
pub(crate) const STUN: u8 = 2;
/// RTP or RTCP (RFC 3550, 5.1: version 2).
pub(crate) const MEDIA: u8 = 4;
/// QUIC's long header, or Google's public header with a version.
pub(crate) const QUIC: u8 = 8;
/// A row about any segment of a stream.
pub(crate) const SEGMENT_ROWS: u8 = 16;

/// Bits for each first byte: of datagrams, and of segments behind the start of a stream.
#[derive(Debug)]
pub(crate) struct FirstByteTable {
    bits: [u8; 256],
    /// For segments a bit for each app, by the low six bits of its id: rows about any segment still count for a flow of the app whose
    /// own bytes have decided.
    counting: Box<[u64; 256]>,
}

/// For flows of which apps a row that matches a packet can change anything once their own bytes have decided, beyond speaking for the
/// side that sent it: it teaches other flows, or rows of the app ask about it that would, or that would be taken back.
fn counts_for(row: &Row, rows: &[Row]) -> u64 {
    let marks = row.marks[0] | row.marks[1];
    let asks = |other: &&Row| {
        let [needs, after] = [other.needs, other.after].map(|bits| bits[0] | bits[1]);
        let for_teaching = if other.teaches.is_some() { needs | after } else { 0 };
        (other.unless | for_teaching) & marks != 0
    };
    let asking =
        rows.iter().filter(|_| marks != 0).filter(asks).fold(0, |apps, other| apps | app_bit(other.app));
    let own = if row.teaches.is_some() { app_bit(row.app) } else { 0 };
    if row.group != 0 { u64::MAX } else { own | asking }
}

fn app_bit(app: AppId) -> u64 {
    1 << (app.0 % 64)
}

impl FirstByteTable {
    pub(super) fn new(
        udp: &PrefixIndex,
        tcp_segments: &PrefixIndex,
        has_contained: bool,
        rows: &[Row],
    ) -> Self {
        let mut counting = Box::new([0; 256]);
        for (first, apps) in (0..=255u8).zip(counting.iter_mut()) {
            *apps = tcp_segments
                .beginning_with(first)
                .fold(0, |apps, candidate| apps | counts_for(&rows[usize::from(candidate.row)], rows));
        }
        let mut bits = [0; 256];
        for (first, bits) in (0..=255u8).zip(&mut bits) {
            let mut note = |bit: u8, is_so: bool| *bits |= if is_so { bit } else { 0 };
            note(ROWS, has_contained || udp.has_any(first));
            note(STUN, first < 0x40);
            note(MEDIA, first & 0xc0 == 0x80);
            note(QUIC, first & 0x80 != 0 || first & 0xcb == 0x09);
            note(SEGMENT_ROWS, tcp_segments.has_any(first));
        }
        Self { bits, counting }
    }

    /// The bits of a byte.
    #[inline]
    pub(crate) fn of(&self, first: u8) -> u8 {
        self.bits[usize::from(first)]
    }

    /// Whether rows about any segment that begins so still count for a flow of the app whose own bytes have decided, beyond speaking
    /// for the side that sent it.
    #[inline]
    pub(crate) fn counts_for(&self, first: u8, app: AppId) -> bool {
        self.counting[usize::from(first)] & app_bit(app) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::set::SignatureSet;

    /// Two apps with a row about any segment each, and one of the second that is taken back by such a row.
    const FIRST: &str = r#"
[app]
id = 1
name = "one"
roles = ["chat"]

[[signature]]
id = 1
name = "teacher"
role = "chat"
teaches = "server"
why = "an example"
source = "none"
transport = "tcp"
start = "segment"
prefix = "a1"
hit = ["a1"]
miss = ["a2"]

[[signature]]
id = 2
name = "mere"
role = "chat"
why = "an example"
source = "none"
transport = "tcp"
start = "segment"
prefix = "b1"
hit = ["b1"]
miss = ["b2"]
"#;
    const SECOND: &str = r#"
[app]
id = 2
name = "two"
roles = ["chat"]

[[signature]]
id = 11
name = "doubted"
role = "chat"
why = "an example"
source = "none"
transport = "tcp"
prefix = "d1"
unless = ["veto"]
hit = ["d1"]
miss = ["d2"]

[[signature]]
id = 12
name = "veto"
veto = true
why = "an example"
source = "none"
transport = "tcp"
start = "segment"
prefix = "c1"
hit = ["c1"]
miss = ["c2"]
"#;

    #[test]
    fn a_row_about_any_segment_counts_for_flows_that_it_can_teach_by_or_take_back() {
        let sources = [("one.toml", FIRST), ("two.toml", SECOND)].map(|(file, text)| Source { file, text });
        let set = SignatureSet::load(&sources).unwrap();
        let app = |row: u16| set.signature(crate::verdict::SignatureId(row)).unwrap().app;
        let counts = |first: u8| [1, 11].map(|row| set.table.first_bytes.counts_for(first, app(row)));
        assert_eq!(counts(0xa1), [true, false], "teaches of its own app");
        assert_eq!(counts(0xb1), [false, false], "tells nothing that its flow has not shown");
        assert_eq!(counts(0xc1), [false, true], "takes a verdict back");
        assert_eq!(counts(0xee), [false, false]);
    }
}
