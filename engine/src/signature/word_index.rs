//! Rows by words in a header field: one walk over the field finds all of them, and most fields hold none.

use super::candidate::CandidateRow;
use super::row::RowIndex;
use alloc::boxed::Box;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Places of the table.
const PLACES: usize = 1024;
/// Most places of a field at which words are compared: who sends more has every row tried.
const COMPARED_MAX: u8 = 32;

/// A word of a row.
#[derive(Debug)]
struct Word {
    bytes: Box<[u8]>,
    /// Its first bytes that the one before begins with, too.
    shared: usize,
    row: RowIndex,
}

/// Words looked for by pairs of bytes from their end, so that most of a text is leapt over (Wu and Manber, 1994), and then by
/// the pair they begin with, those with a common beginning one after the other. What it finds is for the row to compare.
#[derive(Debug)]
pub(crate) struct WordIndex {
    /// By pair: how many bytes to go on, as no word's first [`shortest`](Self::shortest) bytes can end before; 0 where one may
    /// end with the pair.
    leaps: Box<[u8; PLACES]>,
    /// By the place of the pair they begin with: where its words begin. Those of one place end where the next one's begin.
    bounds: Box<[u16; PLACES + 1]>,
    words: Vec<Word>,
    /// Bytes of the shortest word.
    shortest: usize,
    /// Rows of words that are too short to be looked for.
    open: Vec<RowIndex>,
}

/// Rows of words that a request holds, in the order of the set.
#[derive(Debug, Default)]
pub(crate) struct WordRows {
    rows: SmallVec<[RowIndex; 16]>,
    /// There may be others.
    is_cut: bool,
}

impl WordRows {
    fn note(&mut self, row: RowIndex) {
        if let Err(place) = self.rows.binary_search(&row) {
            if self.rows.len() < self.rows.inline_size() {
                self.rows.insert(place, row);
            } else {
                self.is_cut = true;
            }
        }
    }

    /// Whether a row asks for no word that is not there, as far as is known.
    #[inline]
    pub(crate) fn may_hold(&self, row: RowIndex) -> bool {
        self.is_cut || self.rows.contains(&row)
    }

    /// Of rows that ask for words, in the order of the set, those that may find theirs.
    #[inline]
    pub(crate) fn of<'c>(&self, asking: &'c [CandidateRow]) -> impl Iterator<Item = &'c CandidateRow> {
        let found = self.rows.iter().filter(|_| !self.is_cut).filter_map(|row| {
            asking.binary_search_by_key(row, |candidate| candidate.row).ok().map(|place| &asking[place])
        });
        found.chain(asking.iter().filter(|_| self.is_cut))
    }
}

/// Where a pair stands, its letters in either case.
#[inline]
fn place(pair: [u8; 2]) -> usize {
    usize::from((u16::from_le_bytes(pair) | 0x2020).wrapping_mul(0x9e37) >> 6)
}

impl WordIndex {
    /// Words in lower case, up to the first `#`, which stands for anything.
    pub(super) fn new<'w>(words: impl Iterator<Item = (&'w str, RowIndex)>) -> Self {
        let cut = |word: &'w str| word.split('#').next().unwrap_or_default().as_bytes();
        let (mut long, short): (Vec<_>, Vec<_>) =
            words.map(|(word, row)| (cut(word), row)).partition(|(word, _)| word.len() >= 2);
        let shortest = long.iter().map(|(word, _)| word.len()).min().unwrap_or(0).min(usize::from(u8::MAX));
        let place_of = |word: &[u8]| place([word[0], word[1]]);
        long.sort_unstable_by_key(|(word, row)| (place_of(word), *word, *row));
        let mut index = Self {
            leaps: Box::new([shortest.saturating_sub(1) as u8; PLACES]),
            bounds: Box::new([0; PLACES + 1]),
            words: Vec::with_capacity(long.len()),
            shortest,
            open: short.into_iter().map(|(_, row)| row).collect(),
        };
        for (number, bound) in index.bounds[1..].iter_mut().enumerate() {
            *bound = long.partition_point(|(word, _)| place_of(word) <= number) as u16;
        }
        let mut last: &[u8] = &[];
        for (word, row) in long {
            for (at, pair) in word[..shortest].windows(2).enumerate() {
                let leap = &mut index.leaps[place([pair[0], pair[1]])];
                *leap = (*leap).min((shortest - 2 - at) as u8);
            }
            // With a word of another place it shares nothing: that one is not compared before it.
            let before = if last.len() >= 2 && place_of(last) == place_of(word) { last } else { &[] };
            let shared = word.iter().zip(before).take_while(|(one, other)| one == other).count();
            index.words.push(Word { bytes: word.into(), shared, row });
            last = word;
        }
        index
    }

    /// Notes the rows of all words that the text holds, in any case.
    #[inline]
    pub(crate) fn find(&self, text: &[u8], rows: &mut WordRows) {
        self.open.iter().for_each(|row| rows.note(*row));
        if self.shortest < 2 {
            return;
        }
        let span = self.shortest - 2;
        let (mut at, mut compared) = (span, 0);
        while let Some(&pair) = text.get(at..).and_then(<[u8]>::first_chunk) {
            match self.leaps[place(pair)] {
                0 => {
                    let begin = at - span;
                    if let Some(&pair) = text.get(begin..).and_then(<[u8]>::first_chunk) {
                        let place = place(pair);
                        let [from, to] = [self.bounds[place], self.bounds[place + 1]].map(usize::from);
                        if from != to {
                            compared += 1;
                            rows.is_cut |= compared > COMPARED_MAX;
                            if rows.is_cut {
                                return;
                            }
                            begins(&text[begin..], &self.words[from..to], rows);
                        }
                    }
                    at += 1;
                }
                leap => at += usize::from(leap),
            }
        }
    }
}

