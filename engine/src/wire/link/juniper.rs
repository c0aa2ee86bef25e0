//! Juniper's own captures (LINKTYPE_JUNIPER_ETHER and its kin; "monitor traffic" of Junos).
//!
//! ```text
//! 0            3       4
//! | "MGC"      | flags | extension length, 2, and extensions, if bit 7 | 4 bytes, if bit 1: no link header | ...
//! ```

use crate::wire::{ParseError, Parsed, ip};

/// The link layer's header is missing; four bytes say what follows.
const NO_LINK: u8 = 0x02;
const EXTENSIONS: u8 = 0x80;

/// The frame behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside<'a> {
    /// It begins with its link's header, which the capture's link type says.
    Link(&'a [u8]),
    /// It begins with an IP header.
    Ip(&'a [u8]),
}

/// Steps over the header.
///
/// # Errors
/// [`ParseError::Malformed`] where it does not begin with "MGC"; [`ParseError::Truncated`] where it is cut.
pub fn parse(bytes: &[u8]) -> Result<Inside<'_>, ParseError> {
    let ([magic @ .., flags], mut rest) = bytes.split_first_chunk::<4>().ok_or(ParseError::Truncated)?;
    if magic != b"MGC" {
        return Err(ParseError::Malformed);
    }
    if flags & EXTENSIONS != 0 {
        let (length, behind) = rest.split_first_chunk().ok_or(ParseError::Truncated)?;
        rest = behind.get(usize::from(u16::from_be_bytes(*length))..).ok_or(ParseError::Truncated)?;
    }
    Ok(match flags & NO_LINK {
        0 => Inside::Link(rest),
        _ => Inside::Ip(rest.get(4..).ok_or(ParseError::Truncated)?),
    })
}

/// The type and the bytes of an IP packet.
///
/// # Errors
/// As [`ip::version`].
pub fn parse_ip(bytes: &[u8]) -> Parsed<'_> {
    Ok((ip::version(bytes)?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        assert_eq!(parse(b"MGC\x01\xab"), Ok(Inside::Link(&[0xab])));
        assert_eq!(parse(b"MGC\x81\x00\x02\x01\x02\xab"), Ok(Inside::Link(&[0xab])));
        assert_eq!(parse(b"MGC\x02\x02\x00\x00\x00\x45"), Ok(Inside::Ip(&[0x45])));
        assert_eq!(parse(b"MGB\x01\xab"), Err(ParseError::Malformed));
        for cut in [&b"MGC"[..], b"MGC\x81\x00", b"MGC\x81\x00\x02\x01", b"MGC\x02\x02\x00\x00"] {
            assert_eq!(parse(cut), Err(ParseError::Truncated));
        }
    }
}
