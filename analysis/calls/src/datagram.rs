//! What one datagram on a call's port is (RFC 7983), in the words of a script.

use wiremark::dissect::rtp::{self, Media, Rtcp, Rtp};
use wiremark::dissect::stun;

use super::script::{Meaning, RelayScript, Report};

/// The last 14 bytes of an SRTCP packet (RFC 3711, 3.4): encryption bit and index, then a tag of 80 bits.
const SRTCP_TRAILER_BYTES: usize = 14;

/// A datagram on a call's port.
pub(crate) enum Datagram<'p> {
    /// A STUN message the script knows.
    Stun(Meaning, stun::Message<'p>),
    /// A text the script knows.
    Literal(Meaning),
    /// Media.
    Rtp(Rtp<'p>),
    /// Control of media.
    Rtcp { means: Option<Report>, packet: Rtcp<'p>, is_encrypted: bool },
    /// DTLS: keys are agreed on the media path.
    Dtls,
    /// Anything else.
    Other,
}

/// Whether [`read`] can come to media, or control of it.
#[inline]
pub(crate) fn may_be_rtp(payload: &[u8]) -> bool {
    matches!(payload, [128..=191, ..])
}

/// The message types above 0x03ff that STUN dialects use lie outside of RFC 7983's range for STUN; the cookie tells.
pub(crate) fn read<'p>(script: &RelayScript, payload: &'p [u8]) -> Datagram<'p> {
    let Some(first) = payload.first() else { return Datagram::Other };
    if let Some(means) = script.literal(payload) {
        return Datagram::Literal(means);
    }
    match first {
        0..=0x3f => match stun::message(payload).found() {
            Some(message) => match script.message(message.kind, message.length == 0) {
                Some(meaning) => Datagram::Stun(meaning, message),
                None => Datagram::Other,
            },
            None if (20..64).contains(first) => Datagram::Dtls,
            None => Datagram::Other,
        },
        128..=191 => match rtp::packet(payload).found() {
            Some(Media::Rtp(packet)) => Datagram::Rtp(packet),
            Some(Media::Rtcp(packet)) => {
                let means = script.report(packet.packet_type, payload.len());
                Datagram::Rtcp { means, packet, is_encrypted: is_srtcp(payload) }
            }
            None => Datagram::Other,
        },
        _ => Datagram::Other,
    }
}

/// Whether the packet ends like SRTCP: an encrypted one whose index is still below 2^16.
fn is_srtcp(payload: &[u8]) -> bool {
    let at = payload.len().saturating_sub(SRTCP_TRAILER_BYTES);
    at >= 8 && payload.get(at..).is_some_and(|trailer| trailer.starts_with(&[0x80, 0x00]))
}

#[cfg(test)]
mod tests {
    use super::super::script::Scripts;
    use super::*;

    fn told(payload: &[u8]) -> String {
        match read(&Scripts::embedded().unwrap().relays, payload) {
            Datagram::Stun(meaning, _) => format!("{meaning:?}"),
            Datagram::Literal(meaning) => format!("literal {meaning:?}"),
            Datagram::Rtp(packet) => format!("rtp {}", packet.payload_type),
            Datagram::Rtcp { means, packet, is_encrypted } => {
                format!("rtcp {} {means:?} {is_encrypted}", packet.packet_type)
            }
            Datagram::Dtls => "dtls".into(),
            Datagram::Other => "other".into(),
        }
    }

    #[test]
    fn one_port_carries_many_protocols() {
        let ping = b"\x08\x01\0\0\x21\x12\xa4\x42............";
        assert_eq!(told(ping), "Ping");
        assert_eq!(told(b"\x08\x03\0\0\x21\x12\xa4\x42............"), "other");
        assert_eq!(told(b"health"), "literal Ping");
        assert_eq!(told(b"health."), "other");
        assert_eq!(told(&[0x80, 0x78, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5]), "rtp 120");
        let compact = [&[0x81, 0xd0, 0, 2][..], &[9; 8], &[0x80, 0, 0, 2], &[7; 10]].concat();
        assert_eq!(told(&compact), "rtcp 208 Some(Compact) true");
        assert_eq!(told(&[&[0x81, 0xc8, 0, 6][..], &[9; 24]].concat()), "rtcp 200 None false");
        assert_eq!(told(&[22, 0xfe, 0xfd, 0, 0]), "dtls");
        assert_eq!(told(&[]), "other");
    }
}
