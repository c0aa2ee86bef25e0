//! DNS messages (RFC 1035, 4): the names asked for and the addresses answered.
//!
//! mDNS (RFC 6762) and LLMNR (RFC 4795) use the same format; callers keep them apart by port. Their class bit (top bit of
//! the class: unicast wanted, cache flush) is taken off. NetBIOS name service (RFC 1002, 4.2) mostly fits the format too.
//!
//! A message cut by the capture or by its sender (TC) gives what parses. Work: names are stepped over, each byte once, and
//! only the first question's is walked; a name that is read has at most 255 bytes and 32 compression pointers, which must
//! point backwards. At most 8 questions and 32 answers are handed out.

use super::Dissection;
use super::cursor::{Cursor, Stop};
use core::net::{Ipv4Addr, Ipv6Addr};

const HEADER_LENGTH: usize = 12;
const QUESTIONS_MAX: u16 = 64;
const RECORDS_MAX: u16 = 1024;
const POINTERS_MAX: usize = 32;
/// Most questions and answers handed out: more than any resolver asks or answers of names worth knowing.
const QUESTIONS_READ: usize = 8;
const ANSWERS_READ: usize = 32;
/// Longest name on the wire, with length bytes and the root's zero (RFC 1035, 2.3.4).
const NAME_MAX: usize = 255;
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
}

impl<'a> Message<'a> {
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
        (0..usize::from(self.answer_count).min(ANSWERS_READ))
            .map_while(move |_| {
                let (answer, next) = record(bytes, at?).ok()?;
                at = Some(next);
                Some(answer)
            })
            .flatten()
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

/// A name within a message, perhaps compressed. Equality is that of the place, not of the letters: compare what
/// [`read`](Self::read) gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl Name<'_> {
    /// Writes the name into the buffer, dotted, in lower case, without a dot at its end, and gives it back from there.
    /// The root is empty, and so is a name that breaks off or whose pointers lead astray. Bytes of a label that are no
    /// visible ASCII, and dots, become `?`.
    pub fn read<'b>(&self, buffer: &'b mut NameBuffer) -> &'b str {
        self.read_bytes(buffer);
        buffer.as_str()
    }

    /// As [`read`](Self::read), without asking whether it is text (it is).
    pub fn read_bytes<'b>(&self, buffer: &'b mut NameBuffer) -> &'b [u8] {
        buffer.length = 0;
        if walk_name(self.message, self.at, |label| buffer.push(label)).is_err() {
            buffer.length = 0;
        }
        buffer.as_bytes()
    }
}

/// Room for one name.
#[derive(Clone, Copy, Debug)]
pub struct NameBuffer {
    bytes: [u8; NAME_MAX],
    length: usize,
}

impl NameBuffer {
    /// An empty one.
    pub const fn new() -> Self {
        Self { bytes: [0; NAME_MAX], length: 0 }
    }

    /// The name last read, as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The name last read.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }

    fn push(&mut self, label: &[u8]) {
        let start = if self.length > 0 { self.length + 1 } else { 0 };
        let Some(to) = self.bytes.get_mut(start..start + label.len()) else { return };
        for (to, byte) in to.iter_mut().zip(label) {
            *to = SHOWN[usize::from(*byte)];
        }
        if let Some(dot) = start.checked_sub(1).and_then(|at| self.bytes.get_mut(at)) {
            *dot = b'.';
        }
        self.length = start + label.len();
    }
}

