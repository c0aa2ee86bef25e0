//! Short texts, compared and searched eight bytes at a time: most are shorter than what pays to call a search for.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * LOW;

/// Where a byte first stands.
#[inline(always)]
pub(crate) fn position(text: &[u8], byte: u8) -> Option<usize> {
    let (blocks, rest) = text.as_chunks::<16>();
    for (number, block) in blocks.iter().enumerate() {
        // Without a way out of a block: all of it at once.
        if block.iter().fold(false, |found, other| found | (*other == byte)) {
            return position_in_words(block, byte).map(|at| 16 * number + at);
        }
    }
    position_in_words(rest, byte).map(|at| text.len() - rest.len() + at)
}

#[inline]
fn position_in_words(text: &[u8], byte: u8) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let differing = u64::from_le_bytes(*word) ^ (u64::from(byte) * LOW);
        // The lowest high bit is that of the first byte that does not differ.
        let same = differing.wrapping_sub(LOW) & !differing & HIGH;
        if same != 0 {
            return Some(8 * number + same.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|other| *other == byte).map(|at| text.len() - rest.len() + at)
}

/// Whether a text is this one, which has no upper case, in any case.
#[inline(always)] // Of most, the other text is a constant.
pub(crate) fn is_caseless(text: &[u8], lower: &[u8]) -> bool {
    if text.len() != lower.len() {
        return false;
    }
    let (words, rest) = text.as_chunks::<8>();
    if !words.iter().zip(lower.as_chunks().0).all(|(word, lower)| is_same_word(*word, *lower)) {
        return false;
    }
    match (text.last_chunk(), lower.last_chunk()) {
        (Some(word), Some(lower)) => is_same_word(*word, *lower),
        _ => match (ends(text), ends(lower)) {
            (Some(word), Some(lower)) => is_same_word(word, lower),
            _ => rest.iter().zip(lower).all(|(byte, lower)| byte.to_ascii_lowercase() == *lower),
        },
    }
}

/// How many first bytes a text has in common with this one, which has no upper case, in any case.
#[inline]
pub(crate) fn common(text: &[u8], lower: &[u8]) -> usize {
    let length = text.len().min(lower.len());
    let (text, lower) = (&text[..length], &lower[..length]);
    let agreed = |at: usize, word: &[u8; 8], lower: &[u8; 8]| {
        let differing = differing(*word, *lower);
        (differing != 0).then_some(at + differing.trailing_zeros() as usize / 8)
    };
    let words = text.as_chunks().0.iter().zip(lower.as_chunks().0);
    for (number, (word, lower)) in words.enumerate() {
        if let Some(agreed) = agreed(8 * number, word, lower) {
            return agreed;
        }
    }
    match (text.last_chunk(), lower.last_chunk()) {
        (Some(word), Some(lower)) => agreed(length - 8, word, lower).unwrap_or(length),
        _ => text.iter().zip(lower).take_while(|(byte, lower)| byte.to_ascii_lowercase() == **lower).count(),
    }
}

/// The first and the last four bytes, which may overlap.
#[inline]
fn ends(text: &[u8]) -> Option<[u8; 8]> {
    let [[a, b, c, d], [e, f, g, h]] = [*text.first_chunk()?, *text.last_chunk()?];
    Some([a, b, c, d, e, f, g, h])
}

#[inline]
fn is_same_word(word: [u8; 8], lower: [u8; 8]) -> bool {
    word == lower || differing(word, lower) == 0
}

/// Bits by which they differ beside case, the first byte's lowest.
#[inline]
fn differing(word: [u8; 8], lower: [u8; 8]) -> u64 {
    let (word, lower) = (u64::from_le_bytes(word), u64::from_le_bytes(lower));
    // High bits of what is at least `a`, of what is above `z`, both among ASCII: of letters these differ.
    let seven = lower & !HIGH;
    let letters = ((seven + 0x1f * LOW) ^ (seven + 0x05 * LOW)) & !lower & HIGH;
    (word ^ lower) & !(letters >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_byte_is_found_where_it_first_stands() {
        for length in 0..40usize {
            for at in 0..length {
                let mut text: Vec<u8> = (0..length).map(|place| b"\x09\x0b\x8a\x00\xff"[place % 5]).collect();
                assert_eq!(position(&text, 10), None);
                text[at] = 10;
                text[length - 1] = 10;
                assert_eq!(position(&text, 10), Some(at), "{length}");
            }
        }
    }

    #[test]
    fn texts_are_the_same_in_any_case_and_only_then() {
        for length in 0..20usize {
            for at in 0..length {
                for [byte, lower] in (0..=255u8).flat_map(|byte| (0..=255u8).map(move |lower| [byte, lower]))
                {
                    let lower = lower.to_ascii_lowercase();
                    let mut text: Vec<u8> = b"AbCdEfGhIjKlMnOpQrSt"[..length].into();
                    let mut wanted = text.to_ascii_lowercase();
                    (text[at], wanted[at]) = (byte, lower);
                    assert_eq!(
                        is_caseless(&text, &wanted),
                        byte.to_ascii_lowercase() == lower,
                        "{byte} {lower}"
                    );
                }
            }
        }
        assert!(!is_caseless(b"ab", b"abc") && is_caseless(b"", b""));
    }
}
