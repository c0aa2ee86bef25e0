//! Rows for a trainer of the forest: the numbers of each gap that columns have to judge, with what is true of it.

use crate::features::WIDTH;
use crate::messages::Messages;
use crate::segment;

/// Numbers of a row.
pub const ROW_WIDTH: usize = WIDTH;

/// One gap of one frame.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is known of the gap, [`ROW_WIDTH`] numbers.
    pub numbers: Vec<f32>,
    /// Share of messages in which a field begins there.
    pub truth: f32,
    /// Messages that have the gap.
    pub messages: u32,
}

/// Rows of a set of messages whose boundaries are known.
pub fn rows(messages: &Messages, truth: &[Vec<u32>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for leaf in segment::cut(messages).leaves {
        for (numbers, gap) in leaf.rows.into_iter().zip(1u32..) {
            let (mut yes, mut messages) = (0, 0);
            for span in leaf.spans.iter().filter(|span| span.start + gap < span.end) {
                messages += 1;
                yes += u32::from(truth[span.message as usize].binary_search(&(span.start + gap)).is_ok());
            }
            if messages > 0 {
                rows.push(Row { numbers, truth: yes as f32 / messages as f32, messages });
            }
        }
    }
    rows
}
