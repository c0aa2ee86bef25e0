//! Geneve (RFC 8926, 3.4): anything with an EtherType in a datagram to port 6081.
//!
//! ```text
//! 0                       1               2           4                 7
//! | version 2, words 6    | O, C, 0 ...   | EtherType | network, 3 byte | reserved | options, 4 each | payload
//! ```

use crate::wire::ethernet::EtherType;

/// The destination port.
pub const PORT: u16 = 6081;

/// The type and the bytes inside. Reserved bits must be 0, as a sender must set them: that is what tells Geneve apart.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let ([first, flags, high, low, _, _, _, reserved], rest) = payload.split_first_chunk()?;
    if first >> 6 != 0 || flags & 0x3f != 0 || *reserved != 0 {
        return None;
    }
    Some((EtherType(u16::from_be_bytes([*high, *low])), rest.get(usize::from(first & 0x3f) * 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_options() {
        assert_eq!(parse(&[0, 0, 0x65, 0x58, 0, 0, 1, 0, 0xab]), Some((EtherType::ETHERNET, &[0xab][..])));
        let bytes = [1, 0x40, 8, 0, 0, 0, 1, 0, 9, 9, 9, 9, 0x45];
        assert_eq!(parse(&bytes), Some((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&bytes[..11]), None);
    }

    #[test]
    fn ordinary_datagrams_are_left_alone() {
        for bytes in [[0x40, 0, 8, 0, 0, 0, 1, 0], [0, 1, 8, 0, 0, 0, 1, 0], [0, 0, 8, 0, 0, 0, 1, 1]] {
            assert_eq!(parse(&bytes), None);
        }
    }
}
