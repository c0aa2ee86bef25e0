//! Cumulative distributions, as lines of a figure.

/// One panel.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its number in the paper and what it shows.
    pub title: &'static str,
    /// What values are in.
    pub unit: &'static str,
    /// What is counted: `users` or `tasks`.
    pub of: &'static str,
    /// Whether values spread over magnitudes.
    pub is_logarithmic: bool,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One distribution.
#[derive(Clone, Debug)]
pub struct Line {
    /// What of.
    pub name: &'static str,
    /// How many values.
    pub count: u64,
    /// Values, ascending, each with the share of values that do not exceed it.
    pub steps: Vec<(f64, f64)>,
}

impl Line {
    /// Of values, one of each that is counted, in any order.
    pub fn of_values(name: &'static str, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let total = values.len() as f64;
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for (value, rank) in values.iter().zip(1u64..) {
            let step = (*value, rank as f64 / total);
            match steps.last_mut() {
                Some(last) if last.0 == *value => *last = step,
                _ => steps.push(step),
            }
        }
        Self { name, count: values.len() as u64, steps }
    }

    /// The smallest value that at least this share of all values does not exceed (nearest rank).
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = nearest_rank(self.count, share) as f64;
        // Shares are ranks over the count; half a rank absorbs the rounding.
        self.steps.iter().find(|step| step.1 * self.count as f64 + 0.5 >= rank).map(|step| step.0)
    }
}

/// The rank, from 1, of a quantile among so many values.
pub fn nearest_rank(total: u64, share: f64) -> u64 {
    ((share * total as f64).ceil() as u64).clamp(1, total.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let line = Line::of_values("x", vec![3.0, 1.0, 1.0, 9.0, 7.0]);
        assert_eq!(line.steps, [(1.0, 0.4), (3.0, 0.6), (7.0, 0.8), (9.0, 1.0)]);
        let quantiles: Vec<_> =
            [0.0, 0.4, 0.41, 0.6, 0.99].iter().map(|share| line.quantile(*share)).collect();
        assert_eq!(quantiles, [Some(1.0), Some(1.0), Some(3.0), Some(3.0), Some(9.0)]);
        assert_eq!(Line::of_values("x", Vec::new()).quantile(0.5), None);
    }
}
