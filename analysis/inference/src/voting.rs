//! Voting Experts (Cohen, Adams, Heeringa) as ProWord and ChatDissect use it: two experts vote for where words end.

use std::collections::HashMap;

/// How a segment of at most the window's length can reach the threshold, which the paper leaves open: one window gives each
/// of two experts one vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Votes {
    /// As written: it cannot, so that only longer segments are split.
    Literal,
    /// The window shrinks to half the segment, rounded up.
    Shrink,
    /// The threshold shrinks with the windows that a segment has room for.
    Scale,
    /// The threshold is lowered by one until the segment is split or none is left.
    Lower,
}

impl Votes {
    /// All readings.
    pub const ALL: [Self; 4] = [Self::Literal, Self::Shrink, Self::Scale, Self::Lower];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Literal => "literal",
            Self::Shrink => "shrink",
            Self::Scale => "scale",
            Self::Lower => "lower",
        }
    }
}

/// ChatDissect's Table II.
#[derive(Clone, Copy, Debug)]
pub struct Experts {
    /// Bytes of a window.
    pub window: usize,
    /// Votes a boundary needs.
    pub threshold: usize,
    /// Bytes a field may have before it is split again.
    pub longest_field: usize,
    /// Bytes of a message that are looked at.
    pub first_bytes: usize,
    /// Reading of short segments.
    pub votes: Votes,
}

impl Default for Experts {
    fn default() -> Self {
        Self { window: 10, threshold: 6, longest_field: 4, first_bytes: 16, votes: Votes::Scale }
    }
}

/// Standardised entropies of all words of the corpus.
struct Words {
    internal: HashMap<Vec<u8>, f64>,
    boundary: HashMap<Vec<u8>, f64>,
}

