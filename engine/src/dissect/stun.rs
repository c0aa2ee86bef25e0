//! STUN messages (RFC 8489, 5) and their dialects: a header with the magic cookie, then attributes.
//!
//! ```text
//! 0  u16  message type, top two bits zero     attribute:  0  u16  type
//! 2  u16  length of what follows byte 20                  2  u16  length of the value
//! 4  u32  magic cookie 0x2112A442                         4  n    value, padded to a multiple of 4
//! 8  12   transaction id
//! ```
//!
//! Real senders leave the padding out, state lengths that are no multiple of 4, and append bytes past the stated length;
//! all of that is taken. A message of the older RFC 3489, without the cookie, is not.
//!
//! Work: at most three walks of 128 attributes.

use super::Dissection;
use super::cursor::{Cursor, Stop};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The magic cookie, bytes 4 to 7 of every message.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Whether [`stream_framing`] may say anything but `NotMine`, by the first and the third byte of a stream.
#[inline]
pub fn may_be_framed(bytes: &[u8]) -> bool {
    let is_high = |byte: u8| matches!(byte, 0 | 1 | 8);
    match *bytes {
        [first, _, third, ..] => is_high(first) || first < 8 && is_high(third),
        [first, ..] => is_high(first) || first < 8,
        [] => true,
    }
}

/// How a stream that may carry STUN frames its messages: bytes in front of each, 0 (RFC 8489, 6.2.2) or 2 for a length
/// (RFC 4571, 2; RFC 6544, 3).
pub fn stream_framing(bytes: &[u8]) -> Dissection<usize> {
    let at = |framing: usize| {
        let cookie = bytes.get(framing + 4..).unwrap_or_default();
        let cookie = &cookie[..cookie.len().min(4)];
        // Types are 14 bits; those in use have 0, 1 or 8 in front.
        let kind = bytes.get(framing).is_none_or(|high| matches!(high, 0 | 1 | 8));
        let length = framing == 0 || bytes.first().is_none_or(|high| *high < 8);
        (cookie == &MAGIC_COOKIE[..cookie.len()] && kind && length).then_some(cookie.len() == 4)
    };
    match (at(0), at(2)) {
        (Some(true), _) => Dissection::Found(0),
        (_, Some(true)) => Dissection::Found(2),
        (None, None) => Dissection::NotMine,
        _ => Dissection::NeedMore,
    }
}
/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 20;
/// Most attributes of a message that are looked at.
pub const ATTRIBUTES_MAX: usize = 128;

/// How the attributes of a message come out even at its stated length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Values padded to a multiple of four bytes (the padding of the last one may be missing), or no attributes.
    Padded,
    /// Values one behind the other without padding.
    Unpadded,
    /// Neither way: the attributes given are those that a padded walk meets before it fails.
    Broken,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Message type, 16 bits as on the wire: method and class bits interleaved (RFC 8489, 5). Below 0x4000.
    pub kind: u16,
    /// Stated length of the attributes in bytes.
    pub length: u16,
    /// Transaction id.
    pub transaction_id: &'a [u8; 12],
    /// How the attributes are laid out.
    pub walk: Walk,
    /// Number of bytes past the stated length. In a datagram 0 for a sender that keeps to the RFC; in a TCP stream the
    /// next message.
    pub trailing: usize,
    attribute_bits: u64,
    body: &'a [u8],
}

/// One attribute: type and value (without padding).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Attribute type.
    pub kind: u16,
    /// The value; its length is the attribute's length field.
    pub value: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes in order, at most [`ATTRIBUTES_MAX`].
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let padding = self.walk != Walk::Unpadded;
        let mut body = self.body;
        core::iter::from_fn(move || attribute(&mut body, padding)).take(ATTRIBUTES_MAX)
    }

    /// [`attribute_bit`] of each attribute, at most [`ATTRIBUTES_MAX`]: tells of most types that no attribute has them.
    #[inline]
    pub fn attribute_bits(&self) -> u64 {
        self.attribute_bits
    }

    /// The value of the first attribute of this type.
    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }
}

/// The bit of an attribute type, by its low six bits.
#[inline]
pub fn attribute_bit(kind: u16) -> u64 {
    1 << (kind % 64)
}

/// The message at the start of a datagram, or of a TCP stream (RFC 8489, 6.2.2).
///
/// `NeedMore` where the bytes end before the stated length does; for a datagram that means it was cut by the capture, or
/// is no STUN.
pub fn message(bytes: &[u8]) -> Dissection<Message<'_>> {
    header(bytes).into()
}

