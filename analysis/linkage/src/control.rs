//! Control channels: start and end are all they tell (UVP, III-B, equations 2 and 3).

use crate::assignment::{Edge, assign};
use crate::candidates::candidates;

/// Bytes within a second that are an initial burst: the callee accepts (UVP, V-B).
pub const INITIAL_BURST_BYTES: u64 = 2_500;

/// Who of a call a channel belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
}

/// When a call was on, as one of its control channels shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The initial burst, in seconds.
    pub start_s: f64,
    /// The last packet, in seconds.
    pub end_s: f64,
    /// Whose, where it is known.
    pub role: Option<Role>,
}

impl Span {
    /// Whether two channels may be ends of one call: not two callers, not two callees.
    pub fn may_pair(&self, other: &Span) -> bool {
        self.role.is_none() || other.role.is_none() || self.role != other.role
    }
}

/// How control channels are correlated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlSettings {
    /// Confidence from which on two channels match.
    pub threshold: f64,
    /// How fast confidence falls with the gaps at start and end, one over seconds (k of equation 3, which the paper leaves
    /// open). At 0.5 the paper's example of a false positive, ten seconds, keeps less than a hundredth.
    pub gap_decay: f64,
    /// Channels whose starts or ends lie further apart are not compared, in seconds.
    pub window_s: f64,
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self { threshold: 0.8, gap_decay: 0.5, window_s: 1.0 }
    }
}

/// Overlap of two spans over their union (equation 2): 1 for the same span, below 0 where they do not meet.
pub fn intersection_over_union(a: &Span, b: &Span) -> f64 {
    let union = a.end_s.max(b.end_s) - a.start_s.min(b.start_s);
    if union <= 0.0 {
        return 1.0;
    }
    (a.end_s.min(b.end_s) - a.start_s.max(b.start_s)) / union
}

/// Confidence that two control channels are of one call (equation 3).
pub fn confidence(a: &Span, b: &Span, gap_decay: f64) -> f64 {
    intersection_over_union(a, b) * (-gap_decay * gap(a, b)).exp()
}

/// What the starts and the ends of two channels lie apart, together.
fn gap(a: &Span, b: &Span) -> f64 {
    (a.start_s - b.start_s).abs() + (a.end_s - b.end_s).abs()
}

/// Online, as the paper has it: when a channel ends it is matched with the one among those ended before and not matched yet
/// that confidence is highest for, if the threshold is reached; one that found nobody waits for `window_s` (quick to die).
/// Pairs of places, in the order in which they were matched.
///
/// Cost: the channels that ended within the window, for each channel.
pub fn greedy(spans: &[Span], settings: &ControlSettings) -> Vec<(usize, usize)> {
    let mut by_end: Vec<usize> = (0..spans.len()).collect();
    by_end.sort_by(|a, b| spans[*a].end_s.total_cmp(&spans[*b].end_s));
    let mut waiting: Vec<usize> = Vec::new();
    let mut pairs = Vec::new();
    for now in by_end {
        let ended = &spans[now];
        waiting.retain(|early| spans[*early].end_s >= ended.end_s - settings.window_s);
        let likely = waiting.iter().enumerate().filter_map(|(at, early)| {
            let early = &spans[*early];
            let is_near = (early.start_s - ended.start_s).abs() <= settings.window_s;
            let confidence = confidence(early, ended, settings.gap_decay);
            (is_near && early.may_pair(ended) && confidence >= settings.threshold).then_some((at, confidence))
        });
        match likely.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((at, _)) => pairs.push((waiting.remove(at), now)),
            None => waiting.push(now),
        }
    }
    pairs
}

/// The best assignment of all channels: a matching that maximises the likelihood of all gaps, each the difference of two
/// network delays spread evenly over 0 to `delay_s` (a triangle of that half width). Channels with a role pair only with the
/// other one. Pairs of places, in order.
///
/// Cost: [`candidates`] once, then [`assign`] on the few pairs within the delay of each other at both ends.
pub fn best(spans: &[Span], delay_s: f64) -> Vec<(usize, usize)> {
    best_with_hints(spans, delay_s, |_, _| Some(0.0))
}

/// The same with what else is known of a pair of places: how much the logarithm of its likelihood grows, such as by calls that
/// the two had before (UVP, III-C), or `None` where it cannot be.
pub fn best_with_hints(
    spans: &[Span],
    delay_s: f64,
    hint: impl Fn(usize, usize) -> Option<f64>,
) -> Vec<(usize, usize)> {
    let times: Vec<(f64, f64)> = spans.iter().map(|span| (span.start_s, span.end_s)).collect();
    let likely = candidates(&times, delay_s).into_iter().filter(|(a, b)| spans[*a].may_pair(&spans[*b]));
    let edges: Vec<Edge> = likely
        .filter_map(|(a, b)| Some((a, b, log_likelihood(&spans[a], &spans[b], delay_s) + hint(a, b)?)))
        .collect();
    assign(spans.len(), &edges)
}

