//! Per-Packet Information (LINKTYPE_PPI; CACE PPI specification 1.0.10, 3.1), a header that names the link type of what
//! follows. Little-endian.
//!
//! ```text
//! 0         1       2        4           8
//! | version | flags | length | link type | fields, up to length | frame
//! ```

use crate::wire::ParseError;

/// The number of the link type, and the frame.
///
/// # Errors
/// [`ParseError::Unsupported`] for a version other than 0; [`ParseError::Malformed`] for a length below 8;
/// [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Result<(u32, &[u8]), ParseError> {
    let [version, _, low, high, link_type @ ..] = *bytes.first_chunk::<8>().ok_or(ParseError::Truncated)?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    match version {
        0 if length < 8 => Err(ParseError::Malformed),
        0 => Ok((u32::from_le_bytes(link_type), bytes.get(length..).ok_or(ParseError::Truncated)?)),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_type_and_frame() {
        assert_eq!(parse(&[0, 0, 9, 0, 105, 0, 0, 0, 7, 8]), Ok((105, &[8][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[0, 0, 8, 0, 105, 0, 0]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 0, 9, 0, 105, 0, 0, 0]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 0, 7, 0, 105, 0, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[1, 0, 8, 0, 105, 0, 0, 0]), Err(ParseError::Unsupported));
    }
}
