//! pcap (draft-ietf-opsawg-pcap): microseconds and nanoseconds, in both byte orders, and the forms that others made of it.
//!
//! ```text
//! file:   magic 4 | version 4 | zone 4 | accuracy 4 | snap length 4 | link type 4, whose upper half may hold other things
//! record: seconds 4 | fraction 4 | captured 4 | original 4 | interface 4, protocol 2, kind 1, padding 1: in modified pcap
//! ```

use crate::record::{Layout, Time, number};

/// Bytes of the file's header.
pub(crate) const HEADER_BYTES: usize = 24;
/// Frames longer than this are not met; snap lengths go up to it.
const FRAME_LIMIT_BYTES: u32 = 256 * 1024;
const YEAR_S: u32 = 31_536_000;
/// Record headers: of pcap; of modified pcap; of Nokia's, with four bytes of their own.
const RECORD_BYTES: [usize; 3] = [16, 24, 20];

/// How the records of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pcap {
    big_endian: bool,
    nanoseconds: bool,
    link_type: u32,
    /// Bytes of a record's header.
    pub(crate) record_bytes: usize,
}

impl Pcap {
    /// Reads the file's header; none where it is not one.
    pub(crate) fn new(head: &[u8]) -> Option<Self> {
        let (big_endian, nanoseconds, modified) = match number(head, false) {
            0xa1b2_c3d4 => (false, false, false),
            0xd4c3_b2a1 => (true, false, false),
            0xa1b2_3c4d => (false, true, false),
            0x4d3c_b2a1 => (true, true, false),
            0xa1b2_cd34 => (false, false, true),
            0x34cd_b2a1 => (true, false, true),
            _ => return None,
        };
        let link_type = number(head.get(20..HEADER_BYTES)?, big_endian) & 0xffff;
        Some(Self { big_endian, nanoseconds, link_type, record_bytes: if modified { 24 } else { 16 } })
    }

    /// Whether the first bytes say pcap, whatever follows.
    pub(crate) fn is_magic(head: &[u8]) -> bool {
        let padded = [head.get(..4).unwrap_or_default(), &[0; HEADER_BYTES]].concat();
        head.len() >= 4 && Self::new(&padded).is_some()
    }

    /// The plain magic stands before records of other lengths too (patched libpcaps of 1999, Nokia's): the first length with
    /// which the first two records make sense is taken, and pcap's own where none does.
    pub(crate) fn look_at_records(&mut self, records: &[u8]) {
        if self.record_bytes != 16 || self.nanoseconds {
            return;
        }
        let makes_sense = |record_bytes: &usize| {
            let form = Self { record_bytes: *record_bytes, ..*self };
            let behind = form.makes_sense(records)?;
            match records.get(behind..) {
                // One record alone. A plain file cut off within its second record must not look like others.
                Some([]) if *record_bytes == 16 => Some(()),
                Some([]) if *record_bytes == 24 && form.is_modified_alone(records) => Some(()),
                Some(rest) if rest.len() >= *record_bytes => form.makes_sense(rest).map(|_| ()),
                _ => None,
            }
        };
        if let Some(record_bytes) =
            RECORD_BYTES.into_iter().find(|record_bytes| makes_sense(record_bytes).is_some())
        {
            self.record_bytes = record_bytes;
        }
    }

    /// The end of a record that can be one.
    fn makes_sense(&self, records: &[u8]) -> Option<usize> {
        let field = |at: usize| Some(number(records.get(at..at + 4)?, self.big_endian));
        let (fraction, captured, original) = (field(4)?, field(8)?, field(12)?);
        let sensible = fraction < 1_000_000
            && captured <= FRAME_LIMIT_BYTES
            && captured <= original.max(1)
            && original <= FRAME_LIMIT_BYTES
            && original > 0;
        sensible.then_some(self.record_bytes + captured as usize)
    }

    /// Whether all there is is one record of modified pcap: behind its time and lengths stand an interface's number, a protocol
    /// and a kind, and its last bytes are not the time of a second plain record.
    fn is_modified_alone(&self, record: &[u8]) -> bool {
        let field = |at: usize| record.get(at..at + 4).map(|bytes| number(bytes, self.big_endian));
        let (Some(seconds), Some(interface), Some([.., kind, padding])) =
            (field(0), field(16), record.get(16..24))
        else {
            return false;
        };
        let end = record.len() - 8;
        let is_time = |next: u32, fraction: u32| next.abs_diff(seconds) < YEAR_S && fraction < 1_000_000;
        interface <= u16::MAX.into()
            && *kind <= 7
            && *padding == 0
            && !field(end).zip(field(end + 4)).is_some_and(|(next, fraction)| is_time(next, fraction))
    }

