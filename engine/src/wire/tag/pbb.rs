//! Provider backbone bridges, "MAC in MAC" (IEEE 802.1ah, 9.7; EtherType 0x88e7).
//!
//! ```text
//! 0                              4
//! | priority, flags, service, 24 | Ethernet
//! ```

use super::frame_behind;
use crate::wire::Parsed;

/// [`EtherType::ETHERNET`](crate::wire::ethernet::EtherType::ETHERNET) and the customer's frame.
///
/// # Errors
/// [`ParseError::Truncated`](crate::wire::ParseError::Truncated) below 4 bytes.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    frame_behind(bytes, 4)
}

/// The service instance (I-SID), which tells customers apart.
pub fn service(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|tag| u32::from_be_bytes(*tag) & 0x00ff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ParseError, ethernet::EtherType};

    #[test]
    fn frame_and_service() {
        let bytes = [0x40, 0, 1, 2, 0xab];
        assert_eq!(parse(&bytes), Ok((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(service(&bytes), Some(0x102));
        assert_eq!(parse(&bytes[..3]), Err(ParseError::Truncated));
    }
}
