//! Radiotap (radiotap.org), the header that monitor-mode captures put before an 802.11 frame. Little-endian.
//!
//! ```text
//! 0         1     2        4
//! | version | pad | length | present, 4 each while bit 31 is set | time stamp, 8, aligned to 8, if bit 0 | flags, 1, if bit 1 | ...
//! ```

use super::ParseError;

const PADDED: u8 = 0x20;
const BAD_CHECKSUM: u8 = 0x40;

/// Whether the 802.11 header is filled up to a multiple of 4 bytes, and the 802.11 frame.
///
/// # Errors
/// [`ParseError::Malformed`] for a version other than 0, for a length that the header's own fields exceed, and for
/// frames that the card received with a wrong checksum; [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Result<(bool, &[u8]), ParseError> {
    let [version, _, low, high] = *bytes.first_chunk().ok_or(ParseError::Truncated)?;
    if version != 0 {
        return Err(ParseError::Malformed);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let (header, frame) = bytes.split_at_checked(length).ok_or(ParseError::Truncated)?;
    let flags = flags(header).ok_or(ParseError::Malformed)?;
    if flags & BAD_CHECKSUM != 0 {
        return Err(ParseError::Malformed);
    }
    Ok((flags & PADDED != 0, frame))
}

/// The flags field, 0 where there is none. `None` where the header ends before it.
fn flags(header: &[u8]) -> Option<u8> {
    let mut words = header.get(4..)?.chunks_exact(4);
    let first = *words.next()?.first()?;
    let mut at: usize = 8;
    let mut top = *header.get(7)?;
    while top & 0x80 != 0 {
        top = *words.next()?.get(3)?;
        at += 4;
    }
    if first & 0b10 == 0 {
        return Some(0);
    }
    if first & 0b01 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    header.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags() {
        let bytes = [0, 0, 8, 0, 0, 0, 0, 0, 0x88];
        assert_eq!(parse(&bytes), Ok((false, &[0x88][..])));
        for cut in 0..8 {
            assert_eq!(parse(&bytes[..cut]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn flags_alone() {
        assert_eq!(parse(&[0, 0, 9, 0, 2, 0, 0, 0, 0x20, 0x88]), Ok((true, &[0x88][..])));
        assert_eq!(parse(&[0, 0, 9, 0, 2, 0, 0, 0, 0x40, 0x88]), Err(ParseError::Malformed));
    }

    #[test]
    fn flags_behind_an_aligned_time_stamp() {
        // Two present words end at 12, so the time stamp begins at 16 and the flags lie at 24.
        let mut bytes = [0; 26];
        (bytes[2], bytes[4], bytes[7], bytes[24], bytes[25]) = (25, 3, 0x80, 0x20, 0x88);
        assert_eq!(parse(&bytes), Ok((true, &[0x88][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[1, 0, 8, 0, 0, 0, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0, 0, 7, 0, 0, 0, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0, 0, 8, 0, 2, 0, 0, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0, 0, 8, 0, 0, 0, 0, 0x80, 0]), Err(ParseError::Malformed));
    }
}