/// Notes the rows of the words with which the text begins.
fn begins(text: &[u8], words: &[Word], rows: &mut WordRows) {
    // First bytes of the word before that the text has, too.
    let mut agreed = 0;
    for word in words.iter() {
        // Where the word before differed, this one differs as well.
        if word.shared > agreed {
            continue;
        }
        let rest = word.bytes.iter().zip(text).skip(word.shared);
        agreed = word.shared + rest.take_while(|(one, found)| **one == found.to_ascii_lowercase()).count();
        if agreed == word.bytes.len() {
            rows.note(word.row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn found(words: &[&str], text: &[u8]) -> Option<Vec<RowIndex>> {
        let mut rows = WordRows::default();
        WordIndex::new(words.iter().copied().zip(0..)).find(text, &mut rows);
        (!rows.is_cut).then(|| rows.rows.to_vec())
    }

    #[test]
    fn every_word_is_found_wherever_it_stands_and_no_other() {
        let words =
            ["example client", "example/2.# a", "//example.net/", "weather", "example", "example client-7"];
        for (before, after) in [("", ""), ("x", "y"), ("Mozilla/5.0 (Linux; x) ", " (KHTML)"), ("exampl", "")]
        {
            for word in words {
                let word = word.split('#').next().unwrap();
                let text = alloc::format!("{before}{word}{after}");
                let held = (0..).zip(words).filter(|(_, one)| text.contains(one.split('#').next().unwrap()));
                let held: Vec<RowIndex> = held.map(|(row, _)| row).collect();
                assert_eq!(found(&words, text.as_bytes()).as_ref(), Some(&held), "{text}");
                assert_eq!(found(&words, text.to_ascii_uppercase().as_bytes()), Some(held), "{text}");
            }
        }
        let other = b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15";
        assert_eq!(found(&words, other), Some(Vec::new()));
        assert_eq!(found(&words, b""), Some(Vec::new()));
    }

    #[test]
    fn words_are_found_whatever_pairs_others_begin_with() {
        let words: Vec<String> = ('a'..='z').map(|other| alloc::format!("a{other}-word")).collect();
        for one in &words {
            for other in words.iter().filter(|other| *other != one) {
                assert_eq!(found(&[one, other], one.as_bytes()), Some([0].to_vec()), "{one} beside {other}");
                assert_eq!(
                    found(&[one, other], other.as_bytes()),
                    Some([1].to_vec()),
                    "{other} beside {one}"
                );
            }
        }
    }

    #[test]
    fn too_short_words_are_in_every_text_and_without_words_there_is_nothing() {
        assert_eq!(found(&[], b"anything"), Some(Vec::new()));
        for short in ["", "a", "#b"] {
            assert_eq!(found(&[short, "longer"], b"thing"), Some([0].to_vec()), "{short}");
            assert_eq!(found(&[short, "longer"], b"a longer thing"), Some([0, 1].to_vec()), "{short}");
        }
    }

    #[test]
    fn a_text_that_asks_for_too_many_comparisons_or_rows_may_hold_anything() {
        let often = |times| found(&["example client"], &b"example client ".repeat(times));
        assert_eq!(often(32), Some([0].to_vec()));
        assert_eq!(often(33), None);
        let words: Vec<String> = (0..17).map(|number| alloc::format!("word{}", "s".repeat(number))).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(found(&words[..16], b"wordssssssssssssssssss").map(|rows| rows.len()), Some(16));
        assert_eq!(found(&words, b"wordssssssssssssssssss"), None);
    }
}
