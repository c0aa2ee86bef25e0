//! BSD loopback: an address family in 4 bytes, then the packet (LINKTYPE_NULL and LINKTYPE_LOOP).

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the family, which is in either byte order: LINKTYPE_NULL has that of the machine
/// that wrote the capture, LINKTYPE_LOOP the network's.
///
/// # Errors
/// [`ParseError::Unsupported`] for a family other than IPv4's (2) and IPv6's (24 NetBSD and OpenBSD, 28 FreeBSD,
/// 30 Darwin, 10 Linux, 23 Windows); [`ParseError::Truncated`] below 4 bytes.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (family, rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    match family {
        [0, 0, 0, family] | [family, 0, 0, 0] => match family {
            2 => Ok((EtherType::IPV4, rest)),
            10 | 23 | 24 | 28 | 30 => Ok((EtherType::IPV6, rest)),
            _ => Err(ParseError::Unsupported),
        },
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_byte_order() {
        assert_eq!(parse(&[2, 0, 0, 0, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0, 0, 0, 2, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[30, 0, 0, 0, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
        assert_eq!(parse(&[0, 0, 0, 24, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn other_families_and_short_bytes() {
        assert_eq!(parse(&[7, 0, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0, 2, 0, 0]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[2, 0, 0]), Err(ParseError::Truncated));
    }
}
