//! HTTP/1 heads (RFC 9112): the request or status line and the few header fields that tell who talks to whom about what.
//!
//! Lines end in CR LF or a bare LF. Header names are matched in any case; of a repeated field the first counts;
//! continuation lines (obs-fold, RFC 9112, 5.2) and lines without a colon are passed over.
//!
//! Work is linear in the head; of a head no more than 8 KiB and 64 lines are read.

use super::Dissection;
use super::cursor::Stop;
use super::text::{is_caseless, position};

/// Most bytes of a head that are read: first line, fields and empty line.
pub const HEAD_MAX: usize = 8 * 1024;
/// Most field lines that are read.
pub const FIELDS_MAX: usize = 64;

/// Bits of the letters that a method or version begins with, A the lowest.
const FIRST_LETTERS: u32 = {
    let (mut letters, mut at) = (1 << (b'H' - b'A'), 0);
    while at < METHODS.len() {
        letters |= 1 << (METHODS[at][0] - b'A');
        at += 1;
    }
    letters
};

/// Methods of RFC 9110 and RFC 5789, then WebDAV's (RFC 4918, RFC 3253).
const METHODS: [&[u8]; 17] = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
];

/// The head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// Sent by a client.
    Request(Request<'a>),
    /// Sent by a server.
    Response(Response<'a>),
}

/// A request's head. Field values have no white space around them and are as sent otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method, such as `POST`.
    pub method: &'a [u8],
    /// The request target as sent, in any of its four forms (RFC 9112, 3.2).
    pub target: &'a [u8],
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `Referer`.
    pub referer: Option<&'a [u8]>,
    /// `Upgrade`.
    pub upgrade: Option<&'a [u8]>,
    /// `Content-Length`, where it is a number.
    pub content_length: Option<u64>,
    /// What follows the head; empty while the head is not complete.
    pub body: &'a [u8],
    /// Whether the empty line that ends the head was seen. If not, the fields are those whose lines are complete.
    pub complete: bool,
    host: Option<&'a [u8]>,
    path: &'a [u8],
}

impl<'a> Request<'a> {
    /// Path and query: the target, without scheme and authority where it is in absolute form. Empty for `CONNECT`.
    pub fn path(&self) -> &'a [u8] {
        self.path
    }

    /// The host asked for, without port, user and IPv6 brackets, in the case sent: from the target where it names one
    /// (RFC 9112, 3.2.2: it then counts instead of the field), else from the `Host` field.
    pub fn host(&self) -> Option<&'a [u8]> {
        self.host
    }
}

/// The authority that a request's target names, and its path.
fn target_parts<'a>(method: &[u8], target: &'a [u8]) -> (Option<&'a [u8]>, &'a [u8]) {
    if method == b"CONNECT" {
        return (Some(target), &[]);
    }
    match authority_and_path(target) {
        None => (None, target),
        Some((authority, [])) => (Some(authority), b"/"),
        Some((authority, path)) => (Some(authority), path),
    }
}

/// A response's head. Field values have no white space around them and are as sent otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// `Content-Disposition`.
    pub content_disposition: Option<&'a [u8]>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// Whether `Transfer-Encoding` ends in `chunked`: the body then begins with a chunk's length line.
    pub chunked: bool,
    /// `Upgrade`.
    pub upgrade: Option<&'a [u8]>,
    /// `Content-Length`, where it is a number.
    pub content_length: Option<u64>,
    /// What follows the head; empty while the head is not complete.
    pub body: &'a [u8],
    /// Whether the empty line that ends the head was seen. If not, the fields are those whose lines are complete.
    pub complete: bool,
}

/// Whether a head may begin with this byte.
#[inline]
pub fn may_be_head(first: u8) -> bool {
    first.is_ascii_uppercase() && FIRST_LETTERS >> (first - b'A') & 1 != 0
}

/// The head at the start of the bytes.
///
/// `Found` as soon as the first line is complete, with the fields that have come by then (see `complete`); more bytes
/// bring more fields, up to [`HEAD_MAX`]. `NeedMore` while the first line could still become one, up to the same bound.
pub fn head(bytes: &[u8]) -> Dissection<Head<'_>> {
    first_line(bytes).into()
}

