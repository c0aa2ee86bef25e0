//! GTP-U version 1 (3GPP TS 29.281, 5): a subscriber's IP packet or Ethernet frame in a UDP datagram to port 2152. Version 0
//! (3GPP TS 09.60, 6) has a header of 20 bytes: a flow label at 6, the subscriber's tunnel at 12.
//!
//! ```text
//! 0       1      2        4           8          10       11               12
//! | flags | type | length | tunnel id | sequence | N-PDU  | next extension | extensions, packet
//!                                     '--- where any of E, S, PN is set ---'
//! ```

use crate::wire::{ethernet, ethernet::EtherType, ip};

/// The destination port of every G-PDU.
pub const PORT: u16 = 2152;
/// The same of version 0.
pub const PORT_0: u16 = 3386;

/// Message type of a G-PDU, the one that carries a packet.
const G_PDU: u8 = 255;

/// The type and bytes of the packet inside, where the datagram is a G-PDU; `None` means an ordinary datagram that
/// happens to use the port (or another GTP message, or one whose headers the capture cut).
///
/// `payload_bytes` is the datagram's payload length on the wire, which GTP's own length must agree with.
pub fn parse(payload: &[u8], payload_bytes: usize) -> Option<(EtherType, &[u8])> {
    let (header, mut rest) = payload.split_first_chunk::<8>()?;
    // Version 1 (3 bits), protocol type GTP (1 bit).
    if header[0] >> 4 != 0b0011 || header[1] != G_PDU {
        return None;
    }
    if usize::from(u16::from_be_bytes([header[2], header[3]])) + 8 != payload_bytes {
        return None;
    }
    if header[0] & 0b111 != 0 {
        let ([_, _, _, first], behind) = rest.split_first_chunk()?;
        // Without the E flag the next extension's type is to be ignored.
        rest = if header[0] & 0b100 != 0 { step_over_extensions(*first, behind)? } else { behind };
    }
    inside_pdu(rest)
}

/// A session of kind Ethernet (3GPP TS 23.501, 5.6.10.2) says so only in signalling, so the frame has to look like one.
fn inside_pdu(rest: &[u8]) -> Option<(EtherType, &[u8])> {
    match ip::version(rest) {
        Ok(version) if !ethernet::is_likely(rest) => Some((version, rest)),
        _ if ethernet::is_likely(rest) => Some((EtherType::ETHERNET, rest)),
        _ => None,
    }
}

/// [`parse`] for version 0.
pub fn parse_version_0(payload: &[u8], payload_bytes: usize) -> Option<(EtherType, &[u8])> {
    let (header, rest) = payload.split_first_chunk::<20>()?;
    if header[0] >> 4 != 0b0001 || header[1] != G_PDU {
        return None;
    }
    if usize::from(u16::from_be_bytes([header[2], header[3]])) + 20 != payload_bytes {
        return None;
    }
    inside_pdu(rest)
}

/// The flow label of a version 0 datagram in which [`parse_version_0`] has found a packet.
pub fn flow_label(payload: &[u8]) -> Option<u32> {
    payload.get(6..)?.first_chunk().map(|label| u16::from_be_bytes(*label).into())
}

/// The tunnel id of a datagram in which [`parse`] has found a packet.
pub fn tunnel_id(payload: &[u8]) -> Option<u32> {
    payload.get(4..)?.first_chunk().map(|id| u32::from_be_bytes(*id))
}

/// An extension's first byte is its length in 4-byte units, its last the next one's type (5.2.1).
fn step_over_extensions(mut next: u8, mut bytes: &[u8]) -> Option<&[u8]> {
    while next != 0 {
        let (extension, rest) = bytes.split_at_checked(usize::from(*bytes.first()?) * 4)?;
        next = *extension.last()?;
        bytes = rest;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn gtp(flags: u8, kind: u8, behind: &[u8]) -> Vec<u8> {
        let mut bytes = alloc::vec![flags, kind, 0, behind.len() as u8, 0, 0, 0, 1];
        bytes.extend(behind);
        bytes
    }

    fn inside(bytes: &[u8]) -> Option<(EtherType, &[u8])> {
        parse(bytes, bytes.len())
    }

    const IPV4: Option<(EtherType, &[u8])> = Some((EtherType::IPV4, &[0x45, 0]));

    #[test]
    fn plain_and_with_sequence_number() {
        assert_eq!(inside(&gtp(0x30, 255, &[0x45, 0])), IPV4);
        assert_eq!(inside(&gtp(0x32, 255, &[0, 1, 0, 0x85, 0x45, 0])), IPV4);
        assert_eq!(inside(&gtp(0x31, 255, &[0, 0, 9, 0, 0x45, 0])), IPV4);
        assert_eq!(inside(&gtp(0x30, 255, &[0x60])), Some((EtherType::IPV6, &[0x60][..])));
    }

    #[test]
    fn extension_headers() {
        // A PDU session container (0x85), then a PDCP PDU number (0xc0).
        let bytes = gtp(0x34, 255, &[0, 0, 0, 0x85, 1, 0x10, 9, 0xc0, 1, 0, 1, 0, 0x45, 0]);
        assert_eq!(inside(&bytes), IPV4);
        assert_eq!(parse(&bytes[..18], bytes.len()), None);
        assert_eq!(inside(&gtp(0x34, 255, &[0, 0, 0, 0x85, 0, 0, 0, 0, 0x45, 0])), None);
        assert_eq!(inside(&gtp(0x34, 255, &[0, 0, 0, 0x85, 0xff, 0, 0, 0, 0x45, 0])), None);
    }

    #[test]
    fn ordinary_datagrams_are_left_alone() {
        assert_eq!(inside(&gtp(0x30, 1, &[0x45, 0])), None, "echo request");
        assert_eq!(inside(&gtp(0x50, 255, &[0x45, 0])), None, "version 2");
        assert_eq!(inside(&gtp(0x20, 255, &[0x45, 0])), None, "GTP'");
        assert_eq!(inside(&gtp(0x30, 255, &[0x75, 0])), None, "no IP inside");
        let bytes = gtp(0x30, 255, &[0x45, 0]);
        assert_eq!(parse(&bytes, bytes.len() + 1), None, "length disagrees");
        assert_eq!(inside(&bytes[..7]), None);
    }

    #[test]
    fn ethernet_inside() {
        let mut frame = [0; 35];
        (frame[0], frame[12], frame[14]) = (0x44, 8, 0x45);
        assert_eq!(inside(&gtp(0x30, 255, &frame)), Some((EtherType::ETHERNET, &frame[..])));
    }

    #[test]
    fn version_0() {
        let mut bytes = [0; 22];
        (bytes[0], bytes[1], bytes[3], bytes[7], bytes[20]) = (0x1e, 255, 2, 9, 0x45);
        assert_eq!(parse_version_0(&bytes, 22), IPV4);
        assert_eq!(flow_label(&bytes), Some(9));
        assert_eq!(parse_version_0(&bytes, 23), None);
        bytes[0] = 0x3e;
        assert_eq!(parse_version_0(&bytes, 22), None);
    }

    #[test]
    fn cut_by_the_capture() {
        let bytes = gtp(0x30, 255, &[0x45, 0, 0, 20]);
        assert_eq!(parse(&bytes[..10], bytes.len()), IPV4);
    }
}