/// How a byte of a label is shown.
const SHOWN: [u8; 256] = {
    let mut shown = [b'?'; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        if byte != b'.' {
            shown[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    shown
};

impl Default for NameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The message that a datagram is. `NotMine` unless header and first question (of a response without questions: the
/// first answer) hold together. A datagram does not grow: never `NeedMore`.
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

fn header(bytes: &[u8]) -> Result<Message<'_>, Stop> {
    let Some(&fields) = bytes.first_chunk::<HEADER_LENGTH>() else { return Err(Stop::Cut) };
    let [high, low] = [fields[2], fields[3]];
    let count = |at: usize| u16::from_be_bytes([fields[at], fields[at + 1]]);
    let [question_count, answer_count, authority_count, additional_count] = [4, 6, 8, 10].map(count);
    // Opcodes 0 to 6 are assigned (RFC 8490); the bit below RA is reserved.
    let is_plausible = high >> 3 & 15 <= 6
        && low & 0x40 == 0
        && question_count <= QUESTIONS_MAX
        && answer_count.max(authority_count).max(additional_count) <= RECORDS_MAX;
    if !is_plausible {
        return Err(Stop::Malformed);
    }
    let mut message = Message {
        id: count(0),
        response: high & 0x80 != 0,
        opcode: high >> 3 & 15,
        rcode: low & 15,
        truncated: high & 0x02 != 0,
        question_count,
        answer_count,
        complete: true,
        bytes,
        answers_at: None,
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

/// The place behind the name at a place, without following its pointer, if it ends in one.
fn behind_name(message: &[u8], start: usize) -> Result<usize, Stop> {
    let mut at = start;
    loop {
        match *message.get(at).ok_or(Stop::Cut)? {
            0 => return Ok(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff if at + 1 < message.len() => return Ok(at + 2),
            0xc0..=0xff => return Err(Stop::Cut),
            _ => return Err(Stop::Malformed),
        }
        if at - start > NAME_MAX {
            return Err(Stop::Malformed);
        }
    }
}

/// Shows every label of a name; gives the place behind the name (behind its first pointer, where it has one).
fn walk_name<'a>(message: &'a [u8], start: usize, mut show: impl FnMut(&'a [u8])) -> Result<usize, Stop> {
    let mut at = start;
    let mut run = start;
    let mut behind = None;
    let mut wire_length = 1;
    let mut pointers = 0;
    loop {
        let length = *message.get(at).ok_or(Stop::Cut)?;
        let next = at + 1;
        match length {
            0 => return Ok(behind.unwrap_or(next)),
            1..=63 => {
                let end = next + usize::from(length);
                wire_length += 1 + usize::from(length);
                if wire_length > NAME_MAX {
                    return Err(Stop::Malformed);
                }
                show(message.get(next..end).ok_or(Stop::Cut)?);
                at = end;
            }
            0xc0..=0xff => {
                let low = *message.get(next).ok_or(Stop::Cut)?;
                let to = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                pointers += 1;
                // Pointing backwards only, past the header: a loop is impossible.
                if to >= run || to < HEADER_LENGTH || pointers > POINTERS_MAX {
                    return Err(Stop::Malformed);
                }
                behind = behind.or(Some(next + 1));
                (at, run) = (to, to);
            }
            _ => return Err(Stop::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x01g\x07Example\x03NET\0\0\x01\0\x01";
    /// CNAME to chat.cdn.example.net, then A, AAAA and HTTPS for it, and one TXT.
    const RESPONSE: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x05\0\0\0\0\x01g\x07example\x03net\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x0b\x04chat\x03cdn\xc0\x0e\
        \xc0\x2b\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01\
        \xc0\x2b\0\x10\0\x01\0\0\0\x1e\0\x02\x01a\
        \xc0\x2b\0\x1c\0\x01\0\0\0\x1e\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
        \xc0\x2b\0\x41\0\x01\0\0\0\x1e\0\x2a\0\x01\0\0\x01\0\x03\x02h3\0\x04\0\x08\xc0\0\x02\x02\xc0\0\x02\x03\
        \0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02";

    fn read(name: Name<'_>) -> String {
        name.read(&mut NameBuffer::new()).into()
    }

    #[test]
    fn a_query_gives_its_name() {
        let told = message(QUERY).found().unwrap();
        assert_eq!((told.id, told.response, told.opcode, told.truncated), (0x1234, false, 0, false));
        let question = told.questions().next().unwrap();
        assert_eq!((read(question.name).as_str(), question.kind, question.class), ("g.example.net", 1, 1));
        assert_eq!((told.questions().count(), told.answers().count()), (1, 0));
    }

    #[test]
    fn a_response_gives_addresses_and_aliases() {
        let told = message(RESPONSE).found().unwrap();
        assert_eq!((told.response, told.rcode, told.answer_count), (true, 0, 5));
        let answers: Vec<_> = told.answers().collect();
        assert_eq!(answers.len(), 4);
        assert_eq!((read(answers[0].name).as_str(), answers[0].ttl), ("g.example.net", 60));
        let Record::Alias(alias) = answers[0].record else { panic!() };
        assert_eq!(read(alias), "chat.cdn.example.net");
        assert_eq!(read(answers[1].name), "chat.cdn.example.net");
        assert_eq!(answers[1].record, Record::V4([192, 0, 2, 1].into()));
        assert_eq!(answers[2].record, Record::V6("2001:db8::1".parse().unwrap()));
        let Record::Service(service) = answers[3].record else { panic!() };
        assert_eq!((service.priority, read(service.target).as_str()), (1, ""));
        assert!(service.v4_hints().eq([Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3)]));
        assert!(service.v6_hints().eq(["2001:db8::2".parse::<Ipv6Addr>().unwrap()]));
    }

    #[test]
    fn a_cut_message_gives_what_parses() {
        let question_end = QUERY.len();
        let whole: Vec<_> = message(RESPONSE).found().unwrap().answers().map(|answer| answer.ttl).collect();
        prefixes(RESPONSE, |length, prefix| {
            let told = message(prefix);
            assert_eq!(told.found().is_some(), length >= question_end);
            if let Dissection::Found(told) = told {
                let question = told.questions().next().unwrap();
                assert_eq!(read(question.name), "g.example.net");
                let answers: Vec<_> = told.answers().map(|answer| answer.ttl).collect();
                assert!(whole.starts_with(&answers));
            }
        });
    }

    #[test]
    fn tcp_waits_for_the_question_only() {
        let stream = [&(RESPONSE.len() as u16).to_be_bytes(), RESPONSE, b"next"].concat();
        prefixes(&stream, |length, prefix| match tcp_message(prefix) {
            Dissection::NeedMore => assert!(length < QUERY.len() + 2),
            Dissection::Found(told) => {
                assert!(length >= QUERY.len() + 2);
                assert_eq!(told.complete, length >= RESPONSE.len() + 2);
            }
            Dissection::NotMine => panic!("prefix of {length} bytes refused"),
        });
        assert_eq!(tcp_message(&[0, 11, 1]), Dissection::NotMine);
        assert_eq!(tcp_message(&[&[0, 20], QUERY].concat()), Dissection::NotMine);
    }

    #[test]
    fn a_response_without_question_needs_an_answer() {
        let mdns =
            b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x04host\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x09";
        let told = message(mdns).found().unwrap();
        assert_eq!(told.answers().next().unwrap().record, Record::V4([192, 0, 2, 9].into()));
        assert_eq!(message(&mdns[..30]), Dissection::NotMine);
        let mut class = Vec::from(mdns);
        class[27] = 9;
        assert_eq!(message(&class), Dissection::NotMine);
        assert_eq!(message(&[0, 1, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]), Dissection::NotMine);
        let mut query = Vec::from(mdns);
        query[2] = 0;
        assert_eq!(message(&query), Dissection::NotMine);
    }

    #[test]
    fn a_bounded_number_of_names_is_handed_out() {
        let one = b"\x01g\0\0\x01\0\x01";
        let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";
        let many =
            [&b"\0\x01\x81\x80\0\x40\x01\0\0\0\0\0"[..], &one.repeat(64), &record.repeat(256)].concat();
        let told = message(&many).found().unwrap();
        assert_eq!((told.question_count, told.answer_count), (64, 256));
        assert_eq!((told.questions().count(), told.answers().count()), (QUESTIONS_READ, ANSWERS_READ));
    }

    #[test]
    fn a_name_that_leads_astray_is_empty() {
        // The second question points to itself.
        let odd =
            [&b"\0\x01\x01\0\0\x02\0\0\0\0\0\0\x01g\0\0\x01\0\x01"[..], b"\xc0\x13\0\x01\0\x01"].concat();
        let told = message(&odd).found().unwrap();
        let names: Vec<_> = told.questions().map(|question| read(question.name)).collect();
        assert_eq!(names, ["g", ""]);
    }

    #[test]
    fn implausible_headers_are_refused() {
        for (at, value) in [(2, 0x38), (3, 0x40), (4, 1), (5, 65), (6, 5), (8, 5), (10, 5)] {
            let mut bytes = Vec::from(QUERY);
            bytes[at] = value;
            assert_eq!(message(&bytes), Dissection::NotMine, "byte {at}");
        }
        let class = [&QUERY[..QUERY.len() - 1], &[7]].concat();
        assert_eq!(message(&class), Dissection::NotMine);
    }

    fn query_for(name: &[u8]) -> Vec<u8> {
        [&QUERY[..12], name, &[0, 1, 0, 1]].concat()
    }

    #[test]
    fn names_cannot_loop_or_grow() {
        assert_eq!(message(&query_for(b"\xc0\x0c")), Dissection::NotMine);
        assert_eq!(message(&query_for(b"\x01a\xc0\x0c")), Dissection::NotMine);
        assert_eq!(message(&query_for(b"\x01a\xc0\x20\xc0\x0c")), Dissection::NotMine);
        assert_eq!(message(&query_for(b"\xc0\x02")), Dissection::NotMine);
        assert_eq!(message(&query_for(b"\x40a\0")), Dissection::NotMine);
        let labels = |count: usize, last: usize| {
            let mut name = Vec::new();
            for length in core::iter::repeat_n(63, count).chain([last]) {
                name.push(length as u8);
                name.extend(core::iter::repeat_n(b'a', length));
            }
            name.push(0);
            query_for(&name)
        };
        let longest = labels(3, 61);
        let name = message(&longest).found().unwrap().questions().next().unwrap().name;
        assert_eq!(read(name).len(), 253);
        assert_eq!(message(&labels(3, 62)), Dissection::NotMine);
    }

    #[test]
    fn a_chain_of_pointers_is_bounded() {
        // A question `a`, then answers whose name is a pointer to the answer's before it.
        let message_with = |pointers: usize| {
            let mut bytes = Vec::from(b"\0\x01\x81\x80\0\x01\0\x28\0\0\0\0\x01a\0\0\x01\0\x01");
            let mut to = 12;
            for _ in 0..pointers {
                let here = bytes.len();
                bytes.extend([0xc0 | (to >> 8) as u8, to as u8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
                to = here;
            }
            bytes
        };
        assert_eq!(message(&message_with(40)).found().unwrap().answers().count(), POINTERS_MAX);
    }

    #[test]
    fn odd_bytes_of_labels_are_masked() {
        let bytes = query_for(b"\x05a.b\x00\xff\x01C\0");
        let question = message(&bytes).found().unwrap().questions().next().unwrap();
        assert_eq!(read(question.name), "a?b??.c");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut buffer = NameBuffer::new();
        mutations(RESPONSE, |bytes| {
            if let Dissection::Found(told) = message(bytes) {
                for question in told.questions() {
                    question.name.read(&mut buffer);
                }
                for answer in told.answers() {
                    answer.name.read(&mut buffer);
                    if let Record::Service(service) = answer.record {
                        service.v4_hints().for_each(drop);
                        service.v6_hints().for_each(drop);
                    }
                }
            }
        });
    }
}
