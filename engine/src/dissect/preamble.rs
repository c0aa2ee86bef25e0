//! What a client says to a proxy or load balancer before its own protocol begins, where that then goes on in clear.

use super::Dissection;
use super::http::{self, Head};

/// A preamble and the name it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble<'a> {
    /// Its length in bytes: the inner protocol begins behind it.
    pub length: usize,
    /// The host name the client wants to reach, where it gives one.
    pub name: Option<&'a [u8]>,
}

/// First twelve bytes of the PROXY protocol, version 2.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest line of the PROXY protocol, version 1, with its line end.
const PROXY_V1_MAX: usize = 107;

/// HTTP CONNECT (RFC 9110, 9.3.6), SOCKS 5 (RFC 1928, with RFC 1929's log-in), SOCKS 4 and 4a, or the PROXY protocol
/// (versions 1 and 2), at the start of a client's stream. Only the client's side is read: what the proxy answers is
/// taken for granted.
pub fn preamble(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    match bytes.first() {
        Some(b'C') => connect(bytes),
        Some(b'P') => proxy_v1(bytes),
        Some(b'\r') => proxy_v2(bytes),
        Some(5) => socks5(bytes),
        Some(4) => socks4(bytes),
        _ => Dissection::NotMine,
    }
}

fn connect(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    if !b"CONNECT ".starts_with(&bytes[..bytes.len().min(8)]) && !bytes.starts_with(b"CONNECT ") {
        return Dissection::NotMine;
    }
    match http::head(bytes) {
        Dissection::Found(Head::Request(request)) if request.complete => {
            Dissection::Found(Preamble { length: bytes.len() - request.body.len(), name: request.host() })
        }
        Dissection::Found(Head::Request(_)) | Dissection::NeedMore => Dissection::NeedMore,
        _ => Dissection::NotMine,
    }
}

fn proxy_v1(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    let start: &[u8] = b"PROXY ";
    if !bytes.starts_with(start) {
        return if start.starts_with(bytes) { Dissection::NeedMore } else { Dissection::NotMine };
    }
    match memchr::memchr(b'\n', &bytes[..bytes.len().min(PROXY_V1_MAX)]) {
        Some(end) => Dissection::Found(Preamble { length: end + 1, name: None }),
        None if bytes.len() < PROXY_V1_MAX => Dissection::NeedMore,
        None => Dissection::NotMine,
    }
}

fn proxy_v2(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    if !bytes.starts_with(PROXY_V2) {
        return if PROXY_V2.starts_with(bytes) { Dissection::NeedMore } else { Dissection::NotMine };
    }
    match bytes.get(14..16) {
        Some(&[high, low]) => found(bytes, 16 + usize::from(u16::from_be_bytes([high, low])), None),
        _ => Dissection::NeedMore,
    }
}

/// `05 n methods[n]`, then maybe `01 n user[n] m password[m]`, then `05 01 00 type address port u16`.
fn socks5(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    let Some(&methods @ 1..=8) = bytes.get(1) else {
        return if bytes.len() < 2 { Dissection::NeedMore } else { Dissection::NotMine };
    };
    let mut at = 2 + usize::from(methods);
    if bytes.get(at) == Some(&1) {
        let Some(user) = bytes.get(at + 1) else { return Dissection::NeedMore };
        let password_at = at + 2 + usize::from(*user);
        let Some(password) = bytes.get(password_at) else { return Dissection::NeedMore };
        at = password_at + 1 + usize::from(*password);
    }
    let Some(request) = bytes.get(at..) else { return Dissection::NeedMore };
    let fixed = [5, 1, 0];
    if !request.starts_with(&fixed) {
        return if fixed.starts_with(request) { Dissection::NeedMore } else { Dissection::NotMine };
    }
    let (name, address) = match (request.get(3), request.get(4)) {
        (Some(1), _) => (None, 4),
        (Some(4), _) => (None, 16),
        (Some(3), Some(length)) => (request.get(5..5 + usize::from(*length)), 1 + usize::from(*length)),
        (None, _) | (Some(3), None) => return Dissection::NeedMore,
        _ => return Dissection::NotMine,
    };
    found(bytes, at + 4 + address + 2, name)
}

/// `04 01 port u16 address 4 user 00`, and for addresses 0.0.0.x, x not 0 (version 4a), a name and 00.
fn socks4(bytes: &[u8]) -> Dissection<Preamble<'_>> {
    let Some(&[_, 1, _, _, a, b, c, d]) = bytes.first_chunk::<8>() else {
        return if bytes.len() < 8 && bytes.get(1).is_none_or(|command| *command == 1) {
            Dissection::NeedMore
        } else {
            Dissection::NotMine
        };
    };
    let text = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        memchr::memchr(0, &rest[..rest.len().min(256)]).map(|end| (&rest[..end], at + end + 1))
    };
    let wait = if bytes.len() < 512 { Dissection::NeedMore } else { Dissection::NotMine };
    match text(8) {
        None => wait,
        Some((_, end)) if !(a == 0 && b == 0 && c == 0 && d != 0) => found(bytes, end, None),
        Some((_, end)) => match text(end) {
            None => wait,
            Some((name, end)) => found(bytes, end, Some(name)),
        },
    }
}

fn found<'a>(bytes: &'a [u8], length: usize, name: Option<&'a [u8]>) -> Dissection<Preamble<'a>> {
    if bytes.len() < length { Dissection::NeedMore } else { Dissection::Found(Preamble { length, name }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Every prefix waits, the whole is found with this name, and what follows is not part of it.
    fn holds(preamble_bytes: &[u8], name: Option<&[u8]>) {
        for cut in 1..preamble_bytes.len() {
            assert_eq!(preamble(&preamble_bytes[..cut]), Dissection::NeedMore, "{cut}");
        }
        let mut bytes = Vec::from(preamble_bytes);
        bytes.extend_from_slice(b"inner");
        assert_eq!(preamble(&bytes), Dissection::Found(Preamble { length: preamble_bytes.len(), name }));
    }

    #[test]
    fn each_kind_is_found_and_waits() {
        holds(
            b"CONNECT g.example.net:443 HTTP/1.1\r\nHost: g.example.net:443\r\n\r\n",
            Some(b"g.example.net"),
        );
        holds(b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n", None);
        holds(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x9c\x40\x01\xbb", None);
        holds(b"\x05\x01\x00\x05\x01\x00\x03\x0dg.example.net\x01\xbb", Some(b"g.example.net"));
        holds(b"\x05\x02\x00\x02\x01\x01u\x01p\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb", None);
        holds(b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\0", None);
        holds(b"\x04\x01\x01\xbb\x00\x00\x00\x01\0g.example.net\0", Some(b"g.example.net"));
    }

    #[test]
    fn others_are_not_mine() {
        for bytes in [
            &b"POST / HTTP/1.1\r\n"[..],
            b"COPY /a HTTP/1.1\r\n",
            b"\r\nGET / HTTP/1.1\r\n",
            b"\x05\x00",
            b"\x05\x09\x00",
            b"\x05\x01\x00\x06",
            b"\x05\x01\x00\x05\x02",
            b"\x04\x02",
            b"\x16\x03\x01",
            b"",
        ] {
            assert_eq!(preamble(bytes), Dissection::NotMine, "{bytes:?}");
        }
        assert_eq!(preamble(&[b"PROXY ".as_slice(), &[b'x'; 200]].concat()), Dissection::NotMine);
        assert_eq!(preamble(&[&[4, 1, 0, 80, 0, 0, 0, 1][..], &[b'x'; 600]].concat()), Dissection::NotMine);
    }
}
