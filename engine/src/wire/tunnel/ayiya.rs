//! AYIYA, "Anything In Anything" (draft-massar-v6ops-ayiya, 3.1): IPv6 in a datagram to or from port 5072.
//!
//! ```text
//! 0                             1                             2                       3    4       8
//! | id length 4, id type 4 bits | signature 4, hash type 4    | authentication 4, op 4| next | epoch | id, signature
//! ```

use crate::wire::ethernet::EtherType;

/// Both ends' port.
pub const PORT: u16 = 5072;

/// The type and the bytes of a forwarded packet.
pub fn parse(payload: &[u8]) -> Option<(EtherType, &[u8])> {
    let [id, signature, operation, next, ..] = *payload.first_chunk::<8>()?;
    // 1 is "forward".
    if operation & 0x0f != 1 {
        return None;
    }
    let ether_type = match next {
        4 => EtherType::IPV4,
        41 => EtherType::IPV6,
        _ => return None,
    };
    let rest = payload.get(8 + (1 << usize::from(id >> 4)) + usize::from(signature >> 4) * 4..)?;
    Some((ether_type, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_packet() {
        let mut bytes = [0; 45];
        // An identity of 16 bytes, a signature of 20, forwarded IPv6.
        bytes[..4].copy_from_slice(&[0x41, 0x52, 0x11, 41]);
        bytes[44] = 0x60;
        assert_eq!(parse(&bytes), Some((EtherType::IPV6, &[0x60][..])));
        assert_eq!(parse(&bytes[..43]), None);
        bytes[2] = 0x10;
        assert_eq!(parse(&bytes), None);
    }
}