impl Words {
    fn of(corpus: &[&[u8]], longest: usize) -> Self {
        let mut counts: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut next: HashMap<Vec<u8>, HashMap<u8, u32>> = HashMap::new();
        for text in corpus {
            for start in 0..text.len() {
                for length in 1..=longest.min(text.len() - start) {
                    let word = text[start..start + length].to_vec();
                    if let Some(&byte) = text.get(start + length) {
                        *next.entry(word.clone()).or_default().entry(byte).or_default() += 1;
                    }
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        let mut totals = vec![0u32; longest + 1];
        counts.iter().for_each(|(word, n)| totals[word.len()] += n);
        let internal = counts
            .iter()
            .map(|(word, &n)| (word.clone(), -(f64::from(n) / f64::from(totals[word.len()])).log2()))
            .collect();
        let boundary = counts
            .keys()
            .map(|word| {
                let entropy = next.get(word).map_or(0.0, |next| {
                    let total: u32 = next.values().sum();
                    f64::from(crate::column::entropy(next.values().copied(), total))
                });
                (word.clone(), entropy)
            })
            .collect();
        Self { internal: standardised(internal, longest), boundary: standardised(boundary, longest) }
    }
}

/// Words of one length are compared with their like only.
fn standardised(mut values: HashMap<Vec<u8>, f64>, longest: usize) -> HashMap<Vec<u8>, f64> {
    let mut sums = vec![(0.0, 0.0, 0.0); longest + 1];
    // Sums are made in order, so that they are the same in every run.
    let mut sorted: Vec<(&Vec<u8>, &f64)> = values.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
    for (word, value) in sorted {
        let sum = &mut sums[word.len()];
        *sum = (sum.0 + 1.0, sum.1 + value, sum.2 + value * value);
    }
    for (word, value) in &mut values {
        let (n, sum, squares) = sums[word.len()];
        let mean = sum / n;
        let spread = (squares / n - mean * mean).max(0.0).sqrt();
        *value = if spread > 1e-12 { (*value - mean) / spread } else { 0.0 };
    }
    values
}

/// Messages whose words are counted, at most.
const CORPUS: usize = 4000;

/// Boundaries in the first bytes of each message, ascending, by iterated voting.
pub fn segment(messages: &crate::Messages, experts: Experts) -> Vec<Vec<u32>> {
    let heads: Vec<&[u8]> =
        messages.iter().map(|message| &message[..message.len().min(experts.first_bytes)]).collect();
    let stride = heads.len().div_ceil(CORPUS).max(1);
    let corpus: Vec<&[u8]> = heads.iter().step_by(stride).copied().collect();
    let words = Words::of(&corpus, experts.window);
    let mut known: HashMap<&[u8], Vec<u32>> = HashMap::new();
    heads
        .iter()
        .map(|head| {
            known
                .entry(head)
                .or_insert_with(|| {
                    let mut found = Vec::new();
                    split(head, 0, &words, experts, true, &mut found);
                    found.sort_unstable();
                    found
                })
                .clone()
        })
        .collect()
}

fn split(text: &[u8], base: usize, words: &Words, experts: Experts, first: bool, found: &mut Vec<u32>) {
    if !first && text.len() <= experts.longest_field || text.len() < 2 {
        return;
    }
    let window = experts.window.min(text.len());
    let windows = |length: usize, window: usize| length + 1 - window.min(length);
    let cuts = match experts.votes {
        Votes::Literal => cut(text, window, experts.threshold, words),
        Votes::Shrink => {
            let window = if first { window } else { window.min(text.len().div_ceil(2)).max(2) };
            cut(text, window, experts.threshold, words)
        }
        Votes::Scale => {
            let most = 2 * windows(text.len(), window).min(window);
            let usual = 2 * windows(experts.first_bytes, experts.window).min(experts.window);
            let threshold = (experts.threshold * most).div_ceil(usual).max(1);
            cut(text, window, threshold.min(experts.threshold), words)
        }
        Votes::Lower => (1..=experts.threshold)
            .rev()
            .map(|threshold| cut(text, window, threshold, words))
            .find(|cuts| !cuts.is_empty())
            .unwrap_or_default(),
    };
    let edges: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([text.len()]).collect();
    found.extend(cuts.iter().map(|&at| (base + at) as u32));
    if !cuts.is_empty() {
        for edge in edges.windows(2) {
            split(&text[edge[0]..edge[1]], base + edge[0], words, experts, false, found);
        }
    }
}

/// Positions that have more votes than their neighbours, and enough.
fn cut(text: &[u8], window: usize, threshold: usize, words: &Words) -> Vec<usize> {
    let mut votes = vec![0usize; text.len() + 1];
    let of = |table: &HashMap<Vec<u8>, f64>, word: &[u8]| table.get(word).copied().unwrap_or(0.0);
    for start in 0..=text.len() - window {
        let seen = &text[start..start + window];
        let best = |score: &dyn Fn(usize) -> f64| {
            (1..window).max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a))).unwrap_or(1)
        };
        let internal = best(&|at| -(of(&words.internal, &seen[..at]) + of(&words.internal, &seen[at..])));
        let boundary = best(&|at| of(&words.boundary, &seen[..at]));
        votes[start + internal] += 1;
        votes[start + boundary] += 1;
    }
    (1..text.len())
        .filter(|&at| votes[at] >= threshold && votes[at] > votes[at - 1] && votes[at] >= votes[at + 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literally_no_segment_of_a_window_is_split() {
        let messages: crate::Messages = (0..200u8)
            .map(|n| vec![1, 2, 3, 4, n, n.wrapping_mul(7), 0, 0])
            .collect::<Vec<_>>()
            .iter()
            .map(Vec::as_slice)
            .collect();
        let experts = Experts { votes: Votes::Literal, ..Experts::default() };
        assert!(segment(&messages, experts).iter().all(Vec::is_empty));
        let experts = Experts { votes: Votes::Lower, ..Experts::default() };
        assert!(segment(&messages, experts).iter().any(|found| !found.is_empty()));
    }
}
