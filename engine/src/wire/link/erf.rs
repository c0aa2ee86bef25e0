//! Endace's Extensible Record Format (LINKTYPE_ERF; ERF types reference guide, EDM11-01). Big-endian but for the time.
//!
//! ```text
//! 0      8      9       10              12     14            16
//! | time | type | flags | record length | lost | wire length | extension headers, 8 each, while bit 7 of the last type
//! ```

use super::hdlc;
use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// Says that an extension header follows.
const MORE: u8 = 0x80;

/// The type and the bytes after the record's headers.
///
/// # Errors
/// [`ParseError::Unsupported`] for records that are not Ethernet, HDLC, IPv4 or IPv6 (ATM, Infiniband, metadata);
/// [`ParseError::Malformed`] for a length below the 16 fixed bytes; [`ParseError::Truncated`] where the headers are cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let (header, mut rest) = bytes.split_first_chunk::<16>().ok_or(ParseError::Truncated)?;
    let record_bytes = usize::from(u16::from_be_bytes([header[10], header[11]]));
    rest = rest.get(..record_bytes.checked_sub(16).ok_or(ParseError::Malformed)?).unwrap_or(rest);
    let mut more = header[8] & MORE;
    while more != 0 {
        let (extension, behind) = rest.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
        (more, rest) = (extension[0] & MORE, behind);
    }
    let behind = |bytes: usize| rest.get(bytes..).ok_or(ParseError::Truncated);
    match header[8] & !MORE {
        // HDLC of packet over SONET, plain, coloured, or with a hash.
        1 | 10 | 15 | 19 => hdlc::guess(rest),
        // A multi-channel header of 4 bytes comes first.
        5 | 17 => hdlc::guess(behind(4)?),
        // Ethernet: an offset and a byte of padding come first.
        2 | 11 | 16 | 20 => Ok((EtherType::ETHERNET, behind(2)?)),
        22 => Ok((EtherType::IPV4, rest)),
        23 => Ok((EtherType::IPV6, rest)),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn record(kind: u8, behind: &[u8]) -> Vec<u8> {
        let mut bytes = alloc::vec![0; 16];
        (bytes[8], bytes[11]) = (kind, 16 + behind.len() as u8);
        bytes.extend(behind);
        bytes
    }

    #[test]
    fn every_kind() {
        let ethernet = Ok((EtherType::ETHERNET, &[0xab][..]));
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse(&record(2, &[0, 0, 0xab])), ethernet);
        assert_eq!(
            parse(&record(0x82, &[0x81, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab])),
            ethernet
        );
        assert_eq!(parse(&record(1, &[0x0f, 0, 8, 0, 0x45])), ipv4);
        assert_eq!(parse(&record(5, &[0, 0, 0, 0, 0xff, 3, 0, 0x21, 0x45])), ipv4);
        assert_eq!(parse(&record(22, &[0x45])), ipv4);
        assert_eq!(parse(&record(23, &[0x60])), Ok((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&record(3, &[0; 8])), Err(ParseError::Unsupported), "ATM");
        assert_eq!(parse(&record(2, &[0])), Err(ParseError::Truncated));
        assert_eq!(parse(&record(0x82, &[0; 7])), Err(ParseError::Truncated));
        assert_eq!(parse(&[0; 16]), Err(ParseError::Malformed));
        assert_eq!(parse(&[0; 15]), Err(ParseError::Truncated));
    }
}
