//! Minimal encapsulation of mobile IP (RFC 2004, 3.1; IP protocol 55): the header is cut down, so what is inside has the
//! outer header's length and addresses but for those given here.
//!
//! ```text
//! 0          1       2          4             8
//! | protocol | S ... | checksum | destination | source, 4, if S | payload
//! ```

use crate::wire::ParseError;

/// What the packet was before it was encapsulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimal<'a> {
    /// Its IP protocol number.
    pub protocol: u8,
    /// Its destination.
    pub dst: [u8; 4],
    /// Its source, where it is not the outer header's.
    pub src: Option<[u8; 4]>,
    /// Its payload.
    pub payload: &'a [u8],
}

impl<'a> Minimal<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] where it is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = bytes.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
        let [protocol, flags, _, _, dst @ ..] = *header;
        let (src, payload) = match flags & 0x80 {
            0 => (None, rest),
            _ => {
                let (src, rest) = rest.split_first_chunk().ok_or(ParseError::Truncated)?;
                (Some(*src), rest)
            }
        };
        Ok(Self { protocol, dst, src, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_source() {
        let bytes = [6, 0x80, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xab];
        let inside = Minimal::parse(&bytes).unwrap();
        assert_eq!((inside.protocol, inside.dst, inside.src), (6, [10, 0, 0, 1], Some([10, 0, 0, 2])));
        assert_eq!(inside.payload, [0xab]);
        assert_eq!(Minimal::parse(&[6, 0, 0, 0, 10, 0, 0, 1]).unwrap().src, None);
        assert_eq!(Minimal::parse(&bytes[..11]), Err(ParseError::Truncated));
    }
}
