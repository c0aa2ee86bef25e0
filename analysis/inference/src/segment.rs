//! From messages to boundaries: structure that can be shown exactly first, then the columns of what is left.

use std::collections::BTreeMap;

use crate::array::{self, Array};
use crate::certain;
use crate::chain::{self, Chain, Elements, End};
use crate::features::{Frame, Kind};
use crate::kinds::{self, Key};
use crate::length;
use crate::messages::{Messages, Span};
use crate::text::{self, Text};

/// Columns looked at in one frame.
const COLUMNS: usize = 1600;
/// Structures inside structures.
const DEEPEST: usize = 5;
/// Confidence of what an exact structure says.
const EXACT: f32 = 0.95;
/// Confidence of text of varying length, and of elements of an array: shares of made-up protocols in which they are right.
const PREFIXED: f32 = 0.95;
const REPEATED: f32 = 0.85;

/// A frame whose gaps are for the forest to judge.
pub(crate) struct Leaf {
    pub spans: Vec<Span>,
    /// One row a gap, from gap 1 on.
    pub rows: Vec<Vec<f32>>,
    /// For each gap whether the bytes around it look random: nothing can begin there that could be seen.
    pub random: Vec<bool>,
    /// For each gap log-odds that need no forest, or 0.
    pub certain: Vec<f32>,
}

/// Boundaries that structure gives, and frames that are left.
#[derive(Default)]
pub(crate) struct Cut {
    /// For each message, offsets and confidence, in no order.
    pub exact: Vec<Vec<(u32, f32)>>,
    pub leaves: Vec<Leaf>,
    /// What was found, in words.
    pub told: Vec<String>,
}

struct Cutter<'a> {
    messages: &'a Messages,
    order: f32,
    cut: Cut,
}

/// Cuts messages as far as structure goes.
pub(crate) fn cut(messages: &Messages) -> Cut {
    let spans: Vec<Span> = messages
        .iter()
        .enumerate()
        .map(|(at, bytes)| Span { message: at as u32, start: 0, end: bytes.len() as u32 })
        .collect();
    let order = Frame::of(messages, &spans, 64).order;
    let cut = Cut { exact: vec![Vec::new(); messages.len()], ..Cut::default() };
    let mut cutter = Cutter { messages, order, cut };
    cutter.frame(spans, Kind::Message, 0, None, &mut Vec::new());
    cutter.cut
}

