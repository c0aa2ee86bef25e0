//! Whether a header field can hold one of the words that rows ask for: most hold none, and then none of those rows is tried.

use alloc::boxed::Box;
use alloc::string::String;

/// Places of the table.
const PLACES: usize = 1024;

/// Words looked for by pairs of bytes from their end, so that most of a text is leapt over (Wu and Manber, 1994). It tells
/// what a text cannot hold; what it may hold is for the row to compare.
#[derive(Debug)]
pub(crate) struct WordFilter {
    /// By pair: how many bytes to go on, as no word's first [`shortest`](Self::shortest) bytes can end before; 0 where one may
    /// end with the pair.
    leaps: Box<[u8; PLACES]>,
    /// By pair: whether some word begins with it.
    begins: Box<[bool; PLACES]>,
    /// Bytes of the shortest word.
    shortest: usize,
    /// Some word is too short to be looked for: any text may hold it.
    is_open: bool,
}

/// Where a pair stands, its letters in either case.
#[inline]
fn place(pair: [u8; 2]) -> usize {
    usize::from((u16::from_le_bytes(pair) | 0x2020).wrapping_mul(0x9e37) >> 6)
}

impl WordFilter {
    /// Words in lower case, up to the first `#`, which stands for anything.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w String> + Clone) -> Self {
        let words = words.map(|word| word.split('#').next().unwrap_or_default().as_bytes());
        let shortest = words.clone().map(<[u8]>::len).min().unwrap_or(0).min(usize::from(u8::MAX));
        let mut filter = Self {
            leaps: Box::new([shortest.saturating_sub(1) as u8; PLACES]),
            begins: Box::new([false; PLACES]),
            shortest,
            is_open: shortest < 2 && words.clone().next().is_some(),
        };
        for word in words.filter(|_| shortest >= 2) {
            filter.begins[place([word[0], word[1]])] = true;
            for (at, pair) in word[..shortest].windows(2).enumerate() {
                let leap = &mut filter.leaps[place([pair[0], pair[1]])];
                *leap = (*leap).min((shortest - 2 - at) as u8);
            }
        }
        filter
    }

    /// Whether the text may hold one of the words, in any case.
    #[inline]
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        if self.shortest < 2 {
            return self.is_open;
        }
        let span = self.shortest - 2;
        let mut at = span;
        while let Some(&pair) = text.get(at..).and_then(<[u8]>::first_chunk) {
            match self.leaps[place(pair)] {
                0 => {
                    let begin = text.get(at - span..).and_then(<[u8]>::first_chunk);
                    if begin.is_some_and(|&pair| self.begins[place(pair)]) {
                        return true;
                    }
                    at += 1;
                }
                leap => at += usize::from(leap),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn filter(words: &[&str]) -> WordFilter {
        let words: Vec<String> = words.iter().map(|word| String::from(*word)).collect();
        WordFilter::new(words.iter())
    }

    #[test]
    fn every_word_is_found_wherever_it_stands() {
        let words = ["example client", "example/2.# a", "//example.net/", "weather"];
        let filter = filter(&words);
        for (before, after) in [("", ""), ("x", "y"), ("Mozilla/5.0 (Linux; x) ", " (KHTML)"), ("exampl", "")]
        {
            for word in words {
                let word = word.split('#').next().unwrap();
                let text = alloc::format!("{before}{word}{after}");
                assert!(filter.may_be_in(text.as_bytes()), "{text}");
                assert!(filter.may_be_in(text.to_ascii_uppercase().as_bytes()), "{text}");
                let cut = &word.as_bytes()[..filter.shortest - 1];
                assert!(!filter.may_be_in(cut), "a part of {word}");
            }
        }
        assert!(!filter.may_be_in(b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"));
        assert!(!filter.may_be_in(b""));
    }

    #[test]
    fn without_words_nothing_is_found_and_with_too_short_ones_everything() {
        assert!(!filter(&[]).may_be_in(b"anything"));
        for short in ["", "a", "#b"] {
            assert!(filter(&[short, "longer"]).may_be_in(b"anything"), "{short}");
        }
    }
}
