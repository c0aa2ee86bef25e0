//! EtherIP (RFC 3378, IP protocol 97): an Ethernet frame straight on IP.
//!
//! ```text
//! 0                            2
//! | version 4, reserved 12 bit | Ethernet
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// [`EtherType::ETHERNET`] and the frame. OpenBSD before 4.1 and MikroTik over IPv6 write the version into the other half
/// of the byte.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 3; [`ParseError::Truncated`] below 2 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let ([version, _], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    match version {
        0x30..=0x3f | 0x03 => Ok((EtherType::ETHERNET, rest)),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_inside() {
        assert_eq!(parse(&[0x30, 0, 0xab]), Ok((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(parse(&[0x03, 0, 0xab]), Ok((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(parse(&[0x20, 0, 0xab]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0x30]), Err(ParseError::Truncated));
    }
}
