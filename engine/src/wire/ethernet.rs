//! Ethernet II (RFC 894; IEEE 802.3, 3.2).
//!
//! ```text
//! 0        6        12          14
//! | to     | from   | EtherType | payload
//! ```

pub use super::ether_type::EtherType;
use super::{ParseError, ip};

/// The type and the bytes after the 14-byte header.
///
/// # Errors
/// [`ParseError::Truncated`] below 14 bytes.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<14>().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([header[12], header[13]])), rest))
}

/// Whether a frame may begin here, as far as its type and what follows it tell: for what carries frames without saying so.
pub(crate) fn is_likely(bytes: &[u8]) -> bool {
    let Ok((ether_type, rest)) = parse(bytes) else { return false };
    match ether_type {
        EtherType::IPV4 | EtherType::IPV6 => ip::version(rest) == Ok(ether_type),
        EtherType::ARP => rest.starts_with(&[0, 1, 8, 0]),
        EtherType::VLAN
        | EtherType::SERVICE_VLAN
        | EtherType::MPLS
        | EtherType::PPPOE
        | EtherType::MACSEC
        | EtherType::PBB => rest.len() > 4,
        length if length.is_length() => rest.starts_with(&[0xaa, 0xaa, 0x03]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 16] = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x86, 0xdd, 0x60, 0];

    #[test]
    fn type_and_rest() {
        assert_eq!(parse(&FRAME), Ok((EtherType::IPV6, &FRAME[14..])));
        assert_eq!(parse(&FRAME[..14]), Ok((EtherType::IPV6, &[][..])));
    }

    #[test]
    fn too_short() {
        assert_eq!(parse(&FRAME[..13]), Err(ParseError::Truncated));
    }

    #[test]
    fn likely_frames() {
        assert!(is_likely(&FRAME));
        let mut bytes = FRAME;
        bytes[14] = 0x45;
        assert!(!is_likely(&bytes), "the type says IPv6, the version 4");
        assert!(!is_likely(&[0; 16]));
    }

    #[test]
    fn lengths_end_where_types_begin() {
        assert!(EtherType(1500).is_length());
        assert!(!EtherType(0x0600).is_length());
    }
}
