//! DNS messages (RFC 1035, 4): the names asked for and the addresses answered.
//!
//! mDNS (RFC 6762) and LLMNR (RFC 4795) use the same format; callers keep them apart by port. Their class bit (top bit of
//! the class: unicast wanted, cache flush) is taken off. NetBIOS name service (RFC 1002, 4.2) mostly fits the format too.
//!
//! A message cut by the capture or by its sender (TC) gives what parses. Work: names are stepped over, each byte once, and
//! only the first question's is walked; a name that is read has at most 255 bytes and 32 compression pointers, which must
//! point backwards. At most 8 questions and 32 answers are handed out.

mod name;
mod suffix;

pub use name::{Name, NameBuffer};
pub use suffix::is_private_suffix;
pub(crate) use suffix::{is_private_in_message, may_be_private};

use super::Dissection;
use super::cursor::{Cursor, Stop};
use core::net::{Ipv4Addr, Ipv6Addr};
use name::{HEADER_LENGTH, PlainName, behind_name, plain_name, walk_name};

const QUESTIONS_MAX: u16 = 64;
const RECORDS_MAX: u16 = 1024;
/// Most questions and answers handed out: more than any resolver asks or answers of names worth knowing.
const QUESTIONS_READ: usize = 8;
const ANSWERS_READ: usize = 32;
const INTERNET: u16 = 1;

/// A message's header, and the place of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Number of the query, repeated in the response.
    pub id: u16,
    /// Whether this is a response (QR).
    pub response: bool,
    /// Kind of query: 0 for the usual one, at most 6.
    pub opcode: u8,
    /// Response code: 0 for no error, 3 for no such name.
    pub rcode: u8,
    /// Whether the sender cut the message (TC).
    pub truncated: bool,
    /// Number of questions by the header, at most 64.
    pub question_count: u16,
    /// Number of answer records by the header, at most 1024.
    pub answer_count: u16,
    /// Over TCP: whether all bytes of the message were there. A datagram is all there is.
    pub complete: bool,
    bytes: &'a [u8],
    answers_at: Option<usize>,
    /// The only question's name, where it has no pointer.
    plain_name: Option<PlainName>,
}

impl<'a> Message<'a> {
    /// The labels of the only question's name as they stand in the message, each behind its length, without the root's zero.
    /// Where among them the last two begin, or the only one. `None` where there are several questions, or a pointer in the name.
    #[inline]
    pub(crate) fn plain_labels(&self) -> Option<(&'a [u8], usize)> {
        let PlainName { end, domain } = self.plain_name?;
        Some((self.bytes.get(HEADER_LENGTH..end - 1)?, domain - HEADER_LENGTH))
    }

    /// The questions that parse, in order, at most 8.
    #[inline]
    pub fn questions(&self) -> impl Iterator<Item = Question<'a>> + use<'a> {
        let (bytes, mut at) = (self.bytes, HEADER_LENGTH);
        (0..usize::from(self.question_count).min(QUESTIONS_READ)).map_while(move |_| {
            let (question, next) = question(bytes, at).ok()?;
            at = next;
            Some(question)
        })
    }

    /// The first 32 records of the answer section that parse, in order; those of other types and classes are left out.
    #[inline]
    pub fn answers(&self) -> impl Iterator<Item = Answer<'a>> + use<'a> {
        let (bytes, mut at) = (self.bytes, self.answers_at);
        let mut left = usize::from(self.answer_count).min(ANSWERS_READ);
        core::iter::from_fn(move || {
            while left > 0 {
                left -= 1;
                match record(bytes, at?) {
                    Ok((None, next)) => at = Some(next),
                    Ok((answer, next)) => {
                        at = Some(next);
                        return answer;
                    }
                    Err(_) => break,
                }
            }
            at = None;
            None
        })
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name asked for.
    pub name: Name<'a>,
    /// Record type asked for: 1 A, 28 AAAA, 65 HTTPS, 255 any.
    pub kind: u16,
    /// Class, 1 for the Internet, without its top bit.
    pub class: u16,
}

/// A record of the answer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The name the record belongs to.
    pub name: Name<'a>,
    /// Seconds it may be remembered.
    pub ttl: u32,
    /// What it says.
    pub record: Record<'a>,
}

