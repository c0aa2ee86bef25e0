//! GRE version 0 (RFC 2784, RFC 2890), PPTP's version 1 (RFC 2637, 4.1), and ERSPAN's headers behind version 0
//! (draft-foschiano-erspan).
//!
//! ```text
//! 0                      2          4
//! | C R K S ... A version | EtherType | checksum 4, if C | key 4, if K | sequence 4, if S | acknowledgement 4, if A
//! ```

use super::{ParseError, ethernet::EtherType};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// The type and the bytes after the header; [`EtherType::ETHERNET`] for ERSPAN's mirrored frames.
///
/// # Errors
/// [`ParseError::Unsupported`] for source routing (RFC 1701), version 1 with anything but PPP or without payload (a
/// bare acknowledgement), other versions, and ERSPAN of frames that are not Ethernet; [`ParseError::Truncated`]
/// where the bytes end within the header.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(ParseError::Truncated)?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    let ether_type = EtherType(u16::from_be_bytes([header[2], header[3]]));
    let optional = match flags & VERSION {
        0 if flags & ROUTING == 0 => CHECKSUM | KEY | SEQUENCE,
        1 if ether_type == EtherType::PPP && flags & SEQUENCE != 0 => KEY | SEQUENCE | ACKNOWLEDGEMENT,
        _ => return Err(ParseError::Unsupported),
    };
    let words = (flags & optional).count_ones() as usize;
    let rest = rest.get(words * 4..).ok_or(ParseError::Truncated)?;
    match ether_type {
        // Type I is the bare frame; type II comes with a sequence number and 8 bytes more.
        EtherType::ERSPAN_2 => {
            let header_bytes = if flags & SEQUENCE == 0 { 0 } else { 8 };
            Ok((EtherType::ETHERNET, rest.get(header_bytes..).ok_or(ParseError::Truncated)?))
        }
        EtherType::ERSPAN_3 => erspan_3(rest),
        _ => Ok((ether_type, rest)),
    }
}

/// Type III: 12 bytes, the last two holding frame type (5 bits from 0x7c00) and whether 8 bytes more follow (bit 0).
fn erspan_3(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<12>().ok_or(ParseError::Truncated)?;
    let last = u16::from_be_bytes([header[10], header[11]]);
    let ether_type = match (last >> 10) & 0x1f {
        0 => EtherType::ETHERNET,
        _ => return Err(ParseError::Unsupported),
    };
    let subheader_bytes = if last & 1 == 0 { 0 } else { 8 };
    Ok((ether_type, rest.get(subheader_bytes..).ok_or(ParseError::Truncated)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn gre(flags: [u8; 2], ether_type: [u8; 2], optional_bytes: usize) -> Vec<u8> {
        let mut bytes = [flags, ether_type].concat();
        bytes.extend(core::iter::repeat_n(0, optional_bytes));
        bytes.push(0xab);
        bytes
    }

    #[test]
    fn every_optional_field() {
        for (flags, optional_bytes) in [(0x00, 0), (0x80, 4), (0x20, 4), (0x10, 4), (0xa0, 8), (0xb0, 12)] {
            let bytes = gre([flags, 0], [0x08, 0x00], optional_bytes);
            assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &[0xab][..])), "{flags:02x}");
            assert_eq!(parse(&bytes[..3 + optional_bytes]), Err(ParseError::Truncated), "{flags:02x}");
        }
    }

    #[test]
    fn pptp() {
        assert_eq!(parse(&gre([0x30, 0x01], [0x88, 0x0b], 8)), Ok((EtherType::PPP, &[0xab][..])));
        assert_eq!(parse(&gre([0x30, 0x81], [0x88, 0x0b], 12)), Ok((EtherType::PPP, &[0xab][..])));
        // An acknowledgement alone carries nothing.
        assert_eq!(parse(&gre([0x20, 0x81], [0x88, 0x0b], 8)), Err(ParseError::Unsupported));
        assert_eq!(parse(&gre([0x30, 0x01], [0x08, 0x00], 8)), Err(ParseError::Unsupported));
    }

    #[test]
    fn erspan() {
        let frame = Ok((EtherType::ETHERNET, &[0xab][..]));
        assert_eq!(parse(&gre([0x00, 0], [0x88, 0xbe], 0)), frame);
        assert_eq!(parse(&gre([0x10, 0], [0x88, 0xbe], 12)), frame);
        assert_eq!(parse(&gre([0x10, 0], [0x22, 0xeb], 16)), frame);
        let mut with_subheader = gre([0x10, 0], [0x22, 0xeb], 24);
        with_subheader[4 + 4 + 11] = 1;
        assert_eq!(parse(&with_subheader), frame);
        let mut other_frame_type = gre([0x10, 0], [0x22, 0xeb], 16);
        other_frame_type[4 + 4 + 10] = 0x08;
        assert_eq!(parse(&other_frame_type), Err(ParseError::Unsupported));
        assert_eq!(parse(&gre([0x10, 0], [0x88, 0xbe], 10)), Err(ParseError::Truncated));
    }

    #[test]
    fn routing_and_other_versions() {
        assert_eq!(parse(&gre([0x40, 0], [0x08, 0x00], 8)), Err(ParseError::Unsupported));
        assert_eq!(parse(&gre([0x00, 2], [0x08, 0x00], 0)), Err(ParseError::Unsupported));
    }
}
