//! Repeated elements of one size at the end of spans.

use crate::column::entropy;
use crate::messages::{Messages, Span};

/// An array: from `start` to the span's end elements of `stride` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub start: usize,
    pub stride: usize,
}

impl Array {
    /// For people.
    pub(crate) fn words(self) -> String {
        format!("elements of {} bytes from byte {} to the end", self.stride, self.start)
    }
}

/// Spans looked at.
const SAMPLE: usize = 300;

/// Looks for an array up to the end of spans whose lengths differ.
pub(crate) fn search(messages: &Messages, spans: &[Span]) -> Option<Array> {
    let sample: Vec<&[u8]> =
        spans.iter().step_by(spans.len().div_ceil(SAMPLE).max(1)).map(|span| span.of(messages)).collect();
    let mut lengths: Vec<usize> = sample.iter().map(|bytes| bytes.len()).collect();
    lengths.sort_unstable();
    let shortest = *lengths.first()?;
    lengths.dedup();
    if sample.len() < 8 || lengths.len() < 3 {
        return None;
    }
    let mut best: Option<(f32, Array)> = None;
    for stride in [16, 12, 8, 6, 4, 3, 2] {
        let rest = shortest % stride;
        if lengths.iter().any(|length| length % stride != rest) {
            continue;
        }
        let starts = (0..=shortest).filter(|start| (shortest - start) % stride == 0 && *start <= 64);
        for start in starts {
            let array = Array { start, stride };
            let Some(worth) = worth(&sample, array) else { continue };
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, array));
            }
        }
    }
    best.map(|(_, array)| array)
}

fn worth(sample: &[&[u8]], array: Array) -> Option<f32> {
    let Array { start, stride } = array;
    let elements: usize = sample.iter().map(|bytes| (bytes.len() - start) / stride).sum();
    if elements < sample.len() * 2 || elements < 40 {
        return None;
    }
    // A count or a size right before the first element says it exactly.
    let counted = [1usize, 2, 4].into_iter().any(|width| {
        start >= width
            && [false, true].into_iter().any(|little| {
                [1, stride].into_iter().any(|unit| {
                    sample.iter().all(|bytes| {
                        let rest = bytes.len() - start;
                        crate::number::number(&bytes[start - width..start], little) * unit == rest
                    })
                })
            })
    });
    let (mut all, mut phases) = ([0u32; 256], vec![[0u32; 256]; stride]);
    let (mut near, mut far, mut n) = (0u64, 0u64, 0u64);
    for bytes in sample {
        let tail = &bytes[start..];
        for (at, &byte) in tail.iter().enumerate() {
            all[usize::from(byte)] += 1;
            phases[at % stride][usize::from(byte)] += 1;
            if at >= stride {
                far += u64::from(byte.abs_diff(tail[at - stride]));
                near += u64::from(byte.abs_diff(tail[at - 1]));
                n += 1;
            }
        }
    }
    let total: u32 = all.iter().sum();
    let whole = entropy(all.into_iter(), total);
    let inside: f32 = phases
        .iter()
        .map(|phase| {
            let count: u32 = phase.iter().sum();
            entropy(phase.iter().copied(), count) * count as f32 / total as f32
        })
        .sum();
    let gain = (whole - inside) / whole.max(0.3);
    let ratio = far as f32 / near.max(1) as f32;
    let alike = n > 30 && ratio < 0.7 && gain > 0.12;
    // Text has no elements.
    let clear: u32 = all[0x20..0x7f].iter().sum();
    if clear * 10 > total * 8 || whole < 0.5 {
        return None;
    }
    if !(alike || (counted && stride <= 8 && gain > 0.03)) {
        return None;
    }
    Some(
        gain + (1.0 - ratio) * 0.5 + if counted { 0.5 } else { 0.0 }
            - stride as f32 * 0.02
            - start as f32 * 0.004,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_behind_their_size_are_an_array() {
        let all: Vec<Vec<u8>> = (0..40usize)
            .map(|n| {
                let count = 2 + n * 5 % 9;
                let mut bytes = vec![3, 2 * count as u8];
                (0..count)
                    .for_each(|at| bytes.extend((100 + (n * 31 + at * 7) % 60).to_be_bytes()[6..].iter()));
                bytes
            })
            .collect();
        let messages: Messages = all.iter().map(Vec::as_slice).collect();
        let spans: Vec<Span> = (0..40)
            .map(|at| Span { message: at, start: 0, end: messages.get(at as usize).len() as u32 })
            .collect();
        assert_eq!(search(&messages, &spans), Some(Array { start: 2, stride: 2 }));
    }
}
