//! MPLS label stack (RFC 3032). A label does not say what it carries; the first nibble behind the stack does
//! (RFC 4928): 4 and 6 are IP's versions, 0 is a pseudowire's control word (RFC 4385), taken to carry Ethernet (RFC 4448).
//!
//! ```text
//! 0                                               4
//! | label, 20 bits | class, 3 | last, 1 | TTL, 8 | ...
//! ```

use super::{ParseError, ethernet::EtherType, ip};

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
    match bytes {
        [first, ..] if first >> 4 == 0 => {
            Ok((EtherType::ETHERNET, bytes.get(4..).ok_or(ParseError::Truncated)?))
        }
        _ => Ok((ip::version(bytes)?, bytes)),
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
    fn errors() {
        assert_eq!(parse(&[0, 1, 0, 64, 0, 2, 1]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 2, 1, 64]), Err(ParseError::Truncated));
        assert_eq!(parse(&[0, 2, 1, 64, 0x70]), Err(ParseError::Unsupported));
    }
}
