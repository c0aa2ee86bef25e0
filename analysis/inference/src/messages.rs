//! Messages, and parts of messages that are looked at together.

use std::fmt;

/// Messages in the order they were seen, bytes only.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Messages {
    /// No messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one message behind the others.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of message `index`.
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// All messages in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Reads one message a line in hex; blank lines and lines that begin with `#` are stepped over, spaces and colons
    /// between bytes too.
    pub fn from_hex(text: &str) -> Result<Self, HexError> {
        let mut messages = Self::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            messages.push(&hex_line(line, number + 1)?);
        }
        Ok(messages)
    }
}

impl<'a> FromIterator<&'a [u8]> for Messages {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(all: I) -> Self {
        let mut messages = Self::new();
        all.into_iter().for_each(|message| messages.push(message));
        messages
    }
}

fn hex_line(line: &str, number: usize) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(line.len() / 2);
    let mut high = None;
    let mut column = 0;
    for (at, sign) in line.trim_end().chars().enumerate() {
        column = at + 1;
        let Some(digit) = sign.to_digit(16) else {
            if high.is_none() && matches!(sign, ' ' | ':' | '\t') {
                continue;
            }
            return Err(HexError { line: number, column, found: Some(sign) });
        };
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push((first << 4 | digit) as u8),
        }
    }
    if high.is_some() {
        return Err(HexError { line: number, column, found: None });
    }
    Ok(bytes)
}

/// A line that is no hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What stood there; `None` where a second digit is missing.
    pub found: Option<char>,
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        match self.found {
            Some(sign) => write!(f, "{sign:?} is no hexadecimal digit"),
            None => write!(f, "a byte takes two hexadecimal digits, and the second is missing"),
        }
    }
}

impl std::error::Error for HexError {}

/// A part of a message: bytes `start..end` of message `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub message: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn of(self, messages: &Messages) -> &[u8] {
        &messages.get(self.message as usize)[self.start as usize..self.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_line_by_line() {
        let messages = Messages::from_hex("# two\n0a0B\n\n00:ff 10\n").unwrap();
        assert_eq!(messages.iter().collect::<Vec<_>>(), [&[0x0a, 0x0b][..], &[0, 0xff, 0x10]]);
    }

    #[test]
    fn bad_hex_is_told_by_line_and_column() {
        let error = Messages::from_hex("00\n0g").unwrap_err();
        assert_eq!(error, HexError { line: 2, column: 2, found: Some('g') });
        let error = Messages::from_hex("001").unwrap_err();
        assert_eq!(error, HexError { line: 1, column: 3, found: None });
        assert!(Messages::from_hex("0 0").is_err());
    }
}
