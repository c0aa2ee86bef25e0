//! LISP data (RFC 9300, 5): an IP packet in a datagram to port 4341.
//!
//! ```text
//! 0       1             4                   8
//! | flags | nonce, maps | instance, locator | IP
//! ```

use crate::wire::{ethernet::EtherType, ip};

/// The destination port.
pub const PORT: u16 = 4341;

/// The type and the bytes of the packet inside; with the P flag (RFC 9305) the fourth byte says what it is.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let ([flags, _, _, next, ..], rest) = payload.split_first_chunk::<8>()?;
    match (flags & 0x04, next) {
        (0, _) => Some((ip::version(rest).ok()?, rest)),
        (_, next) => Some((crate::wire::tag::nsh::ether_type(*next).ok()?, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_inside() {
        assert_eq!(parse(&[0xc0, 1, 2, 3, 0, 0, 0, 1, 0x45]), Some((EtherType::IPV4, &[0x45][..])));
        assert_eq!(parse(&[0x0c, 0, 0, 3, 0, 0, 0, 1, 0xab]), Some((EtherType::ETHERNET, &[0xab][..])));
        assert_eq!(parse(&[0xc0, 1, 2, 3, 0, 0, 0, 1, 0x10]), None);
        assert_eq!(parse(&[0xc0, 1, 2, 3, 0, 0, 0]), None);
    }
}
