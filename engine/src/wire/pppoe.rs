//! PPPoE session frames (RFC 2516, 4), up to the PPP protocol field.
//!
//! ```text
//! 0                1      2         4        6
//! | version + type | code | session | length | PPP
//! ```

use super::{ParseError, ethernet::EtherType};

/// [`EtherType::PPP`] and the PPP bytes, as many as the length field says or the capture has.
///
/// # Errors
/// [`ParseError::Malformed`] unless version and type are 1; [`ParseError::Unsupported`] for a code other than 0
/// (discovery); [`ParseError::Truncated`] below 6 bytes.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let ([version_type, code, _, _, high, low], rest) =
        bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    if *version_type != 0x11 {
        return Err(ParseError::Malformed);
    }
    if *code != 0 {
        return Err(ParseError::Unsupported);
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    Ok((EtherType::PPP, rest.get(..length).unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_its_length_says() {
        let bytes = [0x11, 0, 0x12, 0x34, 0, 3, 0x00, 0x21, 0x45, 0, 0];
        assert_eq!(parse(&bytes), Ok((EtherType::PPP, &[0x00, 0x21, 0x45][..])));
        assert_eq!(parse(&bytes[..8]), Ok((EtherType::PPP, &[0x00, 0x21][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[0x11, 0, 0, 1, 0]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0x21, 0, 0, 1, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0x11, 0x09, 0, 1, 0, 0]), Err(ParseError::Unsupported));
    }
}
