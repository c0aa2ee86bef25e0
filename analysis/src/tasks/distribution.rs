//! How often which value came, in bounded memory.

use std::collections::BTreeMap;

/// Bits of a value that are kept: values below 2,048 stay as they are, larger ones lose less than a thousandth.
const BITS: u32 = 11;

/// A distribution of durations or sizes. Values are cut to their 11 leading bits, so that any number of them needs
/// no more than some thousand entries; quantiles are exact up to that.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Distribution {
    /// Takes in one value.
    pub fn add(&mut self, value: u64) {
        *self.counts.entry(Self::cut(value)).or_default() += 1;
        self.total += 1;
    }

    /// What a value becomes: its 11 leading bits.
    pub fn cut(value: u64) -> u64 {
        let shift = (u64::BITS - value.leading_zeros()).saturating_sub(BITS);
        value >> shift << shift
    }

    /// How many values came.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The smallest value that at least this share of all values does not exceed (nearest rank); 0 where there is none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = nearest_rank(self.total, share);
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        found.map_or(0, |(value, _)| *value)
    }

    /// Each value with the share of values that do not exceed it, ascending.
    pub fn steps(&self) -> Vec<(f64, f64)> {
        let mut seen = 0;
        let total = self.total as f64;
        let step = |(value, count): (&u64, &u64)| {
            seen += count;
            (*value as f64, seen as f64 / total)
        };
        self.counts.iter().map(step).collect()
    }
}

/// The rank, from 1, of a quantile among so many values.
pub(super) fn nearest_rank(total: u64, share: f64) -> u64 {
    ((share * total as f64).ceil() as u64).clamp(1, total.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut values: Vec<u64> = (0..2000).map(|n: u64| n * n * 37 % 1_000_003).collect();
        let mut distribution = Distribution::default();
        values.iter().for_each(|value| distribution.add(*value));
        values.sort_unstable();
        for share in [0.0, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0] {
            let exact = values[nearest_rank(2000, share) as usize - 1];
            assert_eq!(distribution.quantile(share), Distribution::cut(exact));
            assert!(exact - distribution.quantile(share) <= exact / 1024);
        }
        assert_eq!(distribution.steps().last().map(|step| step.1), Some(1.0));
    }
}
