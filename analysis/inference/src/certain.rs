//! Gaps that need no guess: ends of length fields that an equation shows, columns that determine one another, constants.

use std::collections::HashMap;

use crate::column::entropy;
use crate::features::Frame;
use crate::length::Length;
use crate::messages::{Messages, Span};

/// Log-odds of a gap that is a boundary, or none, for certain; 0 where nothing is known.
const SURE: f32 = 6.0;
/// Columns looked at.
const LOOK: usize = 48;
/// Spans looked at.
const SAMPLE: usize = 2000;
/// Columns of contents, at least.
const FEWEST_RANDOM: usize = 16;
/// Spans below which columns prove nothing about each other.
const FEWEST: usize = 100;

/// What is certain about the gaps 1, 2, ... of a frame that begins `lead` bytes into its messages.
///
/// Columns are compared only in the frame of `all` messages: within one kind, or one flow, much is constant that is two fields.
pub(crate) fn gaps(
    messages: &Messages,
    spans: &[Span],
    frame: &Frame,
    lengths: &[Length],
    lead: usize,
    all: bool,
) -> Vec<f32> {
    let mut known = vec![0.0f32; frame.columns.len().saturating_sub(1)];
    if spans.len() < FEWEST {
        return known;
    }
    let mut set = |gap: usize, value: f32| {
        if let Some(known) = gap.checked_sub(1).and_then(|at| known.get_mut(at)) {
            *known = value;
        }
    };
    let sample: Vec<&[u8]> =
        spans.iter().step_by(spans.len().div_ceil(SAMPLE)).map(|span| span.of(messages)).collect();
    let reach = if all { frame.shortest.min(LOOK) } else { 0 };
    for gap in 2..reach {
        if let Some(sure) = dependent(&sample, frame, gap) {
            set(gap, if sure { SURE } else { -SURE });
        }
    }
    if let Some(gap) = contents(frame, reach).filter(|gap| (gap + lead).is_multiple_of(4)) {
        // A few messages of one kind cannot tell it: to them, a number looks random as well.
        set(gap, 3.0 * SURE);
    }
    // A constant word is one field as far as anybody can see.
    for word in (0..reach.saturating_sub(3)).filter(|at| (at + lead).is_multiple_of(4)) {
        let columns = &frame.columns[word..word + 4];
        let set_bytes = columns.iter().filter(|column| column.max > 0).count();
        if columns.iter().all(|column| column.distinct == 1) && (2..4).contains(&set_bytes) {
            (1..4).for_each(|at| set(word + at, -SURE));
        }
    }
    for word in (0..reach.saturating_sub(3)).filter(|at| (at + lead).is_multiple_of(4)) {
        for is_little in [false, true] {
            if is_small_or_minus_one(&sample, word, is_little) {
                (1..4).for_each(|at| set(word + at, -SURE));
                set(if is_little { word + 4 } else { word }, SURE);
            }
        }
    }
    for field in lengths {
        // Zero bytes at the high end belong to it where that makes an aligned number.
        let whole = field.width > 1 && (field.at + lead).is_multiple_of(field.width);
        let idle = if whole { 0 } else { field.idle };
        let (from, to) = if field.little {
            (field.at, field.at + field.width - idle)
        } else {
            (field.at + idle, field.at + field.width)
        };
        (from + 1..to).for_each(|gap| set(gap, -SURE));
        if !field.little || whole {
            set(to, SURE);
        }
        if field.little || whole {
            set(from, SURE);
        }
    }
    known
}

/// Where contents begin: from there on all columns look random (encrypted, packed), and the one before does not.
fn contents(frame: &Frame, reach: usize) -> Option<usize> {
    let many: Vec<bool> = frame
        .columns
        .iter()
        .take_while(|column| column.count as usize * 2 >= frame.spans)
        .map(|column| column.is_random())
        .collect();
    let begin = many.iter().rposition(|is_random| !is_random)? + 1;
    (begin <= reach && begin + FEWEST_RANDOM <= many.len()).then_some(begin)
}

/// Whether the word at `at` is one number that is small, or negative, or all ones or the largest there is (7fffffff) for "none":
/// below 1,024 or its three high bytes such ones, each now and then, and the byte beyond them is neither with them (else the
/// number is longer).
fn is_small_or_minus_one(sample: &[&[u8]], at: usize, is_little: bool) -> bool {
    let beyond = if is_little { Some(at + 4) } else { at.checked_sub(1) };
    let (mut ones, mut longer) = (0, 0);
    for bytes in sample {
        let Some(&[first, second, third, fourth]) = bytes.get(at..at + 4) else { return false };
        let (top, rest) = if is_little { (fourth, [third, second]) } else { (first, [second, third]) };
        let is_ones = rest == [0xff; 2] && matches!(top, 0x7f | 0xff);
        if !is_ones && (top != 0 || rest[0] != 0 || rest[1] > 3) {
            return false;
        }
        ones += usize::from(is_ones);
        longer += usize::from(beyond.and_then(|at| bytes.get(at)) == Some(&top));
    }
    let seldom = sample.len() / 100;
    ones > seldom && ones + seldom < sample.len() && longer < sample.len()
}

