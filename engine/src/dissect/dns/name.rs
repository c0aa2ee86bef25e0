//! Names within a message: stepped over, or read into a buffer.

use super::super::cursor::Stop;

/// Names begin behind the header (RFC 1035, 4.1.1).
pub(super) const HEADER_LENGTH: usize = 12;
pub(super) const POINTERS_MAX: usize = 32;
/// Longest name on the wire, with length bytes and the root's zero (RFC 1035, 2.3.4).
const NAME_MAX: usize = 255;

/// Labels of a name that are looked at one by one; hardly a name has more.
const LABELS_MAX: usize = 16;

/// A name within a message, perhaps compressed. Equality is that of the place, not of the letters: compare what
/// [`read`](Self::read) gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    pub(super) message: &'a [u8],
    pub(super) at: usize,
}

impl Name<'_> {
    /// Whether some end of the name is such a one, by its first label and its length in letters and dots. When in doubt it is.
    #[inline]
    pub(crate) fn may_end_in(&self, is_such: impl Fn(&[u8], usize) -> bool) -> bool {
        let (message, mut at, mut run) = (self.message, self.at, self.at);
        let (mut starts, mut count) = ([0u16; LABELS_MAX], 0);
        loop {
            match message.get(at) {
                Some(0) => break,
                Some(length @ 1..=63) => {
                    let (Some(start), Ok(place)) = (starts.get_mut(count), at.try_into()) else {
                        return true;
                    };
                    *start = place;
                    (count, at) = (count + 1, at + 1 + usize::from(*length));
                }
                Some(high @ 0xc0..=0xff) => {
                    let Some(low) = message.get(at + 1) else { return true };
                    at = usize::from(u16::from_be_bytes([high & 0x3f, *low]));
                    if at >= run {
                        return true;
                    }
                    run = at;
                }
                _ => return true,
            }
        }
        let mut length = 0;
        starts[..count].iter().rev().any(|start| {
            let label = match &message[usize::from(*start)..] {
                [bytes, rest @ ..] => rest.get(..usize::from(*bytes)).unwrap_or_default(),
                [] => &[],
            };
            length += label.len();
            let such = is_such(label, length);
            length += 1;
            such
        })
    }

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

/// The place behind the name at a place, without following its pointer, if it ends in one.
#[inline]
pub(super) fn behind_name(message: &[u8], start: usize) -> Result<usize, Stop> {
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

/// A name without a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlainName {
    /// The place behind it.
    pub(super) end: usize,
    /// Where its last two labels begin, or its only one.
    pub(super) domain: usize,
}

/// A name without a pointer, where all of it is there and no longer than a name may be: what most are, in one walk.
#[inline]
pub(super) fn plain_name(message: &[u8], start: usize) -> Option<PlainName> {
    let (mut at, mut last, mut domain) = (start, start, start);
    loop {
        match *message.get(at)? {
            0 => return (at + 1 - start <= NAME_MAX).then_some(PlainName { end: at + 1, domain }),
            length @ 1..=63 => {
                (domain, last) = (last, at);
                at += 1 + usize::from(length);
            }
            _ => return None,
        }
    }
}

/// Shows every label of a name; gives the place behind the name (behind its first pointer, where it has one).
pub(super) fn walk_name<'a>(
    message: &'a [u8],
    start: usize,
    mut show: impl FnMut(&'a [u8]),
) -> Result<usize, Stop> {
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
