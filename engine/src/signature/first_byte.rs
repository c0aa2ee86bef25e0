//! What the first byte of a payload makes possible at all: one look rules most packets out.

use super::prefix_index::PrefixIndex;

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
pub(crate) struct FirstByteTable([u8; 256]);

impl FirstByteTable {
    pub(super) fn new(udp: &PrefixIndex, tcp_segments: &PrefixIndex, has_contained: bool) -> Self {
        let mut bits = [0; 256];
        for (first, bits) in (0..=255u8).zip(&mut bits) {
            let mut note = |bit: u8, is_so: bool| *bits |= if is_so { bit } else { 0 };
            note(ROWS, has_contained || udp.has_any(first));
            note(STUN, first < 0x40);
            note(MEDIA, first & 0xc0 == 0x80);
            note(QUIC, first & 0x80 != 0 || first & 0xcb == 0x09);
            note(SEGMENT_ROWS, tcp_segments.has_any(first));
        }
        Self(bits)
    }

    /// The bits of a byte.
    #[inline]
    pub(crate) fn of(&self, first: u8) -> u8 {
        self.0[usize::from(first)]
    }
}
