//! Patterns with a common beginning, walked as one.

use super::pattern::{Element, Match, contains};
use alloc::vec::Vec;

/// Most patterns of one tree: a bit each.
pub(super) const PATTERNS_MAX: usize = 64;
/// A branch with others behind it has at most half of the patterns ([`PatternTree::branch`]), so that no node has more than six
/// such branches above it.
const LEVELS: usize = 8;
/// Bytes compared at once.
const WORD_BYTES: usize = 8;

/// One or more elements, compared in one step.
#[derive(Debug)]
enum Step {
    /// Bytes at fixed places, the first in the highest bits.
    Bytes { value: u64, mask: u64, length: u8 },
    /// So many bytes, whatever they are.
    Any(u32),
    /// One byte of a set.
    OneOf([u64; 4]),
    /// A length and what it counts.
    Jump { width: u8, low: u32, high: u32 },
}

/// A step that all patterns have in common that are below it.
#[derive(Debug)]
struct Node {
    step: Step,
    /// Patterns that end here.
    ends: u64,
    /// These, and all below.
    all: u64,
    /// The node behind all below.
    next: u32,
    /// Where its position, and where that of the nodes below, is kept.
    level: u8,
    below: u8,
}

/// Patterns in the order in which they are walked: a node, then what is below it.
#[derive(Debug)]
pub(super) struct PatternTree {
    nodes: Vec<Node>,
}

/// How patterns turned out, a bit each; all others do not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fits {
    /// They fit.
    pub(crate) yes: u64,
    /// The bytes end while everything so far fits.
    pub(crate) more: u64,
}

/// Bytes that are read eight at a time, also where fewer are left.
struct Words<'b> {
    bytes: &'b [u8],
    /// The last up to eight.
    tail: u64,
    tail_at: usize,
}

impl<'b> Words<'b> {
    #[inline]
    fn new(bytes: &'b [u8]) -> Self {
        match bytes.last_chunk::<WORD_BYTES>() {
            Some(last) => Self { bytes, tail: u64::from_be_bytes(*last), tail_at: bytes.len() - WORD_BYTES },
            None => {
                let mut word = [0; WORD_BYTES];
                word[..bytes.len()].copy_from_slice(bytes);
                Self { bytes, tail: u64::from_be_bytes(word), tail_at: 0 }
            }
        }
    }

    /// The bytes from a place before the end on, the first in the highest bits.
    #[inline]
    fn at(&self, place: usize) -> u64 {
        match self.bytes.get(place..).and_then(<[u8]>::first_chunk) {
            Some(word) => u64::from_be_bytes(*word),
            None => self.tail << ((8 * (place - self.tail_at)) & 63),
        }
    }
}

/// The highest bits of a word, as many as so many bytes, of which there are 1 to 8, have.
#[inline]
fn first_bytes(count: usize) -> u64 {
    u64::MAX << ((64 - 8 * count) & 63)
}

impl Step {
    /// Holds the step against the bytes from a place before their end on; gives the place behind it.
    #[inline]
    fn walk(&self, words: &Words<'_>, place: usize) -> (Match, usize) {
        let left = words.bytes.len() - place;
        match self {
            Self::Bytes { value, mask, length } => {
                let differs = (words.at(place) ^ value) & mask;
                let length = usize::from(*length);
                let outcome = if length <= left {
                    Match::from(differs == 0)
                } else if differs & first_bytes(left) == 0 {
                    Match::NeedMore
                } else {
                    Match::No
                };
                (outcome, place + length)
            }
            Self::Any(count) => {
                let count = *count as usize;
                (if count <= left { Match::Yes } else { Match::NeedMore }, place + count)
            }
            Self::OneOf(set) => (Match::from(contains(set, words.bytes[place])), place + 1),
            Self::Jump { width, low, high } => {
                let (width, word) = (usize::from(*width), words.at(place));
                let length = (word >> (64 - 8 * width)) as u32;
                if width > left {
                    // The upper bytes of the length are fixed as far as those of its bounds agree.
                    let known = left.min((low ^ high).leading_zeros() as usize / 8 + width - 4);
                    let differs = known > 0 && (length ^ low) >> (8 * (width - known)) != 0;
                    return (if differs { Match::No } else { Match::NeedMore }, place);
                }
                let behind = (place + width).saturating_add(length as usize);
                let fits = (*low..=*high).contains(&length);
                let outcome = match fits {
                    true if behind > words.bytes.len() => Match::NeedMore,
                    _ => Match::from(fits),
                };
                (outcome, behind)
            }
        }
    }
}

