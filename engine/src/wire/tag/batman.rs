//! B.A.T.M.A.N. advanced, version 15 (EtherType 0x4305; linux batadv_packet.h): Ethernet across a mesh.
//!
//! ```text
//! 0      1         2     3                              10 unicast, 18 from another's client, 14 broadcast
//! | type | version | TTL | counter, addresses, numbers | Ethernet
//! ```

use super::frame_behind;
use crate::wire::{ParseError, Parsed};

/// [`EtherType::ETHERNET`](crate::wire::ethernet::EtherType::ETHERNET) and the frame inside.
///
/// # Errors
/// [`ParseError::Unsupported`] for other versions and for packets that carry no whole frame; [`ParseError::Truncated`] where
/// the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match bytes {
        [0x40, 15, ..] => frame_behind(bytes, 10),
        [0x42, 15, ..] => frame_behind(bytes, 18),
        [0x01, 15, ..] => frame_behind(bytes, 14),
        [_, _, ..] => Err(ParseError::Unsupported),
        _ => Err(ParseError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn packets_with_a_frame() {
        let mut bytes = [0; 19];
        bytes[1] = 15;
        for (kind, at) in [(0x40, 10), (0x42, 18), (0x01, 14)] {
            bytes[0] = kind;
            assert_eq!(parse(&bytes), Ok((EtherType::ETHERNET, &bytes[at..])));
            assert_eq!(parse(&bytes[..at - 1]), Err(ParseError::Truncated));
        }
        bytes[0] = 0;
        assert_eq!(parse(&bytes), Err(ParseError::Unsupported));
    }
}
