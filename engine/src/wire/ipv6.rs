//! IPv6 and its extension headers (RFC 8200, 3 and 4).
//!
//! ```text
//! 0                            4                6             7           8        24            40
//! | version, class, flow label | payload length | next header | hop limit | source | destination | extensions, payload
//! ```

use super::{ParseError, ah, ip::Fragment, ip::protocol};

/// A header, its extensions stepped over, and the payload it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// Source address.
    pub src: [u8; 16],
    /// Destination address of the fixed header; a routing header may name a further one.
    pub dst: [u8; 16],
    /// The payload's IP protocol number: the next header of the last extension.
    pub protocol: u8,
    /// Position among fragments.
    pub fragment: Fragment,
    /// The payload up to the payload length, or as far as the bytes go. A payload length of 0 (jumbograms, RFC 2675;
    /// segmentation left to the network card) means all of them.
    pub payload: &'a [u8],
    /// Whether the payload is known to reach the payload length; false for a payload length of 0.
    pub is_complete: bool,
}

impl<'a> Ipv6<'a> {
    /// Behind the fragment header of a later fragment lies no header: there the payload begins.
    ///
    /// # Errors
    /// [`ParseError::Malformed`] for a version other than 6 and an impossible extension length;
    /// [`ParseError::Truncated`] where the bytes end within the headers.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (fixed, rest) = bytes.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
        let (src, rest) = rest.split_first_chunk::<16>().ok_or(ParseError::Truncated)?;
        let (dst, rest) = rest.split_first_chunk::<16>().ok_or(ParseError::Truncated)?;
        if fixed[0] >> 4 != 6 {
            return Err(ParseError::Malformed);
        }
        let payload_bytes = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
        let is_complete = payload_bytes != 0 && payload_bytes <= rest.len();
        let end = if is_complete { payload_bytes } else { rest.len() };
        let mut ip = Self {
            src: *src,
            dst: *dst,
            protocol: fixed[6],
            fragment: Fragment::Whole,
            payload: rest.get(..end).unwrap_or(rest),
            is_complete,
        };
        if ip.protocol != protocol::TCP && ip.protocol != protocol::UDP {
            ip.step_over_extensions()?;
        }
        Ok(ip)
    }

    #[cold]
    fn step_over_extensions(&mut self) -> Result<(), ParseError> {
        loop {
            (self.protocol, self.payload) = step_over(self.protocol, self.payload)?;
            if self.protocol != protocol::FRAGMENT {
                return Ok(());
            }
            let ([next, _, high, low, id @ ..], rest) =
                self.payload.split_first_chunk::<8>().ok_or(ParseError::Truncated)?;
            let offset_more = u16::from_be_bytes([*high, *low]);
            (self.protocol, self.payload) = (*next, rest);
            match Fragment::new(offset_more >> 3, offset_more & 1 == 1, u32::from_be_bytes(*id)) {
                // An atomic fragment (RFC 6946).
                Fragment::Whole => {}
                Fragment::First(id) => self.fragment = Fragment::First(id),
                later @ Fragment::Later(_) => {
                    self.fragment = later;
                    return Ok(());
                }
            }
        }
    }
}

/// Whether the header says what comes next: those that [`step_over`] steps over.
pub(crate) const fn is_extension(number: u8) -> bool {
    matches!(
        number,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION
            | protocol::AH
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6
    )
}

/// The protocol number and the bytes behind all extension headers, or from the fragment header on. Each takes at least 8
/// bytes, so a packet's length bounds the work.
pub(crate) fn step_over(mut next: u8, mut bytes: &[u8]) -> Result<(u8, &[u8]), ParseError> {
    while is_extension(next) {
        (next, bytes) = if next == protocol::AH { ah::parse(bytes)? } else { option_header(bytes)? };
    }
    Ok((next, bytes))
}

/// Of a fragment: its offset in bytes, whether others come behind it, the protocol number of what it is a piece of, and the
/// piece. `None` where the packet is none.
pub(crate) fn fragment(bytes: &[u8]) -> Option<(u16, bool, u8, &[u8])> {
    let payload_bytes = usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
    let rest = bytes.get(40..)?;
    let (mut next, mut rest) = (*bytes.get(6)?, rest.get(..payload_bytes).unwrap_or(rest));
    loop {
        (next, rest) = step_over(next, rest).ok()?;
        let ([after, _, high, low, ..], behind) = rest.split_first_chunk::<8>()?;
        if next != protocol::FRAGMENT {
            return None;
        }
        let offset_more = u16::from_be_bytes([*high, *low]);
        if offset_more & 0xfff9 != 0 {
            return Some((offset_more & 0xfff8, offset_more & 1 == 1, *after, behind));
        }
        (next, rest) = (*after, behind);
    }
}

