//! ARCNET (LINKTYPE_ARCNET_BSD, LINKTYPE_ARCNET_LINUX; RFC 1201, RFC 1051).
//!
//! ```text
//! 0        1    2             2 or 4     3 or 5
//! | source | to | offset, 2, on Linux | protocol | split flag, sequence 2, by RFC 1201 | IP
//! ```

use crate::wire::{ParseError, Parsed, ethernet::EtherType};

/// The type and the bytes after the header. `has_offset` is true for Linux's.
///
/// # Errors
/// [`ParseError::Unsupported`] for other protocols than IP's and for packets in more than one frame;
/// [`ParseError::Truncated`] where the header is cut.
pub fn parse(bytes: &[u8], has_offset: bool) -> Parsed<'_> {
    let (protocol, rest) = bytes
        .get(if has_offset { 4 } else { 2 }..)
        .and_then(<[u8]>::split_first)
        .ok_or(ParseError::Truncated)?;
    let ether_type = match protocol {
        212 => EtherType::IPV4,
        196 => EtherType::IPV6,
        // RFC 1051 has no more header.
        240 => return Ok((EtherType::IPV4, rest)),
        _ => return Err(ParseError::Unsupported),
    };
    match rest {
        // An exception packet: padding up to a length that can be sent, and the header once more.
        [0xff, _, _, _, 0, _, _, rest @ ..] | [0, _, _, rest @ ..] => Ok((ether_type, rest)),
        [_, _, _, ..] => Err(ParseError::Unsupported),
        _ => Err(ParseError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let ipv4 = Ok((EtherType::IPV4, &[0x45][..]));
        assert_eq!(parse(&[1, 2, 212, 0, 0, 7, 0x45], false), ipv4);
        assert_eq!(parse(&[1, 2, 9, 9, 212, 0, 0, 7, 0x45], true), ipv4);
        assert_eq!(parse(&[1, 2, 212, 0xff, 0xff, 0xff, 212, 0, 0, 7, 0x45], false), ipv4);
        assert_eq!(parse(&[1, 2, 240, 0x45], false), ipv4);
        assert_eq!(parse(&[1, 2, 196, 0, 0, 7, 0x60], false), Ok((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[1, 2, 213, 0, 0, 7], false), Err(ParseError::Unsupported), "ARP");
        assert_eq!(parse(&[1, 2, 212, 3, 0, 7, 0x45], false), Err(ParseError::Unsupported), "in pieces");
        assert_eq!(parse(&[1, 2], false), Err(ParseError::Truncated));
        assert_eq!(parse(&[1, 2, 212, 0, 0], false), Err(ParseError::Truncated));
    }
}
