//! Arista's time stamps in the frame (EtherType 0xd28b; EOS "Hardware timestamping with metadata").
//!
//! ```text
//! 0         2         4                            12 or 10
//! | subtype | version | seconds and nanoseconds | EtherType
//! ```

use super::step;
use crate::wire::{ParseError, Parsed};

/// The type and the bytes after a time stamp of 64 bits (version 0x?10) or 48 (0x?20).
///
/// # Errors
/// [`ParseError::Unsupported`] for other subtypes than 1 (time stamp) and other versions; [`ParseError::Truncated`] where
/// the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match bytes {
        [0, 1, _, 0x10, ..] => step(bytes, 4 + 8 + 2),
        [0, 1, _, 0x20, ..] => step(bytes, 4 + 6 + 2),
        [_, _, _, _, ..] => Err(ParseError::Unsupported),
        _ => Err(ParseError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn both_lengths() {
        let long = [0, 1, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0, 0x45];
        assert_eq!(parse(&long), Ok((EtherType::IPV4, &[0x45][..])));
        let short = [0, 1, 1, 0x20, 1, 2, 3, 4, 5, 6, 8, 0, 0x45];
        assert_eq!(parse(&short), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&short[..11]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 1, 0]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 2, 0, 0x10]), Err(ParseError::Unsupported));
    }
}