impl Cutter<'_> {
    /// Structure of whole messages, not of parts of parts.
    fn tell(&mut self, depth: usize, words: String) {
        if depth < 2 && !self.cut.told.contains(&words) && self.cut.told.len() < 12 {
            self.cut.told.push(words);
        }
    }

    fn mark(&mut self, span: Span, at: usize) {
        self.mark_as(span, at, EXACT);
    }

    fn mark_as(&mut self, span: Span, at: usize, confidence: f32) {
        let at = span.start + at as u32;
        let end = self.messages.get(span.message as usize).len() as u32;
        if at > 0 && at < end {
            self.cut.exact[span.message as usize].push((at, confidence));
        }
    }

    fn frame(
        &mut self,
        spans: Vec<Span>,
        kind: Kind,
        depth: usize,
        outer: Option<&Frame>,
        used: &mut Vec<Key>,
    ) {
        let spans: Vec<Span> = spans.into_iter().filter(|span| span.len() > 0).collect();
        if depth < DEEPEST && spans.len() >= kinds::FEWEST {
            for end in [End::Message, End::Zero] {
                if let Some(fit) = chain::search(self.messages, &spans, end) {
                    self.tell(depth, fit.chain.words());
                    return self.chain(spans, fit.chain, kind, depth, outer, used);
                }
            }
            if let Some(text) = text::search(self.messages, &spans) {
                self.tell(depth, text.words());
                return self.text(spans, text, kind, depth, outer, used);
            }
            if let Some(kinds) = kinds::part(self.messages, &spans, used) {
                self.tell(depth, kinds.words());
                let whole = Frame::of(self.messages, &spans, COLUMNS);
                self.leaf(spans, kind, outer);
                let outer = outer.unwrap_or(&whole);
                let mut few = Vec::new();
                used.push(kinds.key);
                for group in kinds.groups.into_values() {
                    if group.len() < kinds::FEWEST {
                        few.extend(group);
                    } else {
                        self.frame(group, kind, depth + 1, Some(outer), used);
                    }
                }
                used.pop();
                few.sort_by_key(|span| (span.message, span.start));
                self.leaf(few, kind, Some(outer));
                return;
            }
            if kind != Kind::Element
                && let Some(array) = array::search(self.messages, &spans)
            {
                self.tell(depth, array.words());
                return self.array(spans, array, kind, outer);
            }
        }
        self.leaf(spans, kind, outer);
    }

    fn chain(
        &mut self,
        spans: Vec<Span>,
        chain: Chain,
        kind: Kind,
        depth: usize,
        outer: Option<&Frame>,
        used: &mut Vec<Key>,
    ) {
        let (mut before, mut misfits, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        let (mut types, mut after) = (Vec::new(), Vec::new());
        let mut elements = Vec::new();
        let mut cut = Elements::default();
        for span in spans {
            let bytes = span.of(self.messages);
            if !chain.cut(bytes, &mut cut) {
                misfits.push(span);
                continue;
            }
            let part = |from: usize, to: usize| Span {
                start: span.start + from as u32,
                end: span.start + to as u32,
                ..span
            };
            before.push(part(0, chain.start));
            if chain.start < bytes.len() {
                self.mark(span, chain.start);
            }
            // Labels up to an empty one are a name: one field.
            if chain.end == End::Zero {
                self.mark(span, cut.end);
                rest.push(part(cut.end, bytes.len()));
                continue;
            }
            for &(from, to) in &cut.parts {
                self.mark(span, from);
                self.mark(span, from + chain.at);
                self.mark(span, from + chain.at + chain.width);
                self.mark(span, from + chain.header);
                self.mark(span, to);
                if chain.at > 1 {
                    types.push(part(from, from + chain.at));
                }
                if chain.at + chain.width + 1 < chain.header {
                    after.push(part(from + chain.at + chain.width, from + chain.header));
                }
                elements.push((part(from, to), part(from + chain.header, to)));
            }
            self.mark(span, cut.end);
            if let Some(mark) = cut.mark {
                self.mark(span, mark);
                self.mark(span, mark + 1);
            }
        }
        if chain.start > 0 {
            self.frame(before, kind, depth + 1, outer, used);
        }
        self.leaf(misfits, kind, outer);
        self.leaf(types, Kind::Header, None);
        self.leaf(after, Kind::Header, None);
        self.values(elements, chain, depth);
        self.frame(rest, Kind::Message, depth + 1, None, &mut Vec::new());
    }

    fn text(
        &mut self,
        spans: Vec<Span>,
        text: Text,
        kind: Kind,
        depth: usize,
        outer: Option<&Frame>,
        used: &mut Vec<Key>,
    ) {
        let (mut before, mut misfits, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for span in spans {
            let Some((from, to)) = text.place(span.of(self.messages)) else {
                misfits.push(span);
                continue;
            };
            for at in [text.at(), from, to] {
                self.mark_as(span, at, PREFIXED);
            }
            before.push(Span { end: span.start + text.at() as u32, ..span });
            rest.push(Span { start: span.start + to as u32, ..span });
        }
        self.frame(before, kind, depth + 1, outer, used);
        self.leaf(misfits, kind, outer);
        self.frame(rest, kind, depth, None, &mut Vec::new());
    }

    fn array(&mut self, spans: Vec<Span>, array: Array, kind: Kind, outer: Option<&Frame>) {
        let (mut before, mut elements) = (Vec::new(), Vec::new());
        for span in spans {
            before.push(Span { end: span.start + array.start as u32, ..span });
            for at in (array.start..span.len()).step_by(array.stride) {
                self.mark_as(span, at, REPEATED);
                let start = span.start + at as u32;
                elements.push(Span { start, end: start + array.stride as u32, ..span });
            }
        }
        self.leaf(before, kind, outer);
        self.leaf(elements, Kind::Element, None);
    }

    /// Values of elements, those of one type together.
    fn values(&mut self, elements: Vec<(Span, Span)>, chain: Chain, depth: usize) {
        let mut groups: BTreeMap<Vec<u8>, Vec<Span>> = BTreeMap::new();
        let type_bytes = chain.header - chain.width;
        for (whole, value) in elements {
            let bytes = whole.of(self.messages);
            let mut key = bytes[..chain.at].to_vec();
            if type_bytes <= 3 {
                key.extend(&bytes[chain.at + chain.width..chain.header]);
            } else {
                key.truncate(4);
            }
            groups.entry(key).or_default().push(value);
        }
        for group in groups.into_values() {
            self.frame(group, Kind::Value, depth + 1, None, &mut Vec::new());
        }
    }

    fn leaf(&mut self, spans: Vec<Span>, kind: Kind, outer: Option<&Frame>) {
        if spans.len() < 2 {
            return;
        }
        let frame = Frame::of(self.messages, &spans, COLUMNS);
        let whole = outer.unwrap_or(&frame);
        let lead = spans[0].start as usize;
        let order = if kind == Kind::Message { self.order } else { (self.order + frame.order) / 2.0 };
        let lengths = length::fields(self.messages, &spans);
        let marks = length::marks(&lengths, frame.longest);
        let rows = (1..frame.longest.min(COLUMNS))
            .map(|gap| {
                let mut row = Vec::with_capacity(crate::features::WIDTH);
                frame.row(gap, kind, lead, &marks, order, &mut row);
                whole.brief(gap, &mut row);
                row
            })
            .collect();
        let random = (1..frame.longest.min(COLUMNS)).map(|gap| frame.is_random_around(gap)).collect();
        let certain = match kind {
            Kind::Message => {
                certain::gaps(self.messages, &spans, &frame, &lengths, lead, outer.is_none() && lead == 0)
            }
            _ => Vec::new(),
        };
        self.cut.leaves.push(Leaf { spans, rows, random, certain });
    }
}

impl Cut {
    /// For each message its boundaries with confidence, ascending, given the forest's probabilities for every leaf's rows.
    pub(crate) fn joined(&self, probabilities: &[Vec<f32>], messages: &Messages) -> Vec<Vec<(u32, f32)>> {
        let mut starts = vec![0usize];
        messages.iter().for_each(|message| starts.push(starts[starts.len() - 1] + message.len()));
        // Sum of log-odds and how many spoke, for every byte of every message.
        let mut sums = vec![(0.0f32, 0u8); starts[messages.len()]];
        for (leaf, chances) in self.leaves.iter().zip(probabilities) {
            let logits: Vec<f32> = chances
                .iter()
                .zip(&leaf.random)
                .enumerate()
                .map(|(at, (chance, random))| {
                    if let Some(known) = leaf.certain.get(at).filter(|known| **known != 0.0) {
                        return *known;
                    }
                    let chance = if *random { 1e-4 } else { chance.clamp(1e-4, 1.0 - 1e-4) };
                    (chance / (1.0 - chance)).ln()
                })
                .collect();
            for span in &leaf.spans {
                let from = starts[span.message as usize] + span.start as usize + 1;
                let gaps = span.len().saturating_sub(1).min(logits.len());
                for (sum, logit) in sums[from..from + gaps].iter_mut().zip(&logits) {
                    *sum = (sum.0 + logit, sum.1.saturating_add(1));
                }
            }
        }
        self.exact
            .iter()
            .zip(starts.windows(2))
            .map(|(exact, range)| {
                let mut all: BTreeMap<u32, f32> = (0..)
                    .zip(&sums[range[0]..range[1]])
                    .filter(|(_, sum)| sum.1 > 0 && sum.0 >= 0.0)
                    .map(|(at, sum)| (at, 1.0 / (1.0 + (-sum.0 / f32::from(sum.1)).exp())))
                    .collect();
                all.extend(exact.iter().copied());
                all.into_iter().collect()
            })
            .collect()
    }
}
