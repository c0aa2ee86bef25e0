//! The long-link framing: a header of 16 bytes before every message of a long-lived TCP connection, and the business
//! header that begins the bodies (of long-link messages and of HTTP bodies alike).
//!
//! ```text
//!  0  u32  length of the whole message, header included; it may span many segments
//!  4  u16  header length, always 16
//!  6  u16  version, always 1
//!  8  u32  command
//! 12  u32  sequence
//! ```
//!
//! Work: a fixed number of steps a header.

use super::Dissection;
use super::cursor::{Cursor, Stop};
use super::records::Layout;

/// Length of the header, in bytes.
pub const HEADER_LENGTH: usize = 16;
/// Longest message taken for one, header included, in bytes.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Cuts a stream into messages with [`Records`](super::records::Records); check each with [`header`].
pub const LAYOUT: Layout =
    Layout { length_at: 0, length_width: 4, plus: 0, minimum: HEADER_LENGTH, maximum: MESSAGE_MAX };

/// Most bytes by which zlib makes a short body longer: header, checksum and one stored block.
const ZLIB_OVERHEAD: u64 = 16;
/// Most bytes that one byte of deflate can stand for.
const ZLIB_RATIO_MAX: u64 = 1032;

/// The header of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the whole message in bytes, header included: 16 to 1 MiB.
    pub length: u32,
    /// Length of the header in bytes: 16.
    pub header_length: u16,
    /// Version of the framing: 1.
    pub version: u16,
    /// What the message is; requests and responses differ in it.
    pub command: u32,
    /// Number of the request, repeated in the response.
    pub sequence: u32,
}

/// The header at the start of a message.
pub fn header(bytes: &[u8]) -> Dissection<Header> {
    message_header(bytes).into()
}

fn message_header(bytes: &[u8]) -> Result<Header, Stop> {
    let mut fields = Cursor::open(bytes);
    // No message is longer than MESSAGE_MAX: its first two bytes are refused without waiting for the rest.
    let first = fields.expect(|byte| byte == 0)?;
    let second = fields.expect(|byte| byte <= 0x10)?;
    let length = u32::from_be_bytes([first, second, fields.u8()?, fields.u8()?]);
    if !usize::try_from(length).is_ok_and(|length| (HEADER_LENGTH..=MESSAGE_MAX).contains(&length)) {
        return Err(Stop::Malformed);
    }
    for constant in [0x00, 0x10, 0x00, 0x01] {
        fields.expect(|byte| byte == constant)?;
    }
    Ok(Header { length, header_length: 16, version: 1, command: fields.u32()?, sequence: fields.u32()? })
}

/// The business header. The account number that stands in it is stepped over and never given out.
///
/// ```text
///  0  u8      0xBF, or missing
///  0  u8      header length << 2 | compression
///  1  u8      encryption << 4 | cookie length
///  2  u32     client version, 0 in responses
///  6  u32     account number
/// 10  n       cookie
///     varint  function type, the same in request and response
///     varint  body length before compression
///     varint  body length after compression
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusinessHeader {
    /// Whether the 0xBF byte stands before the header.
    pub marked: bool,
    /// Length of the header in bytes, without the 0xBF byte: 13 to 63.
    pub header_length: u8,
    /// 1: zlib, 2: none.
    pub compression: u8,
    /// Kind of encryption, 0 to 15.
    pub encryption: u8,
    /// Length of the cookie in bytes, 0 to 15.
    pub cookie_length: u8,
    /// Version of the client; 0 in responses.
    pub client_version: u32,
    /// What is asked for.
    pub function_type: u32,
    /// Length of the body before compression, in bytes.
    pub plain_length: u32,
    /// Length of the body after compression, in bytes (encryption may add to it).
    pub packed_length: u32,
}

/// The business header at the start of a body.
///
/// `NotMine` also where the two body lengths cannot belong together. A weak test by itself even so: use it where the
/// framing around the body was recognised.
pub fn business_header(bytes: &[u8]) -> Dissection<BusinessHeader> {
    body_header(bytes).into()
}

fn body_header(bytes: &[u8]) -> Result<BusinessHeader, Stop> {
    let unmarked = bytes.strip_prefix(&[0xbf]);
    let mut start = Cursor::open(unmarked.unwrap_or(bytes));
    let first = start.u8()?;
    let (header_length, compression) = (first >> 2, first & 3);
    if header_length < 13 || !(1..=2).contains(&compression) {
        return Err(Stop::Malformed);
    }
    let mut fields = Cursor::stated(start.rest(), usize::from(header_length) - 1);
    let second = fields.u8()?;
    let (encryption, cookie_length) = (second >> 4, second & 15);
    let client_version = fields.u32()?;
    fields.take(4)?;
    fields.take(cookie_length.into())?;
    let told = BusinessHeader {
        marked: unmarked.is_some(),
        header_length,
        compression,
        encryption,
        cookie_length,
        client_version,
        function_type: varint(&mut fields)?,
        plain_length: varint(&mut fields)?,
        packed_length: varint(&mut fields)?,
    };
    let (plain, packed) = (u64::from(told.plain_length), u64::from(told.packed_length));
    let lengths_agree = match compression {
        1 => packed <= plain + ZLIB_OVERHEAD && plain <= packed * ZLIB_RATIO_MAX,
        _ => packed == plain,
    };
    if lengths_agree && told.function_type != 0 { Ok(told) } else { Err(Stop::Malformed) }
}

