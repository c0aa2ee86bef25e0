//! TLS: record headers, and of the hellos what is the same for all users of a program, with the server's name.

use std::ops::Range;

use wiremark::dissect::tls;

use super::rules::Rules;
use super::sheet::Sheet;

/// Header of a record; types of records (RFC 8446, 5.1).
const RECORD_HEADER: usize = 5;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Types of handshake messages (4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Longest hello put together.
const HELLO_MAX: usize = 1 << 16;
const SERVER_NAME: u16 = 0;
/// Extensions whose content stays (IANA's list): groups, point formats, signature algorithms, certificate
/// compression, versions, key exchange modes, certificate algorithms. Keys, tickets and cookies are not among them.
const EXTENSIONS: [u16; 8] = [10, 11, 13, 27, 28, 43, 45, 50];
/// Application-layer protocols (RFC 7301): those that are known stay.
const PROTOCOLS: u16 = 16;

/// The records from a place on.
pub(super) fn records(sheet: &mut Sheet<'_>, mut at: usize, rules: &Rules<'_>) {
    // Where in the sheet the bytes of the first handshake message stand.
    let mut hello: Vec<usize> = Vec::new();
    let mut is_first = true;
    while tls::is_record(sheet.from(at)) {
        let &[kind, _, _, high, low, ..] = sheet.from(at) else { break };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = at + RECORD_HEADER..(at + RECORD_HEADER + length).min(sheet.bytes.len());
        sheet.keep(at..content.start);
        is_first &= kind == HANDSHAKE;
        if is_first && hello.len() < HELLO_MAX {
            hello.extend(content.clone());
        } else if kind == ALERT && length == 2 {
            sheet.keep(content);
        }
        at += RECORD_HEADER + length;
    }
    let bytes: Vec<u8> = hello.iter().filter_map(|at| sheet.bytes.get(*at).copied()).collect();
    let mut kept = vec![None; bytes.len()];
    let mut reader = Reader { bytes: &bytes, at: 0, lists: 0..0, kept: &mut kept };
    // Where it breaks off, what stands before stays, but for lists whose lengths are stated wrong.
    if reader.hello(rules).is_none() {
        let lists = reader.lists;
        kept.get_mut(lists).unwrap_or_default().fill(None);
    }
    for (at, byte) in hello.into_iter().zip(kept) {
        if let Some(byte) = byte {
            sheet.replace(at, &[byte]);
        }
    }
}

/// Reads a message from its start to its end, saying on the way what of it stays.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the suites and methods stand.
    lists: Range<usize>,
    kept: &'a mut [Option<u8>],
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<Range<usize>> {
        let range = self.at..self.at.checked_add(length)?;
        self.at = range.end;
        (range.end <= self.bytes.len()).then_some(range)
    }

    fn keep(&mut self, length: usize) -> Option<&[u8]> {
        let range = self.take(length)?;
        let bytes = self.bytes.get(range.clone())?;
        for (to, from) in self.kept.get_mut(range)?.iter_mut().zip(bytes) {
            *to = Some(*from);
        }
        Some(bytes)
    }

    /// A number that stays.
    fn number(&mut self, width: usize) -> Option<usize> {
        self.keep(width).map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn hello(&mut self, rules: &Rules<'_>) -> Option<()> {
        let kind = self.bytes.first().copied()?;
        if kind != CLIENT_HELLO && kind != SERVER_HELLO {
            return None;
        }
        // Type, length, version; then a random number, and the session's id.
        self.keep(4 + 2)?;
        self.take(32)?;
        let session = self.number(1)?;
        self.take(session)?;
        self.lists = self.at..self.bytes.len();
        if kind == CLIENT_HELLO {
            let suites = self.number(2)?;
            self.keep(suites)?;
            let compressions = self.number(1)?;
            self.keep(compressions)?;
        } else {
            self.keep(2 + 1)?;
        }
        self.lists.end = self.at.min(self.bytes.len());
        let mut left = self.number(2)?;
        while left >= 4 {
            let (kind, length) = (self.number(2)?, self.number(2)?);
            left = left.saturating_sub(4 + length);
            let kind = kind as u16;
            if kind == SERVER_NAME && length > 5 {
                // Length of the list, type, length of the name.
                self.keep(5)?;
                let place = self.take(length - 5)?;
                let name = rules.host(self.bytes.get(place.clone())?);
                for (to, from) in self.kept.get_mut(place)?.iter_mut().zip(name) {
                    *to = Some(from);
                }
            } else if kind == PROTOCOLS && length >= 2 {
                self.protocols(length, rules)?;
            } else if EXTENSIONS.contains(&kind) {
                self.keep(length)?;
            } else {
                self.take(length)?;
            }
        }
        Some(())
    }

    /// A list of protocols of this many bytes; what is no list is taken as it comes, and not kept.
    fn protocols(&mut self, length: usize, rules: &Rules<'_>) -> Option<()> {
        let end = self.at + length;
        self.number(2)?;
        while self.at < end {
            let count = self.number(1)?.min(end - self.at);
            let name = self.bytes.get(self.at..self.at + count)?;
            if rules.identifiers.protocols.iter().any(|one| one.as_bytes() == name) {
                self.keep(count)?;
            } else {
                self.take(count)?;
            }
        }
        Some(())
    }
}
