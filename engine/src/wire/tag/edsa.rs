//! Marvell's switch tag behind an EtherType (EDSA, 0xdada; linux net/dsa/tag_dsa.c).
//!
//! ```text
//! 0       2      6
//! | 0 | 0 | tag  | EtherType
//! ```

use super::step;
use crate::wire::Parsed;

/// The type and the bytes after the tag.
///
/// # Errors
/// [`ParseError::Truncated`](crate::wire::ParseError::Truncated) below 8 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    step(bytes, 2 + 4 + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn type_and_rest() {
        assert_eq!(parse(&[0, 0, 0xc0, 0, 0, 0, 8, 0, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
    }
}
