//! Bytes to header views, one small file a protocol.
//!
//! Each `parse` checks its bytes once and hands out what follows, borrowed. Headers that only say what comes
//! next give `(EtherType, rest)`; those with fields somebody reads ([`ipv4`], [`ipv6`], [`tcp`], [`udp`]) give a view.
//! No function here panics, allocates or looks beyond its own header.

pub mod ah;
mod error;
pub mod ether_type;
pub mod ethernet;
pub mod ieee80211;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod link;
pub mod llc;
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

pub use error::ParseError;

/// The type of what follows a header, and the bytes after it.
pub type Parsed<'a> = Result<(ether_type::EtherType, &'a [u8]), ParseError>;
