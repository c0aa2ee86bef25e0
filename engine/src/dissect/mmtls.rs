//! mmtls: a TLS 1.3 look-alike with records of its own, on TCP or in HTTP bodies.
//!
//! A record is `type u8 · 0xF1 · minor u8 · length u16 · payload`, minor 3 or 4. A hello is, in the payload of a record,
//! `length u32 · kind u8 · version u16` with the version bytes in the other order (`minor, 0xF1`), then for a client
//! `count u8 · suites u16 each`, for a server the one suite.
//!
//! Work: a fixed number of steps for a hello, one step a record (of at least five bytes) for [`records`].

use super::Dissection;
use super::cursor::{Cursor, Stop};

/// Record type: alert, or end of the early data.
pub const ALERT: u8 = 0x15;
/// Record type: handshake.
pub const HANDSHAKE: u8 = 0x16;
/// Record type: application data.
pub const APPLICATION: u8 = 0x17;
/// Record type: handshake that carries early data behind it.
pub const EARLY_HANDSHAKE: u8 = 0x19;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// [`ALERT`], [`HANDSHAKE`], [`APPLICATION`] or [`EARLY_HANDSHAKE`].
    pub kind: u8,
    /// Minor version: 3 or 4.
    pub minor: u8,
    /// What follows the five bytes of header.
    pub payload: &'a [u8],
}

/// Who sends a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A client hello.
    Client,
    /// A server hello.
    Server,
}

/// A hello in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Client or server.
    pub sender: Sender,
    /// Whether the record is an [`EARLY_HANDSHAKE`].
    pub early: bool,
    /// Minor version: 3 or 4.
    pub minor: u8,
    /// Length of the record's payload in bytes; the hello's own length is four less.
    pub length: u16,
    suites: &'a [u8],
}

impl<'a> Hello<'a> {
    /// The cipher suites offered, or the one chosen.
    pub fn suites(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.suites.as_chunks().0.iter().map(|&suite| u16::from_be_bytes(suite))
    }
}

/// The hello in the record at the start of the bytes.
pub fn hello(bytes: &[u8]) -> Dissection<Hello<'_>> {
    record_hello(bytes).into()
}

fn record_hello(bytes: &[u8]) -> Result<Hello<'_>, Stop> {
    let mut stream = Cursor::open(bytes);
    let (kind, minor, length) = record_header(&mut stream)?;
    if kind != HANDSHAKE && kind != EARLY_HANDSHAKE {
        return Err(Stop::Malformed);
    }
    let mut payload = Cursor::stated(stream.rest(), length.into());
    if payload.u32()? != u32::from(length).wrapping_sub(4) {
        return Err(Stop::Malformed);
    }
    let sender = match payload.u8()? {
        1 => Sender::Client,
        2 => Sender::Server,
        _ => return Err(Stop::Malformed),
    };
    payload.expect(|byte| byte == minor)?;
    payload.expect(|byte| byte == 0xf1)?;
    let suites = match sender {
        Sender::Client => payload.expect(|count| (1..=8).contains(&count))?,
        Sender::Server => 1,
    };
    let suites = payload.take(usize::from(suites) * 2)?;
    Ok(Hello { sender, early: kind == EARLY_HANDSHAKE, minor, length, suites })
}

/// Whether the bytes begin like a record; five bytes are needed.
pub fn is_record(bytes: &[u8]) -> bool {
    record_header(&mut Cursor::open(bytes)).is_ok()
}

fn record_header(stream: &mut Cursor<'_>) -> Result<(u8, u8, u16), Stop> {
    let kind = stream.expect(|kind| matches!(kind, ALERT | HANDSHAKE | APPLICATION | EARLY_HANDSHAKE))?;
    stream.expect(|major| major == 0xf1)?;
    let minor = stream.expect(|minor| minor == 3 || minor == 4)?;
    Ok((kind, minor, stream.u16()?))
}

/// The complete records at the start of the bytes, in order.
pub fn records(bytes: &[u8]) -> Records<'_> {
    Records { bytes }
}

/// Iterator of [`records`].
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
}

