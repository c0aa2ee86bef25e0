//! ATM's AAL5 (LINKTYPE_ATM_RFC1483 and LINKTYPE_SUNATM; RFC 2684, 4 to 6), IP over Fibre Channel (RFC 4338) and over
//! IEEE 1394 (RFC 2734, as Darwin writes it).
//!
//! ```text
//! RFC 2684:      | LLC, or fe fe 03 and an NLPID, or the packet itself                SUNATM: 0       1      2      4
//! Fibre Channel: | to, 8 | from, 8 | LLC     IEEE 1394: | to, 8 | from, 8 | EtherType |       | flags | path | circuit |
//! ```

use super::frame_relay;
use crate::wire::{ParseError, Parsed, ethernet::EtherType, ip, llc};

/// The type and the bytes after RFC 2684's header.
///
/// # Errors
/// Those of [`llc::parse`], and of [`frame_relay::protocol`].
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match bytes {
        [0xfe, 0xfe, 0x03, rest @ ..] => frame_relay::protocol(rest),
        [first, ..] if matches!(first >> 4, 4 | 6) => Ok((ip::version(bytes)?, bytes)),
        _ => llc::parse(bytes),
    }
}

/// The type and the bytes after SunATM's 4 bytes and RFC 2684's header. The low four flags are the kind of traffic.
///
/// # Errors
/// [`ParseError::Unsupported`] for signalling and LAN emulation; [`ParseError::Truncated`] below 4 bytes.
pub fn parse_sun(bytes: &[u8]) -> Parsed<'_> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(ParseError::Truncated)?;
    match header[0] & 0x0f {
        0 | 2 => parse(rest),
        _ => Err(ParseError::Unsupported),
    }
}

/// The type and the bytes after Fibre Channel's network addresses and LLC.
///
/// # Errors
/// Those of [`llc::parse`].
pub fn parse_fibre_channel(bytes: &[u8]) -> Parsed<'_> {
    llc::parse(bytes.get(16..).ok_or(ParseError::Truncated)?)
}

/// The type and the bytes after the header of IP over IEEE 1394.
///
/// # Errors
/// [`ParseError::Truncated`] below 18 bytes.
pub fn parse_ieee1394(bytes: &[u8]) -> Parsed<'_> {
    let (header, rest) = bytes.split_first_chunk::<18>().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([header[16], header[17]])), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: Parsed<'_> = Ok((EtherType::IPV4, &[0x45]));

    #[test]
    fn every_form() {
        let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45];
        assert_eq!(parse(&llc), IPV4);
        assert_eq!(parse(&[0xfe, 0xfe, 3, 0xcc, 0x45]), IPV4);
        assert_eq!(parse(&[0x45]), IPV4);
        let bridged = [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0, 1, 2];
        assert_eq!(parse(&bridged), Ok((EtherType::ETHERNET, &[1, 2][..])));
        assert_eq!(parse_sun(&[&[2, 0, 0, 32], &llc[..]].concat()), IPV4);
        assert_eq!(parse_sun(&[6, 0, 0, 5]), Err(ParseError::Unsupported));
        assert_eq!(parse_fibre_channel(&[&[0; 16], &llc[..]].concat()), IPV4);
        assert_eq!(parse_ieee1394(&[&[0; 16][..], &[8, 0, 0x45]].concat()), IPV4);
        assert_eq!(parse_ieee1394(&[0; 17]), Err(ParseError::Truncated));
        assert_eq!(parse_fibre_channel(&[0; 15]), Err(ParseError::Truncated));
    }
}
