//! Dynamic flow warping (UVP, III-B, Algorithm 1): warping in a narrow band, chunk by chunk.

use super::dtw::windowed_dtw;

/// Chunks that are computed side by side, one in each lane of a vector register.
const LANES: usize = 8;

/// Distance of two flow size series by Algorithm 1: both are cut into chunks of `chunk` values, chunks of the same place are
/// warped onto each other within `band` of the diagonal, and what one series has more than the other counts by its size (L1).
///
/// A last chunk shorter than its counterpart widens the band to the difference, so that its end can be reached: the paper
/// takes both for equally long. A chunk of 0 is one of 1.
///
/// Cost: `(2 * band + 1) * min(a.len(), b.len())` steps, eight chunks at a time; two rows of a chunk in memory.
pub fn dfw(a: &[f32], b: &[f32], chunk: usize, band: usize) -> f64 {
    let chunk = chunk.max(1);
    let whole = a.len().min(b.len()) / chunk;
    let mut distance = 0.0;
    let mut rows = vec![[f32::INFINITY; LANES]; 2 * (chunk + 1)];
    let mut lanes = vec![[0.0; LANES]; 2 * chunk];
    let size = chunk * LANES;
    for (of_a, of_b) in a[..whole * chunk].chunks(size).zip(b[..whole * chunk].chunks(size)) {
        let (u, v) = lanes.split_at_mut(chunk);
        spread(of_a, chunk, u);
        spread(of_b, chunk, v);
        let (above, row) = rows.split_at_mut(chunk + 1);
        distance += warp(u, v, band, above, row).iter().map(|lane| f64::from(*lane)).sum::<f64>();
    }
    let (rest_a, rest_b) = (&a[whole * chunk..], &b[whole * chunk..]);
    // Where both have something left it is a chunk: the last one of at least one of them.
    let (last_a, over_a) = rest_a.split_at(rest_a.len().min(chunk));
    let (last_b, over_b) = rest_b.split_at(rest_b.len().min(chunk));
    if last_a.is_empty() || last_b.is_empty() {
        distance += norm(last_a) + norm(last_b);
    } else {
        distance += windowed_dtw(last_a, last_b, band);
    }
    distance + norm(over_a) + norm(over_b)
}

/// The sum of a series' absolute values.
fn norm(rest: &[f32]) -> f64 {
    rest.iter().map(|value| f64::from(value.abs())).sum()
}

/// Chunks that follow each other, laid side by side: lane `n` holds the `n`th. Lanes without a chunk are 0.
fn spread(chunks: &[f32], chunk: usize, lanes: &mut [[f32; LANES]]) {
    if chunks.len() < chunk * LANES {
        lanes.fill([0.0; LANES]);
    }
    for (lane, values) in chunks.chunks_exact(chunk).enumerate() {
        for (to, value) in lanes.iter_mut().zip(values) {
            to[lane] = *value;
        }
    }
}

/// CHUNK-DFW of all lanes: the last element of a matrix of which two rows are kept.
fn warp(
    u: &[[f32; LANES]],
    v: &[[f32; LANES]],
    band: usize,
    above: &mut [[f32; LANES]],
    row: &mut [[f32; LANES]],
) -> [f32; LANES] {
    let (mut above, mut row) = (above, row);
    above.fill([f32::INFINITY; LANES]);
    row.fill([f32::INFINITY; LANES]);
    above[0] = [0.0; LANES];
    for (i, x) in u.iter().enumerate() {
        let first = i.saturating_sub(band);
        let last = i.saturating_add(band).saturating_add(1).min(v.len());
        row[first] = [f32::INFINITY; LANES];
        let mut left = [f32::INFINITY; LANES];
        let mut corner = above[first];
        let points = v[first..last].iter().zip(&above[first + 1..=last]).zip(&mut row[first + 1..=last]);
        for ((y, up), to) in points {
            for lane in 0..LANES {
                let least = less(less(corner[lane], up[lane]), left[lane]);
                left[lane] = (x[lane] - y[lane]).abs() + least;
            }
            corner = *up;
            *to = left;
        }
        if let Some(beyond) = row.get_mut(last + 1) {
            *beyond = [f32::INFINITY; LANES];
        }
        std::mem::swap(&mut above, &mut row);
    }
    above[v.len()]
}

/// The smaller of two numbers, neither of which is NaN: one instruction, where `f32::min` takes several.
#[inline]
fn less(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Algorithm 1 line by line.
    fn by_definition(a: &[f32], b: &[f32], chunk: usize, band: usize) -> f64 {
        let (u, v): (Vec<_>, Vec<_>) = (a.chunks(chunk).collect(), b.chunks(chunk).collect());
        let both = u.len().min(v.len());
        let warped: f64 = (0..both).map(|i| windowed_dtw(u[i], v[i], band)).sum();
        warped + u[both..].iter().chain(&v[both..]).map(|rest| norm(rest)).sum::<f64>()
    }

    fn series(seed: u32, length: usize) -> Vec<f32> {
        (0..length as u32).map(|n| ((n * 7919 + seed * 104_729) % 997) as f32).collect()
    }

    #[test]
    fn lanes_give_what_the_algorithm_gives() {
        for (n, m) in [(0, 0), (0, 7), (9, 9), (10, 10), (100, 100), (83, 80), (80, 95), (240, 40), (15, 12)]
        {
            let (a, b) = (series(3, n), series(4, m));
            for (chunk, band) in [(10, 0), (10, 2), (10, 20), (7, 1), (1, 0), (300, 5)] {
                let (is, should) = (dfw(&a, &b, chunk, band), by_definition(&a, &b, chunk, band));
                assert!((is - should).abs() <= should * 1e-6, "{n} by {m}, {chunk}, {band}: {is} {should}");
            }
        }
    }

    #[test]
    fn the_rest_counts_by_its_size() {
        let long = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(dfw(&long, &long[..2], 2, 1), 18.0);
        assert_eq!(dfw(&long[..2], &long, 2, 1), 18.0);
    }
}
