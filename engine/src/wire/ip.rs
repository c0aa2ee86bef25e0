//! What both versions of IP share: protocol numbers, the version nibble, fragments.

use super::{ParseError, ether_type::EtherType};

/// IP protocol numbers (IANA "Assigned Internet Protocol Numbers"), also used as IPv6's next header.
pub mod protocol {
    /// IPv6 hop-by-hop options (RFC 8200, 4.3).
    pub const HOP_BY_HOP: u8 = 0;
    /// IPv4 in IP (RFC 2003, RFC 2473).
    pub const IPV4: u8 = 4;
    /// TCP (RFC 9293).
    pub const TCP: u8 = 6;
    /// UDP (RFC 768).
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 4213, RFC 2473).
    pub const IPV6: u8 = 41;
    /// IPv6 routing header (RFC 8200, 4.4).
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header (RFC 8200, 4.5).
    pub const FRAGMENT: u8 = 44;
    /// GRE (RFC 2784).
    pub const GRE: u8 = 47;
    /// Authentication header (RFC 4302).
    pub const AH: u8 = 51;
    /// IPv6 destination options (RFC 8200, 4.6).
    pub const DESTINATION: u8 = 60;
    /// Minimal encapsulation (RFC 2004).
    pub const MINIMAL: u8 = 55;
    /// IPv6: nothing follows (RFC 8200, 4.7).
    pub const NO_NEXT: u8 = 59;
    /// EtherIP (RFC 3378).
    pub const ETHERIP: u8 = 97;
    /// L2TP version 3 (RFC 3931).
    pub const L2TP: u8 = 115;
    /// IPv6 mobility header (RFC 6275).
    pub const MOBILITY: u8 = 135;
    /// MPLS in IP (RFC 4023).
    pub const MPLS: u8 = 137;
    /// Host identity protocol (RFC 7401).
    pub const HIP: u8 = 139;
    /// Shim6 (RFC 5533).
    pub const SHIM6: u8 = 140;
    /// Ethernet (RFC 8986, 4.9: behind segment routing).
    pub const ETHERNET: u8 = 143;
}

/// Where a packet stands among the fragments of one IP packet (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// Not fragmented.
    #[default]
    Whole,
    /// The first piece: holds the transport header. The number is IP's identification.
    First(u32),
    /// A later piece: has no transport header, so both ports are 0; counted to its flow, never classified.
    Later(u32),
}

impl Fragment {
    /// From the offset (in any unit), the more-fragments flag and the identification.
    #[inline]
    pub const fn new(offset: u16, more: bool, identification: u32) -> Self {
        match (offset, more) {
            (0, false) => Self::Whole,
            (0, true) => Self::First(identification),
            _ => Self::Later(identification),
        }
    }
}

/// Which IP the first nibble says, for links and tunnels that do not say it themselves.
///
/// # Errors
/// [`ParseError::Truncated`] for no bytes; [`ParseError::Unsupported`] for a nibble other than 4 and 6.
#[inline]
pub fn version(bytes: &[u8]) -> Result<EtherType, ParseError> {
    match bytes.first().ok_or(ParseError::Truncated)? >> 4 {
        4 => Ok(EtherType::IPV4),
        6 => Ok(EtherType::IPV6),
        _ => Err(ParseError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_by_nibble() {
        assert_eq!(version(&[0x4f]), Ok(EtherType::IPV4));
        assert_eq!(version(&[0x60]), Ok(EtherType::IPV6));
        assert_eq!(version(&[0x54]), Err(ParseError::Unsupported));
        assert_eq!(version(&[]), Err(ParseError::Truncated));
    }

    #[test]
    fn only_the_first_piece_has_offset_zero() {
        assert_eq!(Fragment::new(0, false, 7), Fragment::Whole);
        assert_eq!(Fragment::new(0, true, 7), Fragment::First(7));
        assert_eq!(Fragment::new(185, true, 7), Fragment::Later(7));
        assert_eq!(Fragment::new(185, false, 7), Fragment::Later(7));
    }
}
