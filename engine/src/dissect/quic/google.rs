//! Google's QUIC, versions 24 to 46, whose client hello is in clear (and Q050's hello, once decrypted).
//!
//! ```text
//! up to Q043:  flags u8 · connection id 8 · version 4 · packet number 1, 2, 4 or 6 · hash 12 · [private flags, to Q033] · frames
//! Q046:        first byte · version 4 · 0x50 · connection id 8 · packet number 1 to 4 · hash 12 · frames
//! ```
//!
//! The hello is a message in the first stream frame: `"CHLO" · count u16 · 0 u16`, then `tag 4 · end offset u32` for each
//! value, then the values; these integers are little-endian. Work: at most 128 tags.

use super::super::Dissection;
use super::super::cursor::{Cursor, Stop};

const TAGS_MAX: u16 = 128;

/// A packet of a client, from before it knows the server's answer: later ones carry no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The version's number: 24 to 43, or 46.
    pub version: u8,
    /// The connection's id, 8 bytes.
    pub connection_id: &'a [u8],
    frames: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The hello, where the packet's first frame holds one. (A frame of an encrypted packet will not look like it.)
    pub fn hello(&self) -> Option<Hello<'a>> {
        let mut fields = Cursor::open(self.frames);
        // Stream frame: 1 · fin · length present · three bits of offset width · two bits of id width. The handshake is
        // stream 1; a second hello, after the server has refused the first, stands further on in it.
        let kind = fields.expect(|kind| kind & 0x80 != 0).ok()?;
        let id = fields.take(usize::from(kind & 3) + 1).ok()?;
        if id.iter().fold(0u32, |sum, &byte| sum + u32::from(byte)) != 1 {
            return None;
        }
        let offset_width = usize::from(kind >> 2 & 7);
        fields.take(if offset_width == 0 { 0 } else { offset_width + 1 }).ok()?;
        if kind & 0x20 != 0 {
            fields.take(2).ok()?;
        }
        hello_message(fields.rest()).found()
    }
}

/// A client hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// `tag 4 · end offset u32` each.
    index: &'a [u8],
    values: &'a [u8],
}

impl<'a> Hello<'a> {
    /// The server name asked for.
    pub fn sni(&self) -> Option<&'a [u8]> {
        self.value(*b"SNI\0").filter(|name| !name.is_empty())
    }

    /// The value of a tag, such as `UAID`, if it is there and all of it is.
    pub fn value(&self, tag: [u8; 4]) -> Option<&'a [u8]> {
        let mut start = 0;
        for entry in self.index.as_chunks::<8>().0 {
            let &[a, b, c, d, ref end @ ..] = entry;
            let end = usize::try_from(u32::from_le_bytes(*end)).ok()?;
            if [a, b, c, d] == tag {
                return self.values.get(start..end);
            }
            start = end;
        }
        None
    }
}

/// The packet that a datagram is. A datagram does not grow: never `NeedMore`.
pub fn packet(datagram: &[u8]) -> Dissection<Packet<'_>> {
    Dissection::from(public_header(datagram)).settled()
}

fn public_header(bytes: &[u8]) -> Result<Packet<'_>, Stop> {
    let mut fields = Cursor::open(bytes);
    let first = fields.u8()?;
    let (version, connection_id, number_length) = if first & 0xc0 == 0xc0 {
        let version = version(&mut fields, |version| version == 46)?;
        // Length of the two ids in half a byte each, less 3: a destination of 8 bytes, no source.
        fields.expect(|lengths| lengths == 0x50)?;
        (version, fields.take(8)?, first & 3)
    } else {
        // Version and eight bytes of connection id present; no reset, nothing in the two highest bits.
        if first & 0xcb != 0x09 {
            return Err(Stop::Malformed);
        }
        let connection_id = fields.take(8)?;
        let version = version(&mut fields, |version| (24..=43).contains(&version))?;
        let number_length = match first >> 4 & 3 {
            3 => 5,
            2 => 3,
            shorter => shorter,
        };
        (version, connection_id, number_length)
    };
    fields.take(usize::from(number_length) + 1)?;
    fields.take(12)?;
    if version <= 33 {
        fields.u8()?;
    }
    Ok(Packet { version, connection_id, frames: fields.rest() })
}

fn version(fields: &mut Cursor<'_>, known: impl FnOnce(u8) -> bool) -> Result<u8, Stop> {
    fields.expect(|letter| letter == b'Q')?;
    fields.expect(|hundreds| hundreds == b'0')?;
    let tens = fields.expect(|digit| digit.is_ascii_digit())?;
    let ones = fields.expect(|digit| digit.is_ascii_digit())?;
    let version = (tens - b'0') * 10 + ones - b'0';
    if known(version) { Ok(version) } else { Err(Stop::Malformed) }
}

