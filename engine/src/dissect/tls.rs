//! TLS hellos (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2): the name a client asks for, the protocols it offers.
//!
//! A record is `type u8 · version u16 · length u16 · fragment`; a handshake message is `type u8 · length u24 · body` and may
//! be cut over several records (RFC 8446, 5.1). An SSLv2-compatible hello (RFC 5246, E.2) is not recognised.
//!
//! Work is linear in the bytes of one hello, at most 128 KiB and 16 384 extensions.

use super::Dissection;
use super::cursor::{Cursor, Stop};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const SERVER_NAME: u16 = 0;
const APPLICATION_LAYER_PROTOCOLS: u16 = 16;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;
/// Longest fragment in clear (RFC 8446, 5.1).
const FRAGMENT_MAX: u16 = 1 << 14;
/// All vectors of a hello at their longest stay below this.
const HELLO_MAX: u32 = 1 << 17;

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// `legacy_version`: 0x0303 for TLS 1.2 and 1.3, 0x0301 for TLS 1.0.
    pub legacy_version: u16,
    /// The server name (RFC 6066, 3) as sent: not checked, not lower-cased. `None` where the hello has none.
    pub sni: Option<&'a [u8]>,
    /// Whether the hello has an encrypted client hello (RFC 9849) or its forerunner, an encrypted SNI. The SNI then names
    /// the front only (and many clients send a decoy of the extension).
    pub ech: bool,
    /// Whether all of the hello was there. If not, `sni` is certain, but `ech` and the protocols may still come.
    pub complete: bool,
    protocols: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// The protocols offered (ALPN, RFC 7301), in order of preference, such as `h2`.
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut list = Cursor::open(self.protocols);
        core::iter::from_fn(move || {
            let length = list.u8().ok()?;
            list.take(length.into()).ok()
        })
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// `legacy_version`: 0x0303 for TLS 1.2 and 1.3.
    pub legacy_version: u16,
    /// The cipher suite chosen.
    pub cipher_suite: u16,
}

/// Whether a stream beginning with these bytes looks like TLS: content type 20 to 24, version 3.0 to 3.4, a length of at
/// most 2^14 + 2048 bytes (the most RFC 5246, 6.2.3 allows). Fewer than five bytes are not enough.
pub fn is_record(bytes: &[u8]) -> bool {
    let Some(&[kind, major, minor, high, low]) = bytes.first_chunk() else { return false };
    (20..=24).contains(&kind)
        && major == 3
        && minor <= 4
        && u16::from_be_bytes([high, low]) <= FRAGMENT_MAX + 2048
}

/// Whether a client's hello may begin with this byte.
#[inline]
pub fn may_be_hello(first: u8) -> bool {
    first == HANDSHAKE
}

/// The client's hello at the start of a TLS stream.
///
/// `Found` comes with the first bytes that hold the whole SNI extension, or with the end of a hello that has none.
/// A hello over several records whose first fragment does not hold the SNI is `NotMine` here: use [`client_hello_in`].
pub fn client_hello(bytes: &[u8]) -> Dissection<ClientHello<'_>> {
    client_hello_in(bytes, &mut [])
}

/// As [`client_hello_in`], read no further than the SNI: what stands behind it is neither looked at nor told.
pub fn client_name_in<'a>(bytes: &'a [u8], scratch: &'a mut [u8]) -> Dissection<ClientHello<'a>> {
    records_hello(bytes, scratch, true).into()
}

/// As [`client_hello`], for a hello cut over any number of records too: its fragments are joined in `scratch`, which the
/// facts then borrow. A hello within one record is not copied.
///
/// `NotMine` when `scratch` is full and the SNI has still not come. Copies at most `scratch.len()` bytes.
pub fn client_hello_in<'a>(bytes: &'a [u8], scratch: &'a mut [u8]) -> Dissection<ClientHello<'a>> {
    records_hello(bytes, scratch, false).into()
}

