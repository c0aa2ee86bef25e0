//! What stands between Ethernet and IP, behind an EtherType of its own: one small file a tag or header.

pub mod arista;
pub mod batman;
pub mod cisco;
pub mod edsa;
pub mod etag;
pub mod hsr;
pub mod macsec;
pub mod mpls;
pub mod nsh;
pub mod pbb;
pub mod trill;
pub mod vlan;

use super::{ParseError, Parsed, ethernet::EtherType};

/// The type and the bytes behind a tag of so many bytes, whose last two are the EtherType of what follows.
///
/// # Errors
/// [`ParseError::Truncated`] where the tag is cut.
pub(crate) fn step(bytes: &[u8], tag_bytes: usize) -> Parsed<'_> {
    let (tag, rest) = bytes.split_at_checked(tag_bytes).ok_or(ParseError::Truncated)?;
    let ether_type = tag.last_chunk().ok_or(ParseError::Truncated)?;
    Ok((EtherType(u16::from_be_bytes(*ether_type)), rest))
}

/// [`EtherType::ETHERNET`] and the frame behind so many bytes.
///
/// # Errors
/// [`ParseError::Truncated`] where there are fewer.
pub(crate) fn frame_behind(bytes: &[u8], header_bytes: usize) -> Parsed<'_> {
    Ok((EtherType::ETHERNET, bytes.get(header_bytes..).ok_or(ParseError::Truncated)?))
}