/// What an answer says of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An IPv4 address (A).
    V4(Ipv4Addr),
    /// An IPv6 address (AAAA).
    V6(Ipv6Addr),
    /// Another name for it (CNAME).
    Alias(Name<'a>),
    /// Where its service is (SVCB, HTTPS).
    Service(Service<'a>),
}

/// A service binding (RFC 9460, 2.2), record types 64 and 65.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    /// 0: the target is an alias; else lower is better.
    pub priority: u16,
    /// The name that serves; the root (an empty name) means the record's own name.
    pub target: Name<'a>,
    parameters: &'a [u8],
}

impl<'a> Service<'a> {
    /// Addresses under `ipv4hint`.
    pub fn v4_hints(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        self.parameter(4).as_chunks::<4>().0.iter().map(|&octets| octets.into())
    }

    /// Addresses under `ipv6hint`.
    pub fn v6_hints(&self) -> impl Iterator<Item = Ipv6Addr> + use<'a> {
        self.parameter(6).as_chunks::<16>().0.iter().map(|&octets| octets.into())
    }

    /// `(key u16 · length u16 · value)*`, keys in rising order; empty if there is no such key.
    fn parameter(&self, wanted: u16) -> &'a [u8] {
        let mut list = Cursor::open(self.parameters);
        let mut next = || {
            let key = list.u16().ok()?;
            let length = list.u16().ok()?;
            Some((key, list.take(length.into()).ok()?))
        };
        while let Some((key, value)) = next() {
            if key == wanted {
                return value;
            }
        }
        &[]
    }
}

/// The message that a datagram is. `NotMine` unless header and first question (of a response without questions: the
/// first answer) hold together. A datagram does not grow: never `NeedMore`.
#[inline]
pub fn message(bytes: &[u8]) -> Dissection<Message<'_>> {
    Dissection::from(header(bytes)).settled()
}

/// The message at the start of a TCP stream, behind its two bytes of length (RFC 1035, 4.2.2; RFC 7766, 8).
///
/// `Found` as soon as the first question is there; `complete` tells whether more answers may come with more bytes.
pub fn tcp_message(bytes: &[u8]) -> Dissection<Message<'_>> {
    let mut stream = Cursor::open(bytes);
    let length = match stream.u16() {
        Ok(length) if usize::from(length) < HEADER_LENGTH => return Dissection::NotMine,
        Ok(length) => usize::from(length),
        Err(stop) => return Err(stop).into(),
    };
    let whole = stream.rest().get(..length);
    let told = Dissection::from(header(whole.unwrap_or(stream.rest())));
    match whole {
        Some(_) => told.settled(),
        None => told.map(|message| Message { complete: false, ..message }),
    }
}

#[inline]
fn header(bytes: &[u8]) -> Result<Message<'_>, Stop> {
    let Some(&fields) = bytes.first_chunk::<HEADER_LENGTH>() else { return Err(Stop::Cut) };
    let [i0, i1, high, low, q0, q1, n0, n1, u0, u1, d0, d1] = fields;
    let (question_count, answer_count) = (u16::from_be_bytes([q0, q1]), u16::from_be_bytes([n0, n1]));
    let (authority_count, additional_count) = (u16::from_be_bytes([u0, u1]), u16::from_be_bytes([d0, d1]));
    // Opcodes 0 to 6 are assigned (RFC 8490); the bit below RA is reserved.
    let is_plausible = high >> 3 & 15 <= 6
        && low & 0x40 == 0
        && question_count <= QUESTIONS_MAX
        && answer_count.max(authority_count).max(additional_count) <= RECORDS_MAX;
    if !is_plausible {
        return Err(Stop::Malformed);
    }
    let mut message = Message {
        id: u16::from_be_bytes([i0, i1]),
        response: high & 0x80 != 0,
        opcode: high >> 3 & 15,
        rcode: low & 15,
        truncated: high & 0x02 != 0,
        question_count,
        answer_count,
        complete: true,
        bytes,
        answers_at: None,
        plain_name: None,
    };
    if question_count == 0 {
        if !message.response || answer_count == 0 {
            return Err(Stop::Malformed);
        }
        walk_name(bytes, HEADER_LENGTH, |_| {})?;
        record(bytes, HEADER_LENGTH)?;
        message.answers_at = Some(HEADER_LENGTH);
        return Ok(message);
    }
    if question_count == 1
        && let Some(name) = plain_name(bytes, HEADER_LENGTH)
    {
        let &[k0, k1, c0, c1] = bytes.get(name.end..).and_then(<[u8]>::first_chunk).ok_or(Stop::Cut)?;
        kind_and_class([k0, k1], [c0, c1])?;
        message.answers_at = Some(name.end + 4);
        message.plain_name = Some(name);
        return Ok(message);
    }
    walk_name(bytes, HEADER_LENGTH, |_| {})?;
    let mut at = HEADER_LENGTH;
    for number in 0..question_count {
        match question(bytes, at) {
            Ok((_, next)) => at = next,
            Err(Stop::Cut) if number > 0 => return Ok(message),
            Err(stop) => return Err(stop),
        }
    }
    message.answers_at = Some(at);
    Ok(message)
}

