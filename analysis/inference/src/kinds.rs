//! Which byte tells kinds of messages apart: the one that, once known, leaves the least unknown about the others.

use std::collections::BTreeMap;

use crate::column::entropy;
use crate::messages::{Messages, Span};

/// Spans of a group below which it says nothing of its own.
pub(crate) const FEWEST: usize = 8;
/// Columns that may be the key.
const KEYS: usize = 24;
/// Columns whose entropy counts.
const LOOK: usize = 96;
/// Spans looked at.
const SAMPLE: usize = 1500;

/// What tells kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The byte in this column.
    Column(usize),
    /// The length of the span.
    Length,
}

impl Key {
    pub(crate) fn of(self, messages: &Messages, span: Span) -> u32 {
        match self {
            Self::Column(at) => span.of(messages).get(at).map_or(256, |&byte| u32::from(byte)),
            Self::Length => span.len() as u32,
        }
    }
}

/// Groups of spans by a key.
pub(crate) struct Kinds {
    pub key: Key,
    pub groups: BTreeMap<u32, Vec<Span>>,
}

impl Kinds {
    /// For people.
    pub(crate) fn words(&self) -> String {
        let kinds = self.groups.len();
        match self.key {
            Key::Column(at) => format!("byte {at} tells {kinds} kinds of messages apart"),
            Key::Length => format!("{kinds} kinds of messages, one a length"),
        }
    }
}

/// Looks for the byte (or the length) that parts `spans` into kinds; `None` where nothing is gained.
pub(crate) fn part(messages: &Messages, spans: &[Span], used: &[Key]) -> Option<Kinds> {
    if spans.len() < 3 * FEWEST {
        return None;
    }
    let stride = spans.len().div_ceil(SAMPLE);
    let sample: Vec<Span> = spans.iter().step_by(stride).copied().collect();
    let shortest = sample.iter().map(|span| span.len()).min().unwrap_or(0);
    let longest = sample.iter().map(|span| span.len()).max().unwrap_or(0).min(LOOK);
    let keys = (0..shortest.min(KEYS)).map(Key::Column).chain([Key::Length]);
    let mut best: Option<(f32, Key)> = None;
    for key in keys.filter(|key| !used.contains(key)) {
        let mut groups: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        sample.iter().for_each(|&span| groups.entry(key.of(messages, span)).or_default().push(span));
        if groups.len() < 2 || groups.len() > 48 {
            continue;
        }
        let large: usize = groups.values().map(Vec::len).filter(|&n| n * stride >= FEWEST).sum();
        if large * 10 < sample.len() * 8 {
            continue;
        }
        let gain = gain(messages, &sample, &groups, key, longest);
        let own = entropy(groups.values().map(|group| group.len() as u32), sample.len() as u32);
        // What a key tells has to be more than what it costs to tell the key.
        let place = match key {
            Key::Column(at) => 1.0 + at as f32 / 6.0,
            Key::Length => 3.0,
        };
        let worth = gain / (own + 1.5) / place;
        if gain > 3.0 && worth > 0.8 && best.is_none_or(|(most, _)| worth > most) {
            best = Some((worth, key));
        }
    }
    let (_, key) = best?;
    let mut groups: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    spans.iter().for_each(|&span| groups.entry(key.of(messages, span)).or_default().push(span));
    Some(Kinds { key, groups })
}

fn gain(
    messages: &Messages,
    sample: &[Span],
    groups: &BTreeMap<u32, Vec<Span>>,
    key: Key,
    longest: usize,
) -> f32 {
    let mut sum = 0.0;
    let total = sample.len() as f32;
    for at in 0..longest {
        if key == Key::Column(at) {
            continue;
        }
        let (whole, distinct) = column_entropy(messages, sample, at);
        if whole < 0.02 {
            continue;
        }
        let mut inside = 0.0;
        let mut cells = -(distinct as f32) + 1.0;
        for group in groups.values() {
            let (entropy, distinct) = column_entropy(messages, group, at);
            inside += entropy * group.len() as f32 / total;
            cells += distinct.saturating_sub(1) as f32;
        }
        let bias = cells.max(0.0) / (2.0 * total * std::f32::consts::LN_2);
        // Columns far behind count less: they tell of contents.
        let weight = if at < 32 { 1.0 } else { 0.4 };
        sum += weight * (whole - inside - bias * 1.5).max(0.0);
    }
    if key != Key::Length {
        let lengths = |spans: &[Span]| {
            let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
            spans.iter().for_each(|span| *counts.entry(span.len()).or_default() += 1);
            entropy(counts.into_values(), spans.len() as u32)
        };
        let inside: f32 = groups.values().map(|group| lengths(group) * group.len() as f32 / total).sum();
        sum += 2.0 * (lengths(sample) - inside);
    }
    sum
}

fn column_entropy(messages: &Messages, spans: &[Span], at: usize) -> (f32, usize) {
    let mut counts = [0u32; 257];
    for span in spans {
        counts[span.of(messages).get(at).map_or(256, |&byte| usize::from(byte))] += 1;
    }
    (entropy(counts.into_iter(), spans.len() as u32), counts.iter().filter(|&&n| n > 0).count())
}
