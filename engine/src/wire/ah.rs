//! Authentication header (RFC 4302): what it covers is in clear, so it is stepped over.
//!
//! ```text
//! 0             1        2          4     8          12
//! | next header | length | reserved | SPI | sequence | check value ...
//! ```

use super::ParseError;

/// The next header's protocol number and the bytes after this one. Its length is in 4-byte words, less 2.
///
/// # Errors
/// [`ParseError::Malformed`] where the length is below the 12 fixed bytes; [`ParseError::Truncated`] where it
/// reaches beyond the bytes.
pub fn parse(bytes: &[u8]) -> Result<(u8, &[u8]), ParseError> {
    let [next, length] = *bytes.first_chunk().ok_or(ParseError::Truncated)?;
    let length = (usize::from(length) + 2) * 4;
    if length < 12 {
        return Err(ParseError::Malformed);
    }
    Ok((next, bytes.get(length..).ok_or(ParseError::Truncated)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepped_over() {
        let mut bytes = [0; 25];
        (bytes[0], bytes[1], bytes[24]) = (6, 4, 0xab);
        assert_eq!(parse(&bytes), Ok((6, &[0xab][..])));
        assert_eq!(parse(&bytes[..23]), Err(ParseError::Truncated));
        assert_eq!(parse(&bytes[..1]), Err(ParseError::Truncated));
    }

    #[test]
    fn shorter_than_its_fixed_part() {
        assert_eq!(parse(&[6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(ParseError::Malformed));
    }
}