fn first_line(bytes: &[u8]) -> Result<Head<'_>, Stop> {
    // Most of what is asked about is not HTTP at all: its first byte tells, before a line end is searched for.
    if !bytes.first().is_none_or(|first| may_be_head(*first)) {
        return Err(Stop::Malformed);
    }
    let within = bytes.get(..HEAD_MAX).unwrap_or(bytes);
    if !word_may_begin(within) {
        return Err(Stop::Malformed);
    }
    let Some((line, fields)) = split_line(within) else {
        let may_be = within.len() < HEAD_MAX && is_line(within);
        return Err(if may_be { Stop::Cut } else { Stop::Malformed });
    };
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        let (status, rest) = rest
            .strip_prefix(b"0 ")
            .or(rest.strip_prefix(b"1 "))
            .unwrap_or(rest)
            .split_at_checked(3)
            .ok_or(Stop::Malformed)?;
        let status =
            number(status).and_then(|status| u16::try_from(status).ok()).filter(|&status| status >= 100);
        if !(rest.is_empty() || rest.starts_with(b" ")) || !is_line(rest) {
            return Err(Stop::Malformed);
        }
        return Ok(Head::Response(response(status.ok_or(Stop::Malformed)?, fields, bytes)));
    }
    let (method, rest) = word(line).ok_or(Stop::Malformed)?;
    match rest.split_last_chunk() {
        Some((target, b" HTTP/1.0" | b" HTTP/1.1")) if is_word(target) => {
            Ok(Head::Request(request(method, target, fields, bytes)))
        }
        _ => Err(Stop::Malformed),
    }
}

/// What stands before the first space, and behind it.
fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = position(line, b' ')?;
    Some((&line[..space], &line[space + 1..]))
}

/// Whether there is something, without white space and control characters.
fn is_word(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().fold(true, |text, &byte| text & (byte > b' ') & (byte != 0x7f))
}

/// Whether the bytes begin with a method or a version of HTTP/1, as far as they go.
fn word_may_begin(bytes: &[u8]) -> bool {
    let Some(first) = bytes.first() else { return true };
    if matches!(bytes, [b'G', b'E', b'T', b' ', ..] | [b'P', b'O', b'S', b'T', b' ', ..]) {
        return true;
    }
    let begins = |word: &[u8]| bytes.starts_with(word) || word.starts_with(bytes);
    let method = || {
        METHODS.iter().filter(|method| method[0] == *first).any(|&method| match bytes.strip_prefix(method) {
            Some(rest) => rest.first().is_none_or(|&byte| byte == b' '),
            None => method.starts_with(bytes),
        })
    };
    begins(b"HTTP/1.0 ") || begins(b"HTTP/1.1 ") || method()
}

/// Whether bytes without a line feed hold nothing that a request line or status line may not hold.
fn is_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Without a way out: eight bytes at a time instead of one.
    line.iter().fold(true, |text, &byte| text & (byte >= b' ') & (byte != 0x7f))
}

fn request<'a>(method: &'a [u8], target: &'a [u8], lines: &'a [u8], bytes: &'a [u8]) -> Request<'a> {
    let (authority, path) = target_parts(method, target);
    let mut host_field = None;
    let mut request = Request {
        method,
        target,
        user_agent: None,
        referer: None,
        upgrade: None,
        content_length: None,
        body: &[],
        complete: false,
        host: None,
        path,
    };
    let body = fields(lines, bytes, |first, line| match first {
        b'h' => keep_first(&mut host_field, line, b"host:"),
        b'u' => {
            keep_first(&mut request.user_agent, line, b"user-agent:");
            keep_first(&mut request.upgrade, line, b"upgrade:");
        }
        b'r' => keep_first(&mut request.referer, line, b"referer:"),
        b'c' => {
            let value = value_of(line, b"content-length:").and_then(number);
            request.content_length = request.content_length.or(value);
        }
        _ => {}
    });
    let host = authority.or(host_field).map(host_of).filter(|host| !host.is_empty());
    Request { complete: body.is_some(), body: body.unwrap_or_default(), host, ..request }
}

