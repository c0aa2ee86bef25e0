//! snoop, Solaris' captures (RFC 1761). Big-endian.
//!
//! ```text
//! file:   "snoop" 0 0 0 | version 4 | link 4
//! record: original 4 | captured 4 | record 4 | drops 4 | seconds 4 | microseconds 4 | frame, padding up to the record's length
//! ```

use crate::record::{Layout, Time, number};

/// Bytes of the file's header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Bytes of a record's header.
pub(crate) const RECORD_BYTES: usize = 24;
pub(crate) const MAGIC: &[u8; 8] = b"snoop\0\0\0";

/// How the records of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snoop {
    link_type: u32,
}

impl Snoop {
    /// Reads the file's header; none where it is not one.
    pub(crate) fn new(head: &[u8]) -> Option<Self> {
        if !head.starts_with(MAGIC) {
            return None;
        }
        // RFC 1761's numbers and Solaris' own (sys/dlpi.h) for pcap's; what has none there is told as it stands.
        let link_type = match number(head.get(12..HEADER_BYTES)?, true) {
            0 | 4 => 1,
            2 => 6,
            8 => 10,
            18 => 123,
            26 => 242,
            0x8000_0003 => 226,
            other => other | 0x1_0000,
        };
        Some(Self { link_type })
    }

    /// The record that begins with this header.
    pub(crate) fn record(&self, head: &[u8]) -> Layout {
        let field = |at: usize| number(head.get(at..).unwrap_or_default(), true);
        let (original_length, captured, length) = (field(0), field(4) as usize, field(8) as usize);
        let end = RECORD_BYTES.saturating_add(captured);
        Layout {
            length: length.max(end),
            frame: RECORD_BYTES..end,
            time: Time { us: u64::from(field(16)) * 1_000_000 + u64::from(field(20)), rest_ns: 0 },
            link_type: self.link_type,
            original_length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_record() {
        let head = [&MAGIC[..], &[0, 0, 0, 2, 0, 0, 0, 4]].concat();
        let snoop = Snoop::new(&head).unwrap();
        assert_eq!(snoop.link_type, 1);
        let record = [60, 58, 84, 0, 1_700_000_000, 9].map(u32::to_be_bytes).concat();
        let layout = snoop.record(&record);
        assert_eq!((layout.length, layout.frame, layout.original_length), (84, 24..82, 60));
        assert_eq!(layout.time.us, 1_700_000_000_000_009);
        assert_eq!(Snoop::new(&[0; 16]), None);
    }
}