/// Next header and the bytes after a header whose second byte is its length in 8-byte units, less 1.
fn option_header(bytes: &[u8]) -> Result<(u8, &[u8]), ParseError> {
    let [next, length] = *bytes.first_chunk().ok_or(ParseError::Truncated)?;
    let rest = bytes.get((usize::from(length) + 1) * 8..).ok_or(ParseError::Truncated)?;
    Ok((next, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// 2001:db8::1 to 2001:db8::2.
    fn packet(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = alloc::vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
        for host in [1, 2] {
            bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        bytes.extend(payload);
        bytes
    }

    const OPTIONS_THEN: fn(u8) -> [u8; 8] = |next| [next, 0, 1, 4, 0, 0, 0, 0];

    #[test]
    fn fields_and_padding_cut() {
        let mut bytes = packet(17, &[1, 2, 3]);
        bytes.extend([0xee; 5]);
        let ip = Ipv6::parse(&bytes).unwrap();
        assert_eq!((ip.src[15], ip.dst[15], ip.protocol), (1, 2, 17));
        assert_eq!((ip.payload, ip.fragment, ip.is_complete), (&[1, 2, 3][..], Fragment::Whole, true));
        let ip = Ipv6::parse(&bytes[..42]).unwrap();
        assert_eq!((ip.payload, ip.is_complete), (&[1, 2][..], false));
    }

    #[test]
    fn payload_length_zero_reaches_to_the_end() {
        let mut bytes = packet(17, &[1, 2, 3]);
        bytes[5] = 0;
        let ip = Ipv6::parse(&bytes).unwrap();
        assert_eq!((ip.payload, ip.is_complete), (&[1, 2, 3][..], false));
    }

    #[test]
    fn chain_of_extensions() {
        let mut payload = Vec::new();
        payload.extend(OPTIONS_THEN(43));
        payload.extend(OPTIONS_THEN(60));
        payload.extend(OPTIONS_THEN(51));
        payload.extend([6, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9]);
        payload.push(0xab);
        let bytes = packet(0, &payload);
        let ip = Ipv6::parse(&bytes).unwrap();
        assert_eq!((ip.protocol, ip.payload), (6, &[0xab][..]));
        for cut in 40..bytes.len() - 1 {
            assert_eq!(Ipv6::parse(&bytes[..cut]), Err(ParseError::Truncated), "{cut}");
        }
    }

    #[test]
    fn chains_are_bounded_by_their_bytes_alone() {
        let mut payload: Vec<u8> = (0..20).flat_map(|_| OPTIONS_THEN(60)).collect();
        payload.extend(OPTIONS_THEN(140));
        payload.extend([17, 0, 0x80, 1, 2, 3, 4, 5, 0xab]);
        let bytes = packet(60, &payload);
        let ip = Ipv6::parse(&bytes).unwrap();
        assert_eq!((ip.protocol, ip.payload), (17, &[0xab][..]), "the last one is shim6's");
    }

    #[test]
    fn a_fragments_own_place() {
        let later = packet(60, &[44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0x05, 0xc9, 0, 0, 0, 7, 0xab]);
        assert_eq!(fragment(&later), Some((0x5c8, true, 17, &[0xab][..])));
        assert_eq!(fragment(&packet(17, &[0; 8])), None);
        let atomic_then_first = packet(44, &[44, 0, 0, 0, 0, 0, 0, 7, 60, 0, 0, 1, 0, 0, 0, 8, 0xab]);
        assert_eq!(fragment(&atomic_then_first), Some((0, true, 60, &[0xab][..])));
    }

    #[test]
    fn fragments() {
        // More fragments, then the last at offset 8 (185 units), then an atomic one.
        let first = packet(44, &[60, 0, 0, 1, 0, 0, 0, 7, 17, 0, 1, 4, 0, 0, 0, 0, 0xab]);
        let ip = Ipv6::parse(&first).unwrap();
        assert_eq!((ip.protocol, ip.fragment, ip.payload), (17, Fragment::First(7), &[0xab][..]));
        let later = packet(44, &[17, 0, 0x05, 0xc8, 0, 0, 0, 7, 60, 0]);
        let ip = Ipv6::parse(&later).unwrap();
        assert_eq!((ip.protocol, ip.fragment, ip.payload), (17, Fragment::Later(7), &[60, 0][..]));
        let atomic = packet(44, &[17, 0, 0, 0, 0, 0, 0, 7, 0xab]);
        assert_eq!(Ipv6::parse(&atomic).unwrap().fragment, Fragment::Whole);
    }

    #[test]
    fn later_fragment_of_options_is_not_read_as_a_header() {
        let bytes = packet(44, &[60, 0, 0x05, 0xc8, 0, 0, 0, 7, 17, 0xff]);
        let ip = Ipv6::parse(&bytes).unwrap();
        assert_eq!((ip.protocol, ip.payload), (60, &[17, 0xff][..]));
    }

    #[test]
    fn errors() {
        let bytes = packet(17, &[]);
        assert_eq!(Ipv6::parse(&bytes[..39]), Err(ParseError::Truncated));
        let mut other = bytes.clone();
        other[0] = 0x45;
        assert_eq!(Ipv6::parse(&other), Err(ParseError::Malformed));
        let endless: Vec<u8> = (0..20).flat_map(|_| OPTIONS_THEN(60)).collect();
        assert_eq!(Ipv6::parse(&packet(60, &endless)), Err(ParseError::Truncated));
        assert_eq!(Ipv6::parse(&packet(51, &[17, 0, 0, 0, 0, 0, 0, 0])), Err(ParseError::Malformed));
    }
}
