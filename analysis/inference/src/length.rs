//! Length fields found by exact equations: value times a factor plus a constant is the span's length, in (nearly) every span.

use std::collections::BTreeMap;

use crate::messages::{Messages, Span};
use crate::number::number;

/// A length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub at: usize,
    pub width: usize,
    pub little: bool,
    /// Bytes a unit stands for.
    pub unit: usize,
    /// Span length minus value times unit.
    pub plus: i64,
    /// Bytes at its high end that are always zero: the field may begin (or end) anywhere in them.
    pub idle: usize,
}

/// Columns that may hold one.
const LOOK: usize = 64;
/// Spans looked at.
const SAMPLE: usize = 600;

/// Length fields of a frame: none where lengths do not differ.
pub(crate) fn fields(messages: &Messages, spans: &[Span]) -> Vec<Length> {
    let sample: Vec<&[u8]> =
        spans.iter().step_by(spans.len().div_ceil(SAMPLE).max(1)).map(|span| span.of(messages)).collect();
    let mut lengths: Vec<usize> = sample.iter().map(|bytes| bytes.len()).collect();
    lengths.sort_unstable();
    let shortest = lengths.first().copied().unwrap_or(0);
    lengths.dedup();
    let mut found: Vec<Length> = Vec::new();
    if lengths.len() < 3 || sample.len() < 6 {
        return found;
    }
    for at in 0..shortest.min(LOOK) {
        for (width, little) in [(4, false), (4, true), (2, false), (2, true), (1, false)] {
            if at + width > shortest {
                continue;
            }
            if found.iter().any(|old| at < old.at + old.width && old.at < at + width) {
                continue;
            }
            for unit in [1, 2, 4, 8] {
                let Some(plus) = equation(&sample, at, width, little, unit) else { continue };
                let high = |n: usize| if little { at + width - 1 - n } else { at + n };
                let idle =
                    (0..width - 1).take_while(|&n| sample.iter().all(|bytes| bytes[high(n)] == 0)).count();
                found.push(Length { at, width, little, unit, plus, idle });
                break;
            }
        }
    }
    found
}

fn equation(sample: &[&[u8]], at: usize, width: usize, little: bool, unit: usize) -> Option<i64> {
    let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
    let plus = |bytes: &[u8]| bytes.len() as i64 - (number(&bytes[at..at + width], little) * unit) as i64;
    for bytes in &sample[..sample.len().min(12)] {
        *votes.entry(plus(bytes)).or_default() += 1;
    }
    let (&constant, _) = votes.iter().max_by_key(|&(_, &n)| n)?;
    if !(-64..=256).contains(&constant) {
        return None;
    }
    let holds = sample.iter().filter(|bytes| plus(bytes) == constant).count();
    // With few exceptions, and not because all lengths that fit are one.
    let mut fitting: Vec<usize> =
        sample.iter().filter(|bytes| plus(bytes) == constant).map(|bytes| bytes.len()).collect();
    fitting.sort_unstable();
    fitting.dedup();
    (holds * 100 >= sample.len() * 95 && fitting.len() >= 3).then_some(constant)
}

/// For each column what it is to a length field: 1 begins, 2 goes on, 3 an idle byte that may belong to it.
pub(crate) fn marks(fields: &[Length], columns: usize) -> Vec<u8> {
    let mut marks = vec![0; columns];
    for field in fields {
        for byte in 0..field.width {
            let idle = if field.little { byte >= field.width - field.idle } else { byte < field.idle };
            let first = if field.little { byte == 0 } else { byte == field.idle };
            if let Some(mark) = marks.get_mut(field.at + byte) {
                *mark = if idle {
                    3
                } else if first {
                    1
                } else {
                    2
                };
            }
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_found_with_its_byte_order_and_unit() {
        let messages: Messages = (0..40usize)
            .map(|n| {
                let mut bytes = vec![7; 12 + 4 * (n * 7 % 11)];
                let words = bytes.len() as u16 / 4;
                bytes[2..4].copy_from_slice(&words.to_le_bytes());
                bytes
            })
            .collect::<Vec<_>>()
            .iter()
            .map(Vec::as_slice)
            .collect();
        let spans: Vec<Span> = (0..40)
            .map(|at| Span { message: at, start: 0, end: messages.get(at as usize).len() as u32 })
            .collect();
        let found = fields(&messages, &spans);
        assert_eq!(found, [Length { at: 2, width: 2, little: true, unit: 4, plus: 0, idle: 1 }]);
        assert_eq!(marks(&found, 5), [0, 0, 1, 3, 0]);
    }
}