fn response<'a>(status: u16, lines: &'a [u8], bytes: &'a [u8]) -> Response<'a> {
    let mut response = Response {
        status,
        content_type: None,
        content_disposition: None,
        content_encoding: None,
        chunked: false,
        upgrade: None,
        content_length: None,
        body: &[],
        complete: false,
    };
    let body = fields(lines, bytes, |first, line| match first {
        b'c' => {
            keep_first(&mut response.content_type, line, b"content-type:");
            keep_first(&mut response.content_disposition, line, b"content-disposition:");
            keep_first(&mut response.content_encoding, line, b"content-encoding:");
            let value = value_of(line, b"content-length:").and_then(number);
            response.content_length = response.content_length.or(value);
        }
        b't' => {
            if let Some(value) = value_of(line, b"transfer-encoding:") {
                let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                response.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
        }
        b'u' => keep_first(&mut response.upgrade, line, b"upgrade:"),
        _ => {}
    });
    Response { complete: body.is_some(), body: body.unwrap_or_default(), ..response }
}

/// The value of a field line of this name, which is in lower case and has its colon behind it.
#[inline(always)] // The name is a constant.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // Where its colon stands tells most names apart.
    let (start, value) =
        line.split_at_checked(name.len()).filter(|(start, _)| start.last() == name.last())?;
    is_caseless(start, name).then(|| value.trim_ascii())
}

/// Shows every complete field line with its first letter, in lower case if it is one: of the lines that follow the first one, within the
/// head's bounds. What follows the empty line, if that was seen.
#[inline]
fn fields<'a>(lines: &'a [u8], bytes: &'a [u8], mut show: impl FnMut(u8, &'a [u8])) -> Option<&'a [u8]> {
    let mut rest = lines;
    for _ in 0..=FIELDS_MAX {
        let (line, after) = split_line(rest)?;
        rest = after;
        match line {
            [] => return bytes.get(bytes.len().min(HEAD_MAX) - rest.len()..),
            [first, ..] => show(first | 0x20, line),
        }
    }
    None
}

/// The first line without its end, and what follows it.
#[inline]
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = position(bytes, b'\n')?;
    let line = match &bytes[..end] {
        [line @ .., b'\r'] => line,
        line => line,
    };
    Some((line, &bytes[end + 1..]))
}

/// Authority and path of an absolute-form target: `scheme://authority[/path][?query]`.
fn authority_and_path(target: &[u8]) -> Option<(&[u8], &[u8])> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let colon = target.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let rest = rest.strip_prefix(b"://").filter(|_| !scheme.is_empty())?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// `[user@]host[:port]` to its host.
fn host_of(authority: &[u8]) -> &[u8] {
    let user = position(authority, b'@').and_then(|_| memchr::memrchr(b'@', authority));
    let host = user.map_or(authority, |at| &authority[at + 1..]);
    match host.strip_prefix(b"[") {
        Some(literal) => literal.split(|&byte| byte == b']').next().unwrap_or_default(),
        None => position(host, b':').map_or(host, |colon| &host[..colon]),
    }
}

/// A bit for a method that a head may begin with.
#[inline]
pub(crate) fn method_bit(method: &[u8]) -> u32 {
    match method {
        b"GET" => 1,
        b"POST" => 2,
        _ => METHODS.iter().position(|known| *known == method).map_or(0, |number| 1 << number),
    }
}

#[inline(always)]
fn keep_first<'a>(field: &mut Option<&'a [u8]>, line: &'a [u8], name: &[u8]) {
    if field.is_none() {
        *field = value_of(line, name);
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |&byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let first = digits.first().and_then(digit)?;
    digits.iter().skip(1).try_fold(first, |value, byte| value.checked_mul(10)?.checked_add(digit(byte)?))
}

#[cfg(test)]
mod tests;
