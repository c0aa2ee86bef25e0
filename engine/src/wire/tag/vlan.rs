//! One VLAN tag: IEEE 802.1Q, 802.1ad and the older QinQ types share the layout. Tags stack; each is one layer.
//!
//! ```text
//! 0                 2          4
//! | priority + VLAN | EtherType | payload
//! ```

use crate::wire::{ParseError, ethernet::EtherType};

/// The type and the bytes after a tag, whose own EtherType has been read already.
///
/// # Errors
/// [`ParseError::Truncated`] below 4 bytes.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let ([_, _, high, low], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([*high, *low])), rest))
}

/// The VLAN's number, 12 bits; 0 for a tag that only gives a priority, or is cut.
pub fn id(bytes: &[u8]) -> u16 {
    bytes.first_chunk().map_or(0, |tag| u16::from_be_bytes(*tag) & 0x0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_then_inner_tag() {
        let bytes = [0x20, 0x64, 0x81, 0x00, 0x00, 0x65, 0x08, 0x00, 0x45];
        let (inner, rest) = parse(&bytes).unwrap();
        assert_eq!((inner, id(&bytes), id(rest)), (EtherType::VLAN, 0x64, 0x65));
        assert_eq!(parse(rest), Ok((EtherType::IPV4, &[0x45][..])));
    }

    #[test]
    fn too_short() {
        assert_eq!(parse(&[0, 1, 8]), Err(ParseError::Truncated));
    }
}
