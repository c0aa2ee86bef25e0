//! A record of a capture file, as its container lays it out.

use std::ops::Range;

/// A time since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// Microseconds.
    pub(crate) us: u64,
    /// Nanoseconds beyond them, below 1,000.
    pub(crate) rest_ns: u16,
}

impl Time {
    /// From nanoseconds, of which a number holds those until 2554.
    pub(crate) fn from_ns(ns: u64) -> Self {
        Self { us: ns / 1000, rest_ns: (ns % 1000) as u16 }
    }
}

/// A frame found in the buffer.
pub(crate) struct Record {
    /// None where the record has no time.
    pub(crate) time: Option<Time>,
    pub(crate) link_type: u32,
    pub(crate) bytes: Range<usize>,
    pub(crate) original_length: u32,
    pub(crate) interface: u32,
}

/// Where in a record of a simple container what stands.
pub(crate) struct Layout {
    /// Bytes of the record, header and padding included.
    pub(crate) length: usize,
    /// Where in it the frame is.
    pub(crate) frame: Range<usize>,
    pub(crate) time: Time,
    pub(crate) link_type: u32,
    pub(crate) original_length: u32,
}

impl Layout {
    /// The record, if it begins here in the buffer.
    #[inline]
    pub(crate) fn at(&self, start: usize) -> Record {
        Record {
            time: Some(self.time),
            link_type: self.link_type,
            bytes: start + self.frame.start..start + self.frame.end,
            original_length: self.original_length,
            interface: 0,
        }
    }
}

/// The first four bytes as a number; 0 where there are fewer.
#[inline]
pub(crate) fn number(bytes: &[u8], big_endian: bool) -> u32 {
    let bytes = bytes.first_chunk().copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
