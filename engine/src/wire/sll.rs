//! Linux "cooked" capture, version 1 (LINKTYPE_LINUX_SLL of the tcpdump group's list).
//!
//! ```text
//! 0             2        4                6         14         16
//! | packet type | ARPHRD | address length | address | protocol | payload
//! ```

use super::{ParseError, ethernet::EtherType};

/// The type and the bytes after the 16-byte header. Linux's own small numbers come out as lengths, thus as LLC.
///
/// # Errors
/// [`ParseError::Truncated`] below 16 bytes.
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<16>().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([header[14], header[15]])), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_rest() {
        let bytes = [0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x08, 0x00, 0x45];
        assert_eq!(parse(&bytes), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&bytes[..15]), Err(ParseError::Truncated));
    }
}
