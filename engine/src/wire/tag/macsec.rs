//! MACsec (IEEE 802.1AE, 9.3 to 9.9; EtherType 0x88e5), where it protects without hiding.
//!
//! ```text
//! 0                 1              2               6
//! | TCI, association | short length | packet number | SCI, 8, if TCI bit 5 | EtherType | payload | check value, 16
//! ```

use super::step;
use crate::wire::{ParseError, Parsed};

const VERSION: u8 = 0x80;
const SCI: u8 = 0x20;
const ENCRYPTED_OR_CHANGED: u8 = 0x0c;

/// The type and the bytes after the tag, the check value at their end included: what is inside ends by its own length.
///
/// # Errors
/// [`ParseError::Unsupported`] where the payload is encrypted or changed (E, C), and for another version;
/// [`ParseError::Truncated`] where the tag is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let control = bytes.first().ok_or(ParseError::Truncated)?;
    if control & (VERSION | ENCRYPTED_OR_CHANGED) != 0 {
        return Err(ParseError::Unsupported);
    }
    step(bytes, if control & SCI == 0 { 6 } else { 14 } + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn with_and_without_channel() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse(&[0x40, 0, 0, 0, 0, 1, 8, 0, 0x45]), ipv4);
        assert_eq!(parse(&[0x20, 0, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 8, 0, 0x45]), ipv4);
        assert_eq!(parse(&[0x20, 0, 0, 0, 0, 1, 9]), Err(ParseError::Truncated));
    }

    #[test]
    fn hidden() {
        for control in [0x0c, 0x08, 0x04, 0x80] {
            assert_eq!(parse(&[control, 0, 0, 0, 0, 1, 8, 0]), Err(ParseError::Unsupported));
        }
    }
}