fn header(bytes: &[u8]) -> Result<Message<'_>, Stop> {
    let mut stream = Cursor::open(bytes);
    let high = stream.expect(|byte| byte < 0x40)?;
    let kind = u16::from_be_bytes([high, stream.u8()?]);
    let length = stream.u16()?;
    for byte in MAGIC_COOKIE {
        stream.expect(|at| at == byte)?;
    }
    let transaction_id = stream.take(12)?.first_chunk().ok_or(Stop::Cut)?;
    let body = stream.take(length.into())?;
    let (is_padded, padded_bits) = walk_even(body, true);
    let (walk, attribute_bits) = match (!is_padded).then(|| walk_even(body, false)) {
        None => (Walk::Padded, padded_bits),
        Some((true, bits)) => (Walk::Unpadded, bits),
        Some((false, _)) => (Walk::Broken, padded_bits),
    };
    let trailing = stream.rest().len();
    Ok(Message { kind, length, transaction_id, walk, trailing, attribute_bits, body })
}

/// Takes the next attribute off the body.
#[inline]
fn attribute<'a>(body: &mut &'a [u8], padding: bool) -> Option<Attribute<'a>> {
    let [k0, k1, l0, l1, rest @ ..] = *body else { return None };
    let kind = u16::from_be_bytes([*k0, *k1]);
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    let (value, behind) = rest.split_at_checked(length)?;
    let pad = if padding { length.wrapping_neg() % 4 } else { 0 };
    *body = behind.get(pad..).unwrap_or_default();
    Some(Attribute { kind, value })
}

/// Whether attributes so laid out end where the body does, and the bits of those met up to there. Type 0 is reserved
/// (RFC 8489, 18.3) and means that the walk has gone astray among filler bytes.
fn walk_even(mut body: &[u8], padding: bool) -> (bool, u64) {
    let (mut bits, mut is_even) = (0, true);
    for _ in 0..ATTRIBUTES_MAX {
        if body.is_empty() {
            break;
        }
        let Some(attribute) = attribute(&mut body, padding) else { return (false, bits) };
        bits |= attribute_bit(attribute.kind);
        is_even &= attribute.kind != 0;
    }
    (is_even && body.is_empty(), bits)
}

