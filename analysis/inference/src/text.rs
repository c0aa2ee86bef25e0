//! Text of varying length inside messages: behind a length, or up to a zero byte.

use std::collections::HashSet;

use crate::messages::{Messages, Span};
use crate::number::number;

/// Where text of varying length lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// A length of `width` bytes at `at`, then as many bytes.
    Prefixed { at: usize, width: usize, little: bool },
    /// Text from `at` up to and with a zero byte.
    Terminated { at: usize },
}

fn printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

/// Columns at which it may begin.
const LOOK: usize = 160;
/// Spans looked at.
const SAMPLE: usize = 200;

impl Text {
    /// Start of the text and its end (with the zero byte).
    pub(crate) fn place(self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Prefixed { at, width, little } => {
                let length = number(bytes.get(at..at + width)?, little);
                let end = (at + width).checked_add(length)?;
                (end <= bytes.len()).then_some((at + width, end))
            }
            Self::Terminated { at } => {
                let length = bytes.get(at..)?.iter().position(|&byte| byte == 0)?;
                bytes[at..at + length].iter().all(|&byte| printable(byte)).then_some((at, at + length + 1))
            }
        }
    }

    /// For people.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Prefixed { at, width, .. } => {
                format!("text of varying length behind a length of {width} at byte {at}")
            }
            Self::Terminated { at } => format!("text from byte {at} up to a zero"),
        }
    }

    pub(crate) fn at(self) -> usize {
        match self {
            Self::Prefixed { at, .. } | Self::Terminated { at } => at,
        }
    }
}

/// The first text of varying length that (nearly) every span has.
pub(crate) fn search(messages: &Messages, spans: &[Span]) -> Option<Text> {
    let mut seen = HashSet::new();
    let sample: Vec<&[u8]> = spans
        .iter()
        .step_by((spans.len() / 2000).max(1))
        .map(|span| span.of(messages))
        .filter(|bytes| seen.insert(*bytes))
        .take(SAMPLE)
        .collect();
    if sample.len() < 6 {
        return None;
    }
    let shortest = sample.iter().map(|bytes| bytes.len()).min()?;
    (0..shortest.min(LOOK)).find_map(|at| {
        let prefixed = [(4, false), (4, true), (2, false), (2, true), (1, false)]
            .map(|(width, little)| Text::Prefixed { at, width, little });
        let all = prefixed.into_iter().chain([Text::Terminated { at }]);
        all.into_iter().find(|text| fits(*text, &sample))
    })
}

fn fits(text: Text, sample: &[&[u8]]) -> bool {
    let allowed = sample.len() / 25;
    let (mut failed, mut filled, mut whole, mut apart, mut bytes_in, mut clear) =
        (0, 0, 0, 0, 0usize, 0usize);
    let mut lengths = HashSet::new();
    for bytes in sample {
        let Some((from, to)) = text.place(bytes) else {
            failed += 1;
            if failed > allowed {
                return false;
            }
            continue;
        };
        lengths.insert(to - from);
        let content = &bytes[from..to];
        whole += 1;
        let is_empty = content.is_empty() || content == [0];
        filled += usize::from(!is_empty);
        bytes_in += content.len();
        clear += content.iter().filter(|&&byte| printable(byte)).count();
        // A text ends where the next byte is no text.
        let next = bytes.get(to).copied();
        apart += usize::from(next.is_none_or(|byte| match text {
            Text::Prefixed { .. } => !printable(byte),
            Text::Terminated { .. } => byte != 0,
        }));
        if clear * 10 + 60 < bytes_in * 8 {
            return false;
        }
    }
    let terminated = matches!(text, Text::Terminated { .. });
    if terminated {
        clear += whole;
    }
    lengths.len() >= 4
        && whole >= 6
        && filled * 10 >= whole * 6
        && clear * 100 >= bytes_in * 92
        && bytes_in >= whole * 3
        && apart * 100 >= whole * 75
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(messages: &[Vec<u8>]) -> Option<Text> {
        let messages: Messages = messages.iter().map(Vec::as_slice).collect();
        let spans: Vec<Span> = (0..messages.len())
            .map(|at| Span { message: at as u32, start: 0, end: messages.get(at).len() as u32 })
            .collect();
        search(&messages, &spans)
    }

    #[test]
    fn text_behind_a_length_is_found() {
        let all: Vec<Vec<u8>> = (0..30usize)
            .map(|n| [&[1, 9, 0, 3 + n as u8 % 8][..], &b"abcdefghijkl"[..3 + n % 8], &[0, n as u8]].concat())
            .collect();
        assert_eq!(look(&all), Some(Text::Prefixed { at: 2, width: 2, little: false }));
    }

    #[test]
    fn text_up_to_a_zero_is_found() {
        let all: Vec<Vec<u8>> = (0..30usize)
            .map(|n| [&[0, 1][..], &b"abcdefghijkl"[..3 + n % 8], &[0], b"octet\0", &[n as u8]].concat())
            .collect();
        assert_eq!(look(&all), Some(Text::Terminated { at: 2 }));
    }
}