fn records_hello<'a>(bytes: &'a [u8], scratch: &'a mut [u8], to_name: bool) -> Result<ClientHello<'a>, Stop> {
    let mut stream = Cursor::open(bytes);
    let length = record_header(&mut stream)?;
    match hello(stream.rest().get(..length).unwrap_or(stream.rest()), to_name) {
        // The record goes on, or the next may: ask for the bytes of this one first.
        Err(Stop::Cut) => drop(stream.take(length)?),
        told => return told,
    }

    let mut stream = Cursor::open(bytes);
    let mut filled = 0;
    while let Some(room) = scratch.get_mut(filled..).filter(|room| !room.is_empty()) {
        // A header that is cut short ends the joining just as a fragment does.
        let length = match record_header(&mut stream) {
            Ok(length) => length,
            Err(Stop::Cut) => break,
            Err(stop) => return Err(stop),
        };
        let fragment = stream.rest().get(..length).unwrap_or(stream.rest());
        let count = fragment.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), fragment.get(..count)) {
            to.copy_from_slice(from);
        }
        filled += count;
        if stream.take(length).is_err() {
            break;
        }
    }
    let full = filled == scratch.len();
    match hello(scratch.get(..filled).unwrap_or_default(), to_name) {
        Err(Stop::Cut) if full => Err(Stop::Malformed),
        told => told,
    }
}

/// A client hello without a record layer, as QUIC's CRYPTO stream carries it (RFC 9001, 4.1.3): from the message's type
/// byte on.
pub fn hello_message(bytes: &[u8]) -> Dissection<ClientHello<'_>> {
    hello(bytes, false).into()
}

/// The server's hello at the start of the other direction's stream.
pub fn server_hello(bytes: &[u8]) -> Dissection<ServerHello> {
    answer(bytes).into()
}

fn answer(bytes: &[u8]) -> Result<ServerHello, Stop> {
    let mut stream = Cursor::open(bytes);
    let length = record_header(&mut stream)?;
    let mut message = Cursor::stated(stream.rest(), length);
    message.expect(|kind| kind == SERVER_HELLO)?;
    message.u24()?;
    let legacy_version = version(&mut message)?;
    message.take(32)?;
    let session_id = message.expect(|length| length <= 32)?;
    message.take(session_id.into())?;
    let cipher_suite = message.u16()?;
    Ok(ServerHello { legacy_version, cipher_suite })
}

/// Length of the handshake fragment that follows.
fn record_header(stream: &mut Cursor<'_>) -> Result<usize, Stop> {
    stream.expect(|kind| kind == HANDSHAKE)?;
    stream.expect(|major| major == 3)?;
    stream.expect(|minor| minor <= 4)?;
    let length = stream.u16()?;
    if (1..=FRAGMENT_MAX).contains(&length) { Ok(length.into()) } else { Err(Stop::Malformed) }
}

fn version(message: &mut Cursor<'_>) -> Result<u16, Stop> {
    let major = message.expect(|major| major == 3)?;
    let minor = message.expect(|minor| minor <= 4)?;
    Ok(u16::from_be_bytes([major, minor]))
}

fn hello(bytes: &[u8], to_name: bool) -> Result<ClientHello<'_>, Stop> {
    let mut header = Cursor::open(bytes);
    header.expect(|kind| kind == CLIENT_HELLO)?;
    let length = header.u24()?;
    if length > HELLO_MAX {
        return Err(Stop::Malformed);
    }
    let length = usize::try_from(length).map_err(|_| Stop::Malformed)?;
    let mut body = Cursor::stated(header.rest(), length);

    let legacy_version = version(&mut body)?;
    let mut hello = ClientHello { legacy_version, sni: None, ech: false, complete: false, protocols: &[] };
    body.take(32)?;
    let session_id = body.expect(|length| length <= 32)?;
    body.take(session_id.into())?;
    let suites = body.u16()?;
    if suites < 2 || suites % 2 != 0 {
        return Err(Stop::Malformed);
    }
    body.take(suites.into())?;
    let compressions = body.expect(|length| length > 0)?;
    body.take(compressions.into())?;
    if body.left() > 0 {
        let extensions = body.u16()?;
        if usize::from(extensions) != body.left() {
            return Err(Stop::Malformed);
        }
    }
    while body.left() > 0 && !(to_name && hello.sni.is_some()) {
        let (kind, content) = match extension(&mut body) {
            Ok(extension) => extension,
            Err(Stop::Cut) if hello.sni.is_some() => return Ok(hello),
            Err(stop) => return Err(stop),
        };
        match kind {
            SERVER_NAME => hello.sni = hello.sni.or(server_name(content)),
            APPLICATION_LAYER_PROTOCOLS => hello.protocols = content.get(2..).unwrap_or_default(),
            ENCRYPTED_CLIENT_HELLO | ENCRYPTED_SERVER_NAME => hello.ech = true,
            _ => {}
        }
    }
    hello.complete = body.left() == 0;
    Ok(hello)
}

