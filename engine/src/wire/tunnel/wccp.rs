//! WCCP's redirected packets (draft-mclaggan-wccp-v2rev1, 4.12) in GRE with type 0x883e: version 2 puts 4 bytes before the
//! packet.

use crate::wire::{ParseError, Parsed, ip};

/// The type and the bytes of the packet.
///
/// # Errors
/// [`ParseError::Unsupported`] where no IP header follows; [`ParseError::Truncated`] where the bytes end before.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    if let Ok(ether_type) = ip::version(bytes) {
        return Ok((ether_type, bytes));
    }
    let rest = bytes.get(4..).ok_or(ParseError::Truncated)?;
    Ok((ip::version(rest)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::EtherType;

    #[test]
    fn with_and_without_redirect_header() {
        assert_eq!(parse(&[0x45]), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0, 0, 0, 1, 0x60]), Ok((EtherType::IPV6, &[0x60][..])));
        assert_eq!(parse(&[0, 0, 0]), Err(ParseError::Truncated));
    }
}
