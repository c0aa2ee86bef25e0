//! IEEE 802.2 LLC with SNAP (RFC 1042): what 802.3 frames with a length, and 802.11 frames, carry.
//!
//! ```text
//! 0    1    2    3     6           8
//! | aa | aa | 03 | OUI | EtherType | payload
//! ```

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the 8-byte header.
///
/// # Errors
/// [`ParseError::Unsupported`] for LLC without SNAP and for OUIs other than 00-00-00 (RFC 1042) and 00-00-f8
/// (IEEE 802.1H); [`ParseError::Truncated`] below 8 bytes.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    match bytes.split_first_chunk::<8>() {
        Some(([0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low], rest)) => {
            Ok((EtherType(u16::from_be_bytes([*high, *low])), rest))
        }
        Some(_) => Err(ParseError::Unsupported),
        None => Err(ParseError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snap() {
        let bytes = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45];
        assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&bytes[..7]), Err(ParseError::Truncated));
    }

    #[test]
    fn other_service_points_and_vendors() {
        // Spanning tree (0x42), and a Cisco OUI whose type is not an EtherType.
        assert_eq!(parse(&[0x42, 0x42, 3, 0, 0, 0, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]), Err(ParseError::Unsupported));
    }
}
