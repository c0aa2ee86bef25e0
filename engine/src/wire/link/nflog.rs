//! Linux netfilter log, as Android's tcpdump and others write it (LINKTYPE_NFLOG of the tcpdump group's list; linux
//! nfnetlink_log.h).
//!
//! ```text
//! 0        1         2          4
//! | family | version | resource | length, type: 2 each, host order | value, to a multiple of 4 | ...
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// NFULA_PAYLOAD.
const PAYLOAD: u16 = 9;

/// The type and the bytes of the payload attribute. Lengths are in the writing machine's byte order, which is told by
/// what leads to a payload inside the frame.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 0, a family other than IPv4's (2) and IPv6's (10), and
/// records without payload; [`ParseError::Truncated`] where the attributes are cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let ([family, version, _, _], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    let ether_type = match (family, version) {
        (2, 0) => EtherType::IPV4,
        (10, 0) => EtherType::IPV6,
        _ => return Err(ParseError::Unsupported),
    };
    match payload(rest, u16::from_le_bytes) {
        Ok(payload) => Ok((ether_type, payload)),
        Err(error) => Ok((ether_type, payload(rest, u16::from_be_bytes).map_err(|_| error)?)),
    }
}

fn payload(mut bytes: &[u8], number: fn([u8; 2]) -> u16) -> Result<&[u8], ParseError> {
    while let Some(([a, b, c, d], value)) = bytes.split_first_chunk() {
        let length = usize::from(number([*a, *b])).checked_sub(4).ok_or(ParseError::Malformed)?;
        // The upper bits say "nested" and "network byte order".
        if number([*c, *d]) & 0x3fff == PAYLOAD {
            return Ok(value.get(..length).unwrap_or(value));
        }
        bytes = value.get(length.next_multiple_of(4)..).ok_or(ParseError::Truncated)?;
    }
    Err(if bytes.is_empty() { ParseError::Unsupported } else { ParseError::Truncated })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_behind_other_attributes_in_either_byte_order() {
        let little = [2, 0, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 6, 0, 9, 0, 0x45, 7];
        assert_eq!(parse(&little), Ok((EtherType::IPV4, &[0x45, 7][..])));
        let big = [10, 0, 0, 5, 0, 8, 0, 1, 0, 0, 0, 0, 0, 5, 0, 9, 0x60, 0, 0, 0];
        assert_eq!(parse(&big), Ok((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[2, 0, 0]), Err(ParseError::Truncated));
        assert_eq!(parse(&[2, 1, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[7, 0, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[2, 0, 0, 0]), Err(ParseError::Unsupported), "no payload");
        assert_eq!(parse(&[2, 0, 0, 0, 3, 0, 1, 0]), Err(ParseError::Malformed));
    }
}
