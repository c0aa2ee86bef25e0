//! UDP (RFC 768).
//!
//! ```text
//! 0        2        4        6          8
//! | source | target | length | checksum | payload
//! ```

use super::ParseError;

/// A header and the payload it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The payload's length by the length field; all bytes where that is 0 (jumbograms, RFC 2675, 4).
    pub payload_bytes: usize,
    /// The payload up to its length, or as far as the bytes go (cut by the capture, or a first fragment).
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Takes the payload of an IP packet. The checksum is not verified.
    ///
    /// # Errors
    /// [`ParseError::Malformed`] for a length of 1 to 7; [`ParseError::Truncated`] below 8 bytes.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = bytes.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
        let payload_bytes = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
            0 => rest.len(),
            length => length.checked_sub(8).ok_or(ParseError::Malformed)?,
        };
        Ok(Self {
            src_port: u16::from_be_bytes([header[0], header[1]]),
            dst_port: u16::from_be_bytes([header[2], header[3]]),
            payload_bytes,
            payload: rest.get(..payload_bytes).unwrap_or(rest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 12] = [0x0d, 0x96, 0x00, 0x35, 0, 11, 0, 0, 1, 2, 3, 0xee];

    #[test]
    fn payload_ends_where_its_length_says() {
        let expected = Udp { src_port: 3478, dst_port: 53, payload_bytes: 3, payload: &[1, 2, 3] };
        assert_eq!(Udp::parse(&BYTES), Ok(expected));
    }

    #[test]
    fn cut_payload_is_given() {
        let udp = Udp::parse(&BYTES[..9]).unwrap();
        assert_eq!((udp.payload, udp.payload_bytes), (&[1][..], 3));
    }

    #[test]
    fn length_zero_means_all() {
        let mut bytes = BYTES;
        bytes[5] = 0;
        let udp = Udp::parse(&bytes).unwrap();
        assert_eq!((udp.payload, udp.payload_bytes), (&[1, 2, 3, 0xee][..], 4));
    }

    #[test]
    fn errors() {
        assert_eq!(Udp::parse(&BYTES[..7]), Err(ParseError::Truncated));
        let mut bytes = BYTES;
        bytes[5] = 7;
        assert_eq!(Udp::parse(&bytes), Err(ParseError::Malformed));
    }
}
