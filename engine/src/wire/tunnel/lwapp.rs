//! LWAPP data (RFC 5412, 3.2): 802.11 frames between access point and controller in datagrams to or from port 12222.
//!
//! ```text
//! 0                              1          2        4                6
//! | version 2, radio 3, C, F, L  | fragment | length | RSSI, SNR     | 802.11
//! ```

use crate::wire::{ethernet::EtherType, ieee80211};

/// The controller's port.
pub const PORT: u16 = 12222;

/// The type and the bytes of what an 802.11 data frame carries; control messages and fragments are `None`.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let (&[flags, _, _, _, _, _], frame) = payload.split_first_chunk()?;
    if flags & 0xc6 != 0 {
        return None;
    }
    match frame {
        [control, ..] if control & 0x0f == 0x08 => ieee80211::parse(frame, false).ok(),
        [flags, control, ..] if control & 0x0f == 0x08 => {
            ieee80211::parse_swapped(*control, *flags, frame).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_in_either_byte_order() {
        for control in [[0x08, 0x01], [0x01, 0x08]] {
            let mut bytes = alloc::vec![0; 6 + 24];
            bytes[6..8].copy_from_slice(&control);
            bytes.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]);
            assert_eq!(parse(&bytes), Some((EtherType::IPV4, &[0x45][..])));
            bytes[0] = 4;
            assert_eq!(parse(&bytes), None, "control message");
        }
    }
}
