//! The default method: structure shown exactly, columns judged by the forest, fields typed.

use std::sync::OnceLock;

use crate::fields::{self, Field};
use crate::forest::Forest;
use crate::messages::Messages;
use crate::observed::Origin;
use crate::segment;

/// Messages below which nothing is said.
pub const FEWEST_MESSAGES: usize = 20;
/// Confidence from which a boundary is told.
pub const THRESHOLD: f32 = 0.5;
/// Percent of messages that have a boundary, from which all have it.
const NEARLY_ALL: usize = 90;
/// Bytes of the header that fields are described in.
const HEADER: usize = 64;

/// A place where a field begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// Offset in the message, above 0 and below its length.
    pub offset: u32,
    /// How sure, 0 to 1.
    pub confidence: f32,
}

/// What was found out.
#[derive(Clone, Debug)]
pub struct Inference {
    /// For each message where fields begin, ascending.
    pub boundaries: Vec<Vec<Boundary>>,
    /// Fields of the header that most messages share, in order; none where no structure was found.
    pub fields: Vec<Field>,
    /// What was found, in words: lists, text, arrays, the byte that tells kinds apart.
    pub structure: Vec<String>,
    /// Why nothing could be found, where nothing was.
    pub nothing: Option<Nothing>,
}

/// Why there is no structure to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// Fewer than [`FEWEST_MESSAGES`].
    TooFew,
    /// All messages are the same.
    Identical,
    /// Nothing tells the bytes from random ones.
    NoStructure,
}

impl Nothing {
    /// As a sentence for people.
    pub fn sentence(self) -> String {
        match self {
            Self::TooFew => format!("fewer than {FEWEST_MESSAGES} messages: too few to tell fields apart"),
            Self::Identical => "all messages are identical: where fields begin cannot be seen".to_owned(),
            Self::NoStructure => "no structure found: the bytes look random or encrypted".to_owned(),
        }
    }
}

fn forest() -> &'static Forest {
    static FOREST: OnceLock<Forest> = OnceLock::new();
    FOREST.get_or_init(|| Forest::read(include_str!("boundaries.forest")).unwrap_or_default())
}

/// Looks for fields in messages. `origins` has one entry a message, or none where nothing is known.
///
/// Cost: about a second for 10,000 messages of 100 bytes; memory: some 20 bytes a byte.
pub fn infer(messages: &Messages, origins: &[Origin]) -> Inference {
    let empty = |nothing| Inference {
        boundaries: vec![Vec::new(); messages.len()],
        fields: Vec::new(),
        structure: Vec::new(),
        nothing: Some(nothing),
    };
    if messages.len() < FEWEST_MESSAGES {
        return empty(Nothing::TooFew);
    }
    let first = messages.get(0);
    if messages.iter().all(|message| message == first) {
        return empty(Nothing::Identical);
    }
    let mut cut = segment::cut(messages);
    let structure = std::mem::take(&mut cut.told);
    let chances: Vec<Vec<f32>> = cut
        .leaves
        .iter()
        .map(|leaf| leaf.rows.iter().map(|row| forest().probability(row)).collect())
        .collect();
    let mut boundaries: Vec<Vec<Boundary>> = cut
        .joined(&chances, messages)
        .into_iter()
        .map(|found| {
            let told = found.into_iter().filter(|(_, confidence)| *confidence >= THRESHOLD);
            told.map(|(offset, confidence)| Boundary { offset, confidence }).collect()
        })
        .collect();
    agree(messages, &mut boundaries);
    let found: usize = boundaries.iter().map(Vec::len).sum();
    if found * 10 < messages.len() {
        let nothing = (found * 100 <= messages.len()).then_some(Nothing::NoStructure);
        return Inference { boundaries, fields: Vec::new(), structure, nothing };
    }
    let fields = header(messages, origins, &boundaries);
    Inference { boundaries, fields, structure, nothing: None }
}

/// Where nearly all messages have a boundary in their header the others, of kinds that are too rare to show it, have it, too.
fn agree(messages: &Messages, boundaries: &mut [Vec<Boundary>]) {
    let mut votes = [(0usize, 0.0f32); HEADER];
    let mut longer = [0usize; HEADER];
    for (message, found) in messages.iter().zip(boundaries.iter()) {
        longer[1..message.len().clamp(1, HEADER)].iter_mut().for_each(|n| *n += 1);
        for boundary in found.iter().take_while(|boundary| (boundary.offset as usize) < HEADER) {
            let vote = &mut votes[boundary.offset as usize];
            *vote = (vote.0 + 1, vote.1 + boundary.confidence);
        }
    }
    let agreed: Vec<Boundary> = (1..HEADER)
        .filter(|&at| votes[at].0 > 0 && votes[at].0 * 100 >= longer[at] * NEARLY_ALL)
        .map(|at| Boundary { offset: at as u32, confidence: votes[at].1 / votes[at].0 as f32 })
        .collect();
    for (message, found) in messages.iter().zip(boundaries) {
        let missing = agreed.iter().filter(|one| (one.offset as usize) < message.len());
        let missing: Vec<Boundary> =
            missing.filter(|one| found.iter().all(|other| other.offset != one.offset)).copied().collect();
        found.extend(missing);
        found.sort_by_key(|boundary| boundary.offset);
    }
}

/// Fields of the first bytes: boundaries that most messages share.
fn header(messages: &Messages, origins: &[Origin], boundaries: &[Vec<Boundary>]) -> Vec<Field> {
    let mut votes = [(0u32, 0.0f32); HEADER + 1];
    let mut longer = [0u32; HEADER + 2];
    for (message, found) in messages.iter().zip(boundaries) {
        longer[message.len().min(HEADER + 1)] += 1;
        for boundary in found.iter().filter(|boundary| boundary.offset as usize <= HEADER) {
            let vote = &mut votes[boundary.offset as usize];
            *vote = (vote.0 + 1, vote.1 + boundary.confidence);
        }
    }
    for at in (0..=HEADER).rev() {
        longer[at] += longer[at + 1];
    }
    let total = messages.len() as u32;
    // A header is what nearly all messages are long enough for.
    let reach = (1..=HEADER).take_while(|&at| longer[at] * 10 >= total * 9).last().unwrap_or(0);
    let mut starts = vec![0];
    let mut confidence = vec![1.0];
    for at in 1..reach {
        let longer = longer[at + 1].max(1);
        if votes[at].0 * 2 >= longer && longer * 4 >= total {
            starts.push(at);
            confidence.push(votes[at].1 / votes[at].0 as f32);
        }
    }
    fields::types(messages, origins, &starts, reach, &confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nearly_all_messages_show_counts_for_the_few_of_rare_kinds() {
        let messages: Messages = std::iter::repeat_n(&[0u8; 12][..], 100).collect();
        let at = |offset| Boundary { offset, confidence: 0.8 };
        let mut boundaries = vec![vec![at(4), at(6)]; 50];
        boundaries.extend(vec![vec![at(4)]; 45]);
        boundaries.extend(vec![vec![at(8)]; 5]);
        agree(&messages, &mut boundaries);
        assert!(boundaries.iter().all(|found| found.contains(&at(4))));
        assert_eq!(boundaries[99], [at(4), at(8)]);
        assert_eq!(boundaries[0], [at(4), at(6)]);
    }
}
