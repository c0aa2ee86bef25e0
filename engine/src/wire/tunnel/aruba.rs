//! Aruba's tunnels between access point and controller: GRE with a type of 0x8200 and up, carrying 802.11 or Ethernet.

use crate::wire::{Parsed, ethernet::EtherType, ieee80211};

/// The GRE types: one for each radio, service set and kind.
pub const TYPES: core::ops::RangeInclusive<u16> = 0x8200..=0x82ff;

/// The type and the bytes after an 802.11 header where the bytes begin with one, else the Ethernet frame.
///
/// # Errors
/// Those of [`ieee80211::parse`] for what is not data.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match bytes.first() {
        // Version 0, a data frame.
        Some(control) if control & 0x0f == 0x08 => ieee80211::parse(bytes, false),
        _ => Ok((EtherType::ETHERNET, bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_link() {
        let mut frame = alloc::vec![0; 24];
        frame[0] = 0x08;
        frame.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]);
        assert_eq!(parse(&frame), Ok((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[2, 0, 0]), Ok((EtherType::ETHERNET, &[2, 0, 0][..])));
    }
}