#[inline]
fn extension<'a>(body: &mut Cursor<'a>) -> Result<(u16, &'a [u8]), Stop> {
    let kind = body.u16()?;
    let length = body.u16()?;
    Ok((kind, body.take(length.into())?))
}

/// `ServerNameList`: `length u16 · (type u8 · length u16 · name)*`; type 0 is the only one ever defined.
fn server_name(content: &[u8]) -> Option<&[u8]> {
    let mut list = Cursor::open(content);
    list.u16().ok()?;
    list.expect(|kind| kind == 0).ok()?;
    let length = list.u16().ok()?;
    list.take(length.into()).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec::Vec;

    fn block(kind: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(kind.to_be_bytes());
        bytes.extend((content.len() as u16).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn name_block(name: &[u8]) -> Vec<u8> {
        let mut content = Vec::from((name.len() as u16 + 3).to_be_bytes());
        content.push(0);
        content.extend((name.len() as u16).to_be_bytes());
        content.extend(name);
        block(SERVER_NAME, &content)
    }

    fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = Vec::from([3, 3]);
        body.extend([0x5a; 32]);
        body.push(2);
        body.extend([7, 8]);
        body.extend([0, 4, 0x13, 1, 0x13, 2, 1, 0]);
        let extensions = extensions.concat();
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = Vec::from([CLIENT_HELLO]);
        message.extend(&(body.len() as u32).to_be_bytes()[1..]);
        message.extend(body);
        message
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for fragment in message.chunks(size) {
            bytes.extend([HANDSHAKE, 3, 1]);
            bytes.extend((fragment.len() as u16).to_be_bytes());
            bytes.extend(fragment);
        }
        bytes
    }

    fn sample() -> Vec<u8> {
        message(&[
            block(0x2a2a, &[]),
            name_block(b"chat.example.net"),
            block(APPLICATION_LAYER_PROTOCOLS, b"\x00\x0c\x02h2\x08http/1.1"),
            block(ENCRYPTED_CLIENT_HELLO, &[0; 9]),
        ])
    }

    #[test]
    fn a_whole_hello_gives_all_facts() {
        let bytes = records(&sample(), usize::MAX);
        let hello = client_hello(&bytes).found().unwrap();
        assert_eq!(hello.sni, Some(&b"chat.example.net"[..]));
        assert!(hello.alpn().eq([&b"h2"[..], b"http/1.1"]));
        assert_eq!((hello.legacy_version, hello.ech, hello.complete), (0x0303, true, true));
        assert_eq!(hello_message(&sample()).found(), Some(hello));
    }

    #[test]
    fn the_name_comes_with_the_byte_that_ends_it() {
        let bytes = records(&sample(), usize::MAX);
        let name_end = bytes.windows(16).position(|at| at == b"chat.example.net").unwrap() + 16;
        prefixes(&bytes, |length, prefix| match client_hello(prefix) {
            Dissection::NeedMore => assert!(length < name_end),
            Dissection::Found(hello) => {
                assert!(length >= name_end);
                assert_eq!(hello.sni, Some(&b"chat.example.net"[..]));
                assert_eq!(hello.complete, length == bytes.len());
            }
            Dissection::NotMine => panic!("prefix of {length} bytes refused"),
        });
    }

    #[test]
    fn without_a_name_the_whole_hello_is_awaited() {
        let bytes = records(&message(&[block(43, &[2, 3, 4])]), usize::MAX);
        prefixes(&bytes, |length, prefix| {
            let told = client_hello(prefix);
            assert_eq!(told.found().is_some(), length == bytes.len());
            assert_ne!(told, Dissection::NotMine);
        });
        assert_eq!(client_hello(&bytes).found().unwrap().sni, None);
    }

    #[test]
    fn a_hello_without_extensions_is_one() {
        let mut bytes = message(&[]);
        bytes.truncate(bytes.len() - 2);
        bytes[3] -= 2;
        assert!(hello_message(&bytes).found().unwrap().complete);
    }

    #[test]
    fn fragments_are_joined() {
        for size in [1, 3, 4, 5, 40, 70, 100] {
            let bytes = records(&sample(), size);
            let mut scratch = [0; 512];
            let hello = client_hello_in(&bytes, &mut scratch).found().unwrap();
            assert_eq!(hello.sni, Some(&b"chat.example.net"[..]), "size {size}");
            prefixes(&bytes, |_, prefix| {
                let mut scratch = [0; 512];
                match client_hello_in(prefix, &mut scratch) {
                    Dissection::Found(hello) => assert_eq!(hello.sni, Some(&b"chat.example.net"[..])),
                    told => assert_eq!(told, Dissection::NeedMore),
                }
            });
        }
    }

    #[test]
    fn a_full_scratch_ends_the_wait() {
        let bytes = records(&sample(), 20);
        assert_eq!(client_hello_in(&bytes, &mut [0; 50]), Dissection::NotMine);
        assert_eq!(client_hello(&bytes), Dissection::NotMine);
        assert!(client_hello(&records(&sample(), 90)).found().is_some_and(|hello| !hello.complete));
    }

    #[test]
    fn another_record_between_fragments_is_refused() {
        let mut bytes = records(&sample(), 30);
        bytes[35] = 23;
        assert_eq!(client_hello_in(&bytes, &mut [0; 512]), Dissection::NotMine);
    }

    #[test]
    fn contradictions_are_refused() {
        let good = records(&sample(), usize::MAX);
        for (at, value) in [(0, 23), (1, 2), (3, 0x7f), (5, 2), (6, 0xff), (9, 2), (43, 33), (47, 3), (52, 0)]
        {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(client_hello(&bad), Dissection::NotMine, "byte {at}");
        }
    }

    #[test]
    fn a_record_is_told_from_five_bytes() {
        assert!(is_record(&[22, 3, 1, 2, 0]));
        assert!(is_record(&[23, 3, 3, 0x48, 0]));
        assert!(!is_record(&[23, 3, 3, 0x48, 1]));
        assert!(!is_record(&[22, 3, 1, 2]));
        assert!(!is_record(&[22, 0xf1, 4, 0, 0xa1]));
        assert!(!is_record(&[25, 3, 1, 2, 0]));
    }

    #[test]
    fn a_server_hello_is_recognised() {
        let mut bytes = Vec::from([22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3]);
        bytes.extend([1; 32]);
        bytes.extend([0, 0x13, 0x02, 0, 0, 0]);
        let told = ServerHello { legacy_version: 0x0303, cipher_suite: 0x1302 };
        assert_eq!(server_hello(&bytes), Dissection::Found(told));
        prefixes(&bytes[..46], |length, prefix| {
            assert_eq!(server_hello(prefix).found().is_some(), length == 46);
        });
        assert_eq!(server_hello(&records(&sample(), 1000)), Dissection::NotMine);
        assert_eq!(client_hello(&bytes), Dissection::NotMine);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let bytes = records(&sample(), 60);
        mutations(&bytes, |bytes| {
            let mut scratch = [0; 256];
            if let Dissection::Found(hello) = client_hello_in(bytes, &mut scratch) {
                hello.alpn().for_each(drop);
            }
            server_hello(bytes);
            is_record(bytes);
        });
    }
}
