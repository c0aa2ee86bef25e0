//! High-availability Seamless Redundancy (IEC 62439-3, 5.7; EtherType 0x892f). PRP puts its own behind the frame, where
//! IP's length leaves it out.
//!
//! ```text
//! 0               2          4
//! | path and size | sequence | EtherType
//! ```

use super::step;
use crate::wire::Parsed;

/// The type and the bytes after the tag.
///
/// # Errors
/// [`ParseError::Truncated`](crate::wire::ParseError::Truncated) below 6 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    step(bytes, 4 + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn type_and_rest() {
        assert_eq!(parse(&[0, 52, 0, 7, 8, 0, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
    }
}