    /// The record that begins with this header.
    #[inline]
    pub(crate) fn record(&self, head: &[u8]) -> Layout {
        let header: [u8; 16] = head.first_chunk().copied().unwrap_or_default();
        let field = |at: usize| number(&header[at..], self.big_endian);
        let fraction = field(4);
        let (us, rest_ns) =
            if self.nanoseconds { (fraction / 1000, (fraction % 1000) as u16) } else { (fraction, 0) };
        let length = self.record_bytes.saturating_add(field(8) as usize);
        Layout {
            length,
            frame: self.record_bytes..length,
            time: Time { us: u64::from(field(0)) * 1_000_000 + u64::from(us), rest_ns },
            link_type: self.link_type,
            original_length: field(12),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: u32, big_endian: bool) -> Vec<u8> {
        let four = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        [four(magic), four(0x0004_0002), four(0), four(0), four(65535), four(1)].concat()
    }

    fn record(record_bytes: usize, seconds: u32, frame: &[u8]) -> Vec<u8> {
        let length = frame.len() as u32;
        let mut bytes = [seconds, 7, length, length].map(u32::to_le_bytes).concat();
        bytes.extend([[1, 0, 0, 0], [8, 0, 0, 0]].concat().get(..record_bytes - 16).unwrap());
        [&bytes[..], frame].concat()
    }

    #[test]
    fn every_magic_in_both_byte_orders() {
        for (magic, record_bytes) in [(0xa1b2_c3d4, 16), (0xa1b2_3c4d, 16), (0xa1b2_cd34, 24)] {
            for big_endian in [false, true] {
                let head = header(magic, big_endian);
                let pcap = Pcap::new(&head).unwrap();
                assert_eq!(
                    (pcap.big_endian, pcap.record_bytes, pcap.link_type),
                    (big_endian, record_bytes, 1)
                );
                assert!(Pcap::is_magic(&head[..4]) && !Pcap::is_magic(&head[..3]));
            }
        }
        assert_eq!(Pcap::new(&[0; 24]), None);
    }

    #[test]
    fn records_of_other_lengths_under_the_plain_magic() {
        let frame = [0x45; 60];
        for record_bytes in RECORD_BYTES {
            for count in [2, 5] {
                let records: Vec<u8> =
                    (0..count).flat_map(|n| record(record_bytes, 1_700_000_000 + n, &frame)).collect();
                let mut pcap = Pcap::new(&header(0xa1b2_c3d4, false)).unwrap();
                pcap.look_at_records(&records);
                assert_eq!(pcap.record_bytes, record_bytes, "{count} records");
                let layout = pcap.record(&records);
                assert_eq!((layout.time.us, layout.original_length), (1_700_000_000_000_007, 60));
            }
        }
    }

    #[test]
    fn one_record_of_modified_pcap_under_the_plain_magic() {
        for frame in [&[0x45; 60][..], &[0; 60]] {
            let one = record(24, 1_700_000_000, frame);
            let mut pcap = Pcap::new(&header(0xa1b2_c3d4, false)).unwrap();
            pcap.look_at_records(&one);
            assert_eq!(pcap.record_bytes, 24);
            let mut pcap = Pcap::new(&header(0xa1b2_c3d4, false)).unwrap();
            pcap.look_at_records(&record(16, 1_700_000_000, frame));
            assert_eq!(pcap.record_bytes, 16);
        }
    }

    #[test]
    fn a_plain_file_cut_within_its_second_record_stays_plain() {
        let whole = [record(16, 1_700_000_000, &[0x45; 60]), record(16, 1_700_000_001, &[0x45; 60])].concat();
        for length in 0..=whole.len() {
            let mut pcap = Pcap::new(&header(0xa1b2_c3d4, false)).unwrap();
            pcap.look_at_records(&whole[..length]);
            assert_eq!(pcap.record_bytes, 16, "{length}");
        }
    }

    #[test]
    fn nonsense_is_read_as_plain_records() {
        let mut pcap = Pcap::new(&header(0xa1b2_c3d4, false)).unwrap();
        pcap.look_at_records(&[0xff; 200]);
        assert_eq!(pcap.record_bytes, 16);
        pcap.look_at_records(&[]);
        assert_eq!(pcap.record_bytes, 16);
    }
}