fn question(bytes: &[u8], at: usize) -> Result<(Question<'_>, usize), Stop> {
    let after = behind_name(bytes, at)?;
    let &[k0, k1, c0, c1] = bytes.get(after..).and_then(<[u8]>::first_chunk).ok_or(Stop::Cut)?;
    let (kind, class) = kind_and_class([k0, k1], [c0, c1])?;
    Ok((Question { name: Name { message: bytes, at }, kind, class }, after + 4))
}

/// Type, and class without its top bit: Internet, CHAOS, Hesiod, none or any (RFC 6895, 3.2).
#[inline]
fn kind_and_class(kind: [u8; 2], class: [u8; 2]) -> Result<(u16, u16), Stop> {
    let (kind, class) = (u16::from_be_bytes(kind), u16::from_be_bytes(class) & 0x7fff);
    if kind != 0 && matches!(class, INTERNET | 3 | 4 | 254 | 255) {
        Ok((kind, class))
    } else {
        Err(Stop::Malformed)
    }
}

/// One resource record, and the place behind it. `None` for a type or class that is not looked into.
fn record(bytes: &[u8], at: usize) -> Result<(Option<Answer<'_>>, usize), Stop> {
    let after = behind_name(bytes, at)?;
    let &[k0, k1, c0, c1, t0, t1, t2, t3, l0, l1] =
        bytes.get(after..).and_then(<[u8]>::first_chunk).ok_or(Stop::Cut)?;
    let (kind, class) = kind_and_class([k0, k1], [c0, c1])?;
    let start = after + 10;
    let end = start + usize::from(u16::from_be_bytes([l0, l1]));
    let content = bytes.get(start..end).ok_or(Stop::Cut)?;
    let told = match (class, kind) {
        (INTERNET, 1) => content.try_into().ok().map(|octets: [u8; 4]| Record::V4(octets.into())),
        (INTERNET, 28) => content.try_into().ok().map(|octets: [u8; 16]| Record::V6(octets.into())),
        (INTERNET, 5) => (behind_name(bytes, start) == Ok(end))
            .then_some(Record::Alias(Name { message: bytes, at: start })),
        (INTERNET, 64 | 65) => service(bytes, start, end),
        _ => None,
    };
    let ttl = u32::from_be_bytes([t0, t1, t2, t3]);
    Ok((told.map(|record| Answer { name: Name { message: bytes, at }, ttl, record }), end))
}

fn service(bytes: &[u8], start: usize, end: usize) -> Option<Record<'_>> {
    let priority = u16::from_be_bytes(*bytes.get(start..)?.first_chunk()?);
    let target = Name { message: bytes, at: start + 2 };
    let behind = behind_name(bytes, start + 2).ok()?;
    Some(Record::Service(Service { priority, target, parameters: bytes.get(behind..end)? }))
}

#[cfg(test)]
mod tests;
