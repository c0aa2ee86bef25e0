//! How often which value came, in bounded memory.

use wiremark_report::nearest_rank;

/// Most different values that are kept apart.
const VALUES: usize = 131_072;

/// A distribution of durations or sizes.
///
/// Quantiles are exact as long as no more than 131,072 different values came. After that values lose their last
/// binary digits, one by one, as far as it takes to stay within that number; 11 leading ones are left of any.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Different values, ascending, and how often each came.
    counts: Vec<(u64, u64)>,
    /// Values that wait to be counted.
    new: Vec<u64>,
    total: u64,
    most: usize,
    /// Leading binary digits that are kept of a value.
    digits: u32,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::of_at_most(VALUES)
    }
}

impl Distribution {
    fn of_at_most(most: usize) -> Self {
        Self { counts: Vec::new(), new: Vec::new(), total: 0, most, digits: u64::BITS }
    }

    /// Takes in one value.
    pub fn add(&mut self, value: u64) {
        self.total += 1;
        self.new.push(value);
        if self.new.len() >= self.most {
            let mut digits = self.digits;
            self.counts = self.counted(digits);
            self.new.clear();
            while self.counts.len() > self.most && digits > 1 {
                let longest = self.counts.last().map_or(0, |(largest, _)| digits_of(*largest));
                digits = digits.min(longest) - 1;
                self.counts = self.counted(digits);
            }
            self.digits = digits;
        }
    }

    /// All values by so many leading digits, and how often each came.
    fn counted(&self, digits: u32) -> Vec<(u64, u64)> {
        let new = self.new.iter().map(|value| (*value, 1));
        let mut all: Vec<(u64, u64)> = self
            .counts
            .iter()
            .copied()
            .chain(new)
            .map(|(value, count)| (cut(value, digits), count))
            .collect();
        all.sort_unstable_by_key(|(value, _)| *value);
        all.dedup_by(|(value, count), (before, sum)| {
            let is_same = value == before;
            *sum += if is_same { *count } else { 0 };
            is_same
        });
        all
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
        let found = self.counted(self.digits).into_iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map_or(0, |(value, _)| value)
    }

    /// Each value with the share of values that do not exceed it, ascending.
    pub fn steps(&self) -> Vec<(f64, f64)> {
        let mut seen = 0;
        let total = self.total as f64;
        let step = |(value, count): (u64, u64)| {
            seen += count;
            (value as f64, seen as f64 / total)
        };
        self.counted(self.digits).into_iter().map(step).collect()
    }
}

fn digits_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// A value's leading binary digits, the others being zero.
fn cut(value: u64, kept: u32) -> u64 {
    let lost = digits_of(value).saturating_sub(kept);
    value >> lost << lost
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
            assert_eq!(distribution.quantile(share), values[nearest_rank(2000, share) as usize - 1]);
        }
        assert_eq!(distribution.steps().last().map(|step| step.1), Some(1.0));
    }

    #[test]
    fn too_many_values_lose_their_last_digits() {
        let mut values: Vec<u64> = (0..50_000).map(|n: u64| n * n * 37 % 1_000_003).collect();
        let mut distribution = Distribution::of_at_most(4096);
        values.iter().for_each(|value| distribution.add(*value));
        values.sort_unstable();
        assert!(
            distribution.counts.len() + distribution.new.len() <= 2 * 4096 && distribution.len() == 50_000
        );
        for share in [0.01, 0.5, 0.999] {
            let exact = values[nearest_rank(50_000, share) as usize - 1];
            let found = distribution.quantile(share);
            assert!(found <= exact && exact - found <= exact >> 9, "{found} for {exact}");
        }
    }
}
