//! Cumulative distributions: the panels of figures 6 and 7.

use crate::tasks::distribution::{Distribution, nearest_rank};
use crate::tasks::usage::Usage;
use crate::tasks::user::User;

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
    /// Of values of one user each.
    fn of_users(name: &'static str, mut values: Vec<f64>) -> Self {
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

    fn of_times(name: &'static str, times_us: &Distribution) -> Self {
        let steps = times_us.steps().into_iter().map(|(value, share)| (value / 1e6, share)).collect();
        Self { name, count: times_us.len(), steps }
    }

    /// The smallest value that at least this share of all values does not exceed (nearest rank).
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = nearest_rank(self.count, share) as f64;
        // Shares are ranks over the count; half a rank absorbs the rounding.
        self.steps.iter().find(|step| step.1 * self.count as f64 + 0.5 >= rank).map(|step| step.0)
    }
}

/// Figures 6(a) to 6(d), 7(a) and 7(b).
pub fn figures(usage: &Usage) -> Vec<Figure> {
    let of_users = |name, value: &dyn Fn(&User) -> f64| {
        Line::of_users(name, usage.app_users().map(|(_, user)| value(user)).collect())
    };
    let sum = |[up, down]: [u64; 2]| (up + down) as f64;
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole * 100.0 } else { 0.0 };
    let seconds = |title, unit, is_logarithmic, of: &dyn Fn(&User, u64) -> f64| Figure {
        title,
        unit,
        of: "users",
        is_logarithmic,
        lines: vec![
            of_users("data transfer", &|user| of(user, user.app_transfer_s())),
            of_users("active", &|user| of(user, user.app_active_s())),
        ],
    };
    vec![
        Figure {
            title: "6(a) Volume per user",
            unit: "bytes",
            of: "users",
            is_logarithmic: true,
            lines: vec![of_users("volume", &|user| sum(user.app_bytes))],
        },
        Figure {
            title: "6(b) Share of a user's volume",
            unit: "%",
            of: "users",
            is_logarithmic: false,
            lines: vec![of_users("share", &|user| share(sum(user.app_bytes), sum(user.bytes)))],
        },
        seconds("6(c) Usage time per user", "s", true, &|_, seconds| seconds as f64),
        seconds("6(d) Share of a user's usage time", "%", false, &|user, seconds| {
            share(seconds as f64, user.active_s() as f64)
        }),
        Figure {
            title: "7(a) Completion time of a task",
            unit: "s",
            of: "tasks",
            is_logarithmic: true,
            lines: vec![
                Line::of_times("W-TCP", &usage.completion_us[0]),
                Line::of_times("W-HTTP", &usage.completion_us[1]),
            ],
        },
        Figure {
            title: "7(b) Time between tasks on a W-TCP flow",
            unit: "s",
            of: "tasks",
            is_logarithmic: true,
            lines: vec![Line::of_times("W-TCP", &usage.between_us)],
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_users_are_nearest_ranks() {
        let line = Line::of_users("x", vec![3.0, 1.0, 1.0, 9.0, 7.0]);
        assert_eq!(line.steps, [(1.0, 0.4), (3.0, 0.6), (7.0, 0.8), (9.0, 1.0)]);
        let quantiles: Vec<_> =
            [0.0, 0.4, 0.41, 0.6, 0.99].iter().map(|share| line.quantile(*share)).collect();
        assert_eq!(quantiles, [Some(1.0), Some(1.0), Some(3.0), Some(3.0), Some(9.0)]);
        assert_eq!(Line::of_users("x", Vec::new()).quantile(0.5), None);
    }
}
