//! Rows by words in a header field: one walk over the field finds all of them, and most fields hold none.

use super::prefix_index::each;
use crate::dissect::text;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Places of the table.
const PLACES: usize = 1024;
/// Most places of a field at which words are compared: who sends more has every row tried.
const COMPARED_MAX: u8 = 32;

/// A word, and the rows that ask for it.
#[derive(Debug)]
struct Word {
    bytes: Box<[u8]>,
    /// Its first bytes that the one before begins with, too.
    shared: usize,
    /// With each, whether this is all of its word.
    rows: Vec<(u8, bool)>,
}

/// Words looked for by pairs of bytes from their end, so that most of a text is leapt over (Wu and Manber, 1994), and then by
/// the pair they begin with, those with a common beginning one after the other.
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
    /// Of a text with none of these words: rows of words that are too short to be looked for, and those that ask for none.
    open: RowBits,
}

/// A bit for each of the first [`WORD_ROWS`] rows that ask for words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowBits([u64; WORD_ROWS / 64]);

/// Rows that are found by their words, and one at most by each bit: of more, words are not looked for.
pub(crate) const WORD_ROWS: usize = 256;

impl RowBits {
    fn set(&mut self, row: u8) {
        self.0[usize::from(row) / 64] |= 1 << (row % 64);
    }

    #[inline]
    pub(crate) fn has(&self, row: u8) -> bool {
        self.0[usize::from(row) / 64] >> (row % 64) & 1 != 0
    }

    #[inline]
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|at| self.0[at] & other.0[at]))
    }

    /// The rows, in the order of the set.
    #[inline]
    pub(crate) fn each(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(at, bits)| each(bits).map(move |bit| 64 * at + bit))
    }
}

/// Rows of which a field holds a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Those that it may hold one of, and all that ask for none.
    pub(crate) may: RowBits,
    /// Those that it holds one of for sure.
    pub(crate) sure: RowBits,
}

/// Where a pair stands, its letters in either case.
#[inline]
fn place(pair: [u8; 2]) -> usize {
    usize::from((u16::from_le_bytes(pair) | 0x2020).wrapping_mul(0x9e37) >> 6)
}

impl WordIndex {
    /// For each row the words it asks for one of, in lower case, up to the first `#`, which stands for anything.
    pub(super) fn new<'w, W: Iterator<Item = &'w str>>(rows: impl Iterator<Item = W>) -> Self {
        let mut open = RowBits::default();
        let mut long = Vec::new();
        for (row, words) in (0..=u8::MAX).zip(rows) {
            let before = long.len();
            for word in words {
                let fixed = word.split('#').next().unwrap_or_default();
                match fixed.len() {
                    0 | 1 => open.set(row),
                    _ => long.push((fixed.as_bytes(), row, fixed.len() == word.len())),
                }
            }
            if long.len() == before {
                open.set(row);
            }
        }
        let shortest = long.iter().map(|(word, ..)| word.len()).min().unwrap_or(0).min(usize::from(u8::MAX));
        let place_of = |word: &[u8]| place([word[0], word[1]]);
        long.sort_unstable_by_key(|(word, row, is_whole)| (place_of(word), *word, *row, *is_whole));
        let mut index = Self {
            leaps: Box::new([shortest.saturating_sub(1) as u8; PLACES]),
            bounds: Box::new([0; PLACES + 1]),
            words: Vec::new(),
            shortest,
            open,
        };
        for same in long.chunk_by(|(one, ..), (other, ..)| one == other) {
            let word = same[0].0;
            for (at, pair) in word[..shortest].windows(2).enumerate() {
                let leap = &mut index.leaps[place([pair[0], pair[1]])];
                *leap = (*leap).min((shortest - 2 - at) as u8);
            }
            // With a word of another place it shares nothing: that one is not compared before it.
            let before = index.words.last().map(|last| &*last.bytes);
            let before = before.filter(|before| place_of(before) == place_of(word)).unwrap_or_default();
            let shared = word.iter().zip(before).take_while(|(one, other)| one == other).count();
            let rows = same.iter().map(|(_, row, is_whole)| (*row, *is_whole)).collect();
            index.words.push(Word { bytes: word.into(), shared, rows });
        }
        for (number, bound) in index.bounds[1..].iter_mut().enumerate() {
            *bound = index.words.partition_point(|word| place_of(&word.bytes) <= number) as u16;
        }
        index
    }

    /// The rows of all words that the text of a field holds, in any case.
    #[inline]
    pub(crate) fn find(&self, text: Option<&[u8]>) -> Held {
        let mut held = Held { may: self.open, sure: RowBits::default() };
        let Some(text) = text.filter(|_| self.shortest >= 2) else { return held };
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
                            if compared > COMPARED_MAX {
                                let may = RowBits([u64::MAX; WORD_ROWS / 64]);
                                return Held { may, sure: RowBits::default() };
                            }
                            begins(&text[begin..], &self.words[from..to], &mut held);
                        }
                    }
                    at += 1;
                }
                leap => at += usize::from(leap),
            }
        }
        held
    }
}

/// Notes the rows of the words with which the text begins.
fn begins(text: &[u8], words: &[Word], held: &mut Held) {
    // First bytes of the word before that the text has, too.
    let mut agreed = 0;
    for word in words.iter() {
        // Where the word before differed, this one differs as well.
        if word.shared > agreed {
            continue;
        }
        agreed = text::common(text, &word.bytes);
        if agreed == word.bytes.len() {
            for (row, is_whole) in &word.rows {
                held.may.set(*row);
                if *is_whole {
                    held.sure.set(*row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn found(words: &[&str], text: &[u8]) -> Option<Vec<usize>> {
        let held = WordIndex::new(words.iter().map(|word| [*word].into_iter())).find(Some(text));
        (!held.may.has(u8::MAX)).then(|| held.may.each().collect())
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
                let held: Vec<usize> = held.map(|(row, _)| row).collect();
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
    fn a_text_that_asks_for_too_many_comparisons_may_hold_anything() {
        let often = |times| found(&["example client"], &b"example client ".repeat(times));
        assert_eq!(often(32), Some([0].to_vec()));
        assert_eq!(often(33), None);
        let words: Vec<String> = (0..99).map(|number| alloc::format!("word{}", "s".repeat(number))).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(
            found(&words, &[b"word".as_slice(), &[b's'; 99]].concat()).map(|rows| rows.len()),
            Some(99)
        );
    }

    #[test]
    fn what_a_row_asks_for_is_held_for_sure_where_its_whole_word_was_found() {
        let rows: [&[&str]; 6] =
            [&["whole"], &["whole#"], &["w"], &["other", "whole/#", "ole"], &[], &["whol-"]];
        let index = WordIndex::new(rows.iter().map(|words| words.iter().copied()));
        let held = index.find(Some(b"Whole/1"));
        assert_eq!(held.may.each().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(held.sure.each().collect::<Vec<_>>(), [0, 3]);
        let held = index.find(None);
        assert_eq!(held.may.each().collect::<Vec<_>>(), [2, 4]);
        assert_eq!(held.sure.each().count(), 0);
    }
}
