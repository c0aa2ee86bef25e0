//! Byte patterns: what `prefix`, `contains` and `body` say, and what examples are written in.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Outcome of holding a condition against bytes that may not all be there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It holds.
    Yes,
    /// It does not, and more bytes will not change that.
    No,
    /// The bytes end while everything so far fits.
    NeedMore,
}

impl Match {
    /// Both must hold: `No` beats `NeedMore` beats `Yes`.
    #[inline]
    pub fn and(self, other: impl FnOnce() -> Match) -> Match {
        match self {
            Match::No => Match::No,
            Match::Yes => other(),
            Match::NeedMore => match other() {
                Match::No => Match::No,
                _ => Match::NeedMore,
            },
        }
    }
}

impl From<bool> for Match {
    #[inline]
    fn from(holds: bool) -> Self {
        if holds { Match::Yes } else { Match::No }
    }
}

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// One byte, of which the bits in `mask` must equal `value`.
    Masked {
        /// Expected bits.
        value: u8,
        /// Bits that count; 0 is any byte.
        mask: u8,
    },
    /// One byte out of a set: bit `b % 64` of word `b / 64`.
    OneOf([u64; 4]),
    /// A big-endian length of `width` bytes within `bounds`, and that many bytes, whatever they are.
    Jump {
        /// 1 to 4.
        width: u8,
        /// Smallest and largest length accepted.
        bounds: RangeInclusive<u32>,
    },
}

/// A byte pattern, anchored at `at` bytes from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Offset of the first element.
    pub at: usize,
    /// What must follow, in order.
    pub elements: Vec<Element>,
}

impl Pattern {
    /// Holds the pattern against the start of `bytes`.
    pub fn matches(&self, bytes: &[u8]) -> Match {
        let mut position = self.at;
        for element in &self.elements {
            let Some(byte) = bytes.get(position) else { return Match::NeedMore };
            match element {
                Element::Masked { value, mask } if byte & mask == *value => position += 1,
                Element::OneOf(set) if contains(set, *byte) => position += 1,
                Element::Masked { .. } | Element::OneOf(_) => return Match::No,
                Element::Jump { width, bounds } => {
                    let behind = position + usize::from(*width);
                    let Some(field) = bytes.get(position..behind) else { return Match::NeedMore };
                    let length = field.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                    if !bounds.contains(&length) {
                        return Match::No;
                    }
                    position = behind.saturating_add(length as usize);
                }
            }
        }
        if position > bytes.len() { Match::NeedMore } else { Match::Yes }
    }

    /// What must follow from offset 0 on.
    pub(super) fn all_elements(&self) -> Vec<Element> {
        let skipped = core::iter::repeat_n(Element::Masked { value: 0, mask: 0 }, self.at);
        skipped.chain(self.elements.iter().cloned()).collect()
    }

    /// The pattern of these very bytes.
    pub(crate) fn from_literal(bytes: &[u8]) -> Self {
        let elements = bytes.iter().map(|value| Element::Masked { value: *value, mask: 0xff }).collect();
        Pattern { at: 0, elements }
    }

    /// Whether some input that matches begins with `byte`.
    pub(crate) fn may_begin_with(&self, byte: u8) -> bool {
        match self.elements.first() {
            _ if self.at != 0 => true,
            Some(Element::Masked { value, mask }) => byte & mask == *value,
            Some(Element::OneOf(set)) => contains(set, byte),
            Some(Element::Jump { width, bounds }) => {
                let first = |length: u32| (length >> (8 * (u32::from(*width) - 1))) as u8;
                (first(*bounds.start())..=first(*bounds.end())).contains(&byte)
            }
            None => true,
        }
    }

    /// The bytes, if the pattern is nothing but bytes from offset 0.
    pub fn literal(&self) -> Option<Vec<u8>> {
        if self.at != 0 {
            return None;
        }
        self.elements
            .iter()
            .map(|element| match element {
                Element::Masked { value, mask: 0xff } => Some(*value),
                _ => None,
            })
            .collect()
    }

    /// Reads a pattern; the error says what was expected and where.
    pub fn parse(text: &str, at: usize) -> Result<Pattern, String> {
        let mut elements = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let before = elements.len();
            rest = element(rest, &mut elements)?;
            if let Some(count) = rest.strip_prefix('*') {
                let digits = count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
                let times: usize =
                    count[..digits].parse().map_err(|_| expected("a count after '*'", rest))?;
                let [one] = &elements[before..] else {
                    return Err(expected("one byte before '*'", rest));
                };
                if times == 0 || times > 65_535 {
                    return Err(expected("a count from 1 to 65535 after '*'", rest));
                }
                let one = one.clone();
                elements.resize(before + times, one);
                rest = &count[digits..];
            }
            rest = rest.trim_start();
        }
        if elements.is_empty() {
            return Err(expected("at least one byte", text));
        }
        Ok(Pattern { at, elements })
    }
}

