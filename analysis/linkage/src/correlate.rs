//! Lagged correlation of all pairs of two sets of series at once, as products of matrices.

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;

use crate::scores::Scores;

/// The highest of Pearson's correlations of each row with each column, the column taken 0 to `lags` places later, over what
/// overlaps: what [`crate::distance::lagged_correlation`] gives for one pair. All series count as long as the shortest; at
/// least half of it overlaps.
///
/// Cost: `lags + 1` products of a matrix of `rows` by length with one of length by `columns`; memory for both and for the
/// scores, twice.
pub fn correlate<R: AsRef<[f32]>, C: AsRef<[f32]>>(rows: &[R], columns: &[C], lags: usize) -> Scores {
    let lengths =
        rows.iter().map(|row| row.as_ref().len()).chain(columns.iter().map(|column| column.as_ref().len()));
    let length = lengths.min().unwrap_or(0);
    let (m, n) = (rows.len(), columns.len());
    let mut best = vec![f32::NEG_INFINITY; m * n];
    let mut of_lag = Array2::zeros((m, n));
    for lag in 0..=lags.min(length / 2) {
        let overlap = length - lag;
        let a = normalised(rows.iter().map(|row| &row.as_ref()[..overlap]), overlap);
        let b = normalised(columns.iter().map(|column| &column.as_ref()[lag..length]), overlap);
        general_mat_mul(1.0, &a, &b.t(), 0.0, &mut of_lag);
        for (best, score) in best.iter_mut().zip(&of_lag) {
            *best = if *score > *best { *score } else { *best };
        }
    }
    Scores::new(n, best)
}

/// Each series with mean 0 and square sum 1; one that does not vary becomes 0.
fn normalised<'s>(series: impl ExactSizeIterator<Item = &'s [f32]>, length: usize) -> Array2<f32> {
    let mut all = Array2::zeros((series.len(), length));
    for (mut row, values) in all.rows_mut().into_iter().zip(series) {
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / length.max(1) as f64;
        let square: f64 = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
        let varies = square > length as f64 * mean * mean * 1e-12;
        let scale = if varies { square.sqrt().recip() } else { 0.0 };
        for (to, value) in row.iter_mut().zip(values) {
            *to = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::lagged_correlation;

    #[test]
    fn all_at_once_is_each_by_itself() {
        let series = |seed: u32| -> Vec<f32> {
            (0..60u32).map(|n| ((n * 7919 + seed * 104_729 + n * n * seed) % 997) as f32).collect()
        };
        let rows: Vec<_> = (0..5).map(series).collect();
        let columns: Vec<_> = (3..7).map(series).chain([vec![5.0; 60]]).collect();
        let all = correlate(&rows, &columns, 9);
        for (row, a) in rows.iter().enumerate() {
            for (column, b) in columns.iter().enumerate() {
                let (one, _) = lagged_correlation(a, b, 9);
                let together = f64::from(all.get(row, column).unwrap_or(9.0));
                assert!((one - together).abs() < 1e-5, "{row} {column}: {one} {together}");
            }
        }
        assert_eq!(correlate::<Vec<f32>, Vec<f32>>(&[], &[], 3).rows().len(), 0);
    }
}
