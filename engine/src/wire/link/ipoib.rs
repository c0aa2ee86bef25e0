//! IP over Infiniband (LINKTYPE_IPOIB; RFC 4391, 6): a type and two reserved bytes, behind the receiver's address where
//! the capture has it (20 bytes, RFC 4391, 9.1.1) or behind a global routing header (40 bytes).

use crate::wire::{ParseError, Parsed, ethernet::EtherType, ip};

/// Bytes before the type.
const BEFORE: [usize; 3] = [20, 0, 40];

/// The type and the bytes after the header: the first of its places that leads to IP.
///
/// # Errors
/// [`ParseError::Unsupported`] where none does; [`ParseError::Truncated`] where the first is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let at = |before: usize| -> Option<(EtherType, &[u8])> {
        let ([high, low, 0, 0], rest) = bytes.get(before..)?.split_first_chunk()? else { return None };
        let ether_type = EtherType(u16::from_be_bytes([*high, *low]));
        (ip::version(rest) == Ok(ether_type)).then_some((ether_type, rest))
    };
    BEFORE.into_iter().find_map(at).ok_or(match bytes.len() {
        0..24 => ParseError::Truncated,
        _ => ParseError::Unsupported,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_header() {
        let mut bytes = [0xff; 64];
        for before in BEFORE {
            bytes[before..before + 5].copy_from_slice(&[0x08, 0, 0, 0, 0x45]);
            assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &bytes[before + 4..])));
            bytes.fill(0xff);
        }
        assert_eq!(parse(&bytes), Err(ParseError::Unsupported));
        assert_eq!(parse(&bytes[..23]), Err(ParseError::Truncated));
    }
}
