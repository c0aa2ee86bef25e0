//! Length equations: relations between integers in the payload, its length, and numbers.

use super::pattern::Match;
use alloc::string::String;
use alloc::vec::Vec;

/// One side of a relation: a source of a number, plus a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where the number comes from.
    pub source: Source,
    /// Added to it.
    pub plus: i64,
}

/// Where the number of a term comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The payload length of the packet, in bytes.
    Length,
    /// A constant (0; the constant is `plus`).
    Number,
    /// An unsigned integer of 1 to 4 bytes in the payload.
    Field {
        /// Offset of its first byte.
        at: usize,
        /// 1 to 4.
        width: u8,
        /// Least significant byte first.
        little_endian: bool,
    },
}

/// How two neighbouring terms relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

/// A chain such as `16 <= u32@0 <= 1048576`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    /// The first term.
    pub first: Term,
    /// Each further term with its relation to the one before.
    pub rest: Vec<(Relation, Term)>,
}

/// Up to four bytes as a number, most significant first.
#[inline]
fn number(field: &[u8]) -> u32 {
    match *field {
        [a] => a.into(),
        [a, b] => u16::from_be_bytes([a, b]).into(),
        [a, b, c] => u32::from_be_bytes([0, a, b, c]),
        [a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

impl Term {
    fn value(&self, bytes: &[u8], length: usize) -> Option<i64> {
        let number = match self.source {
            Source::Number => 0,
            Source::Length => length as i64,
            Source::Field { at, width, little_endian } => {
                let field = bytes.get(at..)?.get(..usize::from(width))?;
                match little_endian {
                    true => field.iter().rev().fold(0, |sum, byte| sum << 8 | i64::from(*byte)),
                    false => number(field).into(),
                }
            }
        };
        Some(number + self.plus)
    }

    fn parse(text: &str) -> Option<Term> {
        let text = text.trim();
        let (base, plus) = match text.rfind(['+', '-']).filter(|at| *at > 0) {
            Some(at) => {
                let number: i64 = text[at + 1..].trim().parse().ok().filter(|n| (0..=1 << 32).contains(n))?;
                (text[..at].trim(), if text.as_bytes()[at] == b'-' { -number } else { number })
            }
            None => (text, 0),
        };
        if base == "length" {
            return Some(Term { source: Source::Length, plus });
        }
        if let Some((kind, at)) = base.split_once('@') {
            let (width, little_endian) = match kind {
                "u8" => (1, false),
                "u16" => (2, false),
                "u24" => (3, false),
                "u32" => (4, false),
                "le16" => (2, true),
                "le32" => (4, true),
                _ => return None,
            };
            let at = at.parse().ok().filter(|at| *at <= 65_535)?;
            return Some(Term { source: Source::Field { at, width, little_endian }, plus });
        }
        let number: i64 = base.parse().ok().filter(|n| (0..=1 << 32).contains(n))?;
        Some(Term { source: Source::Number, plus: number + plus })
    }
}

impl Equation {
    /// Holds the relation against the start of `bytes`; `length` is the packet's payload length.
    pub fn matches(&self, bytes: &[u8], length: usize) -> Match {
        let mut outcome = Match::Yes;
        let mut left = self.first.value(bytes, length);
        for (relation, term) in &self.rest {
            let right = term.value(bytes, length);
            outcome = outcome.and(|| match (left, right) {
                (Some(left), Some(right)) => Match::from(match relation {
                    Relation::Equal => left == right,
                    Relation::AtMost => left <= right,
                    Relation::AtLeast => left >= right,
                }),
                _ => Match::NeedMore,
            });
            left = right;
        }
        outcome
    }

    /// So many bytes an input for which it holds has at least.
    pub(super) fn least(&self) -> usize {
        let terms = core::iter::once(&self.first).chain(self.rest.iter().map(|(_, term)| term));
        let ends = terms.map(|term| match term.source {
            Source::Field { at, width, .. } => at + usize::from(width),
            Source::Length | Source::Number => 0,
        });
        ends.max().unwrap_or(0)
    }

    /// Reads an equation; the error says what was expected.
    pub fn parse(text: &str) -> Result<Equation, String> {
        let term = |part: &str| {
            Term::parse(part).ok_or_else(|| {
                alloc::format!(
                    "a term such as u32@1, u16@3 - 4, le16@10, length or 25, found \"{}\"",
                    part.trim()
                )
            })
        };
        let cut = |text: &str| text.find(['=', '<', '>']).unwrap_or(text.len());
        let mut end = cut(text);
        let first = term(&text[..end])?;
        let mut rest = Vec::new();
        let mut remaining = &text[end..];
        while !remaining.is_empty() {
            let (relation, width) = match remaining.as_bytes() {
                [b'=', ..] => (Relation::Equal, 1),
                [b'<', b'=', ..] => (Relation::AtMost, 2),
                [b'>', b'=', ..] => (Relation::AtLeast, 2),
                _ => return Err(alloc::format!("one of = <= >=, found \"{remaining}\"")),
            };
            remaining = &remaining[width..];
            end = cut(remaining);
            rest.push((relation, term(&remaining[..end])?));
            remaining = &remaining[end..];
        }
        if rest.is_empty() {
            return Err(alloc::format!("a relation such as \"u32@0 = length\", found \"{text}\""));
        }
        Ok(Equation { first, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, bytes: &[u8]) -> Match {
        Equation::parse(text).unwrap().matches(bytes, bytes.len())
    }

    #[test]
    fn relations_hold_or_wait() {
        assert_eq!(matches("u16@0 - 4 = u8@2", &[0, 9, 5]), Match::Yes);
        assert_eq!(matches("u16@0 - 4 = u8@2", &[0, 9, 6]), Match::No);
        assert_eq!(matches("u16@0 - 4 = u8@2", &[0, 9]), Match::NeedMore);
        assert_eq!(matches("3 <= u8@0 <= length + 1", &[4, 0, 0]), Match::Yes);
        assert_eq!(matches("3 <= u8@0 <= length", &[4, 0, 0]), Match::No);
        assert_eq!(matches("le16@0 = 256", &[0, 1]), Match::Yes);
        assert_eq!(
            matches("u8@0 >= 5 = u8@9", &[4]),
            Match::No,
            "a broken relation outweighs a missing byte"
        );
    }

    #[test]
    fn errors_say_what_was_expected() {
        for text in ["", "u32@0", "u7@0 = 1", "u8@0 ! 1", "u8@0 < 1", "length = ", "u8@70000 = 1"] {
            assert!(Equation::parse(text).is_err(), "{text}");
        }
    }
}
