//! TCP (RFC 9293, 3.1).
//!
//! ```text
//! 0        2        4          8                 12            13      14       16         18       20
//! | source | target | sequence | acknowledgement | data offset | flags | window | checksum | urgent | options, payload
//! ```

use super::ParseError;

/// A header, options stepped over, and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number field.
    pub sequence: u32,
    /// Byte 13: FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10, URG 0x20, ECE 0x40, CWR 0x80.
    pub flags: u8,
    /// All bytes behind the options.
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Takes the payload of an IP packet. The checksum is not verified.
    ///
    /// # Errors
    /// [`ParseError::Malformed`] for a data offset below 20 bytes; [`ParseError::Truncated`] where the bytes end
    /// within the header.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header: &[u8; 20] = bytes.first_chunk().ok_or(ParseError::Truncated)?;
        let header_bytes = usize::from(header[12] >> 4) * 4;
        if header_bytes < 20 {
            return Err(ParseError::Malformed);
        }
        Ok(Self {
            src_port: u16::from_be_bytes([header[0], header[1]]),
            dst_port: u16::from_be_bytes([header[2], header[3]]),
            sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            flags: header[13],
            payload: bytes.get(header_bytes..).ok_or(ParseError::Truncated)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 26] = [
        0xc0, 0x00, 0x01, 0xbb, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0x60, 0x18, 0xff, 0xff, 0, 0, 0,
        0, //
        1, 1, 1, 0, 0xab, 0xcd,
    ];

    #[test]
    fn fields_behind_options() {
        let expected = Tcp {
            src_port: 49152,
            dst_port: 443,
            sequence: 0x1122_3344,
            flags: 0x18,
            payload: &[0xab, 0xcd],
        };
        assert_eq!(Tcp::parse(&BYTES), Ok(expected));
    }

    #[test]
    fn errors() {
        assert_eq!(Tcp::parse(&BYTES[..19]), Err(ParseError::Truncated));
        assert_eq!(Tcp::parse(&BYTES[..23]), Err(ParseError::Truncated));
        let mut bytes = BYTES;
        bytes[12] = 0x40;
        assert_eq!(Tcp::parse(&bytes), Err(ParseError::Malformed));
    }
}
