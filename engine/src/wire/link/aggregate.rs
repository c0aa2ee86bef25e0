//! Frames of 802.11 that hold several packets (A-MSDU), whatever header stands before them. A frame is entered for its first;
//! these are the others.

use super::types::LinkType;
use super::{monitor, ppi};
use crate::wire::ieee80211::{self, Aggregate};
use crate::wire::radiotap;

/// Whether frames of this kind can hold several packets.
#[inline]
pub fn may_be(link_type: LinkType) -> bool {
    use LinkType::{Avs, Ieee80211, Ppi, Prism, Radiotap};
    matches!(link_type, Avs | Ieee80211 | Ppi | Prism | Radiotap)
}

/// The packets behind the first, each as a frame of [`LinkType::Ethernet`]; none where there is no aggregate.
pub fn behind_first(link_type: LinkType, frame: &[u8]) -> Aggregate<'_> {
    let (frame, is_padded) = wireless(link_type, frame).unwrap_or_default();
    ieee80211::behind_first(frame, is_padded)
}

/// The 802.11 frame, and whether its header is filled up to a multiple of 4 bytes.
fn wireless(link_type: LinkType, frame: &[u8]) -> Option<(&[u8], bool)> {
    match link_type {
        LinkType::Ieee80211 => Some((frame, false)),
        LinkType::Radiotap => {
            let (is_padded, frame) = radiotap::parse(frame).ok()?;
            Some((frame, is_padded))
        }
        LinkType::Prism | LinkType::Avs => Some((monitor::parse(frame).ok()?, false)),
        LinkType::Ppi => {
            let (number, frame) = ppi::parse(frame).ok()?;
            match LinkType::from_number(number)? {
                LinkType::Ppi => None,
                inside => wireless(inside, frame),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_every_header() {
        let mut frame = [0; 26 + 2 * 24];
        (frame[0], frame[1], frame[24]) = (0x88, 1, 0x80);
        (frame[26 + 13], frame[50 + 13]) = (10, 10);
        let radiotap = [&[0, 0, 8, 0, 0, 0, 0, 0][..], &frame].concat();
        let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8][..], &frame].concat();
        let ppi = [&[0, 0, 8, 0, 127, 0, 0, 0][..], &radiotap].concat();
        for (link_type, bytes) in [
            (LinkType::Ieee80211, &frame[..]),
            (LinkType::Radiotap, &radiotap),
            (LinkType::Avs, &avs),
            (LinkType::Ppi, &ppi),
        ] {
            let mut packets = behind_first(link_type, bytes);
            assert_eq!(packets.next(), Some(&frame[50..]), "{link_type:?}");
            assert_eq!(packets.next(), None);
        }
        assert_eq!(behind_first(LinkType::Ethernet, &frame).next(), None);
    }
}