fn joint<const N: usize>(sample: &[&[u8]], columns: [usize; N]) -> (f32, usize) {
    let mut counts: HashMap<[u8; N], u32> = HashMap::new();
    for bytes in sample {
        *counts.entry(columns.map(|at| bytes.get(at).copied().unwrap_or(0))).or_default() += 1;
    }
    let different = counts.len();
    // Sorted, so that the sum is the same in every run.
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable();
    (entropy(counts.into_iter(), sample.len() as u32), different)
}

/// Whether two columns that go together are followed by one that goes its own way (a boundary), or a column is settled by
/// its neighbours (none).
fn dependent(sample: &[&[u8]], frame: &Frame, gap: usize) -> Option<bool> {
    let (left, right) = (&frame.columns[gap - 1], &frame.columns[gap]);
    if left.entropy < 0.3 || right.entropy < 0.3 {
        return None;
    }
    let (both, different) = joint(sample, [gap - 1, gap]);
    if different * 8 > sample.len() {
        return None;
    }
    let told = left.entropy + right.entropy - both;
    if both < left.entropy.max(right.entropy) + 0.02 && left.distinct <= 4 && right.distinct <= 4 {
        return Some(false);
    }
    let (before, _) = joint(sample, [gap - 2, gap - 1]);
    let outer = frame.columns[gap - 2].entropy;
    // Left goes with what is before it (one to one), and has nothing to do with right.
    let paired = outer > 0.3 && before < outer.max(left.entropy) + 0.02;
    if paired && left.distinct == 2 && right.distinct >= 4 && told < 0.05 * left.entropy {
        return Some(true);
    }
    // What left has beyond the column before it, right settles: the high byte of one number.
    let own = before - outer;
    let (three, _) = joint(sample, [gap - 2, gap - 1, gap]);
    let (around, _) = joint(sample, [gap - 2, gap]);
    let open = three - around;
    // A byte that carries on the one before it shares values of different numbers with its neighbour, too.
    let most_open = if paired && left.distinct > frame.columns[gap - 2].distinct { 0.6 } else { 0.15 };
    (outer > 0.3 && own > 0.05 && own < 2.5 && open < most_open * own).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::length;

    fn certain(all: &[Vec<u8>]) -> Vec<f32> {
        let messages: Messages = all.iter().map(Vec::as_slice).collect();
        let spans: Vec<Span> = (0..messages.len())
            .map(|at| Span { message: at as u32, start: 0, end: messages.get(at).len() as u32 })
            .collect();
        let lengths = length::fields(&messages, &spans);
        gaps(&messages, &spans, &Frame::of(&messages, &spans, 64), &lengths, 0, true)
    }

    #[test]
    fn a_length_ends_where_its_equation_says() {
        let all: Vec<Vec<u8>> = (0..200usize)
            .map(|n| {
                let length = 8 + n * 7 % 190;
                let mut bytes = vec![0, 0, 0, length as u8, 0xaa, 0xbb];
                bytes.resize(length, (n % 5) as u8);
                bytes
            })
            .collect();
        let gaps = certain(&all);
        assert!(gaps[..3].iter().all(|known| *known < 0.0) && gaps[3] > 0.0, "{gaps:?}");
    }

    #[test]
    fn bytes_that_change_together_are_one_field() {
        let all: Vec<Vec<u8>> = (0..400usize)
            .map(|n| {
                let up = n % 2 == 0;
                let pair: [u8; 2] = if up { [0, 0] } else { [0x3b, 0x9a] };
                vec![1, pair[0], pair[1], [2, 9, 10, 19, 121][(n / 2) % 5]]
            })
            .collect();
        let gaps = certain(&all);
        assert!(gaps[1] < 0.0 && gaps[2] > 0.0, "{gaps:?}");
    }

    /// A byte that tells whether a number comes with it: it settles the number's high bytes, and is no part of it.
    #[test]
    fn a_number_that_is_small_or_stands_for_none_is_one_field() {
        for none in [u32::MAX, i32::MAX as u32] {
            let all: Vec<Vec<u8>> = (0..400u32)
                .map(|n| {
                    let is_none = n % 3 == 0;
                    let number = if is_none { none } else { 10 + n };
                    let kind = if is_none { 6 } else { 2 };
                    [&[1, 2, 3 * (n % 5) as u8, kind][..], &number.to_be_bytes()].concat()
                })
                .collect();
            let gaps = certain(&all);
            assert!(gaps[3] > 0.0 && gaps[4..7].iter().all(|known| *known < 0.0), "{gaps:?}");
        }
    }

    /// A number of four bytes with few values above 255, sent and answered, before a body of random bytes.
    #[test]
    fn a_rare_high_byte_belongs_to_its_number_and_contents_begin_behind_it() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let ids = [6u32, 19, 64, 121, 138, 200, 0x10a, 10, 3, 9, 24, 45, 77, 0x109];
        let all: Vec<Vec<u8>> = (0..1000)
            .map(|n| {
                let id = ids[(random() as usize % 14).min(random() as usize % 14)] + 1_000_000_000 * (n % 2);
                let mut bytes = id.to_be_bytes().to_vec();
                bytes.extend((n / 20).to_be_bytes());
                bytes.extend((0..20 + random() % 20).map(|_| random() as u8));
                bytes
            })
            .collect();
        let gaps = certain(&all);
        assert!(gaps[2] < 0.0 && gaps[7] > 0.0, "{gaps:?}");
    }
}
