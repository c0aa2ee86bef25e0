//! VXLAN (RFC 7348, 5): an Ethernet frame in a UDP datagram to port 4789.
//!
//! ```text
//! 0       1          4                 7          8
//! | flags | reserved | network, 3 byte | reserved | Ethernet
//! ```

use super::ethernet::EtherType;

/// The destination port.
pub const PORT: u16 = 4789;

/// [`EtherType::ETHERNET`] and the frame inside, where the datagram is VXLAN; `None` means an ordinary datagram that
/// happens to use the port. Reserved fields must be 0, as a sender must set them: that is what tells VXLAN apart.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    match payload.split_first_chunk()? {
        ([0x08, 0, 0, 0, _, _, _, 0], rest) => Some((EtherType::ETHERNET, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_inside() {
        let bytes = [8, 0, 0, 0, 0, 0x12, 0x34, 0, 0xab];
        assert_eq!(parse(&bytes), Some((EtherType::ETHERNET, &[0xab][..])));
    }

    #[test]
    fn ordinary_datagrams_are_left_alone() {
        assert_eq!(parse(&[8, 0, 0, 0, 0, 0x12, 0x34]), None);
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0x12, 0x34, 0]), None);
        assert_eq!(parse(&[8, 0, 0, 0, 0, 0x12, 0x34, 1]), None);
    }
}
