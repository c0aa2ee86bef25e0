//! Ethernet II (RFC 894; IEEE 802.3, 3.2) and the numbers that say what a header is followed by.
//!
//! ```text
//! 0        6        12          14
//! | to     | from   | EtherType | payload
//! ```

use super::ParseError;

/// What follows a header, as IANA's and IEEE's EtherType lists number it.
///
/// Values below 0x0600 are IEEE 802.3 lengths and mean that LLC follows ([`super::llc`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IEEE 802.2 LLC, as Linux numbers it (ETH_P_802_2); stands for every 802.3 length too.
    pub const LLC: Self = Self(0x0004);
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// A whole Ethernet frame: transparent Ethernet bridging (RFC 1701).
    pub const ETHERNET: Self = Self(0x6558);
    /// IEEE 802.1Q VLAN tag.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
    /// PPP, protocol field first (RFC 2637 puts it behind GRE with this number).
    pub const PPP: Self = Self(0x880b);
    /// MPLS label stack, unicast (RFC 3032).
    pub const MPLS: Self = Self(0x8847);
    /// MPLS label stack, upstream-assigned (RFC 5332; formerly multicast).
    pub const MPLS_UPSTREAM: Self = Self(0x8848);
    /// PPPoE session (RFC 2516).
    pub const PPPOE: Self = Self(0x8864);
    /// IEEE 802.1ad service tag (QinQ).
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// ERSPAN type I or II, behind GRE.
    pub const ERSPAN_2: Self = Self(0x88be);
    /// ERSPAN type III, behind GRE.
    pub const ERSPAN_3: Self = Self(0x22eb);
    /// The outer tag of QinQ switches older than IEEE 802.1ad.
    pub const OLD_QINQ: Self = Self(0x9100);
    /// As [`Self::OLD_QINQ`], of other makers.
    pub const OLD_QINQ_2: Self = Self(0x9200);

    /// Whether this is the length of an 802.3 frame, so that LLC follows.
    #[inline]
    pub const fn is_length(self) -> bool {
        self.0 < 0x0600
    }
}

/// The type and the bytes after the 14-byte header.
///
/// # Errors
/// [`ParseError::Truncated`] below 14 bytes.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    let (header, rest) = bytes.split_first_chunk::<14>().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes([header[12], header[13]])), rest))
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
    fn lengths_end_where_types_begin() {
        assert!(EtherType(1500).is_length());
        assert!(!EtherType(0x0600).is_length());
    }
}
