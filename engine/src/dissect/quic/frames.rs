//! The frames of a decrypted Initial packet (RFC 9000, 12.4 and 19): only the handshake's bytes are of interest.

use super::super::cursor::{Cursor, Stop};
use super::varint;

/// Most CRYPTO frames of one packet that are shown. Clients that scatter their hello on purpose use a tenth of that.
pub const CRYPTO_FRAMES_MAX: usize = 64;

/// A piece of the handshake stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CryptoFrame<'a> {
    /// Where in the stream the piece belongs, in bytes from its start; `offset + bytes.len()` stays below 2^62.
    pub offset: u64,
    /// The piece.
    pub bytes: &'a [u8],
}

/// The CRYPTO frames in the plaintext of an Initial packet, in the order of the packet (which need not be that of the
/// stream). PADDING, PING, ACK and CONNECTION_CLOSE are passed over; any other frame is not allowed there and ends it.
///
/// Google's Q050 numbers PING 7 and CRYPTO 8; both numbers cannot occur in an Initial of other versions, so that they
/// are taken whatever the version. Work is linear in the plaintext; at most [`CRYPTO_FRAMES_MAX`] frames are shown.
pub fn crypto_frames(plaintext: &[u8]) -> CryptoFrames<'_> {
    CryptoFrames { rest: Cursor::open(plaintext), left: CRYPTO_FRAMES_MAX }
}

/// Iterator of [`crypto_frames`].
#[derive(Clone, Copy, Debug)]
pub struct CryptoFrames<'a> {
    rest: Cursor<'a>,
    /// How many more are shown.
    left: usize,
}

impl<'a> Iterator for CryptoFrames<'a> {
    type Item = CryptoFrame<'a>;

    fn next(&mut self) -> Option<CryptoFrame<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            self.rest = behind_padding(self.rest);
            let mut rest = self.rest;
            let frame = frame(&mut rest).ok()?;
            self.rest = rest;
            if frame.is_some() {
                return frame;
            }
        }
    }
}

/// Steps over PADDING, which clients fill whole packets with, eight bytes at a time.
fn behind_padding(mut rest: Cursor<'_>) -> Cursor<'_> {
    let bytes = rest.rest();
    let whole = bytes.as_chunks::<8>().0.iter().take_while(|eight| **eight == [0; 8]).count();
    let _ = rest.take(8 * whole);
    rest
}

fn frame<'a>(rest: &mut Cursor<'a>) -> Result<Option<CryptoFrame<'a>>, Stop> {
    match rest.u8()? {
        0x00 | 0x01 | 0x07 => Ok(None),
        kind @ (0x02 | 0x03) => ack(rest, kind == 0x03).map(|()| None),
        0x06 | 0x08 => {
            let offset = varint(rest)?;
            let bytes = counted(rest)?;
            let end = offset.checked_add(bytes.len() as u64);
            if end.is_none_or(|end| end >= 1 << 62) {
                return Err(Stop::Malformed);
            }
            Ok(Some(CryptoFrame { offset, bytes }))
        }
        kind @ (0x1c | 0x1d) => {
            varint(rest)?;
            if kind == 0x1c {
                varint(rest)?;
            }
            counted(rest)?;
            Ok(None)
        }
        _ => Err(Stop::Malformed),
    }
}

/// Largest acknowledged, delay, count of ranges, first range, then two integers a range; with ECN three counts more.
fn ack(rest: &mut Cursor<'_>, ecn: bool) -> Result<(), Stop> {
    varint(rest)?;
    varint(rest)?;
    let ranges = varint(rest)?;
    varint(rest)?;
    // Each range takes bytes: a count that lies ends with the plaintext.
    for _ in 0..ranges {
        varint(rest)?;
        varint(rest)?;
    }
    for _ in 0..if ecn { 3 } else { 0 } {
        varint(rest)?;
    }
    Ok(())
}

fn counted<'a>(rest: &mut Cursor<'a>) -> Result<&'a [u8], Stop> {
    let length = varint(rest)?;
    rest.take(usize::try_from(length).map_err(|_| Stop::Malformed)?)
}

#[cfg(test)]
mod tests {
    use super::super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec::Vec;

    /// PING, CRYPTO, PADDING, ACK with two ranges and ECN, CRYPTO further on, CONNECTION_CLOSE, CRYPTO.
    const PLAINTEXT: &[u8] = b"\x01\x06\x05\x03abc\0\0\0\x03\x09\0\x02\x01\x01\x02\x03\x04\x01\x02\x03\
        \x06\x40\x80\x01d\x1c\x0a\0\x02no\x1d\x0a\0\x06\0\x02ef";

    #[test]
    fn only_the_handshake_is_shown() {
        let told: Vec<_> = crypto_frames(PLAINTEXT).map(|frame| (frame.offset, frame.bytes)).collect();
        assert_eq!(told, [(5, &b"abc"[..]), (128, b"d"), (0, b"ef")]);
    }

    #[test]
    fn another_frame_ends_it() {
        assert_eq!(crypto_frames(b"\x06\0\x01a\x0a\0\x01b\x06\x01\x01c").count(), 1);
        assert_eq!(crypto_frames(b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01a").count(), 0);
        assert_eq!(crypto_frames(b"\x02\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\x01").count(), 0);
    }

    #[test]
    fn no_more_are_shown_than_anyone_needs() {
        let plaintext = [6, 0, 0].repeat(CRYPTO_FRAMES_MAX + 1);
        let mut frames = crypto_frames(&plaintext);
        assert_eq!(frames.by_ref().count(), CRYPTO_FRAMES_MAX);
        assert_eq!(frames.next(), None);
    }

    #[test]
    fn the_older_numbers_are_taken() {
        assert!(crypto_frames(b"\x07\x08\0\x04CHLO").eq([CryptoFrame { offset: 0, bytes: b"CHLO" }]));
    }

    #[test]
    fn a_cut_frame_is_not_shown() {
        prefixes(PLAINTEXT, |length, prefix| {
            let whole = [7, 27, PLAINTEXT.len()].iter().filter(|&&end| length >= end).count();
            assert_eq!(crypto_frames(prefix).count(), whole);
        });
        mutations(PLAINTEXT, |bytes| crypto_frames(bytes).for_each(drop));
    }
}
