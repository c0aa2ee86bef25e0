//! Frame Relay (LINKTYPE_FRELAY; Q.922 address, then RFC 2427, or Cisco's bare EtherType).
//!
//! ```text
//! 0                                                 2         3
//! | address, last byte odd, 2 to 4 | 03 | pad, may be | NLPID | payload
//! | address                        | EtherType                | payload
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType, llc, ppp};

/// The type and the bytes after the header.
///
/// # Errors
/// [`ParseError::Unsupported`] for other network protocols (NLPID) than IP, SNAP and PPP, and for addresses without
/// an end; [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let last = bytes.iter().take(4).position(|byte| byte & 1 == 1);
    let rest = match last {
        Some(0) => return Err(ParseError::Unsupported),
        Some(last) => bytes.get(last + 1..).unwrap_or_default(),
        None if bytes.len() >= 4 => return Err(ParseError::Unsupported),
        None => return Err(ParseError::Truncated),
    };
    match rest {
        [0x03, 0, rest @ ..] | [0x03, rest @ ..] => protocol(rest),
        [high, low, rest @ ..] => Ok((EtherType(u16::from_be_bytes([*high, *low])), rest)),
        _ => Err(ParseError::Truncated),
    }
}

/// The type and the bytes after an NLPID (ISO/IEC TR 9577; RFC 2427, 5 and 6).
///
/// # Errors
/// As [`parse`].
pub fn protocol(bytes: &[u8]) -> Parsed<'_> {
    let (protocol, rest) = bytes.split_first().ok_or(ParseError::Truncated)?;
    match protocol {
        0x80 => llc::snap(rest, 0),
        0x8e => Ok((EtherType::IPV6, rest)),
        0xcc => Ok((EtherType::IPV4, rest)),
        0xcf => ppp::parse(rest),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse(&[0x18, 0x41, 3, 0xcc, 0x45]), ipv4);
        assert_eq!(parse(&[0x18, 0x40, 0x01, 3, 0xcc, 0x45]), ipv4);
        assert_eq!(parse(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0, 0x45]), ipv4);
        assert_eq!(parse(&[0x18, 0x41, 3, 0xcf, 0, 0x21, 0x45]), ipv4);
        assert_eq!(parse(&[0x18, 0x41, 8, 0, 0x45]), ipv4);
        assert_eq!(parse(&[0x18, 0x41, 3, 0x8e, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
        let bridged = [0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7, 1, 2];
        assert_eq!(parse(&bridged), Ok((EtherType::ETHERNET, &[1, 2][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[0x18, 0x41, 3, 0x81, 0]), Err(ParseError::Unsupported), "IS-IS");
        assert_eq!(parse(&[0x18, 0x40, 0x40, 0x40]), Err(ParseError::Unsupported));
        assert_eq!(parse(&[0x19, 0x41, 3, 0xcc]), Err(ParseError::Unsupported));
        for cut in [&[][..], &[0x18], &[0x18, 0x41], &[0x18, 0x41, 3], &[0x18, 0x41, 8]] {
            assert_eq!(parse(cut), Err(ParseError::Truncated), "{cut:?}");
        }
    }
}
