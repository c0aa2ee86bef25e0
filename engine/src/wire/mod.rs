//! Bytes to header views, one small file a protocol.
//!
//! Each `parse` checks its bytes once and hands out what follows, borrowed. Headers that only say what comes
//! next give `(EtherType, rest)`; those with fields somebody reads ([`ipv4`], [`ipv6`], [`tcp`], [`udp`]) give a view.
//! No function here panics, allocates or looks beyond its own header.

pub mod ah;
pub mod ethernet;
pub mod gre;
pub mod gtp;
pub mod ieee80211;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod link;
pub mod llc;
pub mod mpls;
pub mod null;
pub mod ppp;
pub mod pppoe;
pub mod radiotap;
pub mod sll;
pub mod sll2;
pub mod tag;
pub mod tcp;
pub mod tunnel;
pub mod udp;
pub mod vlan;
pub mod vxlan;

/// The type of what follows a header, and the bytes after it.
pub type Parsed<'a> = Result<(ethernet::EtherType, &'a [u8]), ParseError>;

/// Why a frame has no five-tuple and payload to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The capture ends before the headers do.
    Truncated,
    /// A header contradicts itself (a length shorter than the header, for one).
    Malformed,
    /// Nothing this engine looks into: ARP, ICMP, an unknown EtherType.
    Unsupported,
    /// A fragment of a packet whose other fragments are missing so far, or for ever; only a
    /// [`Tracker`](crate::Tracker) says so, which puts fragments together.
    Fragment,
}

impl core::fmt::Display for ParseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ParseError::Truncated => "the capture ends before the headers do",
            ParseError::Malformed => "a header contradicts itself",
            ParseError::Unsupported => "not a protocol this engine looks into",
            ParseError::Fragment => "a fragment whose packet is not whole",
        })
    }
}

impl core::error::Error for ParseError {}
