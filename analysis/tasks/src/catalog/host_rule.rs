//! Host names of rules, and a quick way to tell that none matches.

use wiremark::signature::model::HostPattern;

/// A pattern, and the end of all names that match it: nearly all others are told by it.
#[derive(Debug)]
pub(super) struct HostRule {
    pattern: HostPattern,
    end: u64,
    mask: u64,
}

/// A name in lower case.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostName<'a> {
    name: &'a [u8],
    end: u64,
}

/// The last eight bytes, in the highest place the last.
fn end_of(name: &[u8]) -> u64 {
    let last = name.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut padded = [0; 8];
        padded[8 - name.len()..].copy_from_slice(name);
        padded
    });
    u64::from_le_bytes(last)
}

impl<'a> HostName<'a> {
    pub(super) fn new(name: &'a [u8]) -> Self {
        Self { name, end: end_of(name) }
    }
}

impl HostRule {
    pub(super) fn new(pattern: HostPattern) -> Self {
        let bits = 8 * pattern.suffix.len().min(8) as u32;
        let mask = u64::MAX.checked_shl(64 - bits).unwrap_or(0);
        Self { end: end_of(pattern.suffix.as_bytes()) & mask, mask, pattern }
    }

    pub(super) fn matches(&self, host: HostName<'_>) -> bool {
        host.end & self.mask == self.end && self.pattern.matches(host.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_rules_out_nothing_that_matches() {
        let names =
            ["net", "x.net", "a.example.net", "example.net", "b.example.org", "fexample.net", "e.net", ""];
        let mut matches = 0;
        for written in ["x.net", "example.net", "*.net", "a.example.net"] {
            for pattern in HostPattern::parse(written).into_iter().flatten() {
                let rule = HostRule::new(pattern.clone());
                for name in names {
                    let expected = pattern.matches(name.as_bytes());
                    assert_eq!(rule.matches(HostName::new(name.as_bytes())), expected, "{written} {name}");
                    matches += usize::from(expected);
                }
            }
        }
        assert!(matches >= 4, "{matches}");
    }
}
