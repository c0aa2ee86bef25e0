//! E-tag of port extenders (IEEE 802.1BR, EtherType 0x893f).
//!
//! ```text
//! 0                                     6
//! | priority, ingress and E-CID, 6 byte | EtherType
//! ```

use super::step;
use crate::wire::Parsed;

/// The type and the bytes after the tag.
///
/// # Errors
/// [`ParseError::Truncated`](crate::wire::ParseError::Truncated) below 8 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    step(bytes, 6 + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ParseError, ethernet::EtherType};

    #[test]
    fn type_and_rest() {
        assert_eq!(parse(&[0, 0, 0x10, 1, 0, 0, 8, 0, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0; 7]), Err(ParseError::Truncated));
    }
}
