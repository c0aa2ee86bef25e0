//! Linux "cooked" capture, version 2 (LINKTYPE_LINUX_SLL2 of the tcpdump group's list).
//!
//! ```text
//! 0          2          4           8        10            11               12        20
//! | protocol | reserved | interface | ARPHRD | packet type | address length | address | payload
//! ```

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the 20-byte header.
///
/// # Errors
/// [`ParseError::Truncated`] below 20 bytes.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<20>().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([header[0], header[1]])), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_rest() {
        let bytes = [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x60];
        assert_eq!(parse(&bytes), Ok((EtherType::IPV6, &[0x60][..])));
        assert_eq!(parse(&bytes[..19]), Err(ParseError::Truncated));
    }
}
