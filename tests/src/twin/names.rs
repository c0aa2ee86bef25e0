//! Names, label by label.

use wiremark::signature::Signature;
use wiremark::signature::model::HostPattern;
use wiremark::{Carrier, SignatureSet};

/// The row with the most specific name pattern for a name seen in this carrier; of equals the first.
pub fn most_specific<'s>(set: &'s SignatureSet, name: &[u8], carrier: Carrier) -> Option<&'s Signature> {
    let mut best: Option<(usize, &Signature)> = None;
    for row in set.signatures().iter().filter(|row| row.conditions.http.is_none()) {
        let carriers = &row.conditions.carriers;
        if !carriers.is_empty() && !carriers.contains(&carrier) {
            continue;
        }
        for pattern in row.conditions.hosts.iter().filter(|pattern| covers(pattern, name)) {
            if best.is_none_or(|(rank, _)| pattern.rank() > rank) {
                best = Some((pattern.rank(), row));
            }
        }
    }
    best.map(|(_, row)| row)
}

/// Whether a name as seen on the wire falls under a pattern.
pub(super) fn covers(pattern: &HostPattern, name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name.is_empty() || name.len() > 255 {
        return false;
    }
    let labels: Vec<&str> = name.split('.').collect();
    let wanted: Vec<&str> = pattern.suffix.split('.').collect();
    if labels.len() < wanted.len() || labels[labels.len() - wanted.len()..] != wanted[..] {
        return false;
    }
    let front = &labels[..labels.len() - wanted.len()];
    match (&pattern.label, front.last()) {
        (None, None) => true,
        (None, Some(_)) => !pattern.is_exact,
        (Some(_), None) => false,
        (Some((begins, ends)), Some(label)) => {
            (front.len() == 1 || !pattern.is_exact)
                && label.strip_prefix(begins.as_str()).is_some_and(|rest| rest.ends_with(ends.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_label_by_label() {
        let covers = |pattern: &str, name: &str| {
            HostPattern::parse(pattern).unwrap().iter().any(|pattern| covers(pattern, name.as_bytes()))
        };
        for (pattern, name, expected) in [
            ("example.net", "example.net", true),
            ("example.net", "A.Example.NET.", true),
            ("example.net", "badexample.net", false),
            ("=example.net", "a.example.net", false),
            ("*short.example.net", "hkshort.example.net", true),
            ("*short.example.net", "a.hkshort.example.net", true),
            ("=*short.example.net", "a.hkshort.example.net", false),
            ("*short.example.net", "example.net", false),
            ("a*a.example.net", "a.example.net", false),
            ("{a,b}{1..2}.example.net", "b2.example.net", true),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }
}
