//! IEEE 802.11 data frames (IEEE 802.11-2020, 9.2 and 9.3.2), whose body is LLC.
//!
//! ```text
//! 0         1       2          4          10         16         22         24
//! | control | flags | duration | address 1 | address 2 | address 3 | sequence | address 4, 6, if to and from a DS
//! | QoS, 2, if a QoS frame | HT control, 4, if a QoS frame and its order flag | padding to 4, on some cards | LLC
//! ```

use super::{ParseError, ethernet::EtherType, llc};

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// The type and the bytes after the LLC header. `is_padded` says that the card filled the header up to a multiple of
/// 4 bytes, which radiotap tells ([`super::radiotap`]). Of an aggregate (A-MSDU, 9.3.2.2.2) it is the first packet's; the
/// others are [`behind_first`].
///
/// # Errors
/// [`ParseError::Unsupported`] for frames that are not data or have none, protected (encrypted) frames, later
/// fragments, and bodies that are not LLC with SNAP; [`ParseError::Malformed`] for a version other than 0;
/// [`ParseError::Truncated`] where the bytes end within a header.
pub fn parse(bytes: &[u8], is_padded: bool) -> Result<(EtherType, &[u8]), ParseError> {
    let [control, flags] = *bytes.first_chunk().ok_or(ParseError::Truncated)?;
    body(control, flags, bytes, is_padded)
}

/// [`parse`] for senders that write the two bytes of the frame control the other way round.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_swapped(control: u8, flags: u8, bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    body(control, flags, bytes, false)
}

fn body(control: u8, flags: u8, bytes: &[u8], is_padded: bool) -> Result<(EtherType, &[u8]), ParseError> {
    let (is_aggregate, mut rest) = data(control, flags, bytes, is_padded)?;
    if is_aggregate {
        let (header, behind) = rest.split_first_chunk::<14>().ok_or(ParseError::Truncated)?;
        let length = usize::from(u16::from_be_bytes([header[12], header[13]]));
        rest = behind.get(..length).unwrap_or(behind);
    }
    llc::parse(rest)
}

/// The packets of an aggregate behind its first, each as a frame of Ethernet with a length: to, from, length, LLC. None of
/// what is no aggregate.
pub fn behind_first(bytes: &[u8], is_padded: bool) -> Aggregate<'_> {
    let rest = match *bytes {
        [control, flags, ..] => data(control, flags, bytes, is_padded),
        _ => Err(ParseError::Truncated),
    };
    let mut packets = Aggregate(match rest {
        Ok((true, rest)) => rest,
        _ => &[],
    });
    packets.next();
    packets
}

/// The packets of an aggregate (A-MSDU).
#[derive(Clone, Debug)]
pub struct Aggregate<'a>(&'a [u8]);

impl<'a> Iterator for Aggregate<'a> {
    type Item = &'a [u8];

    /// Each but the last is filled up to a multiple of 4 bytes.
    fn next(&mut self) -> Option<&'a [u8]> {
        let header = self.0.first_chunk::<14>()?;
        let end = 14 + usize::from(u16::from_be_bytes([header[12], header[13]]));
        let packet = self.0.get(..end).unwrap_or(self.0);
        self.0 = self.0.get(end.next_multiple_of(4)..).unwrap_or_default();
        // What is filled with zeroes is no packet.
        (end > 14).then_some(packet)
    }
}

