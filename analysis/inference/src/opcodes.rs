//! What opcodes go with: clocks, other opcodes, tasks (ChatDissect III-A4).

use std::collections::BTreeMap;

use crate::observed::Origin;

/// Thresholds, ChatDissect's Table II.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Largest coefficient of variation of the times between two of a periodic opcode.
    pub most_variation: f64,
    /// Longest time in which an opcode or task triggers another, microseconds.
    pub gap_us: u64,
    /// Least ratio of the probability to follow by the follower's rate times the gap.
    pub least_ratio: f64,
    /// Occurrences below which nothing is said.
    pub fewest: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { most_variation: 0.2, gap_us: 1_000_000, least_ratio: 100.0, fewest: 8 }
    }
}

/// Time and opcode.
type Timed<'a> = (u64, &'a [u8]);
type TimesByFlow = BTreeMap<u64, Vec<u64>>;

/// One occurrence of an opcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its value.
    pub opcode: Vec<u8>,
    /// Where and when.
    pub origin: Origin,
}

/// An opcode that comes by the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Periodic {
    /// Its value.
    pub opcode: Vec<u8>,
    /// Mean time between two, microseconds.
    pub period_us: f64,
    /// Largest coefficient of variation in any flow.
    pub variation: f64,
    /// Flows with enough of them.
    pub flows: usize,
}

/// Opcodes that come by the clock: in every flow with at least four of them in one direction the coefficient of variation is
/// small. One that comes by the clock both ways, as a request does and its answer, is told once.
pub fn periodic(occurrences: &[Occurrence], thresholds: Thresholds) -> Vec<Periodic> {
    let mut times: BTreeMap<(&[u8], bool), TimesByFlow> = BTreeMap::new();
    for one in occurrences {
        let flows = times.entry((&one.opcode, one.origin.upward)).or_default();
        flows.entry(one.origin.flow).or_default().push(one.origin.time_us);
    }
    let mut found: Vec<Periodic> = Vec::new();
    for ((opcode, _), flows) in times {
        let (mut variation, mut sum, mut count, mut counted) = (0.0f64, 0.0, 0, 0);
        for mut times in flows.into_values() {
            times.sort_unstable();
            if times.len() < 4 {
                continue;
            }
            let gaps: Vec<f64> = times.windows(2).map(|two| (two[1] - two[0]) as f64).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            variation = variation.max(if mean > 0.0 { spread.sqrt() / mean } else { f64::INFINITY });
            sum += gaps.iter().sum::<f64>();
            count += gaps.len();
            counted += 1;
        }
        let is_told = found.last().is_some_and(|last| last.opcode == opcode);
        if count >= thresholds.fewest && variation <= thresholds.most_variation && !is_told {
            found.push(Periodic {
                opcode: opcode.to_vec(),
                period_us: sum / count as f64,
                variation,
                flows: counted,
            });
        }
    }
    found
}

/// An opcode that follows another, or a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Triggered {
    /// What it follows: an opcode in hex, or a task's name.
    pub by: String,
    /// The opcode that follows.
    pub opcode: Vec<u8>,
    /// Share of the trigger's occurrences it follows.
    pub probability: f64,
    /// That share by what the opcode's own rate would give.
    pub ratio: f64,
}

