//! VXLAN (RFC 7348, 5), its group policy (draft-smith-vxlan-group-policy) and its generic protocol extension
//! (draft-ietf-nvo3-vxlan-gpe): a frame, or another packet, in a UDP datagram.
//!
//! ```text
//! 0       1              2        3               4                 7
//! | flags | policy flags | group, | next protocol | network, 3 byte | reserved | payload
//! ```

use crate::wire::{ethernet::EtherType, tag::nsh};

/// The destination port.
pub const PORT: u16 = 4789;
/// The destination port that Linux had before, and still has where none is asked for; also Cisco's OTV.
pub const LINUX_PORT: u16 = 8472;
/// The destination port of the generic protocol extension.
pub const GPE_PORT: u16 = 4790;

/// The network field is valid.
const NETWORK: u8 = 0x08;
const NEXT_PROTOCOL: u8 = 0x04;
const GROUP_POLICY: u8 = 0x80;

/// The type and the bytes inside, where the datagram is VXLAN; `None` means an ordinary datagram that happens to use the
/// port. Reserved fields must be 0, as a sender must set them: that is what tells VXLAN apart.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    match payload.split_first_chunk()? {
        ([NETWORK, 0, 0, 0, _, _, _, 0], rest) => Some((EtherType::ETHERNET, rest)),
        ([flags, policy, _, _, _, _, _, 0], rest)
            if *flags == NETWORK | GROUP_POLICY && policy & !0x48 == 0 =>
        {
            Some((EtherType::ETHERNET, rest))
        }
        ([flags, 0, 0, next, _, _, _, 0], rest) if *flags == NETWORK | NEXT_PROTOCOL => {
            Some((nsh::ether_type(*next).ok()?, rest))
        }
        _ => None,
    }
}

/// The network's number, of a datagram in which [`parse`] has found one; Geneve has it in the same place.
pub fn network(payload: &[u8]) -> Option<u32> {
    payload.get(4..)?.first_chunk().map(|field| u32::from_be_bytes(*field) >> 8)
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
    fn group_policy_and_other_protocols() {
        let bytes = [0x88, 0x08, 0, 9, 0, 0x12, 0x34, 0, 0xab];
        assert_eq!(parse(&bytes), Some((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(network(&bytes), Some(0x1234));
        assert_eq!(parse(&[0x0c, 0, 0, 1, 0, 0, 1, 0, 0x45]), Some((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0x0c, 0, 0, 9, 0, 0, 1, 0, 0x45]), None);
    }

    #[test]
    fn ordinary_datagrams_are_left_alone() {
        assert_eq!(parse(&[8, 0, 0, 0, 0, 0x12, 0x34]), None);
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0x12, 0x34, 0]), None);
        assert_eq!(parse(&[8, 0, 0, 0, 0, 0x12, 0x34, 1]), None);
    }
}
