//! L2TP: version 2 in datagrams of port 1701 (RFC 2661, 3.1), version 3 there and straight on IP (RFC 3931, 4.1).
//!
//! ```text
//! 2: | T L S O P ... version | length 2, if L | tunnel 2 | session 2 | Ns, Nr 2 each, if S | offset 2, if O | PPP
//! 3: | T ... version | reserved 2 | session 4 | ...      on IP: | session 4, 0 for control | ...
//! ```

use crate::wire::{ParseError, Parsed, ethernet, ethernet::EtherType, ip, ppp};

/// The port of at least one end.
pub const PORT: u16 = 1701;
const CONTROL: u8 = 0x80;
const LENGTH: u8 = 0x40;
const SEQUENCE: u8 = 0x08;
const OFFSET: u8 = 0x02;

/// The type and the bytes of what a data message carries. Senders get the length field wrong, so it only is stepped over.
/// `payload_bytes` is the datagram's payload length on the wire.
pub fn parse(payload: &[u8], payload_bytes: usize) -> Option<(EtherType, &[u8])> {
    let ([flags, version], mut rest) = payload.split_first_chunk()?;
    if flags & CONTROL != 0 {
        return None;
    }
    match version & 0x0f {
        2 => {
            let skip = |bytes: &mut &[u8], by: usize| bytes.get(by..).map(|rest| *bytes = rest);
            skip(&mut rest, if flags & LENGTH == 0 { 4 } else { 6 })?;
            if flags & SEQUENCE != 0 {
                skip(&mut rest, 4)?;
            }
            if flags & OFFSET != 0 {
                let padding_bytes = u16::from_be_bytes(*rest.first_chunk()?);
                skip(&mut rest, 2 + usize::from(padding_bytes))?;
            }
            // Control protocols of PPP are traffic of the tunnel's own.
            ppp::parse(rest).ok()
        }
        3 => inside(rest.get(6..)?, payload_bytes.saturating_sub(payload.len())).ok(),
        _ => None,
    }
}

/// Tunnel and session of a version 2 message in which [`parse`] has found a packet, or the session of version 3: numbers
/// that the receiver has given.
pub fn session(payload: &[u8]) -> Option<u32> {
    let [flags, version] = *payload.first_chunk()?;
    let at = match version & 0x0f {
        2 if flags & LENGTH != 0 => 4,
        2 => 2,
        _ => 4,
    };
    payload.get(at..)?.first_chunk().map(|id| u32::from_be_bytes(*id))
}

/// The type and the bytes inside version 3 straight on IP (protocol 115).
///
/// # Errors
/// [`ParseError::Unsupported`] for control messages (session 0) and for what is neither Ethernet, PPP nor IP;
/// [`ParseError::Truncated`] where the header is cut.
pub fn parse_over_ip(bytes: &[u8]) -> Parsed<'_> {
    match bytes.split_first_chunk::<4>().ok_or(ParseError::Truncated)? {
        ([0, 0, 0, 0], _) => Err(ParseError::Unsupported),
        (_, rest) => inside(rest, 0),
    }
}

/// Behind the session number stand a cookie of 0, 4 or 8 bytes and perhaps a sequence number of 4; only the two ends know.
/// The first place where a frame or packet can begin is taken.
fn inside(bytes: &[u8], cut_bytes: usize) -> Parsed<'_> {
    for skipped in [0, 4, 8, 12] {
        let rest = bytes.get(skipped..).ok_or(ParseError::Truncated)?;
        if ethernet::is_likely(rest) {
            return Ok((EtherType::ETHERNET, rest));
        }
        if let [0xff, 0x03, ..] = rest {
            return ppp::parse(rest);
        }
        if super::ip_that_fills(rest, cut_bytes).is_some() {
            return Ok((ip::version(rest)?, rest));
        }
    }
    Err(ParseError::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: Option<(EtherType, &[u8])> = Some((EtherType::IPV4, &[0x45]));

    fn whole(payload: &[u8]) -> Option<(EtherType, &[u8])> {
        parse(payload, payload.len())
    }

    #[test]
    fn version_2() {
        assert_eq!(whole(&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21, 0x45]), IPV4);
        let all = [0x4a, 2, 0, 19, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 9, 0, 0x21, 0x45];
        assert_eq!(whole(&all), IPV4);
        assert_eq!(session(&all), Some(0x1_0002));
        assert_eq!(session(&[0, 2, 0, 1, 0, 2]), Some(0x1_0002));
        assert_eq!(whole(&[0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0]), None, "control");
        assert_eq!(whole(&[0, 2, 0, 1, 0, 2, 0xff, 3, 0xc0, 0x21]), None, "PPP's own");
        assert_eq!(whole(&all[..12]), None);
    }

    #[test]
    fn version_3() {
        let mut frame = [0; 34];
        (frame[12], frame[13], frame[14], frame[17]) = (8, 0, 0x45, 20);
        for cookie in [0, 4, 8, 12] {
            let bytes = [&[0, 3, 0, 0, 0, 0, 0, 7][..], &[0xee; 12][..cookie], &frame].concat();
            assert_eq!(whole(&bytes), Some((EtherType::ETHERNET, &frame[..])), "{cookie}");
            assert_eq!(parse_over_ip(&bytes[4..]), Ok((EtherType::ETHERNET, &frame[..])));
        }
        assert_eq!(parse_over_ip(&[0; 40]), Err(ParseError::Unsupported));
        assert_eq!(parse_over_ip(&[0, 0, 0, 1, 0xff, 3, 0, 0x21, 0x45]), Ok((EtherType::IPV4, &[0x45][..])));
    }
}
