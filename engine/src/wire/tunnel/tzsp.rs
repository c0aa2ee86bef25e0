//! TaZmen Sniffer Protocol, MikroTik's and others' remote captures, in datagrams to port 37008.
//!
//! ```text
//! 0         1      2          4
//! | version | type | protocol | tags: kind, length, value; padding 0, end 1 | frame
//! ```

use crate::wire::ethernet::EtherType;
use crate::wire::{ieee80211, ip, link::monitor};

/// The destination port.
pub const PORT: u16 = 37008;

/// The type and the bytes inside a received or sent frame.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let ([1, 0 | 1, high, low], mut rest) = payload.split_first_chunk()? else { return None };
    loop {
        let (kind, behind) = rest.split_first()?;
        rest = match kind {
            0 => behind,
            1 => {
                rest = behind;
                break;
            }
            _ => {
                let (length, value) = behind.split_first()?;
                value.get(usize::from(*length)..)?
            }
        };
    }
    match u16::from_be_bytes([*high, *low]) {
        0x01 => Some((EtherType::ETHERNET, rest)),
        0x12 => ieee80211::parse(rest, false).ok(),
        0x77 | 0x7f => ieee80211::parse(monitor::parse(rest).ok()?, false).ok(),
        0x00 => Some((ip::version(rest).ok()?, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_stepped_over() {
        let bytes = [1, 0, 0, 1, 10, 2, 9, 9, 0, 1, 0xab];
        assert_eq!(parse(&bytes), Some((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(parse(&bytes[..9]), None, "no end of tags");
        assert_eq!(parse(&[1, 4, 0, 1, 1]), None, "keep-alive");
        assert_eq!(parse(&[2, 0, 0, 1, 1]), None);
    }

    #[test]
    fn wireless() {
        let mut bytes = alloc::vec![1, 1, 0, 0x12, 1];
        bytes.extend([0; 24]);
        bytes[5] = 8;
        bytes.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]);
        assert_eq!(parse(&bytes), Some((EtherType::IPV4, &[0x45][..])));
    }
}
