//! PPP (RFC 1661), with or without HDLC-like address and control bytes (RFC 1662) and protocol field compression.
//!
//! ```text
//! | ff 03, may be left out | protocol, 1 byte if odd, else 2 | payload
//! ```

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the header.
///
/// # Errors
/// [`ParseError::Unsupported`] for any protocol but IPv4 (0x0021), IPv6 (0x0057) and MPLS (0x0281, 0x0283): control
/// protocols, compressed headers, encryption. [`ParseError::Truncated`] where the protocol field is cut.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    // RFC 1661, 2: the low bit ends the protocol field, so a compressed one is its odd low byte.
    let (protocol, rest) = match bytes {
        [0xff] => return Err(ParseError::Truncated),
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(ParseError::Truncated),
    };
    match protocol {
        0x0021 => Ok((EtherType::IPV4, rest)),
        0x0057 => Ok((EtherType::IPV6, rest)),
        0x0281 => Ok((EtherType::MPLS, rest)),
        0x0283 => Ok((EtherType::MPLS_UPSTREAM, rest)),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_header() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse(&[0xff, 0x03, 0x00, 0x21, 0x45]), ipv4);
        assert_eq!(parse(&[0xff, 0x03, 0x21, 0x45]), ipv4);
        assert_eq!(parse(&[0x00, 0x21, 0x45]), ipv4);
        assert_eq!(parse(&[0x21, 0x45]), ipv4);
        assert_eq!(parse(&[0x00, 0x57, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
        assert_eq!(parse(&[0x02, 0x81]), Ok((EtherType::MPLS, &[][..])));
    }

    #[test]
    fn link_control_is_not_traffic() {
        assert_eq!(parse(&[0xff, 0x03, 0xc0, 0x21, 1]), Err(ParseError::Unsupported));
    }

    #[test]
    fn too_short() {
        for cut in [&[][..], &[0x00], &[0xff], &[0xff, 0x03], &[0xff, 0x03, 0x00]] {
            assert_eq!(parse(cut), Err(ParseError::Truncated));
        }
    }
}
