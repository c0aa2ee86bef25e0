//! What is known of a gap between two columns, as a row of numbers for the forest. No bytes' meaning enters: only
//! statistics of the columns around it, of neighbouring columns together, and where it lies.

use crate::column::{Column, Pair, values};
use crate::messages::{Messages, Span};

/// Columns looked at on each side of a gap.
const SIDE: isize = 4;
/// Numbers a column gives.
const COLUMN: usize = 9;
/// Numbers a pair of columns gives.
const PAIR: usize = 10;
/// Pairs looked at: the gap itself and two on each side.
const PAIRS: isize = 2;
/// Numbers of the place.
const PLACE: usize = 12;
/// Length of a row.
pub(crate) const WIDTH: usize = 2 * SIDE as usize * COLUMN + (2 * PAIRS as usize + 1) * PAIR + PLACE + BRIEF;
/// Numbers of the frame that this one is a kind of.
const BRIEF: usize = 14;

/// Spans that a frame's statistics are taken from, at most.
const SAMPLE: usize = 3000;

/// What a frame is, since where a gap lies says different things in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whole messages, or what is left of them behind a variable part.
    Message,
    /// Headers of repeated elements.
    Header,
    /// Values of repeated elements.
    Value,
    /// Elements of an array.
    Element,
}

/// Statistics of a frame's columns and neighbouring columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub columns: Vec<Column>,
    pub pairs: Vec<Pair>,
    pub spans: usize,
    pub shortest: usize,
    pub longest: usize,
    /// Whole 4-byte words fit all lengths: what is aligned stays aligned.
    pub lengths: usize,
    /// Above 0: numbers look big-endian; below: little-endian.
    pub order: f32,
}

