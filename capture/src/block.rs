//! Frames, and many of them at a time: the bytes that one read of a source gave, and where in them the frames stand.

use wiremark::wire::link::pcapdroid;

use crate::record::{Record, Time};

/// No link carries longer frames; a damaged length would spoil every sum it enters.
const WIRE_LIMIT_BYTES: u32 = 1024 * 1024;

/// One captured frame, borrowed from the reader until the next is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Capture time, microseconds since 1970. pcapng's simple packet blocks have none: they get the time of the frame
    /// before, and 0 where no frame before has one.
    pub time_us: u64,
    /// Whether the time is the frame's own.
    pub is_timed: bool,
    /// Nanoseconds beyond `time_us`, 0 to 999; 0 where the file counts no finer than microseconds.
    pub rest_ns: u16,
    /// Number from pcap's LINKTYPE list.
    pub link_type: u32,
    /// The bytes captured, from the link layer on.
    pub bytes: &'a [u8],
    /// Length of the frame on the wire; more than `bytes.len()` where the capture was limited to a snap length. Where
    /// the file claims the impossible it is `bytes.len()`.
    pub original_length: u32,
    /// Bytes at its end that a capturing program put there, and nobody sent.
    pub trailer_bytes: u8,
    /// Number of the interface, from 0, counted over all sections of the file; 0 in pcap files.
    pub interface: u32,
    /// Number of the frame in the file, from 1, as Wireshark shows it.
    pub number: u64,
}

impl Frame<'_> {
    /// Capture time, nanoseconds since 1970; the last there is where it lies beyond 2554.
    pub fn time_ns(&self) -> u64 {
        self.time_us.saturating_mul(1000).saturating_add(self.rest_ns.into())
    }
}

/// What is told of a frame, and where in the bytes of its block it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) time_us: u64,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) original_length: u32,
    pub(crate) link_type: u32,
    pub(crate) interface: u32,
    pub(crate) rest_ns: u16,
    pub(crate) is_timed: bool,
    pub(crate) has_trailer: bool,
}

impl Placed {
    /// Of a record's frame in these bytes, which gets this time.
    #[inline]
    pub(crate) fn new(record: &Record, time: Time, bytes: &[u8]) -> Self {
        let frame = bytes.get(record.bytes.clone()).unwrap_or_default();
        let captured = u32::try_from(record.bytes.len()).unwrap_or(u32::MAX);
        let claimed = record.original_length;
        let is_possible = (captured..=WIRE_LIMIT_BYTES).contains(&claimed);
        let original_length = if is_possible { claimed } else { captured };
        Self {
            time_us: time.us,
            rest_ns: time.rest_ns,
            // Told here, as the next record begins where this frame ends: both are in one line of memory, or in two in a row.
            has_trailer: original_length == captured && pcapdroid::app(frame).is_some(),
            is_timed: record.time.is_some(),
            link_type: record.link_type,
            start: record.bytes.start as u32,
            length: captured,
            original_length,
            interface: record.interface,
        }
    }

    /// The frame, which has this number, in these bytes.
    #[inline]
    pub(crate) fn frame<'a>(&self, bytes: &'a [u8], number: u64) -> Frame<'a> {
        let start = self.start as usize;
        Frame {
            time_us: self.time_us,
            is_timed: self.is_timed,
            rest_ns: self.rest_ns,
            link_type: self.link_type,
            bytes: bytes.get(start..start + self.length as usize).unwrap_or_default(),
            original_length: self.original_length,
            trailer_bytes: if self.has_trailer { pcapdroid::TRAILER_BYTES as u8 } else { 0 },
            interface: self.interface,
            number,
        }
    }
}

/// Frames that were read together. It is filled over and over.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    placed: Vec<Placed>,
    /// Number of the first.
    first: u64,
}

impl Block {
    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// The frame at this place, from 0, and where in the block's bytes it begins.
    #[inline]
    pub(crate) fn frame_placed(&self, at: usize) -> Option<(Frame<'_>, u32)> {
        self.placed.get(at).map(|placed| (placed.frame(&self.bytes, self.number_of(at)), placed.start))
    }

    /// The frame at this place, from 0.
    pub(crate) fn frame(&self, at: usize) -> Option<Frame<'_>> {
        self.frame_placed(at).map(|(frame, _)| frame)
    }

    /// The number of the frame at this place.
    #[inline]
    pub(crate) fn number_of(&self, at: usize) -> u64 {
        self.first + at as u64
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.placed.iter().zip(self.first..).map(|(placed, number)| placed.frame(&self.bytes, number))
    }

    pub(crate) fn clear(&mut self, first: u64) {
        self.placed.clear();
        self.first = first;
    }

    #[inline]
    pub(crate) fn push(&mut self, placed: Placed) {
        self.placed.push(placed);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes these bytes for its own.
    pub(crate) fn swap(&mut self, bytes: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, bytes);
    }
}
