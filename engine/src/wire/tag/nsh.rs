//! Network Service Header (RFC 8300, 2; EtherType 0x894f).
//!
//! ```text
//! 0                                       2         3      4
//! | version 2, O, U, TTL 6, words 6 bits  | MD type | next | service path ..., to the length
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// The type of a protocol number of NSH, which VXLAN-GPE shares (RFC 8300, 9.3; draft-ietf-nvo3-vxlan-gpe, 3.2).
///
/// # Errors
/// [`ParseError::Unsupported`] for other than IPv4, IPv6, Ethernet, NSH and MPLS.
pub fn ether_type(protocol: u8) -> Result<EtherType, ParseError> {
    match protocol {
        1 => Ok(EtherType::IPV4),
        2 => Ok(EtherType::IPV6),
        3 => Ok(EtherType::ETHERNET),
        4 => Ok(EtherType::NSH),
        5 => Ok(EtherType::MPLS),
        _ => Err(ParseError::Unsupported),
    }
}

/// The type and the bytes after the header.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 0, for operation and maintenance (O), and for protocols that
/// [`ether_type`] does not know; [`ParseError::Malformed`] for a length below 8 bytes; [`ParseError::Truncated`] where
/// the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let [first, second, _, next] = *bytes.first_chunk().ok_or(ParseError::Truncated)?;
    if first & 0xe0 != 0 {
        return Err(ParseError::Unsupported);
    }
    let length = usize::from(second & 0x3f) * 4;
    if length < 8 {
        return Err(ParseError::Malformed);
    }
    Ok((ether_type(next)?, bytes.get(length..).ok_or(ParseError::Truncated)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol() {
        for (next, expected) in [
            (1, EtherType::IPV4),
            (2, EtherType::IPV6),
            (3, EtherType::ETHERNET),
            (4, EtherType::NSH),
            (5, EtherType::MPLS),
        ] {
            let bytes = [0x0f, 0xc2, 2, next, 0, 0, 1, 255, 0xab];
            assert_eq!(parse(&bytes), Ok((expected, &[0xab][..])));
            assert_eq!(parse(&bytes[..7]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[0x0f, 0xc2, 2, 9, 0, 0, 1, 255]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0x2f, 0xc2, 2, 1, 0, 0, 1, 255]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0x0f, 0xc1, 2, 1]), Err(ParseError::Malformed));
    }
}
