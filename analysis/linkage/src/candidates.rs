//! Which channels may be of one call at all: those that begin and end at nearly the same time (UVP, IV: time window).

/// Pairs of places whose starts and whose ends lie at most `window_s` apart, the lower place first; in order.
///
/// Cost: sorting, then for each channel those that start within the window after it: channels that do not overlap are never
/// looked at.
pub fn candidates(times: &[(f64, f64)], window_s: f64) -> Vec<(usize, usize)> {
    let mut by_start: Vec<usize> = (0..times.len()).collect();
    by_start.sort_by(|a, b| times[*a].0.total_cmp(&times[*b].0));
    let mut pairs = Vec::new();
    for (at, &a) in by_start.iter().enumerate() {
        for &b in &by_start[at + 1..] {
            if times[b].0 - times[a].0 > window_s {
                break;
            }
            if (times[b].1 - times[a].1).abs() <= window_s {
                pairs.push((a.min(b), a.max(b)));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_must_be_near() {
        let times = [(5.0, 20.0), (0.0, 10.0), (0.9, 10.9), (0.5, 30.0), (5.2, 20.0)];
        assert_eq!(candidates(&times, 1.0), [(0, 4), (1, 2)]);
        assert!(candidates(&[], 1.0).is_empty());
    }
}
