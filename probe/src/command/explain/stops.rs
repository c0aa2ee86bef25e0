//! Frames without a flow: where in their headers the walk stopped.

use std::collections::BTreeMap;

use wiremark::{Frame, ParseError, Trail};

/// Headers that led to nothing, and how often.
#[derive(Default)]
pub(super) struct Stops(BTreeMap<(String, ParseErrorWord), Met>);

/// Why, in words.
type ParseErrorWord = &'static str;

struct Met {
    frames: u64,
    first: u64,
    /// Where in the first of them the last header begins.
    offset: usize,
}

impl Stops {
    /// Takes in a frame that had no packet to offer.
    pub(super) fn add(&mut self, number: u64, frame: &Frame<'_>, error: ParseError) {
        let trail = Trail::of(frame.link_type, frame.bytes);
        let names: Vec<String> = trail.steps().iter().map(|step| step.layer.to_string()).collect();
        let why = match error {
            ParseError::Truncated => "the capture ends within it",
            ParseError::Malformed => "it contradicts itself",
            ParseError::Unsupported => "not looked into",
            ParseError::Fragment => "a fragment of a packet that is not whole",
        };
        let offset = trail.last().map_or(0, |step| step.offset);
        let met = self.0.entry((names.join(" > "), why)).or_insert(Met { frames: 0, first: number, offset });
        met.frames += 1;
    }

    /// A block, or nothing.
    pub(super) fn text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut text = String::from("Frames without a flow\n");
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(_, met)| met.first);
        for ((path, why), Met { frames, first, offset }) in rows {
            text += &format!("  {frames} (first: frame {first}): {path}: stopped at byte {offset}, {why}\n");
        }
        text + "\n"
    }
}