#[inline]
pub(super) fn contains(set: &[u64; 4], byte: u8) -> bool {
    set[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
}

fn expected(what: &str, rest: &str) -> String {
    let shown: String = rest.chars().take(16).collect();
    alloc::format!("{what}, found \"{shown}\"")
}

/// Reads one element (or one quoted text) off the front of `rest`.
fn element<'t>(rest: &'t str, out: &mut Vec<Element>) -> Result<&'t str, String> {
    match rest.as_bytes()[0] {
        b'"' => text(rest, out),
        b'(' => one_of(rest, out),
        b'{' => jump(rest, out),
        _ => {
            let pair = rest.get(..2).ok_or_else(|| expected("two hex digits", rest))?;
            let mut masked = (0u8, 0u8);
            for digit in pair.chars() {
                let (value, mask) = match (digit, digit.to_digit(16)) {
                    ('?', _) => (0, 0),
                    (_, Some(value)) => (value as u8, 0xf),
                    _ => {
                        return Err(expected(
                            "a byte such as 1f, ??, 1?, (03|04), {u24 1-64} or \"text\"",
                            rest,
                        ));
                    }
                };
                masked = (masked.0 << 4 | value, masked.1 << 4 | mask);
            }
            out.push(Element::Masked { value: masked.0, mask: masked.1 });
            Ok(&rest[2..])
        }
    }
}

fn text<'t>(rest: &'t str, out: &mut Vec<Element>) -> Result<&'t str, String> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        let byte = match character {
            '"' => return Ok(&rest[index + 1..]),
            '\\' => match characters.next() {
                Some((_, 'r')) => b'\r',
                Some((_, 'n')) => b'\n',
                Some((_, '"')) => b'"',
                Some((_, '\\')) => b'\\',
                _ => return Err(expected("one of \\r \\n \\\" \\\\", &rest[index..])),
            },
            plain if plain.is_ascii() => plain as u8,
            _ => return Err(expected("ASCII text", &rest[index..])),
        };
        out.push(Element::Masked { value: byte, mask: 0xff });
    }
    Err(expected("a closing quote", rest))
}

fn one_of<'t>(rest: &'t str, out: &mut Vec<Element>) -> Result<&'t str, String> {
    let end = rest.find(')').ok_or_else(|| expected("a closing ')'", rest))?;
    let inner = &rest[1..end];
    let (inner, negated) = match inner.strip_prefix('!') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let mut set = [0u64; 4];
    for part in inner.split('|') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let byte = |text: &str| {
            u8::from_str_radix(text.trim(), 16)
                .map_err(|_| expected("a byte or a range of bytes inside ( )", part))
        };
        let (low, high) = (byte(low)?, byte(high)?);
        if low > high {
            return Err(expected("a range that goes upward", part));
        }
        for value in low..=high {
            set[usize::from(value >> 6)] |= 1 << (value & 63);
        }
    }
    if negated {
        set = set.map(|word| !word);
    }
    out.push(Element::OneOf(set));
    Ok(&rest[end + 1..])
}

fn jump<'t>(rest: &'t str, out: &mut Vec<Element>) -> Result<&'t str, String> {
    let wrong = || expected("a jump such as {u24 1-64}", rest);
    let end = rest.find('}').ok_or_else(wrong)?;
    let (width, bounds) = rest[1..end].trim().split_once(' ').ok_or_else(wrong)?;
    let width = match width {
        "u8" => 1,
        "u16" => 2,
        "u24" => 3,
        "u32" => 4,
        _ => return Err(wrong()),
    };
    let (low, high) = bounds.trim().split_once('-').ok_or_else(wrong)?;
    let low: u32 = low.trim().parse().map_err(|_| wrong())?;
    let high: u32 = high.trim().parse().map_err(|_| wrong())?;
    if low > high || u64::from(high) >= 1 << (8 * u32::from(width)) {
        return Err(wrong());
    }
    out.push(Element::Jump { width, bounds: low..=high });
    Ok(&rest[end + 1..])
}

#[cfg(test)]
mod tests;
