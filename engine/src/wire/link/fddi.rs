//! Rings: FDDI (LINKTYPE_FDDI; ISO 9314-2) and Token Ring (LINKTYPE_IEEE802_5; IEEE 802.5, 3.2). Both carry LLC.
//!
//! ```text
//! FDDI:       0               1    7      13
//!             | frame control | to | from | LLC
//! Token Ring: 0                1               2    8      14
//!             | access control | frame control | to | from | route, if bit 7 of from's first byte | LLC
//! ```

use crate::wire::{ParseError, Parsed, llc};

/// The type and the bytes after FDDI's and LLC's headers.
///
/// # Errors
/// [`ParseError::Unsupported`] for frames of the ring itself; those of [`llc::parse`]; [`ParseError::Truncated`] where
/// the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let control = bytes.first().ok_or(ParseError::Truncated)?;
    // Asynchronous or synchronous LLC, whatever the length of addresses and the priority.
    if control & 0x30 != 0x10 {
        return Err(ParseError::Unsupported);
    }
    llc::parse(bytes.get(13..).ok_or(ParseError::Truncated)?)
}

/// The type and the bytes after Token Ring's and LLC's headers.
///
/// # Errors
/// As [`parse`].
pub fn parse_token_ring(bytes: &[u8]) -> Parsed<'_> {
    let (header, rest) = bytes.split_first_chunk::<14>().ok_or(ParseError::Truncated)?;
    if header[1] & 0xc0 != 0x40 {
        return Err(ParseError::Unsupported);
    }
    let route_bytes = match header[8] & 0x80 {
        0 => 0,
        _ => usize::from(rest.first().ok_or(ParseError::Truncated)? & 0x1f),
    };
    llc::parse(rest.get(route_bytes..).ok_or(ParseError::Truncated)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    const LLC: [u8; 9] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45];
    const IPV4: Parsed<'_> = Ok((EtherType::IPV4, &[0x45]));

    #[test]
    fn rings() {
        let mut frame = [&[0; 13][..], &LLC].concat();
        frame[0] = 0x54;
        assert_eq!(parse(&frame), IPV4);
        assert_eq!(parse(&frame[..12]), Err(ParseError::Truncated));
        frame[0] = 0x41;
        assert_eq!(parse(&frame), Err(ParseError::Unsupported), "station management");
    }

    #[test]
    fn token_ring_with_and_without_a_route() {
        let mut frame = [&[0; 14][..], &LLC].concat();
        frame[1] = 0x40;
        assert_eq!(parse_token_ring(&frame), IPV4);
        assert_eq!(parse_token_ring(&frame[..13]), Err(ParseError::Truncated));
        let mut routed = [&frame[..14], &[4, 0, 0, 0], &LLC].concat();
        routed[8] = 0x80;
        assert_eq!(parse_token_ring(&routed), IPV4);
        routed[1] = 0;
        assert_eq!(parse_token_ring(&routed), Err(ParseError::Unsupported));
    }
}
