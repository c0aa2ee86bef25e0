//! IPNET, Solaris' IP observability (LINKTYPE_IPNET; Solaris net/ipnet.h), and SLIP (LINKTYPE_SLIP).
//!
//! ```text
//! IPNET: 0         1        2                               24     SLIP: 0           1      2                  16
//!        | version | family | hook, length, interfaces, zones | IP       | direction | type | compressed header | IP
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType, ip};

/// The type and the bytes after IPNET's 24-byte header.
///
/// # Errors
/// [`ParseError::Unsupported`] for a family other than IPv4's (2) and IPv6's (26); [`ParseError::Truncated`] where the
/// header is cut.
pub fn parse_ipnet(bytes: &[u8]) -> Parsed<'_> {
    let (header, rest) = bytes.split_first_chunk::<24>().ok_or(ParseError::Truncated)?;
    match header[1] {
        2 => Ok((EtherType::IPV4, rest)),
        26 => Ok((EtherType::IPV6, rest)),
        _ => Err(ParseError::Unsupported),
    }
}

/// The type and the bytes after SLIP's 16-byte header.
///
/// # Errors
/// [`ParseError::Unsupported`] for headers compressed by Van Jacobson's way (RFC 1144); [`ParseError::Truncated`]
/// where the header is cut.
pub fn parse_slip(bytes: &[u8]) -> Parsed<'_> {
    let (header, rest) = bytes.split_first_chunk::<16>().ok_or(ParseError::Truncated)?;
    // 0x70 and up: the protocol is replaced by a connection's number, or the header is compressed.
    match header[1] >> 4 {
        7.. => Err(ParseError::Unsupported),
        _ => Ok((ip::version(rest)?, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipnet() {
        let mut bytes = [0; 25];
        (bytes[1], bytes[24]) = (26, 0x60);
        assert_eq!(parse_ipnet(&bytes), Ok((EtherType::IPV6, &[0x60][..])));
        bytes[1] = 2;
        assert_eq!(parse_ipnet(&bytes), Ok((EtherType::IPV4, &[0x60][..])));
        bytes[1] = 3;
        assert_eq!(parse_ipnet(&bytes), Err(ParseError::Unsupported));
        assert_eq!(parse_ipnet(&bytes[..23]), Err(ParseError::Truncated));
    }

    #[test]
    fn slip() {
        let mut bytes = [0; 17];
        (bytes[1], bytes[16]) = (0x40, 0x45);
        assert_eq!(parse_slip(&bytes), Ok((EtherType::IPV4, &[0x45][..])));
        bytes[1] = 0x80;
        assert_eq!(parse_slip(&bytes), Err(ParseError::Unsupported));
        assert_eq!(parse_slip(&bytes[..15]), Err(ParseError::Truncated));
    }
}
