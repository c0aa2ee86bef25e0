//! GRE version 0 (RFC 2784, RFC 2890), PPTP's version 1 (RFC 2637, 4.1), and ERSPAN's headers behind version 0
//! (draft-foschiano-erspan).
//!
//! ```text
//! 0                      2          4
//! | C R K S ... A version | EtherType | checksum 4, if C | key 4, if K | sequence 4, if S | acknowledgement 4, if A
//! ```

use crate::wire::{ParseError, ethernet::EtherType};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// The type and the bytes after the header; [`EtherType::ETHERNET`] for ERSPAN's mirrored frames.
///
/// # Errors
/// [`ParseError::Unsupported`] for version 1 with anything but PPP and MikroTik's Ethernet, or without payload (a bare
/// acknowledgement), other versions, and ERSPAN of frames that are not Ethernet; [`ParseError::Truncated`] where the bytes
/// end within the header.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(ParseError::Truncated)?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    let ether_type = EtherType(u16::from_be_bytes([header[2], header[3]]));
    let optional = match flags & VERSION {
        // Checksum and offset are there for either.
        0 if flags & ROUTING != 0 => flags & (KEY | SEQUENCE) | CHECKSUM,
        0 => flags & (CHECKSUM | KEY | SEQUENCE),
        1 if ether_type == EtherType::PPP && flags & SEQUENCE != 0 => {
            flags & (KEY | SEQUENCE | ACKNOWLEDGEMENT)
        }
        // MikroTik's EoIP puts a length and a number in the key's place.
        1 if ether_type == EtherType::EOIP => flags & (KEY | SEQUENCE | ACKNOWLEDGEMENT),
        _ => return Err(ParseError::Unsupported),
    };
    let mut rest = rest.get(optional.count_ones() as usize * 4..).ok_or(ParseError::Truncated)?;
    if flags & (ROUTING | VERSION) == ROUTING {
        rest = step_over_routes(rest)?;
    }
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

/// The key, which tells networks apart; of Ethernet (NVGRE, RFC 7637, 3.2) without its lowest byte, which tells flows apart.
pub fn key(bytes: &[u8]) -> Option<u32> {
    let [high, low, kind @ ..] = *bytes.first_chunk::<4>()?;
    let flags = u16::from_be_bytes([high, low]);
    if flags & (KEY | VERSION) != KEY {
        return None;
    }
    let at = if flags & (CHECKSUM | ROUTING) == 0 { 4 } else { 8 };
    let key = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    let is_virtual_subnet = EtherType(u16::from_be_bytes(kind)) == EtherType::ETHERNET;
    Some(if is_virtual_subnet { key >> 8 } else { key })
}

/// Source routes (RFC 1701): family, offset, length, each to the one of family 0.
fn step_over_routes(mut bytes: &[u8]) -> Result<&[u8], ParseError> {
    loop {
        let ([a, b, _, length], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
        bytes = rest.get(usize::from(*length)..).ok_or(ParseError::Truncated)?;
        if [*a, *b, *length] == [0; 3] {
            return Ok(bytes);
        }
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
    fn ethernet_of_mikrotik() {
        assert_eq!(parse(&gre([0x20, 0x01], [0x64, 0x00], 4)), Ok((EtherType::EOIP, &[0xab][..])));
    }

    #[test]
    fn keys() {
        assert_eq!(key(&[0x20, 0, 8, 0, 0, 0, 1, 2]), Some(0x102));
        assert_eq!(key(&[0xa0, 0, 8, 0, 9, 9, 9, 9, 0, 0, 1, 2]), Some(0x102));
        assert_eq!(key(&[0x20, 0, 0x65, 0x58, 0, 0, 1, 2]), Some(1));
        assert_eq!(key(&[0x20, 1, 0x88, 0x0b, 0, 0, 1, 2]), None, "PPTP's is a length and a call");
        assert_eq!(key(&[0, 0, 8, 0, 0, 0, 1, 2]), None);
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
        let mut routed = gre([0x40, 0], [0x08, 0x00], 4 + 8 + 4);
        (routed[9], routed[11]) = (2, 4);
        assert_eq!(parse(&routed), Ok((EtherType::IPV4, &[0xab][..])));
        assert_eq!(parse(&routed[..19]), Err(ParseError::Truncated));
        assert_eq!(parse(&gre([0x00, 2], [0x08, 0x00], 0)), Err(ParseError::Unsupported));
    }
}
