//! MPLS label stack (RFC 3032). A label does not say what it carries; the first nibble behind the stack does
//! (RFC 4928): 4 and 6 are IP's versions, 0 is a pseudowire's control word (RFC 4385), taken to carry Ethernet (RFC 4448).
//! Without a control word the frame follows at once, and its own type has to tell.
//!
//! ```text
//! 0                                               4
//! | label, 20 bits | class, 3 | last, 1 | TTL, 8 | ...
//! ```

use crate::wire::{ParseError, ethernet, ethernet::EtherType, ip, ipv4::Ipv4, ipv6::Ipv6};

/// The type and the bytes behind the last label, and behind the control word where there is one.
///
/// # Errors
/// [`ParseError::Truncated`] where the stack is cut or nothing follows it; [`ParseError::Unsupported`] for another
/// first nibble.
pub fn parse(mut bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    loop {
        let ([_, _, low, _], rest) = bytes.split_first_chunk().ok_or(ParseError::Truncated)?;
        bytes = rest;
        if low & 1 == 1 {
            break;
        }
    }
    let control_word = bytes.get(4..).unwrap_or_default();
    match bytes.first().ok_or(ParseError::Truncated)? >> 4 {
        0 if ethernet::is_likely(bytes) && !ethernet::is_likely(control_word) => {
            Ok((EtherType::ETHERNET, bytes))
        }
        0 => Ok((EtherType::ETHERNET, bytes.get(4..).ok_or(ParseError::Truncated)?)),
        // An address may begin with any nibble; IP's own lengths tell.
        4 | 6 if ethernet::is_likely(bytes) && ip_that_fits(bytes).is_none() => {
            Ok((EtherType::ETHERNET, bytes))
        }
        4 | 6 => Ok((ip::version(bytes)?, bytes)),
        _ if ethernet::is_likely(bytes) => Ok((EtherType::ETHERNET, bytes)),
        _ => Err(ParseError::Unsupported),
    }
}

/// An IP packet whose length is within the bytes.
fn ip_that_fits(bytes: &[u8]) -> Option<()> {
    match ip::version(bytes).ok()? {
        EtherType::IPV4 => Ipv4::parse(bytes).ok().filter(|packet| packet.is_complete).map(|_| ()),
        _ => Ipv6::parse(bytes).ok().filter(|packet| packet.is_complete).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_of_labels_then_ip() {
        let bytes = [0, 0x01, 0x00, 64, 0, 0x02, 0x01, 64, 0x45, 0];
        assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &[0x45, 0][..])));
        assert_eq!(parse(&[0, 2, 1, 64, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn control_word_then_ethernet() {
        assert_eq!(parse(&[0, 2, 1, 64, 0, 0, 0, 1, 0xaa]), Ok((EtherType::ETHERNET, &[0xaa][..])));
        assert_eq!(parse(&[0, 2, 1, 64, 0, 0, 0]), Err(ParseError::Truncated));
    }

    #[test]
    fn ethernet_without_a_control_word() {
        for first in [0x00, 0x44, 0x68, 0xf4] {
            let mut bytes = [0; 4 + 34];
            (bytes[2], bytes[3], bytes[4], bytes[16], bytes[18]) = (1, 64, first, 8, 0x45);
            assert_eq!(parse(&bytes), Ok((EtherType::ETHERNET, &bytes[4..])), "{first:02x}");
        }
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[0, 1, 0, 64, 0, 2, 1]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 2, 1, 64]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 2, 1, 64, 0x70]), Err(ParseError::Unsupported));
    }
}
