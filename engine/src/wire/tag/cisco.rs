//! Cisco's headers between Ethernet and IP: security group tag (EtherType 0x8909), time tag (0x8988), FabricPath (0x8903)
//! and VN-tag (0x8926).
//!
//! ```text
//! security group: | version | words | options, 4 each | EtherType     time tag: | time, 6 | EtherType
//! FabricPath:     | tree and TTL, 2 | Ethernet                        VN-tag:   | flags and interfaces, 4 | EtherType
//! ```

use super::{frame_behind, step};
use crate::wire::{ParseError, Parsed};

/// The type and the bytes after Cisco metadata, which is as many words long as its second byte says.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 1; [`ParseError::Truncated`] where it is cut.
pub fn parse_metadata(bytes: &[u8]) -> Parsed<'_> {
    match *bytes.first_chunk().ok_or(ParseError::Truncated)? {
        [1, words] => step(bytes, 2 + usize::from(words) * 4 + 2),
        _ => Err(ParseError::Unsupported),
    }
}

/// The type and the bytes after a time tag.
///
/// # Errors
/// [`ParseError::Truncated`] below 8 bytes.
pub fn parse_time(bytes: &[u8]) -> Parsed<'_> {
    step(bytes, 6 + 2)
}

/// [`EtherType::ETHERNET`](crate::wire::ethernet::EtherType::ETHERNET) and the frame behind FabricPath's tag.
///
/// # Errors
/// [`ParseError::Truncated`] below 2 bytes.
pub fn parse_fabric_path(bytes: &[u8]) -> Parsed<'_> {
    frame_behind(bytes, 2)
}

/// The type and the bytes after a VN-tag.
///
/// # Errors
/// [`ParseError::Truncated`] below 6 bytes.
pub fn parse_vn_tag(bytes: &[u8]) -> Parsed<'_> {
    step(bytes, 4 + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn every_tag() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse_metadata(&[1, 1, 0, 1, 0, 9, 8, 0, 0x45]), ipv4);
        assert_eq!(parse_metadata(&[1, 2, 0, 1, 0, 9, 0, 0, 0, 0, 8, 0, 0x45]), ipv4);
        assert_eq!(parse_metadata(&[2, 1, 0, 1, 0, 9, 8, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse_metadata(&[1, 1, 0, 1, 0, 9, 8]), Err(ParseError::Truncated));
        assert_eq!(parse_time(&[1, 2, 3, 4, 5, 6, 8, 0, 0x45]), ipv4);
        assert_eq!(parse_vn_tag(&[1, 2, 3, 4, 8, 0, 0x45]), ipv4);
        assert_eq!(parse_fabric_path(&[1, 2, 3]), Ok((EtherType::ETHERNET, &[3][..])));
        assert_eq!(parse_fabric_path(&[1]), Err(ParseError::Truncated));
    }
}