impl PatternTree {
    /// Of up to [`PATTERNS_MAX`] patterns, by their elements.
    pub(super) fn new(patterns: &[Vec<Element>]) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.branch((0..).zip(patterns.iter().map(Vec::as_slice)).take(PATTERNS_MAX).collect(), 0, 0);
        tree
    }

    /// Adds what patterns that have their first elements in common go on with.
    fn branch(&mut self, patterns: Vec<(u32, &[Element])>, known: usize, level: u8) {
        let mut branches: Vec<Vec<(u32, &[Element])>> = Vec::new();
        for one in patterns {
            match branches.iter_mut().find(|branch| branch[0].1[known] == one.1[known]) {
                Some(branch) => branch.push(one),
                None => branches.push([one].into()),
            }
        }
        // The largest comes last: what stands behind a branch is as large at least.
        branches.sort_by_key(Vec::len);
        let count = branches.len();
        for (number, mut branch) in branches.into_iter().enumerate() {
            let (top, mut known, mut level) = (self.nodes.len(), known, level);
            let is_last = number + 1 == count;
            loop {
                let (step, elements) = step(&branch, known);
                known += elements;
                let bits = |patterns: &[(u32, &[Element])]| {
                    patterns.iter().fold(0, |bits, (pattern, _)| bits | 1 << pattern)
                };
                let all = bits(&branch);
                branch.retain(|(_, elements)| elements.len() > known);
                let below = if is_last || top < self.nodes.len() { level } else { level + 1 };
                self.nodes.push(Node { step, ends: all & !bits(&branch), all, next: 0, level, below });
                level = below;
                let is_one_way = branch.first().is_some_and(|(_, first)| {
                    branch.iter().all(|(_, elements)| elements[known] == first[known])
                });
                if !is_one_way {
                    break;
                }
            }
            if !branch.is_empty() {
                self.branch(branch, known, level);
            }
            let next = self.nodes.len() as u32;
            self.nodes[top..].iter_mut().filter(|node| node.next == 0).for_each(|node| node.next = next);
        }
    }

    /// How the patterns turn out.
    #[inline]
    pub(super) fn walk(&self, bytes: &[u8]) -> Fits {
        let words = Words::new(bytes);
        let (mut places, mut fits, mut next) = ([0; LEVELS], Fits::default(), 0);
        while let Some(node) = self.nodes.get(next) {
            let place = places[usize::from(node.level) % LEVELS];
            let (outcome, behind) =
                if place < bytes.len() { node.step.walk(&words, place) } else { (Match::NeedMore, place) };
            if outcome == Match::Yes {
                fits.yes |= node.ends;
                places[usize::from(node.below) % LEVELS] = behind;
                next += 1;
            } else {
                fits.more |= if outcome == Match::NeedMore { node.all } else { 0 };
                next = node.next as usize;
            }
        }
        fits
    }
}

/// The next step of patterns that have the element after the first `known` in common, and how many elements it takes.
fn step(patterns: &[(u32, &[Element])], known: usize) -> (Step, usize) {
    let first = &patterns[0].1[known..];
    let is_common = |count: usize| {
        patterns.iter().all(|(_, elements)| elements.get(known + count) == Some(&first[count]))
    };
    let run = |is_part: fn(&Element) -> bool, most: usize| {
        (1..first.len().min(most)).take_while(|count| is_part(&first[*count]) && is_common(*count)).count()
            + 1
    };
    match &first[0] {
        Element::Masked { mask: 0, .. } => {
            let count = run(|element| matches!(element, Element::Masked { mask: 0, .. }), usize::MAX);
            (Step::Any(count as u32), count)
        }
        Element::Masked { .. } => {
            let count = run(|element| matches!(element, Element::Masked { .. }), WORD_BYTES);
            let (mut values, mut masks) = ([0; WORD_BYTES], [0; WORD_BYTES]);
            for (place, element) in first[..count].iter().enumerate() {
                if let Element::Masked { value, mask } = element {
                    (values[place], masks[place]) = (*value, *mask);
                }
            }
            let (value, mask) = (u64::from_be_bytes(values), u64::from_be_bytes(masks));
            (Step::Bytes { value, mask, length: count as u8 }, count)
        }
        Element::OneOf(set) => (Step::OneOf(*set), 1),
        Element::Jump { width, bounds } => {
            (Step::Jump { width: *width, low: *bounds.start(), high: *bounds.end() }, 1)
        }
    }
}

#[cfg(test)]
mod tests;
