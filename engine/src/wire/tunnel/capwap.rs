//! CAPWAP data (RFC 5415, 4.3): frames between access point and controller in datagrams to or from port 5247.
//!
//! ```text
//! 0                            1                                         3                      8
//! | version 4, type 4 bits     | words 5, radio 5, binding 5, T 1 bit    | flags, fragment ids  | options | frame
//! ```

use crate::wire::ethernet::EtherType;
use crate::wire::ieee80211;

/// The controller's port.
pub const PORT: u16 = 5247;

/// The type and the bytes of what is inside the frame: Ethernet, or what an 802.11 data frame carries. Encrypted (DTLS)
/// messages, fragments and keep-alives are `None`.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let (&[preamble, first, second, flags, ..], _) = payload.split_first_chunk::<8>()?;
    // A fragment (0x80), a keep-alive (0x08).
    if preamble != 0 || flags & 0x88 != 0 {
        return None;
    }
    let header_bytes = usize::from(first >> 3) * 4;
    if header_bytes < 8 {
        return None;
    }
    let frame = payload.get(header_bytes..)?;
    if second & 1 == 0 {
        return Some((EtherType::ETHERNET, frame));
    }
    // Many access points write the frame control's two bytes the other way round.
    match frame {
        [first, ..] if first & 0x0f == 0x08 => ieee80211::parse(frame, false).ok(),
        [flags, control, ..] if control & 0x0f == 0x08 => {
            ieee80211::parse_swapped(*control, *flags, frame).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn frame(control: [u8; 2]) -> Vec<u8> {
        let mut bytes = alloc::vec![0; 24];
        bytes[..2].copy_from_slice(&control);
        bytes.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]);
        bytes
    }

    #[test]
    fn every_binding() {
        assert_eq!(parse(&[0, 0x10, 2, 0, 0, 0, 0, 0, 0xab]), Some((EtherType::ETHERNET, &[0xab][..])));
        for control in [[0x08, 0x01], [0x01, 0x08]] {
            let bytes = [&[0, 0x10, 3, 0, 0, 0, 0, 0][..], &frame(control)].concat();
            assert_eq!(parse(&bytes), Some((EtherType::IPV4, &[0x45][..])));
        }
        let with_options = [0, 0x18, 2, 0, 0, 0, 0, 0, 9, 9, 9, 9, 0xab];
        assert_eq!(parse(&with_options), Some((EtherType::ETHERNET, &[0xab][..])));
    }

    #[test]
    fn no_frame_inside() {
        for bytes in [
            [1, 0x10, 2, 0, 0, 0, 0, 0, 0xab],
            [0, 0x10, 2, 0x80, 0, 0, 0, 0, 0xab],
            [0, 0x10, 2, 0x08, 0, 0, 0, 0, 0xab],
            [0, 0x08, 2, 0, 0, 0, 0, 0, 0xab],
        ] {
            assert_eq!(parse(&bytes), None, "{bytes:02x?}");
        }
    }
}
