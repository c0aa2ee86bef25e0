//! Verdicts and the numbers in them.

use std::ffi::{CStr, c_char};

use engine::{Carrier, Confidence, Direction, Verdict};

use crate::panic_boundary::value_of;

/// The protocol that carries a flow. More may be added at the end.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum wiremark_carrier {
    /// Not recognised (yet).
    WIREMARK_CARRIER_UNKNOWN = 0,
    /// DNS over UDP or TCP.
    WIREMARK_CARRIER_DNS = 1,
    /// HTTP/1 in clear.
    WIREMARK_CARRIER_HTTP = 2,
    /// TLS.
    WIREMARK_CARRIER_TLS = 3,
    /// QUIC.
    WIREMARK_CARRIER_QUIC = 4,
    /// STUN and its dialects.
    WIREMARK_CARRIER_STUN = 5,
    /// RTP or RTCP.
    WIREMARK_CARRIER_RTP = 6,
    /// Straight on TCP or UDP.
    WIREMARK_CARRIER_RAW = 7,
}

/// The kind of evidence behind a verdict, weakest first. More may be added, but not in between.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum wiremark_confidence {
    /// No verdict.
    WIREMARK_CONFIDENCE_NONE = 0,
    /// The address is on a list.
    WIREMARK_CONFIDENCE_ADDRESS = 1,
    /// Another flow told: a DNS answer named the address, a known call uses the end point.
    WIREMARK_CONFIDENCE_RELATED = 2,
    /// A name inside the flow: SNI, HTTP Host, DNS question.
    WIREMARK_CONFIDENCE_NAME = 3,
    /// Bytes of the protocol itself.
    WIREMARK_CONFIDENCE_PAYLOAD = 4,
}

/// Which end of a flow sent a packet.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum wiremark_direction {
    /// The end that opened the flow: the TCP SYN's sender or, where no SYN was seen, the first packet's.
    WIREMARK_ORIGINATOR = 0,
    /// The other end.
    WIREMARK_RESPONDER = 1,
}

/// A bit of wiremark_verdict.flags: no later packet of the flow can change this verdict.
pub const WIREMARK_VERDICT_FINAL: u8 = 1;
/// A bit of wiremark_verdict.flags: this packet changed app, role, confidence or finality. May come
/// several times with the same app and role, for stronger evidence and for finality: compare with what you kept. App 0: taken back.
pub const WIREMARK_VERDICT_CHANGED: u8 = 2;
/// A bit of wiremark_verdict.flags: bytes that waited for the rest of a handshake were given up for newer flows.
pub const WIREMARK_VERDICT_LOST: u8 = 4;

/// What is known of a flow after a packet. A plain value of 8 bytes, yours; its size is fixed.
///
/// All zero is "nothing known, more packets may tell". Names for the numbers: wiremark_names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct wiremark_verdict {
    /// Number of the signature that decided; permanent and never reused. 0: none.
    pub signature: u16,
    /// Number of the app; permanent and never reused. 0: no app was found.
    pub app: u16,
    /// What the flow is for, a number from 1 in the app's own list of roles. 0: none.
    pub role: u8,
    /// A wiremark_carrier, also where no app was found.
    pub carrier: u8,
    /// A wiremark_confidence.
    pub confidence: u8,
    /// Bits: WIREMARK_VERDICT_FINAL, _CHANGED, _LOST. Others may be added: test bits, do not compare.
    pub flags: u8,
}

const _: () = assert!(size_of::<wiremark_verdict>() == 8);

impl From<Verdict> for wiremark_verdict {
    #[inline]
    fn from(verdict: Verdict) -> Self {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        Self {
            signature: verdict.signature.0,
            app: verdict.app.0,
            role: verdict.role.0,
            carrier: verdict.carrier as u8,
            confidence: verdict.confidence as u8,
            flags: flag(verdict.is_final(), WIREMARK_VERDICT_FINAL)
                | flag(verdict.is_changed(), WIREMARK_VERDICT_CHANGED)
                | flag(verdict.is_lost(), WIREMARK_VERDICT_LOST),
        }
    }
}

pub(crate) fn number_of(direction: Direction) -> u8 {
    let direction = match direction {
        Direction::Originator => wiremark_direction::WIREMARK_ORIGINATOR,
        Direction::Responder => wiremark_direction::WIREMARK_RESPONDER,
    };
    direction as u8
}

/// The engine's word for a carrier or confidence, as C wants it. Fails to compile where the engine has more of them.
const CARRIERS: [&CStr; Carrier::ALL.len()] =
    [c"unknown", c"dns", c"http", c"tls", c"quic", c"stun", c"rtp", c"raw"];
const CONFIDENCES: [&CStr; Confidence::ALL.len()] = [c"none", c"address", c"related", c"name", c"payload"];

/// The word for a wiremark_carrier, such as "quic"; empty for other numbers, so that a list ends at the first empty one.
///
/// Good for ever, for any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_carrier_name(carrier: u8) -> *const c_char {
    value_of(c"".as_ptr(), || CARRIERS.get(usize::from(carrier)).unwrap_or(&c"").as_ptr())
}

/// The word for a wiremark_confidence, such as "payload"; empty for other numbers, so that a list ends at the first empty one.
///
/// Good for ever, for any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_confidence_name(confidence: u8) -> *const c_char {
    value_of(c"".as_ptr(), || CONFIDENCES.get(usize::from(confidence)).unwrap_or(&c"").as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark_carrier::WIREMARK_CARRIER_RAW;
    use wiremark_confidence::WIREMARK_CONFIDENCE_PAYLOAD;

    #[test]
    fn words_and_numbers_are_the_engines() {
        for (number, carrier) in Carrier::ALL.into_iter().enumerate() {
            assert_eq!((carrier as usize, carrier.name()), (number, CARRIERS[number].to_str().unwrap()));
        }
        for (number, confidence) in Confidence::ALL.into_iter().enumerate() {
            assert_eq!(
                (confidence as usize, confidence.name()),
                (number, CONFIDENCES[number].to_str().unwrap())
            );
        }
        assert_eq!(CARRIERS.len(), WIREMARK_CARRIER_RAW as usize + 1);
        assert_eq!(CONFIDENCES.len(), WIREMARK_CONFIDENCE_PAYLOAD as usize + 1);
    }
}