impl<'a> Records<'a> {
    /// The bytes not taken yet: empty where the records end with the bytes; else a record that is cut (it dissects to
    /// `NeedMore` with [`next_length`](Self::next_length)) or no record.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Length of the next record in bytes, header included, whether or not all of it is there.
    pub fn next_length(&self) -> Dissection<usize> {
        Dissection::from(record_header(&mut Cursor::open(self.bytes)))
            .map(|(_, _, length)| usize::from(length) + 5)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let mut stream = Cursor::open(self.bytes);
        let (kind, minor, length) = record_header(&mut stream).ok()?;
        let payload = stream.take(length.into()).ok()?;
        self.bytes = stream.rest();
        Some(Record { kind, minor, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    const RESUMPTION: [u8; 15] = [0x16, 0xf1, 4, 0, 0xa1, 0, 0, 0, 0x9d, 1, 4, 0xf1, 1, 0x00, 0xa8];
    const ANSWER: [u8; 14] = [0x16, 0xf1, 4, 0, 0x2e, 0, 0, 0, 0x2a, 2, 4, 0xf1, 0x00, 0xa8];
    const REFUSAL: [u8; 12] = [0x15, 0xf1, 4, 0, 7, 0, 0, 0, 3, 0, 0x73, 2];

    #[test]
    fn hellos_give_their_suites() {
        let client = hello(&RESUMPTION).found().unwrap();
        assert_eq!(
            (client.sender, client.early, client.minor, client.length),
            (Sender::Client, false, 4, 0xa1)
        );
        assert!(client.suites().eq([0x00a8]));
        let server = hello(&ANSWER).found().unwrap();
        assert_eq!(server.sender, Sender::Server);
        assert!(server.suites().eq([0x00a8]));
        let older = [0x19, 0xf1, 3, 1, 0x65, 0, 0, 1, 0x61, 1, 3, 0xf1, 2, 0xc0, 0x2b, 0, 0xa8];
        let older = hello(&older).found().unwrap();
        assert!(older.early && older.minor == 3);
        assert!(older.suites().eq([0xc02b, 0x00a8]));
    }

    #[test]
    fn a_cut_hello_needs_more() {
        prefixes(&RESUMPTION[..14], |_, prefix| assert_eq!(hello(prefix), Dissection::NeedMore));
    }

    #[test]
    fn contradictions_are_refused() {
        for (at, value) in
            [(0, 0x17), (1, 3), (2, 5), (4, 0xa2), (8, 0x9e), (9, 3), (10, 3), (11, 3), (12, 0)]
        {
            let mut bytes = RESUMPTION;
            bytes[at] = value;
            assert_eq!(hello(&bytes), Dissection::NotMine, "byte {at}");
        }
        assert_eq!(hello(&[0x16, 0xf1, 4, 0, 2, 0, 0]), Dissection::NotMine);
        assert_eq!(hello(&REFUSAL), Dissection::NotMine);
        assert_eq!(hello(&[0x16, 3, 1]), Dissection::NotMine);
    }

    #[test]
    fn records_follow_each_other() {
        let mut stream = vec![0x17, 0xf1, 4, 0, 0x20];
        stream.extend([0xee; 32]);
        stream.extend(REFUSAL);
        stream.extend([0x17, 0xf1, 4, 1]);
        let mut walk = records(&stream);
        assert_eq!(walk.next().map(|record| (record.kind, record.payload.len())), Some((APPLICATION, 32)));
        assert_eq!(walk.next(), Some(Record { kind: ALERT, minor: 4, payload: &REFUSAL[5..] }));
        assert_eq!(walk.next(), None);
        assert_eq!((walk.rest().len(), walk.next_length()), (4, Dissection::NeedMore));
        assert_eq!(records(&RESUMPTION).next_length(), Dissection::Found(166));
        assert_eq!(records(b"GET / HTTP/1.1").next_length(), Dissection::NotMine);
        assert!(is_record(&stream) && !is_record(&stream[..4]));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let bytes: Vec<u8> = [&RESUMPTION[..], &REFUSAL].concat();
        mutations(&bytes, |bytes| {
            if let Dissection::Found(hello) = hello(bytes) {
                hello.suites().for_each(drop);
            }
            records(bytes).for_each(drop);
        });
    }
}
