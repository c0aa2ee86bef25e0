//! Cisco HDLC (LINKTYPE_C_HDLC; RFC 1547, 4.3.1), and what a packet-over-SONET card writes without saying whether it is
//! that, PPP or Frame Relay.
//!
//! ```text
//! 0                 1         2           4
//! | 0f one, 8f many | 0       | EtherType | payload
//! ```

use super::frame_relay;
use crate::wire::{ParseError, Parsed, ethernet::EtherType, ppp};

/// The type and the bytes after the 4-byte header.
///
/// # Errors
/// [`ParseError::Truncated`] below 4 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let ([_, _, high, low], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([*high, *low])), rest))
}

/// The type and the bytes after a header that is told by its first bytes.
///
/// # Errors
/// Those of [`parse`], of [`ppp::parse`], or of [`frame_relay::parse`].
pub fn guess(bytes: &[u8]) -> Parsed<'_> {
    match bytes {
        [0x0f | 0x8f, 0, ..] => parse(bytes),
        [0xff, 0x03, ..] => ppp::parse(bytes),
        _ => frame_relay::parse(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_rest() {
        assert_eq!(parse(&[0x0f, 0, 8, 0, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0x0f, 0, 8]), Err(ParseError::Truncated));
    }

    #[test]
    fn told_by_the_first_bytes() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(guess(&[0x8f, 0, 8, 0, 0x45]), ipv4);
        assert_eq!(guess(&[0xff, 3, 0, 0x21, 0x45]), ipv4);
        assert_eq!(guess(&[0x18, 0x41, 3, 0xcc, 0x45]), ipv4);
    }
}