/// Whether a data frame's body is an aggregate, and the body.
fn data(control: u8, flags: u8, bytes: &[u8], is_padded: bool) -> Result<(bool, &[u8]), ParseError> {
    if control & 0b11 != 0 {
        return Err(ParseError::Malformed);
    }
    let (is_data, is_empty, is_qos) = (control & 0x0c == 0x08, control & 0x40 != 0, control & 0x80 != 0);
    if !is_data || is_empty || flags & PROTECTED != 0 {
        return Err(ParseError::Unsupported);
    }
    let (header, mut rest) = bytes.split_first_chunk::<24>().ok_or(ParseError::Truncated)?;
    let mut header_bytes = 24;
    if header[22] & 0x0f != 0 {
        return Err(ParseError::Unsupported);
    }
    if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
        rest = rest.get(6..).ok_or(ParseError::Truncated)?;
        header_bytes += 6;
    }
    let mut is_aggregate = false;
    if is_qos {
        let ([qos, _], behind) = rest.split_first_chunk().ok_or(ParseError::Truncated)?;
        is_aggregate = qos & 0x80 != 0;
        let ht_bytes = if flags & ORDER != 0 { 4 } else { 0 };
        rest = behind.get(ht_bytes..).ok_or(ParseError::Truncated)?;
        header_bytes += 2 + ht_bytes;
    }
    if is_padded && header_bytes % 4 != 0 {
        rest = rest.get(2..).ok_or(ParseError::Truncated)?;
    }
    Ok((is_aggregate, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Control and flags, then `behind` the 24 bytes, then LLC with IPv4.
    fn frame(control: u8, flags: u8, behind: &[u8]) -> Vec<u8> {
        let mut bytes = alloc::vec![0; 24];
        (bytes[0], bytes[1]) = (control, flags);
        bytes.extend(behind);
        bytes.extend([0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45]);
        bytes
    }

    const IPV4: Result<(EtherType, &[u8]), ParseError> = Ok((EtherType::IPV4, &[0x45]));

    #[test]
    fn every_header_length() {
        for (control, flags, behind, is_padded) in [
            (0x08, 0x01, 0, false),
            (0x08, 0x03, 6, false),
            (0x88, 0x02, 2, false),
            (0x88, 0x82, 6, false),
            (0x88, 0x83, 12, false),
            (0x88, 0x02, 2 + 2, true),
            (0x88, 0x03, 8, true),
            (0x08, 0x01, 0, true),
        ] {
            let bytes = frame(control, flags, &alloc::vec![0; behind]);
            assert_eq!(parse(&bytes, is_padded), IPV4, "{control:02x} {flags:02x}");
            for cut in 0..bytes.len() - 1 {
                assert_eq!(parse(&bytes[..cut], is_padded), Err(ParseError::Truncated), "{cut}");
            }
        }
    }

    #[test]
    fn frames_without_readable_packet() {
        for (what, control, flags, behind) in [
            ("beacon", 0x80, 0x00, &[][..]),
            ("acknowledgement", 0xd4, 0x00, &[]),
            ("null", 0x48, 0x01, &[]),
            ("QoS null", 0xc8, 0x01, &[0, 0]),
            ("protected", 0x08, 0x41, &[]),
        ] {
            assert_eq!(parse(&frame(control, flags, behind), false), Err(ParseError::Unsupported), "{what}");
        }
        let mut later_fragment = frame(0x08, 0x01, &[]);
        later_fragment[22] = 0x11;
        assert_eq!(parse(&later_fragment, false), Err(ParseError::Unsupported));
    }

    #[test]
    fn first_packet_of_an_aggregate() {
        let mut behind = alloc::vec![0; 2 + 14];
        (behind[0], behind[15]) = (0x80, 9);
        let mut bytes = frame(0x88, 0x02, &behind);
        bytes.extend([0xee; 20]);
        assert_eq!(parse(&bytes, false), IPV4);
        assert_eq!(parse(&bytes[..39], false), Err(ParseError::Truncated));
    }

    #[test]
    fn packets_behind_the_first_of_an_aggregate() {
        let mut bytes = alloc::vec![0; 26];
        (bytes[0], bytes[1], bytes[24]) = (0x88, 0x02, 0x80);
        for length in [9, 10, 11] {
            let mut packet = alloc::vec![length; 14 + usize::from(length)];
            packet[12] = 0;
            packet.resize(packet.len().next_multiple_of(4), 0);
            bytes.extend(packet);
        }
        let lengths = |bytes: &[u8]| behind_first(bytes, false).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&bytes), [24, 25]);
        assert_eq!(lengths(&bytes[..bytes.len() - 10]), [24, 18], "cut");
        bytes[24] = 0;
        assert_eq!(lengths(&bytes), [0; 0], "no aggregate");
        assert_eq!(lengths(&bytes[..1]), [0; 0]);
    }

    #[test]
    fn frame_control_the_other_way_round() {
        let bytes = frame(0x01, 0x08, &[]);
        assert_eq!(parse_swapped(bytes[1], bytes[0], &bytes), IPV4);
    }

    #[test]
    fn other_version() {
        assert_eq!(parse(&frame(0x09, 0, &[]), false), Err(ParseError::Malformed));
    }
}