/// Seven bits a byte, lowest first, the top bit saying that another byte follows; at most 32 bits.
fn varint(fields: &mut Cursor<'_>) -> Result<u32, Stop> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = fields.expect(|byte| shift < 28 || byte < 16)?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Stop::Malformed)
}

#[cfg(test)]
mod tests {
    use super::super::records::{End, Records};
    use super::super::torture::{mutations, prefixes};
    use super::*;

    const NOOP: [u8; 16] = [0, 0, 0, 16, 0, 16, 0, 1, 0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff];

    #[test]
    fn a_header_gives_its_fields() {
        let told = Header { length: 16, header_length: 16, version: 1, command: 6, sequence: 0xffff_ffff };
        assert_eq!(header(&NOOP), Dissection::Found(told));
        prefixes(&NOOP[..15], |_, prefix| assert_eq!(header(prefix), Dissection::NeedMore));
    }

    #[test]
    fn other_framings_are_refused_at_their_first_odd_byte() {
        for (at, value) in [(0, 1), (1, 0x11), (3, 15), (4, 1), (5, 17), (6, 1), (7, 2)] {
            let mut bytes = NOOP;
            bytes[at] = value;
            assert_eq!(header(&bytes[..=at]), Dissection::NotMine, "byte {at}");
        }
        assert_eq!(header(&[0, 0x10, 0, 1]), Dissection::NotMine);
    }

    #[test]
    fn a_stream_is_cut_into_messages() {
        let push = [0, 0, 0, 20, 0, 16, 0, 1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 2];
        let stream = [&NOOP[..], &push, &NOOP[..7]].concat();
        let messages = Records::new(&stream, LAYOUT);
        let commands = messages.map(|message| header(message).found().map(|header| header.command));
        assert!(commands.eq([Some(6), Some(24)]));
        assert_eq!(messages.end(), End::Cut { missing: 9 });
    }

    /// Length 35, zlib, encryption 5, a cookie of 15 bytes, function 214, body of 435 bytes packed into 236.
    const REQUEST: [u8; 35] = [
        0x8d, 0x5f, 0x26, 1, 0, 0x41, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xd6,
        0x01, 0xb3, 0x03, 0xec, 0x01, 0, 0, 0, 0,
    ];

    #[test]
    fn a_business_header_gives_its_fields() {
        let told = BusinessHeader {
            marked: false,
            header_length: 35,
            compression: 1,
            encryption: 5,
            cookie_length: 15,
            client_version: 0x2601_0041,
            function_type: 214,
            plain_length: 435,
            packed_length: 236,
        };
        assert_eq!(business_header(&REQUEST), Dissection::Found(told));
        let marked = [&[0xbf], &REQUEST[..]].concat();
        assert_eq!(business_header(&marked), Dissection::Found(BusinessHeader { marked: true, ..told }));
        prefixes(&REQUEST[..30], |_, prefix| assert_eq!(business_header(prefix), Dissection::NeedMore));
    }

    #[test]
    fn a_business_header_must_hold_together() {
        let found = business_header(&REQUEST).found().unwrap();
        let changed = |at: usize, value: u8| {
            let mut bytes = REQUEST;
            bytes[at] = value;
            business_header(&bytes)
        };
        assert_eq!(changed(0, 0x8c), Dissection::NotMine, "compression 0");
        assert_eq!(changed(0, 0x31), Dissection::NotMine, "12 bytes are no header");
        assert_eq!(changed(0, 0x6d), Dissection::NotMine, "varints run past 27 bytes");
        assert_eq!(changed(0, 0x8e), Dissection::NotMine, "not packed, yet shorter");
        assert_eq!(changed(28, 0x00), Dissection::NotMine, "packed, yet longer");
        assert_eq!(changed(28, 0x7f), Dissection::Found(BusinessHeader { plain_length: 0x3fb3, ..found }));
        let mut endless = REQUEST;
        endless[25..30].fill(0xff);
        assert_eq!(business_header(&endless), Dissection::NotMine);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        mutations(&NOOP, |bytes| _ = header(bytes));
        mutations(&REQUEST, |bytes| _ = business_header(bytes));
    }
}
