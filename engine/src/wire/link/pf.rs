//! BSD's packet filter log and IPsec interfaces: pflog (LINKTYPE_PFLOG; OpenBSD net/if_pflog.h) and enc (LINKTYPE_ENC;
//! OpenBSD net/if_enc.h).
//!
//! ```text
//! pflog: 0        1        2                       enc: 0        4     8       12
//!        | length | family | ..., length to 4 | IP      | family | SPI | flags | IP
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType, ip, null};

/// The type and the bytes after pflog's header, whose length leaves out its own padding (to 4 bytes; to 8 on some).
///
/// # Errors
/// [`ParseError::Unsupported`] where no IP header follows; [`ParseError::Truncated`] where the header is cut.
pub fn parse_log(bytes: &[u8]) -> Parsed<'_> {
    let length = usize::from(*bytes.first().ok_or(ParseError::Truncated)?);
    if length < 8 {
        return Err(ParseError::Malformed);
    }
    let behind = |padded: usize| {
        let rest = bytes.get(padded..).ok_or(ParseError::Truncated)?;
        Ok((ip::version(rest)?, rest))
    };
    behind(length.next_multiple_of(4)).or_else(|error| behind(length.next_multiple_of(8)).map_err(|_| error))
}

/// The type and the bytes after the 28-byte header of OpenBSD before 3.4 (LINKTYPE 17): family, interface (16), rule,
/// reason, action, direction.
///
/// # Errors
/// As [`null::parse`]; [`ParseError::Truncated`] below 28 bytes.
pub fn parse_old_log(bytes: &[u8]) -> Parsed<'_> {
    let (ether_type, _) = null::parse(bytes)?;
    Ok((ether_type, bytes.get(28..).ok_or(ParseError::Truncated)?))
}

/// The type and the bytes after enc's 12-byte header. What the kernel shows there is decrypted.
///
/// # Errors
/// As [`null::parse`]; [`ParseError::Truncated`] below 12 bytes.
pub fn parse_enc(bytes: &[u8]) -> Parsed<'_> {
    let (ether_type, rest) = null::parse(bytes)?;
    let rest = rest.get(8..).ok_or(ParseError::Truncated)?;
    Ok((if ether_type == EtherType::IPV4 { ip::version(rest)? } else { ether_type }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log() {
        let mut bytes = [0; 69];
        (bytes[0], bytes[1], bytes[64]) = (61, 2, 0x45);
        assert_eq!(parse_log(&bytes), Ok((EtherType::IPV4, &bytes[64..])));
        (bytes[0], bytes[64], bytes[52], bytes[48]) = (45, 0, 0, 0x60);
        assert_eq!(parse_log(&bytes), Ok((EtherType::IPV6, &bytes[48..])));
        (bytes[0], bytes[48], bytes[56]) = (50, 0, 0x45);
        assert_eq!(parse_log(&bytes), Ok((EtherType::IPV4, &bytes[56..])), "padded to 8");
        bytes[56] = 0;
        assert_eq!(parse_log(&bytes), Err(ParseError::Unsupported));
        assert_eq!(parse_log(&bytes[..40]), Err(ParseError::Truncated));
        assert_eq!(parse_log(&[7, 2]), Err(ParseError::Malformed));
    }

    #[test]
    fn old_log_and_enc() {
        let mut bytes = [0; 29];
        (bytes[3], bytes[12], bytes[28]) = (2, 0x45, 0x45);
        assert_eq!(parse_old_log(&bytes), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse_old_log(&bytes[..27]), Err(ParseError::Truncated));
        assert_eq!(parse_enc(&bytes), Ok((EtherType::IPV4, &bytes[12..])));
        bytes[3] = 24;
        assert_eq!(parse_enc(&bytes), Ok((EtherType::IPV6, &bytes[12..])));
        assert_eq!(parse_enc(&bytes[..11]), Err(ParseError::Truncated));
        assert_eq!(parse_enc(&[7, 0, 0, 0]), Err(ParseError::Unsupported));
    }
}
