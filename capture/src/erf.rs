//! Files of Endace's records, one after the other, without a header of their own (the engine's `wire/link/erf.rs` has the
//! format).

use crate::record::{Layout, Time, number};

/// Bytes of a record's fixed header.
pub(crate) const RECORD_BYTES: usize = 16;
/// Bytes to look at to tell a file: some records.
pub(crate) const PROBE_BYTES: usize = 4096;
/// LINKTYPE_ERF.
const LINK_TYPE: u32 = 197;
/// Records that have to make sense, where there are as many.
const PROBED: usize = 3;
/// The last record type there is (48 is padding).
const LAST_TYPE: u8 = 48;

/// Whether the first records of what may be a file make sense, one after the other.
pub(crate) fn is_file(mut bytes: &[u8]) -> bool {
    let mut before = None;
    for _ in 0..PROBED {
        let Some(head) = bytes.first_chunk::<RECORD_BYTES>() else {
            return bytes.is_empty() && before.is_some();
        };
        let layout = record(head);
        let kind = head[8] & 0x7f;
        let lost_or_color = u16::from_be_bytes([head[12], head[13]]);
        let wire_bytes = usize::from(u16::from_be_bytes([head[14], head[15]]));
        let seconds = layout.time.us / 1_000_000;
        // Cards have counted since 1996, and a file goes on in the order of time, but for other ports' records.
        let makes_sense = (1..=LAST_TYPE).contains(&kind)
            && (RECORD_BYTES + 8..=20_000).contains(&layout.length)
            && wire_bytes > 0
            && wire_bytes <= 20_000
            && lost_or_color < u16::MAX
            && (820_000_000..4_000_000_000).contains(&seconds)
            && before.is_none_or(|before: u64| before.abs_diff(seconds) < 86_400 * 7);
        if !makes_sense {
            return false;
        }
        before = Some(seconds);
        match bytes.get(layout.length..) {
            Some(rest) => bytes = rest,
            // Longer than what is at hand: one is enough where it is this long.
            None => return bytes.len() >= PROBE_BYTES / 2,
        }
    }
    true
}

/// The record that begins with this header. The whole of it is the frame, as in pcap files of this link type.
pub(crate) fn record(head: &[u8]) -> Layout {
    let ticks = head.first_chunk().map(|field| u64::from_le_bytes(*field)).unwrap_or_default();
    let short = |at: usize| (number(head.get(at..).unwrap_or_default(), true) >> 16) as usize;
    let (length, wire_bytes) = (short(10), short(14));
    // Seconds, and parts of 2^-32.
    let time_ns = (ticks >> 32) * 1_000_000_000 + (((ticks & 0xffff_ffff) * 1_000_000_000) >> 32);
    Layout {
        length,
        frame: 0..length,
        time: Time::from_ns(time_ns),
        link_type: LINK_TYPE,
        original_length: (RECORD_BYTES + wire_bytes) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: u8, seconds: u64, frame: &[u8]) -> Vec<u8> {
        let length = ((RECORD_BYTES + frame.len()) as u16).to_be_bytes();
        let wire = (frame.len() as u16).to_be_bytes();
        [&(seconds << 32 | 1 << 31).to_le_bytes()[..], &[kind, 4], &length, &[0, 0], &wire, frame].concat()
    }

    #[test]
    fn a_file_is_told_by_its_records() {
        let one = written(2, 1_700_000_000, &[7; 62]);
        assert!(is_file(&one));
        assert!(is_file(&[&one[..], &written(22, 1_700_000_001, &[7; 62])].concat()));
        assert!(!is_file(&[]));
        assert!(!is_file(&one[..40]), "cut, and too short to be sure");
        assert!(!is_file(&written(2, 5, &[7; 62])), "1970");
        assert!(!is_file(&written(99, 1_700_000_000, &[7; 62])));
        assert!(!is_file(b"GIF89a and some more text, of which nobody would think that it is a capture."));
        let layout = record(&one);
        assert_eq!((layout.length, layout.time.us), (78, 1_700_000_000_500_000));
    }
}
