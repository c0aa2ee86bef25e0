//! Dynamic time warping, whole and in a window (UVP, II-B, equation 1).

/// Dynamic time warping distance (equation 1), points compared by their absolute difference.
///
/// Cost: `a.len() * b.len()` steps, two rows of memory. Two empty series are 0 apart, an empty one infinitely far from any other.
pub fn dtw(a: &[f32], b: &[f32]) -> f64 {
    windowed_dtw(a, b, usize::MAX)
}

/// Dynamic time warping where a point may only be matched with one at most `window` places from the diagonal (Sakoe and Chiba);
/// a window narrower than the difference in length is widened to it, as else no path leads to the end.
///
/// Cost: about `(2 * window + 1) * a.len()` steps, two rows of memory.
pub fn windowed_dtw(a: &[f32], b: &[f32], window: usize) -> f64 {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() && b.is_empty() { 0.0 } else { f64::INFINITY };
    }
    let window = window.max(a.len().abs_diff(b.len()));
    // Place 0 is the row's border, where no path begins but in the corner.
    let mut above = vec![f32::INFINITY; b.len() + 1];
    let mut row = vec![f32::INFINITY; b.len() + 1];
    above[0] = 0.0;
    for (i, x) in a.iter().enumerate() {
        let first = i.saturating_sub(window);
        let last = i.saturating_add(window).saturating_add(1).min(b.len());
        row[first] = f32::INFINITY;
        let mut left = f32::INFINITY;
        let mut corner = above[first];
        let points = b[first..last].iter().zip(&above[first + 1..=last]).zip(&mut row[first + 1..=last]);
        for ((y, up), to) in points {
            left = (x - y).abs() + corner.min(*up).min(left);
            corner = *up;
            *to = left;
        }
        if let Some(beyond) = row.get_mut(last + 1) {
            *beyond = f32::INFINITY;
        }
        std::mem::swap(&mut above, &mut row);
    }
    f64::from(above[b.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equation 1 as it stands, with the whole matrix.
    fn by_definition(a: &[f32], b: &[f32], window: usize) -> f64 {
        let mut matrix = vec![vec![f64::INFINITY; b.len() + 1]; a.len() + 1];
        matrix[0][0] = 0.0;
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                if i.abs_diff(j) <= window {
                    let least = matrix[i - 1][j].min(matrix[i][j - 1]).min(matrix[i - 1][j - 1]);
                    matrix[i][j] = f64::from((a[i - 1] - b[j - 1]).abs()) + least;
                }
            }
        }
        matrix[a.len()][b.len()]
    }

    fn series(seed: u32, length: usize) -> Vec<f32> {
        (0..length as u32).map(|n| ((n * 7919 + seed * 104_729) % 997) as f32).collect()
    }

    #[test]
    fn the_recurrence_is_that_of_the_paper() {
        for (n, m) in [(1, 1), (1, 5), (7, 7), (30, 23), (23, 30)] {
            let (a, b) = (series(1, n), series(2, m));
            assert_eq!(dtw(&a, &b), by_definition(&a, &b, usize::MAX), "{n} by {m}");
            for window in [0, 1, 3, 50] {
                let widened = window.max(n.abs_diff(m));
                assert_eq!(
                    windowed_dtw(&a, &b, window),
                    by_definition(&a, &b, widened),
                    "{n} by {m}, {window}"
                );
            }
        }
    }

    #[test]
    fn a_pause_costs_nothing() {
        assert_eq!(dtw(&[1.0, 5.0, 5.0, 5.0, 2.0], &[1.0, 5.0, 2.0]), 0.0);
        assert_eq!(windowed_dtw(&[1.0, 5.0, 2.0], &[1.0, 4.0, 2.0], 0), 1.0);
    }

    #[test]
    fn empty_series() {
        assert_eq!(dtw(&[], &[]), 0.0);
        assert_eq!(dtw(&[], &[1.0]), f64::INFINITY);
    }
}
