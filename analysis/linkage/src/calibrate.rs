//! From which score on two legs are said to be of one call: by pairs that cannot be.

use crate::scores::Scores;

/// A threshold that so few pairs which are no call reach: `tail` of them, from 0 to 1. Taken from the scores of such pairs, and from
/// the normal tail of their Fisher transform, whichever is higher: a few thousand scores say nothing of one in a million.
/// Scores are correlations, -1 to 1. Infinite where there are none.
///
/// Cost: one look at each score, and a selection.
pub fn threshold(mut impossible: Vec<f32>, tail: f64) -> f32 {
    impossible.retain(|score| score.is_finite());
    if impossible.is_empty() {
        return f32::INFINITY;
    }
    impossible.iter_mut().for_each(|score| *score = score.clamp(-0.999_999, 0.999_999).atanh());
    normal_threshold(impossible, tail).tanh()
}

/// The same for scores that are about normal.
pub fn normal_threshold(mut impossible: Vec<f32>, tail: f64) -> f32 {
    impossible.retain(|score| score.is_finite());
    if impossible.is_empty() {
        return f32::INFINITY;
    }
    let count = impossible.len() as f64;
    let mean = impossible.iter().map(|score| f64::from(*score)).sum::<f64>() / count;
    let variance = impossible.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>() / count;
    let normal = (mean + variance.sqrt() * normal_quantile(tail)) as f32;
    let beyond = ((tail * count) as usize).min(impossible.len() - 1);
    let (_, empirical, _) = impossible.select_nth_unstable_by(beyond, |a, b| b.total_cmp(a));
    normal.max(*empirical)
}

/// What a standard normal variable exceeds with a probability of `tail` (Abramowitz and Stegun, 26.2.23; error below 4.5e-4).
fn normal_quantile(tail: f64) -> f64 {
    let tail = tail.clamp(1e-300, 1.0);
    if tail > 0.5 {
        return -normal_quantile(1.0 - tail);
    }
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
        / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t)
}

/// Legs shifted against each other: every pair of a row and a shifted column is of different times and cannot be a call. The part
/// shifted out comes in again at the other end.
pub fn shifted(legs: &[Vec<f32>], by: usize) -> Vec<Vec<f32>> {
    let rotate = |leg: &Vec<f32>| {
        let mut leg = leg.clone();
        let by = by % leg.len().max(1);
        leg.rotate_right(by);
        leg
    };
    legs.iter().map(rotate).collect()
}

/// The paper's rule: a row matches its nearest column if the smallest distance is less than `ratio` times the second
/// smallest. `scores` are distances below zero. Pairs of row and column.
pub fn by_ratio(scores: &Scores, ratio: f64) -> Vec<(usize, usize)> {
    let matched = scores.rows().enumerate().filter_map(|(row, scores)| {
        let (mut first, mut second) = ((f32::INFINITY, 0), f32::INFINITY);
        for (column, score) in scores.iter().enumerate() {
            let distance = -score;
            if distance < first.0 {
                second = first.0;
                first = (distance, column);
            } else if distance < second {
                second = distance;
            }
        }
        (f64::from(first.0) < ratio * f64::from(second)).then_some((row, first.1))
    });
    matched.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_tail() {
        for (tail, quantile) in [(0.5, 0.0), (0.025, 1.959_964), (1e-6, 4.753_424), (0.975, -1.959_964)] {
            assert!((normal_quantile(tail) - quantile).abs() < 1e-3, "{tail}");
        }
    }

    #[test]
    fn a_threshold_lets_its_share_through() {
        let scores: Vec<f32> = (0..1000).map(|n| n as f32 / 2000.0).collect();
        let threshold = threshold(scores.clone(), 0.01);
        assert!(scores.iter().filter(|score| **score > threshold).count() <= 10);
        assert_eq!(super::threshold(Vec::new(), 0.01), f32::INFINITY);
    }

    #[test]
    fn the_ratio_wants_one_that_is_much_nearer() {
        let scores = Scores::new(3, vec![-1.0, -30.0, -40.0, -10.0, -11.0, -12.0]);
        assert_eq!(by_ratio(&scores, 0.05), [(0, 0)]);
    }
}