/// A hello at the start of a handshake stream: of a clear packet, or of Q050's CRYPTO frames. `Found` once all tags are
/// there; values that are not are given as `None`.
pub fn hello_message(bytes: &[u8]) -> Dissection<Hello<'_>> {
    hello(bytes).into()
}

fn hello(bytes: &[u8]) -> Result<Hello<'_>, Stop> {
    let mut fields = Cursor::open(bytes);
    for letter in *b"CHLO" {
        fields.expect(|byte| byte == letter)?;
    }
    let count = u16::from_le_bytes(fields.array()?);
    if count > TAGS_MAX || fields.u16()? != 0 {
        return Err(Stop::Malformed);
    }
    Ok(Hello { index: fields.take(usize::from(count) * 8)?, values: fields.rest() })
}

#[cfg(test)]
mod tests {
    use super::super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec::Vec;

    const CHLO: &[u8] = b"CHLO\x03\0\0\0PAD\0\x04\0\0\0SNI\0\x0f\0\0\0UAID\x13\0\0\0----example.net C/1";
    const HASH: [u8; 12] = [0xa5; 12];

    fn q43() -> Vec<u8> {
        [b"\x19\x01\x02\x03\x04\x05\x06\x07\x08Q043\0\x01", &HASH[..], b"\xa0\x01\0\x33", CHLO].concat()
    }

    fn q46() -> Vec<u8> {
        [b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01", &HASH[..], b"\xa0\x01\0\x33", CHLO]
            .concat()
    }

    fn q25() -> Vec<u8> {
        [b"\x0d\x01\x02\x03\x04\x05\x06\x07\x08Q025\x01", &HASH[..], b"\0\xa0\x01\x33\0", CHLO].concat()
    }

    #[test]
    fn hellos_in_clear_give_the_name() {
        for (bytes, version) in [(q25(), 25), (q43(), 43), (q46(), 46)] {
            let told = packet(&bytes).found().unwrap();
            assert_eq!((told.version, told.connection_id), (version, &[1, 2, 3, 4, 5, 6, 7, 8][..]));
            let hello = told.hello().unwrap();
            assert_eq!(hello.sni(), Some(&b"example.net"[..]));
            assert_eq!((hello.value(*b"UAID"), hello.value(*b"VERS")), (Some(&b" C/1"[..]), None));
        }
    }

    #[test]
    fn a_second_hello_stands_further_on() {
        let header = b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x04";
        let bytes = [header, &HASH[..], b"\xa4\x01\x04\0\0\x33", CHLO].concat();
        assert_eq!(packet(&bytes).found().unwrap().hello().unwrap().sni(), Some(&b"example.net"[..]));
    }

    #[test]
    fn a_cut_hello_gives_no_wrong_name() {
        for bytes in [q25(), q43(), q46()] {
            prefixes(&bytes, |length, prefix| {
                let name =
                    packet(prefix).found().and_then(|packet| packet.hello()).and_then(|hello| hello.sni());
                assert_eq!(name, (length >= bytes.len() - 4).then_some(&b"example.net"[..]));
            });
        }
        prefixes(&CHLO[..31], |_, prefix| assert_eq!(hello_message(prefix), Dissection::NeedMore));
    }

    #[test]
    fn encrypted_packets_have_no_hello() {
        let mut bytes = q43();
        bytes[27] = 0x40;
        assert!(packet(&bytes).found().unwrap().hello().is_none());
        let mut other_stream = q43();
        other_stream[28] = 3;
        assert!(packet(&other_stream).found().unwrap().hello().is_none());
    }

    #[test]
    fn other_headers_are_refused() {
        for (at, value) in
            [(0, 0x18), (0, 0x1b), (0, 0x59), (0, 0x11), (9, b'T'), (11, b'5'), (12, b'4'), (12, b':')]
        {
            let mut bytes = q43();
            bytes[at] = value;
            assert_eq!(packet(&bytes), Dissection::NotMine, "byte {at} = {value}");
        }
        for (at, value) in [(0, 0x83), (4, b'7'), (5, 0x51)] {
            let mut bytes = q46();
            bytes[at] = value;
            assert_eq!(packet(&bytes), Dissection::NotMine, "byte {at} = {value}");
        }
        let mut many = Vec::from(CHLO);
        many[4] = 129;
        assert_eq!(hello_message(&many), Dissection::NotMine);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in [q25(), q43(), q46()] {
            mutations(&bytes, |bytes| {
                if let Some(hello) = packet(bytes).found().and_then(|packet| packet.hello()) {
                    hello.sni();
                    hello.value(*b"UAID");
                }
            });
        }
    }
}