/// Of the gaps at start and end, triangles both; never less than a thousandth of the peak, so that a pair at the very edge
/// is better than none.
fn log_likelihood(a: &Span, b: &Span, delay_s: f64) -> f64 {
    let triangle = |gap: f64| (1.0 - gap.abs() / delay_s.max(1e-9)).max(1e-3).ln();
    triangle(a.start_s - b.start_s) + triangle(a.end_s - b.end_s)
}

/// The largest delay that start and end gaps show: of pairs that are each other's nearest, the gap that a share of
/// `1 - rate` keeps, as the difference of delays spread evenly over 0 to it. `None` without any pair.
pub fn estimate_delay_s(spans: &[Span], window_s: f64) -> Option<f64> {
    let times: Vec<(f64, f64)> = spans.iter().map(|span| (span.start_s, span.end_s)).collect();
    let mut nearest = vec![(f64::INFINITY, usize::MAX); spans.len()];
    for (a, b) in candidates(&times, window_s) {
        if !spans[a].may_pair(&spans[b]) {
            continue;
        }
        let apart = gap(&spans[a], &spans[b]);
        for (one, other) in [(a, b), (b, a)] {
            if apart < nearest[one].0 {
                nearest[one] = (apart, other);
            }
        }
    }
    let mutual = (0..spans.len()).filter(|a| {
        let b = nearest[*a].1;
        b != usize::MAX && nearest[b].1 == *a && *a < b
    });
    // The mean of the absolute difference of two even delays is a third of the largest.
    let gaps: Vec<f64> = mutual.map(|a| nearest[a].0 / 2.0).collect();
    (!gaps.is_empty()).then(|| 3.0 * gaps.iter().sum::<f64>() / gaps.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_s: f64, end_s: f64) -> Span {
        Span { start_s, end_s, role: None }
    }

    #[test]
    fn equations_two_and_three() {
        let (a, b) = (span(0.0, 10.0), span(1.0, 12.0));
        assert!((intersection_over_union(&a, &b) - 9.0 / 12.0).abs() < 1e-12);
        assert!((confidence(&a, &b, 0.5) - 0.75 * (-1.5f64).exp()).abs() < 1e-12);
        assert!(intersection_over_union(&a, &span(11.0, 12.0)) < 0.0);
        assert_eq!(confidence(&a, &a, 0.5), 1.0);
        // An hour's call with ten seconds' gap: nearly all overlap, no confidence.
        let (long, late) = (span(0.0, 3_600.0), span(5.0, 3_605.0));
        assert!(intersection_over_union(&long, &late) > 0.99 && confidence(&long, &late, 0.5) < 0.01);
    }

    #[test]
    fn the_paper_s_confidences_come_out() {
        // A call of ten seconds 89.5 % at least, of a minute 96 %, with gaps as a network makes them.
        assert!(confidence(&span(0.0, 10.0), &span(0.1, 10.1), 0.5) > 0.88);
        assert!(confidence(&span(0.0, 60.0), &span(0.03, 60.03), 0.5) > 0.96);
    }

    #[test]
    fn greedy_takes_what_is_there_and_best_what_is_right() {
        // The second call's caller is over before the first one's callee is: greedy cannot know of it yet.
        let spans = [span(0.0, 60.0), span(0.05, 60.08), span(0.1, 60.02), span(0.16, 60.05)];
        let settings = ControlSettings::default();
        assert_eq!(greedy(&spans, &settings)[0], (0, 2));
        assert_eq!(best(&spans, 0.17), [(0, 1), (2, 3)]);
    }

    #[test]
    fn a_caller_never_calls_a_caller() {
        let caller = |start_s| Span { role: Some(Role::Caller), ..span(start_s, 60.0) };
        let callee = |start_s| Span { role: Some(Role::Callee), ..span(start_s, 60.0) };
        let spans = [caller(0.0), caller(0.01), callee(0.1), callee(0.12)];
        assert!(greedy(&spans, &ControlSettings::default()).iter().all(|(a, b)| (a / 2) != (b / 2)));
        assert!(best(&spans, 0.17).iter().all(|(a, b)| (a / 2) != (b / 2)));
    }

    #[test]
    fn who_called_before_decides_a_tie() {
        // Two callers at the same time, two callees at the same time.
        let of = |role, late_s| Span { role: Some(role), ..span(late_s, 60.0 + late_s) };
        let call = [of(Role::Caller, 0.0), of(Role::Callee, 0.1)];
        let spans = [call, call].concat();
        let knows =
            |of: &'static [(usize, usize)]| move |a, b| Some(if of.contains(&(a, b)) { 1.0 } else { 0.0 });
        assert_eq!(best_with_hints(&spans, 0.17, knows(&[(0, 1)])), [(0, 1), (2, 3)]);
        assert_eq!(best_with_hints(&spans, 0.17, knows(&[(0, 3)])), [(0, 3), (1, 2)]);
    }

    #[test]
    fn who_waits_too_long_is_forgotten() {
        let settings = ControlSettings { window_s: 0.5, ..ControlSettings::default() };
        assert!(greedy(&[span(0.0, 100.0), span(0.0, 100.6)], &settings).is_empty());
        assert_eq!(greedy(&[span(0.0, 100.0), span(0.0, 100.4)], &settings).len(), 1);
    }
}
