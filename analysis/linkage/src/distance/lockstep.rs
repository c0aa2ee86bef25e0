//! Distances without warping: point against point, and correlation at the best of several lags.

/// Sum of absolute differences (L1); what one series has more than the other counts by its size. Cost: the longer one's length.
pub fn l1(a: &[f32], b: &[f32]) -> f64 {
    let both = a.len().min(b.len());
    let apart: f64 = a.iter().zip(b).map(|(x, y)| f64::from((x - y).abs())).sum();
    apart + a[both..].iter().chain(&b[both..]).map(|rest| f64::from(rest.abs())).sum::<f64>()
}

/// Pearson's correlation coefficient over what both series have, from -1 to 1; 0 where one of them does not vary. Cost: the
/// shorter one's length, twice.
pub fn pearson(a: &[f32], b: &[f32]) -> f64 {
    let both = a.len().min(b.len());
    if both == 0 {
        return 0.0;
    }
    let (a, b) = (&a[..both], &b[..both]);
    let mean = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / both as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x) - mean_a, f64::from(*y) - mean_b);
        product += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    // What rounding leaves of a constant is not variance.
    let varies = |square: f64, mean: f64| square > both as f64 * mean * mean * 1e-12;
    if !varies(square_a, mean_a) || !varies(square_b, mean_b) {
        return 0.0;
    }
    product / (square_a * square_b).sqrt()
}

/// The highest of Pearson's correlations of `sent` with `received` moved back by 0 to `lags` places, each over what overlaps
/// (lagged normalised cross-correlation), and the lag that has it. Overlaps of less than half of the shorter series are not
/// looked at.
///
/// Cost: `lags + 1` times Pearson's. Many pairs at once cost far less: [`crate::correlate`].
pub fn lagged_correlation(sent: &[f32], received: &[f32], lags: usize) -> (f64, usize) {
    let least = sent.len().min(received.len()).div_ceil(2);
    let mut best = (f64::NEG_INFINITY, 0);
    for lag in 0..=lags.min(received.len().saturating_sub(least)) {
        let correlation = pearson(sent, &received[lag..]);
        if correlation > best.0 {
            best = (correlation, lag);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_counts_the_rest() {
        assert_eq!(l1(&[1.0, 2.0], &[3.0, 2.0, 5.0]), 7.0);
        assert_eq!(l1(&[], &[]), 0.0);
    }

    #[test]
    fn pearson_is_between_minus_one_and_one() {
        let up = [1.0, 2.0, 3.0, 4.0];
        let down = [8.0, 6.0, 4.0, 2.0];
        assert!((pearson(&up, &up) - 1.0).abs() < 1e-12);
        assert!((pearson(&up, &down) + 1.0).abs() < 1e-12);
        assert_eq!(pearson(&up, &[0.1; 4]), 0.0);
        assert_eq!(pearson(&up, &[]), 0.0);
    }

    #[test]
    fn a_delay_is_found() {
        let sent: Vec<f32> = (0..100u32).map(|n| (n * n * 31 % 101) as f32).collect();
        let received: Vec<f32> = [7.0, 9.0, 4.0].into_iter().chain(sent.iter().copied()).take(100).collect();
        let (correlation, lag) = lagged_correlation(&sent, &received, 8);
        assert_eq!(lag, 3);
        assert!(correlation > 0.999, "{correlation}");
        assert!(lagged_correlation(&sent, &received, 2).0 < 0.9);
    }
}
