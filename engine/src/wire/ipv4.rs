//! IPv4 (RFC 791, 3.1).
//!
//! ```text
//! 0                  1      2              4    6                8     9          10         12       16            20
//! | version + length | TOS  | total length | id | flags + offset | TTL | protocol | checksum | source | destination | options
//! ```

use super::{ParseError, ip::Fragment};

/// A header, options stepped over, and the payload it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// Source address.
    pub src: [u8; 4],
    /// Destination address.
    pub dst: [u8; 4],
    /// The payload's IP protocol number.
    pub protocol: u8,
    /// Position among fragments.
    pub fragment: Fragment,
    /// The payload up to the total length, or as far as the bytes go. A total length of 0 (segmentation left to the
    /// network card) means all of them.
    pub payload: &'a [u8],
    /// Whether the payload is known to reach the total length; false for a total length of 0.
    pub is_complete: bool,
}

impl<'a> Ipv4<'a> {
    /// Checksums are not verified: cards fill them in after the capture point.
    ///
    /// # Errors
    /// [`ParseError::Malformed`] for a version other than 4, a header length below 20 bytes, a total length other
    /// than 0 below the header length; [`ParseError::Truncated`] where the bytes end within the header.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header: &[u8; 20] = bytes.first_chunk().ok_or(ParseError::Truncated)?;
        let header_bytes = usize::from(header[0] & 0x0f) * 4;
        let total_bytes = usize::from(u16::from_be_bytes([header[2], header[3]]));
        // Asked only where the bytes do not fit.
        let is_malformed = || total_bytes < header_bytes && total_bytes != 0;
        if !(0x45..=0x4f).contains(&header[0]) {
            return Err(ParseError::Malformed);
        }
        let Some(rest) = bytes.get(header_bytes..) else {
            return Err(if is_malformed() { ParseError::Malformed } else { ParseError::Truncated });
        };
        // Of a total length below the header's it becomes more than any frame has.
        let (payload, is_complete) = match rest.get(..total_bytes.wrapping_sub(header_bytes)) {
            Some(payload) => (payload, true),
            None if is_malformed() => return Err(ParseError::Malformed),
            None => (rest, false),
        };
        // Identification is read of fragments only.
        let flags_offset = u16::from_be_bytes([header[6], header[7]]);
        let fragment = match flags_offset & 0x3fff {
            0 => Fragment::Whole,
            more_offset => {
                let identification = u32::from(u16::from_be_bytes([header[4], header[5]]));
                Fragment::new(more_offset & 0x1fff, more_offset & 0x2000 != 0, identification)
            }
        };
        Ok(Self {
            src: [header[12], header[13], header[14], header[15]],
            dst: [header[16], header[17], header[18], header[19]],
            protocol: header[9],
            fragment,
            payload,
            is_complete,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20-byte header, total length 24, id 0x1234, UDP, 10.0.0.1 to 10.0.0.2, payload and 2 bytes of padding.
    const BYTES: [u8; 26] =
        [0x45, 0, 0, 24, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4, 0xee, 0xee];

    fn with(changes: &[(usize, u8)]) -> [u8; 26] {
        let mut bytes = BYTES;
        for &(at, value) in changes {
            bytes[at] = value;
        }
        bytes
    }

    #[test]
    fn fields_and_padding_cut() {
        let ip = Ipv4::parse(&BYTES).unwrap();
        assert_eq!((ip.src, ip.dst, ip.protocol), ([10, 0, 0, 1], [10, 0, 0, 2], 17));
        assert_eq!((ip.payload, ip.fragment, ip.is_complete), (&[1, 2, 3, 4][..], Fragment::Whole, true));
    }

    #[test]
    fn options_are_stepped_over() {
        assert_eq!(Ipv4::parse(&with(&[(0, 0x46)])).unwrap().payload, &[]);
        assert_eq!(Ipv4::parse(&with(&[(0, 0x46), (3, 26)])).unwrap().payload, &[0xee, 0xee]);
    }

    #[test]
    fn total_length_zero_reaches_to_the_end() {
        let bytes = with(&[(3, 0)]);
        let ip = Ipv4::parse(&bytes).unwrap();
        assert_eq!((ip.payload, ip.is_complete), (&bytes[20..], false));
    }

    #[test]
    fn cut_payload_is_given_and_marked() {
        let ip = Ipv4::parse(&BYTES[..22]).unwrap();
        assert_eq!((ip.payload, ip.is_complete), (&[1, 2][..], false));
    }

    #[test]
    fn fragments() {
        assert_eq!(Ipv4::parse(&with(&[(6, 0x20)])).unwrap().fragment, Fragment::First(0x1234));
        assert_eq!(Ipv4::parse(&with(&[(6, 0x00), (7, 1)])).unwrap().fragment, Fragment::Later(0x1234));
        assert_eq!(Ipv4::parse(&with(&[(6, 0x20), (7, 1)])).unwrap().fragment, Fragment::Later(0x1234));
    }

    #[test]
    fn errors() {
        assert_eq!(Ipv4::parse(&BYTES[..19]), Err(ParseError::Truncated));
        assert_eq!(Ipv4::parse(&with(&[(0, 0x4f), (3, 60)])), Err(ParseError::Truncated));
        for changes in [(0, 0x65), (0, 0x44), (3, 19)] {
            assert_eq!(Ipv4::parse(&with(&[changes])), Err(ParseError::Malformed), "{changes:?}");
        }
    }
}
