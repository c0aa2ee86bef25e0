//! Teredo (RFC 4380, 5.1.1): an IPv6 packet in a datagram to or from port 3544.
//!
//! ```text
//! | 00 01 | client id length | authentication length | ids | nonce, 8 | confirmation |  may be left out
//! | 00 00 | port, 2 | address, 4 |                                                       may be left out
//! | IPv6 |
//! ```

use super::ip_that_fills;
use crate::wire::ethernet::EtherType;

/// The servers' port.
pub const PORT: u16 = 3544;

/// [`EtherType::IPV6`] and the packet that fills the rest of the datagram. A bubble (an empty packet) is one too.
/// `payload_bytes` is the datagram's payload length on the wire.
pub fn parse(payload: &[u8], payload_bytes: usize) -> Option<(EtherType, &[u8])> {
    let mut rest = payload;
    if let [0, 1, id, authentication, behind @ ..] = rest {
        rest = behind.get(usize::from(*id) + usize::from(*authentication) + 9..)?;
    }
    if let [0, 0, behind @ ..] = rest {
        rest = behind.get(6..)?;
    }
    let cut_bytes = payload_bytes.saturating_sub(payload.len());
    (ip_that_fills(rest, cut_bytes)? == EtherType::IPV6).then_some((EtherType::IPV6, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let mut packet = [0; 44];
        (packet[0], packet[5], packet[6]) = (0x60, 4, 17);
        let authentication = [0, 1, 1, 2, 9, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        for before in [&[][..], &authentication, &origin, &[&authentication[..], &origin].concat()] {
            let bytes = [before, &packet].concat();
            let (length, cut) = (bytes.len(), bytes.len() - 1);
            assert_eq!(parse(&bytes, length), Some((EtherType::IPV6, &packet[..])));
            assert_eq!(parse(&bytes[..cut], cut), None);
            assert_eq!(
                parse(&bytes[..cut], length),
                Some((EtherType::IPV6, &packet[..43])),
                "cut by the capture"
            );
        }
    }
}