/// Opcodes that follow another of the same flow and direction within the gap far more often than by chance.
///
/// A pair counts only where the follower is hardly ever seen without the trigger before it, so that of a chain of requests
/// only neighbours are told, and not where they are one exchange. What answers do among each other because their requests do
/// is told once.
pub fn triggered(occurrences: &[Occurrence], thresholds: Thresholds) -> Vec<Triggered> {
    let mut flows: BTreeMap<(u64, bool), Vec<Timed<'_>>> = BTreeMap::new();
    for one in occurrences {
        flows
            .entry((one.origin.flow, one.origin.upward))
            .or_default()
            .push((one.origin.time_us, &one.opcode));
    }
    let mut counts: BTreeMap<(&[u8], bool), usize> = BTreeMap::new();
    let mut follows: BTreeMap<(&[u8], &[u8], bool), usize> = BTreeMap::new();
    let mut duration_us = 0.0;
    for ((_, upward), list) in &mut flows {
        list.sort_unstable();
        if let (Some(first), Some(last)) = (list.first(), list.last()) {
            duration_us += (last.0 - first.0) as f64;
        }
        for (at, (time, opcode)) in list.iter().enumerate() {
            *counts.entry((opcode, *upward)).or_default() += 1;
            let mut seen: Vec<&[u8]> = Vec::new();
            for (_, next) in list[at + 1..].iter().take_while(|next| next.0 - time <= thresholds.gap_us) {
                if next != opcode && !seen.contains(next) {
                    seen.push(next);
                    *follows.entry((opcode, next, *upward)).or_default() += 1;
                }
            }
        }
    }
    let mut found: Vec<Triggered> = Vec::new();
    for ((trigger, opcode, upward), n) in follows {
        let triggers = counts[&(trigger, upward)];
        let others = counts[&(opcode, upward)];
        if triggers < thresholds.fewest {
            continue;
        }
        let probability = n as f64 / triggers as f64;
        let by_chance = others as f64 / duration_us.max(1.0) * thresholds.gap_us as f64;
        let ratio = probability / by_chance.max(1e-12);
        let by = hex(trigger);
        let is_told = |one: &Triggered| one.by == by && one.opcode == opcode;
        if ratio >= thresholds.least_ratio && probability >= 0.5 && !found.iter().any(is_told) {
            found.push(Triggered { by, opcode: opcode.to_vec(), probability, ratio });
        }
    }
    found
}

/// Opcodes that follow tasks a person did at known times (seconds are not enough: microseconds since 1970).
pub fn correlate(
    occurrences: &[Occurrence],
    tasks: &[(u64, String)],
    thresholds: Thresholds,
) -> Vec<Triggered> {
    let mut counts: BTreeMap<&[u8], Vec<u64>> = BTreeMap::new();
    occurrences.iter().for_each(|one| counts.entry(&one.opcode).or_default().push(one.origin.time_us));
    let all = || occurrences.iter().map(|one| one.origin.time_us);
    let span = (all().max().unwrap_or(0) - all().min().unwrap_or(0)).max(1) as f64;
    let mut names: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    tasks.iter().for_each(|(time, name)| names.entry(name).or_default().push(*time));
    let mut found = Vec::new();
    for (name, times) in names {
        for (opcode, seen) in &mut counts {
            seen.sort_unstable();
            let followed = times.iter().filter(|&&time| {
                let at = seen.partition_point(|&seen| seen < time);
                seen.get(at).is_some_and(|&seen| seen - time <= thresholds.gap_us)
            });
            let probability = followed.count() as f64 / times.len() as f64;
            let by_chance = seen.len() as f64 / span * thresholds.gap_us as f64;
            let ratio = probability / by_chance.max(1e-12);
            if ratio >= thresholds.least_ratio && probability >= 0.5 {
                found.push(Triggered { by: name.to_owned(), opcode: opcode.to_vec(), probability, ratio });
            }
        }
    }
    found
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(opcode: u8, flow: u64, time_s: f64) -> Occurrence {
        let origin = Origin { flow, upward: true, time_us: (time_s * 1e6) as u64 };
        Occurrence { opcode: vec![opcode], origin }
    }

    #[test]
    fn what_comes_by_the_clock_is_periodic() {
        let mut all: Vec<Occurrence> =
            (0..20).map(|n| one(6, 1, 300.0 * f64::from(n) + f64::from(n % 3))).collect();
        all.extend((0..20).map(|n| one(2, 1, f64::from(n * n) * 7.0)));
        let found = periodic(&all, Thresholds::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].opcode, [6]);
        assert!((found[0].period_us / 1e6 - 300.0).abs() < 1.0);
    }

    #[test]
    fn what_follows_at_once_is_triggered() {
        let mut all = Vec::new();
        for flow in 0..30 {
            let base = 1000.0 * flow as f64;
            all.extend([one(1, flow, base), one(38, flow, base + 0.3), one(2, flow, base + 5000.0)]);
            all.extend((0..5).map(|n| one(6, flow, base + 300.0 * f64::from(n) + 100.0)));
        }
        let found = triggered(&all, Thresholds::default());
        assert_eq!(found.iter().map(|t| (t.by.as_str(), t.opcode[0])).collect::<Vec<_>>(), [("01", 38)]);
    }
}
