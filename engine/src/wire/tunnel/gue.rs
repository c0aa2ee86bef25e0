//! Generic UDP Encapsulation (draft-ietf-intarea-gue, 3) and Linux' bare "foo over UDP".
//!
//! ```text
//! 0                            1          2
//! | variant 2, C 1, words 5    | protocol | flags | extensions, 4 each | payload
//! ```

use super::ip_that_fills;
use crate::wire::ethernet::EtherType;
use crate::wire::ip::protocol;

/// GUE's port.
pub const PORT: u16 = 6080;
/// The port that Linux' documentation of "foo over UDP" uses.
pub const FOU_PORT: u16 = 5555;

/// The IP protocol and the bytes inside: those of the header, or of an IP packet straight on UDP (variant 1).
/// `payload_bytes` is the datagram's payload length on the wire.
pub fn parse(payload: &[u8], payload_bytes: usize) -> Option<(u8, &[u8])> {
    if let Some(packet) = parse_bare(payload, payload_bytes) {
        return Some(packet);
    }
    let ([first, protocol, ..], rest) = payload.split_first_chunk::<4>()?;
    // Variant 0, no control message.
    if first >> 5 != 0 || *protocol == 0 {
        return None;
    }
    Some((*protocol, rest.get(usize::from(first & 0x1f) * 4..)?))
}

/// The IP packet that fills the datagram.
pub fn parse_bare(payload: &[u8], payload_bytes: usize) -> Option<(u8, &[u8])> {
    let cut_bytes = payload_bytes.saturating_sub(payload.len());
    match ip_that_fills(payload, cut_bytes)? {
        EtherType::IPV4 => Some((protocol::IPV4, payload)),
        _ => Some((protocol::IPV6, payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_variants() {
        assert_eq!(parse(&[0, 4, 0, 0, 0x45], 5), Some((4, &[0x45][..])));
        assert_eq!(parse(&[1, 47, 0, 0, 9, 9, 9, 9, 0], 9), Some((47, &[0][..])));
        let mut packet = [0; 21];
        (packet[0], packet[3]) = (0x45, 21);
        assert_eq!(parse(&packet, 21), Some((4, &packet[..])));
        assert_eq!(parse_bare(&packet[..20], 20), None, "does not fill the datagram");
        assert_eq!(parse(&[0x20, 4, 0, 0, 0x45], 5), None, "control message");
        assert_eq!(parse(&[0, 0, 0, 0], 4), None);
    }

    #[test]
    fn cut_by_the_capture() {
        let mut packet = [0; 60];
        (packet[0], packet[3]) = (0x45, 60);
        for cut in [59, 20, 19, 4] {
            assert_eq!(parse_bare(&packet[..cut], 60), Some((4, &packet[..cut])), "{cut}");
        }
        assert_eq!(parse_bare(&packet[..3], 60), None, "cut before its length");
        assert_eq!(parse_bare(&packet[..20], 61), None, "does not fill the datagram");
        packet[0] = 0x41;
        assert_eq!(parse_bare(&packet[..20], 60), None, "no header");
    }
}