impl Frame {
    /// Looks at the first `limit` columns of `spans`.
    pub(crate) fn of(messages: &Messages, spans: &[Span], limit: usize) -> Self {
        let sample: Vec<Span> = if spans.len() <= SAMPLE {
            spans.to_vec()
        } else {
            // Runs of neighbours, so that steps from one to the next are kept.
            let runs = SAMPLE / 50;
            let stride = spans.len() / runs;
            (0..runs).flat_map(|run| spans[run * stride..].iter().take(50).copied()).collect()
        };
        let longest = sample.iter().map(|span| span.len()).max().unwrap_or(0);
        let shortest = sample.iter().map(|span| span.len()).min().unwrap_or(0);
        let mut lengths: Vec<usize> = sample.iter().map(|span| span.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let mut frame =
            Self { spans: sample.len(), shortest, longest, lengths: lengths.len(), ..Self::default() };
        let mut column_values = Vec::new();
        let mut both = Vec::new();
        for at in 0..longest.min(limit) {
            values(messages, &sample, at, &mut column_values);
            frame.columns.push(Column::of(&column_values));
            if at > 0 {
                both.clear();
                both.extend(sample.iter().filter(|span| span.len() > at).map(|span| {
                    let bytes = span.of(messages);
                    (bytes[at - 1], bytes[at])
                }));
                frame.pairs.push(Pair::of(&both, &frame.columns[at - 1], &frame.columns[at]));
            }
        }
        frame.order = frame.byte_order();
        frame
    }

    /// Whether neighbouring columns look more like big-endian or little-endian numbers, -1 to 1.
    fn byte_order(&self) -> f32 {
        let (mut big, mut little) = (0.0f32, 0.0f32);
        for (at, pair) in self.pairs.iter().enumerate().take(64) {
            let (left, right) = (&self.columns[at], &self.columns[at + 1]);
            if left.entropy + right.entropy < 0.5 {
                continue;
            }
            big += (pair.carry_big - 0.2).max(0.0) * 3.0;
            little += (pair.carry_little - 0.2).max(0.0) * 3.0;
            if left.entropy < 0.1 && left.zero > 0.9 && right.entropy > 1.0 {
                big += 0.5;
            }
            if right.entropy < 0.1 && right.zero > 0.9 && left.entropy > 1.0 {
                little += 0.5;
            }
        }
        (big - little) / (big + little + 1.0)
    }

    /// Whether the two columns on each side of a gap all look like random bytes.
    pub(crate) fn is_random_around(&self, gap: usize) -> bool {
        let around = &self.columns[gap.saturating_sub(2)..(gap + 2).min(self.columns.len())];
        around.iter().all(Column::is_random)
    }

    /// The row for the gap before column `gap`. `lead` is what lies before the frame in its message (for alignment);
    /// `marks` say for each column whether a length field found there begins (1), goes on (2), may belong (3) or nothing (0).
    pub(crate) fn row(
        &self,
        gap: usize,
        kind: Kind,
        lead: usize,
        marks: &[u8],
        order: f32,
        out: &mut Vec<f32>,
    ) {
        let gap_at = gap as isize;
        let bits = (self.spans.max(2) as f32).log2().min(8.0);
        for at in gap_at - SIDE..gap_at + SIDE {
            match usize::try_from(at).ok().and_then(|at| self.columns.get(at)) {
                Some(column) => out.extend([
                    column.entropy / bits,
                    column.distinct as f32 / column.count.clamp(1, 256) as f32,
                    column.top_share,
                    column.zero,
                    column.printable,
                    column.changes,
                    column.small_steps,
                    f32::from(column.max) / 255.0,
                    column.ones,
                ]),
                None => out.extend([-1.0; COLUMN]),
            }
        }
        for at in gap_at - PAIRS - 1..gap_at + PAIRS {
            match usize::try_from(at).ok().and_then(|at| self.pairs.get(at)) {
                Some(pair) => out.extend([
                    pair.shared,
                    pair.right_follows,
                    pair.left_follows,
                    pair.carry_big,
                    pair.carry_little,
                    pair.left_zero_if_right,
                    pair.right_zero_if_left,
                    pair.equal,
                    pair.smooth_big,
                    pair.smooth_little,
                ]),
                None => out.extend([-1.0; PAIR]),
            }
        }
        let mark = |at: isize| {
            f32::from(usize::try_from(at).ok().and_then(|at| marks.get(at)).copied().unwrap_or(0))
        };
        let here = self.columns.get(gap).map_or(0, |column| column.count);
        out.extend([
            (gap as f32).min(64.0),
            (gap % 8) as f32,
            ((gap + lead) % 4) as f32,
            ((self.longest - gap) as f32).min(32.0),
            (self.shortest as f32 - gap as f32).clamp(-8.0, 32.0),
            here as f32 / self.spans.max(1) as f32,
            (self.spans as f32).log2(),
            order,
            (self.lengths as f32).min(20.0),
            mark(gap_at - 1) * 4.0 + mark(gap_at),
            match kind {
                Kind::Message => 0.0,
                Kind::Header => 1.0,
                Kind::Value => 2.0,
                Kind::Element => 3.0,
            },
            (self.longest.min(64)) as f32,
        ]);
    }

    /// The same gap in the frame that this one is a part of: kinds share a header.
    pub(crate) fn brief(&self, gap: usize, out: &mut Vec<f32>) {
        for at in gap as isize - 2..gap as isize + 2 {
            match usize::try_from(at).ok().and_then(|at| self.columns.get(at)) {
                Some(column) => out.extend([column.entropy / 8.0, column.changes]),
                None => out.extend([-1.0; 2]),
            }
        }
        match self.pairs.get(gap - 1) {
            Some(pair) => out.extend([
                pair.shared,
                pair.right_follows,
                pair.left_follows,
                pair.carry_big,
                pair.carry_little,
                self.columns[gap].count as f32 / self.spans.max(1) as f32,
            ]),
            None => out.extend([-1.0; 6]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_wide_as_it_says() {
        let messages: Messages = [&[1u8, 2, 3][..], &[1, 3, 4]].into_iter().collect();
        let spans = [Span { message: 0, start: 0, end: 3 }, Span { message: 1, start: 0, end: 3 }];
        let frame = Frame::of(&messages, &spans, 16);
        let mut row = Vec::new();
        frame.row(1, Kind::Message, 0, &[], 0.0, &mut row);
        frame.brief(1, &mut row);
        assert_eq!(row.len(), WIDTH);
    }
}
