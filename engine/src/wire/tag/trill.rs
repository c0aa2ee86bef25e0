//! TRILL (RFC 6325, 3; EtherType 0x22f3).
//!
//! ```text
//! 0                                                    2        4         6
//! | version 2, reserved 2, M, options 5, hops 6 bits   | egress | ingress | options, 4 each | Ethernet
//! ```

use super::frame_behind;
use crate::wire::{ParseError, Parsed};

/// [`EtherType::ETHERNET`](crate::wire::ethernet::EtherType::ETHERNET) and the frame inside.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 0; [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let flags = u16::from_be_bytes(*bytes.first_chunk().ok_or(ParseError::Truncated)?);
    match flags >> 14 {
        0 => frame_behind(bytes, 6 + usize::from(flags >> 6 & 0x1f) * 4),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn with_and_without_options() {
        let ethernet = Ok((EtherType::ETHERNET, &[0xab][..]));
        assert_eq!(parse(&[0, 5, 0, 1, 0, 2, 0xab]), ethernet);
        assert_eq!(parse(&[0, 0x45, 0, 1, 0, 2, 9, 9, 9, 9, 0xab]), ethernet);
        assert_eq!(parse(&[0, 0x45, 0, 1, 0, 2, 9]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0x40, 5, 0, 1, 0, 2]), Err(ParseError::Unsupported));
    }
}