/// Whether a transaction id is printable ASCII, as some senders write it.
#[inline]
pub fn is_printable(transaction_id: &[u8; 12]) -> bool {
    transaction_id.iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// Address and port in the value of an attribute coded like XOR-MAPPED-ADDRESS (RFC 8489, 14.2); 8 or 20 bytes.
pub fn xor_address(value: &[u8], transaction_id: &[u8; 12]) -> Option<(IpAddr, u16)> {
    let (address, port) = mapped_address(value)?;
    let port = port ^ 0x2112;
    let cookie = u32::from_be_bytes(MAGIC_COOKIE);
    Some(match address {
        IpAddr::V4(address) => (IpAddr::V4(Ipv4Addr::from(u32::from(address) ^ cookie)), port),
        IpAddr::V6(address) => {
            let id = transaction_id.iter().fold(0u128, |id, &byte| id << 8 | u128::from(byte));
            let mask = u128::from(cookie) << 96 | id;
            (IpAddr::V6(Ipv6Addr::from(u128::from(address) ^ mask)), port)
        }
    })
}

/// Address and port in the value of an attribute coded like MAPPED-ADDRESS (RFC 8489, 14.1); 8 or 20 bytes.
pub fn mapped_address(value: &[u8]) -> Option<(IpAddr, u16)> {
    let mut fields = Cursor::stated(value, value.len());
    fields.u8().ok()?;
    let family = fields.u8().ok()?;
    let port = fields.u16().ok()?;
    let address = match family {
        1 => IpAddr::V4(Ipv4Addr::from(fields.array::<4>().ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(fields.array::<16>().ok()?)),
        _ => return None,
    };
    (fields.left() == 0).then_some((address, port))
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn of(kind: u16, length: usize, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(kind.to_be_bytes());
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(ID);
        bytes.extend(body);
        bytes
    }

    fn value(kind: u16, length: usize, padded: bool) -> Vec<u8> {
        let mut bytes = Vec::from(kind.to_be_bytes());
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(vec![0; if padded { length.next_multiple_of(4) } else { length }]);
        bytes
    }

    fn shape(bytes: &[u8]) -> (Walk, usize, Vec<(u16, usize)>) {
        let message = message(bytes).found().unwrap();
        let attributes = message.attributes().map(|attribute| (attribute.kind, attribute.value.len()));
        (message.walk, message.trailing, attributes.collect())
    }

    /// RFC 5769, 2.2: the sample IPv4 response.
    const RFC_5769_RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
        \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
        \x80\x28\x00\x04\xc0\x7d\x4c\x96";

    #[test]
    fn the_first_bytes_rule_out_what_no_framing_begins_with() {
        let may = |bytes: &[u8]| !matches!(stream_framing(bytes), Dissection::NotMine);
        for first in 0..=255 {
            for third in [0, 1, 2, 7, 8, 9, 0x21, 255] {
                for length in 0..=12 {
                    for cookie_at in [4, 6] {
                        let mut bytes = [first, 0, third, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                        bytes[cookie_at..cookie_at + 4].copy_from_slice(&MAGIC_COOKIE);
                        let bytes = &bytes[..length];
                        assert!(!may(bytes) || may_be_framed(bytes), "{bytes:02x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_rfc_sample_is_read() {
        let told = message(RFC_5769_RESPONSE).found().unwrap();
        assert_eq!((told.kind, told.length, told.transaction_id), (0x0101, 0x3c, &ID));
        let address = xor_address(told.attribute(0x0020).unwrap(), &ID).unwrap();
        assert_eq!(address, ("192.0.2.1".parse().unwrap(), 32853));
        let (walk, trailing, attributes) = shape(RFC_5769_RESPONSE);
        assert_eq!((walk, trailing), (Walk::Padded, 0));
        assert_eq!(attributes, [(0x8022, 11), (0x0020, 8), (0x0008, 20), (0x8028, 4)]);
    }

    #[test]
    fn an_ipv6_address_is_decoded() {
        // RFC 5769, 2.3.
        let value = b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        let told = ("2001:db8:1234:5678:11:2233:4455:6677".parse().unwrap(), 32853);
        assert_eq!(xor_address(value, &ID), Some(told));
        assert_eq!(
            mapped_address(b"\0\x01\x0d\x96\xc0\0\x02\x01"),
            Some(("192.0.2.1".parse().unwrap(), 3478))
        );
    }

    #[test]
    fn addresses_of_odd_length_or_family_are_none() {
        assert_eq!(mapped_address(b"\0\x01\x0d\x96\xc0\0\x02"), None);
        assert_eq!(mapped_address(b"\0\x01\x0d\x96\xc0\0\x02\x01\0"), None);
        assert_eq!(mapped_address(b"\0\x03\x0d\x96\xc0\0\x02\x01"), None);
    }

    #[test]
    fn missing_padding_is_survived() {
        let last_only = of(3, 0x6a, &value(0x4000, 102, false));
        assert_eq!(last_only.len(), 126);
        assert_eq!(shape(&last_only).2, [(0x4000, 102)]);
        let answer = of(0x0802, 25, &[value(0x4002, 8, false), value(0x4003, 9, false)].concat());
        assert_eq!(answer.len(), 45);
        assert_eq!(shape(&answer).2, [(0x4002, 8), (0x4003, 9)]);
        // The padded walk goes astray in the zero filler, and comes out even all the same.
        let probe = of(0x0801, 492, &[value(0x4003, 9, false), value(0x4004, 475, false)].concat());
        assert_eq!(shape(&probe), (Walk::Unpadded, 0, vec![(0x4003, 9), (0x4004, 475)]));
        let padded = of(0x0802, 20, &[value(0x4002, 8, true), value(0x4003, 1, true)].concat());
        assert_eq!(shape(&padded), (Walk::Padded, 0, vec![(0x4002, 8), (0x4003, 1)]));
    }

    #[test]
    fn bytes_past_the_stated_length_are_counted() {
        let mut probe = of(0x0801, 452, &[value(0x4003, 1, true), value(0x4004, 440, true)].concat());
        probe.extend([0; 28]);
        assert_eq!(probe.len(), 500);
        assert_eq!(shape(&probe), (Walk::Padded, 28, vec![(0x4003, 1), (0x4004, 440)]));
    }

    #[test]
    fn a_bare_header_is_a_message() {
        assert_eq!(shape(&of(0x0801, 0, &[])), (Walk::Padded, 0, vec![]));
    }

    #[test]
    fn an_uneven_body_gives_what_it_can() {
        let body = [value(0x4002, 8, true), vec![0x40, 3, 0, 200]].concat();
        assert_eq!(shape(&of(0x0802, body.len(), &body)), (Walk::Broken, 0, vec![(0x4002, 8)]));
        let many = value(0x4000, 0, true).repeat(ATTRIBUTES_MAX + 1);
        let (walk, _, attributes) = shape(&of(1, many.len(), &many));
        assert_eq!((walk, attributes.len()), (Walk::Broken, ATTRIBUTES_MAX));
    }

    #[test]
    fn the_cookie_and_the_two_zero_bits_are_required() {
        for (at, value) in [(0, 0x40), (0, 0x80), (4, 0x20), (7, 0x43)] {
            let mut bytes = Vec::from(RFC_5769_RESPONSE);
            bytes[at] = value;
            assert_eq!(message(&bytes[..=at]), Dissection::NotMine, "byte {at}");
        }
    }

    #[test]
    fn a_prefix_needs_more() {
        let whole = RFC_5769_RESPONSE.len();
        prefixes(&RFC_5769_RESPONSE[..whole - 1], |_, prefix| {
            assert_eq!(message(prefix), Dissection::NeedMore)
        });
    }

    #[test]
    fn no_bytes_make_it_panic() {
        mutations(RFC_5769_RESPONSE, |bytes| {
            if let Dissection::Found(message) = message(bytes) {
                for attribute in message.attributes() {
                    xor_address(attribute.value, message.transaction_id);
                }
            }
        });
    }
}
