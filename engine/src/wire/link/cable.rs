//! Links that are Ethernet with something before it or within: DOCSIS (LINKTYPE_DOCSIS; DOCSIS 3.1 MAC, 6.2), netANALYZER,
//! 802.3br mPackets, and the tags of switch chips (DSA).
//!
//! ```text
//! DOCSIS: 0         1                    2        4
//!         | control | extension's length | length | extension | check, 2 | Ethernet
//! DSA:    | to, 6 | from, 6 | tag: 4; EDSA 8 | EtherType
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// [`EtherType::ETHERNET`] and the frame behind a DOCSIS header.
///
/// # Errors
/// [`ParseError::Unsupported`] for what is not a packet (management, requests); [`ParseError::Truncated`] where the header
/// is cut.
pub fn parse_docsis(bytes: &[u8]) -> Parsed<'_> {
    let ([control, parameter], _) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    if control >> 6 != 0 {
        return Err(ParseError::Unsupported);
    }
    let extension_bytes = if control & 1 == 1 { usize::from(*parameter) } else { 0 };
    behind(bytes, 6 + extension_bytes)
}

/// [`EtherType::ETHERNET`] and the frame behind so many bytes: 4 for netANALYZER, 12 for its transparent mode, 8 (a
/// preamble) for mPackets, 4 for Broadcom's tag put before the frame.
///
/// # Errors
/// [`ParseError::Truncated`] where there are fewer.
pub fn behind(bytes: &[u8], header_bytes: usize) -> Parsed<'_> {
    Ok((EtherType::ETHERNET, bytes.get(header_bytes..).ok_or(ParseError::Truncated)?))
}

/// [`EtherType::ETHERNET`] and the frame of an mPacket: whole frames only.
///
/// # Errors
/// [`ParseError::Unsupported`] for pieces of frames (preemption); [`ParseError::Truncated`] below 8 bytes.
pub fn parse_mpacket(bytes: &[u8]) -> Parsed<'_> {
    match bytes.get(7).ok_or(ParseError::Truncated)? {
        0xd5 => behind(bytes, 8),
        _ => Err(ParseError::Unsupported),
    }
}

/// The type and the bytes after the addresses, so many bytes of a switch chip's tag, and an EtherType.
///
/// # Errors
/// [`ParseError::Truncated`] where they are cut.
pub fn parse_switch_tag(bytes: &[u8], tag_bytes: usize) -> Parsed<'_> {
    let rest = bytes.get(12 + tag_bytes..).ok_or(ParseError::Truncated)?;
    let (ether_type, rest) = rest.split_first_chunk().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes(*ether_type)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docsis() {
        let ethernet = Ok((EtherType::ETHERNET, &[0xab][..]));
        assert_eq!(parse_docsis(&[0, 0, 0, 1, 9, 9, 0xab]), ethernet);
        assert_eq!(parse_docsis(&[1, 2, 0, 3, 7, 7, 9, 9, 0xab]), ethernet);
        assert_eq!(parse_docsis(&[0xc2, 0, 0, 1, 9, 9, 0xab]), Err(ParseError::Unsupported));
        assert_eq!(parse_docsis(&[1, 9, 0, 1, 9, 9, 0xab]), Err(ParseError::Truncated));
    }

    #[test]
    fn tags_and_preambles() {
        let frame = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0x40, 0, 0, 0, 8, 0, 0x45];
        assert_eq!(parse_switch_tag(&frame, 4), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse_switch_tag(&frame[..17], 4), Err(ParseError::Truncated));
        let mut packet = [0x55; 9];
        packet[7] = 0xd5;
        assert_eq!(parse_mpacket(&packet), Ok((EtherType::ETHERNET, &[0x55][..])));
        packet[7] = 0xe6;
        assert_eq!(parse_mpacket(&packet), Err(ParseError::Unsupported));
    }
}
