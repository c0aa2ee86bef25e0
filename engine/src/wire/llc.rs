//! IEEE 802.2 LLC with SNAP (RFC 1042): what 802.3 frames with a length, and 802.11 frames, carry.
//!
//! ```text
//! 0    1    2    3     6           8
//! | aa | aa | 03 | OUI | EtherType | payload
//! ```

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the header.
///
/// # Errors
/// [`ParseError::Unsupported`] for service access points other than SNAP's (aa) and IP's (06), and those of [`snap`];
/// [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    match bytes {
        [0xaa, 0xaa, 0x03, rest @ ..] => snap(rest, 2),
        [0x06, 0x06, 0x03, rest @ ..] => Ok((EtherType::IPV4, rest)),
        [_, _, _, ..] => Err(ParseError::Unsupported),
        _ => Err(ParseError::Truncated),
    }
}

/// The type and the bytes after an OUI and a type of its maker's. A bridged frame (RFC 2684, 5.2; RFC 2427, 4.2) has
/// `padding_bytes` before it.
///
/// # Errors
/// [`ParseError::Unsupported`] for OUIs other than 00-00-00 (RFC 1042), 00-00-f8 (IEEE 802.1H) and 00-80-c2 with an
/// Ethernet frame; [`ParseError::Truncated`] where the header is cut.
pub fn snap(bytes: &[u8], padding_bytes: usize) -> Result<(EtherType, &[u8]), ParseError> {
    match bytes.split_first_chunk::<5>() {
        Some(([0, 0, 0 | 0xf8, high, low], rest)) => Ok((EtherType(u16::from_be_bytes([*high, *low])), rest)),
        // With and without the frame's check sequence.
        Some(([0, 0x80, 0xc2, 0, 1 | 7], rest)) => {
            Ok((EtherType::ETHERNET, rest.get(padding_bytes..).ok_or(ParseError::Truncated)?))
        }
        Some(_) => Err(ParseError::Unsupported),
        None => Err(ParseError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_rest() {
        let bytes = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45];
        assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&bytes[..7]), Err(ParseError::Truncated));
    }

    #[test]
    fn ip_without_snap_and_bridged_frames() {
        assert_eq!(parse(&[6, 6, 3, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        let bridged = [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0, 0xab];
        assert_eq!(parse(&bridged), Ok((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(parse(&bridged[..9]), Err(ParseError::Truncated));
        assert_eq!(snap(&bridged[3..], 0), Ok((EtherType::ETHERNET, &[0, 0, 0xab][..])));
    }

    #[test]
    fn other_service_points_and_vendors() {
        // Spanning tree (0x42), and a Cisco OUI whose type is not an EtherType.
        assert_eq!(parse(&[0x42, 0x42, 3, 0, 0, 0, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]), Err(ParseError::Unsupported));
    }
}
