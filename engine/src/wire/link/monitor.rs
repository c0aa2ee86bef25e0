//! The headers before 802.11 that came before radiotap: Prism (LINKTYPE_IEEE802_11_PRISM) and AVS
//! (LINKTYPE_IEEE802_11_AVS).
//!
//! ```text
//! Prism: 0      4        8             AVS: 0         4        8
//!        | code | length | ..., 802.11      | version | length | ..., 802.11      big-endian
//! ```

use crate::wire::ParseError;

/// The frame behind the header: AVS's where it begins so, else Prism's, whose numbers are in the writing machine's order.
///
/// # Errors
/// [`ParseError::Malformed`] for a length below 8; [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Result<&[u8], ParseError> {
    let ([a, b, c, d, length @ ..], _) = bytes.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
    let length = [length[0], length[1], length[2], length[3]];
    let length = match [*a, *b, *c, *d] {
        [0x80, 0x21, 0x10, _] | [0, 0, 0, _] => u32::from_be_bytes(length),
        _ => u32::from_le_bytes(length),
    } as usize;
    if length < 8 {
        return Err(ParseError::Malformed);
    }
    bytes.get(length..).ok_or(ParseError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_either_order() {
        assert_eq!(parse(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 9, 7, 8]), Ok(&[8][..]));
        assert_eq!(parse(&[0x44, 0, 0, 0, 9, 0, 0, 0, 7, 8]), Ok(&[8][..]));
        assert_eq!(parse(&[0, 0, 0, 0x44, 0, 0, 0, 9, 7, 8]), Ok(&[8][..]));
        assert_eq!(parse(&[0x44, 0, 0, 0, 7, 0, 0, 0]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0x44, 0, 0, 0, 9, 0, 0, 0]), Err(ParseError::Truncated));
    }
}
