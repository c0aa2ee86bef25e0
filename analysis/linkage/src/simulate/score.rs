//! How many calls of a population can be linked, by which method, from which threshold on.

use std::collections::BTreeMap;

use super::data::{DataCalls, DataPopulation, calls};
use crate::attack::{Measure, Method, attack};
use crate::calibrate::{by_ratio, normal_threshold, shifted};
use crate::scores::Scores;

/// The paper's ratio threshold.
pub const RATIO: f64 = 0.05;
/// Shifts of legs against each other that a threshold is calibrated by.
const SHIFTS: usize = 4;
/// Of so many legs one has its other end elsewhere, where false links are counted.
const ALONE: usize = 10;
/// A threshold is calibrated for so much less than the false-link rate that was asked for, as a population is one draw: at 0.1 % of
/// a thousand legs a second wrong link would be one too many.
const MARGIN: f64 = 4.0;
/// Added to a seed for the population that calibrates.
const OTHER: u64 = 0x9e37_79b9_7f4a_7c15;

/// How the legs of a population were matched.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct DataScore {
    /// Calls.
    pub calls: usize,
    /// Seconds that were looked at.
    pub seconds: usize,
    /// Share of calls whose best candidate is right, by each method.
    pub top1: BTreeMap<&'static str, f64>,
    /// The greatest of them.
    pub best: f64,
    /// Whose it is.
    pub best_distance: &'static str,
    /// Share of calls that the best assignment by that method is right for.
    pub assignment: f64,
    /// Share of calls that blind choice is right for.
    pub chance: f64,
}

impl DataScore {
    /// The best of all attacks.
    pub fn strongest(&self) -> f64 {
        self.best.max(self.assignment)
    }
}

/// How many calls are reported from a calibrated threshold on.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Reported {
    /// False-link rate that was asked for.
    pub false_link_rate: f64,
    /// From which on a link is reported: standard deviations above what both legs have with all others ([`Scores::normalised`]).
    pub threshold: f32,
    /// Share of calls with both legs in view that are reported.
    pub reported: f64,
    /// Wrong links, as a share of all legs.
    pub false_links: f64,
    /// Share of calls that the paper's ratio threshold of 0.05 reports rightly.
    pub paper_reported: f64,
}

/// What a setting wants of the methods.
pub fn measure(population: &DataPopulation) -> Measure {
    let most_s = population.setting.relay_delay_s.1 + population.setting.jitter_s;
    let fine_us = if most_s > 1.0 { 200_000 } else { 100_000 };
    let widen = (1_000_000 / fine_us) as usize;
    Measure { fine_us, widen, ..Measure::default() }.with_delay(most_s)
}

/// Scores of all pairs, one direction or the mean of both.
pub fn scores(calls: &DataCalls, population: &DataPopulation, method: Method, measure: &Measure) -> Scores {
    let of = |direction| {
        let [sent, received] = calls.series(direction, measure.fine_us, population.seconds);
        attack(method, &sent, &received, measure)
    };
    (1..calls.directions.len()).fold(of(0), |mean, direction| mean.mean(&of(direction)))
}

/// Matches a population by each method.
pub fn score(population: &DataPopulation, directions: usize, methods: &[Method]) -> DataScore {
    let (calls, measure) = (calls(population, directions), measure(population));
    let mut top1 = BTreeMap::new();
    let mut best: (f64, Method, Option<Scores>) = (f64::NEG_INFINITY, Method::LaggedCorrelation, None);
    for method in methods {
        let scores = scores(&calls, population, *method, &measure);
        let share = scores.top1(&calls.truth);
        top1.insert(method.name(), share);
        if share > best.0 {
            best = (share, *method, Some(scores));
        }
    }
    DataScore {
        calls: population.calls,
        seconds: population.seconds,
        top1,
        best: best.0.max(0.0),
        best_distance: best.1.name(),
        assignment: best.2.map_or(0.0, |scores| scores.assigned(&calls.truth)),
        chance: 1.0 / population.calls.max(1) as f64,
    }
}

/// Calibrates on one population and reports on another one, in which every tenth leg of either side has its other end elsewhere.
pub fn report(population: &DataPopulation, directions: usize, false_link_rate: f64) -> Reported {
    let measure = measure(population);
    let other = DataPopulation { seed: population.seed.wrapping_add(OTHER), ..population.clone() };
    let tail = false_link_rate / MARGIN / population.calls.max(1) as f64;
    let threshold = normal_threshold(impossible(&calls(&other, directions), &other, &measure), tail);

    let mut calls = calls(population, directions);
    let (truth, both) = separate(&mut calls);
    let correlations = scores(&calls, population, Method::LaggedCorrelation, &measure).normalised();
    let links = correlations.assignment_from(threshold);
    let is_right = |(row, column): &(usize, usize)| truth.get(*row) == Some(&Some(*column));
    let right = |links: &[(usize, usize)]| links.iter().filter(|link| is_right(link)).count();
    let by_paper = by_ratio(&scores(&calls, population, Method::Dfw, &measure), RATIO);
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    Reported {
        false_link_rate,
        threshold,
        reported: share(right(&links), both),
        false_links: share(links.len() - right(&links), truth.len()),
        paper_reported: share(right(&by_paper), both),
    }
}

/// Scores of pairs that cannot be calls: legs shifted against each other by a part of the time.
fn impossible(calls: &DataCalls, population: &DataPopulation, measure: &Measure) -> Vec<f32> {
    let mut all = Vec::new();
    for shift in 1..=SHIFTS {
        let of = |direction| {
            let [sent, received] = calls.series(direction, measure.fine_us, population.seconds);
            let by = sent.first().map_or(0, Vec::len) * shift / (SHIFTS + 1);
            attack(Method::LaggedCorrelation, &sent, &shifted(&received, by), measure)
        };
        let scores = (1..calls.directions.len()).fold(of(0), |mean, direction| mean.mean(&of(direction)));
        all.extend(scores.normalised().rows().flatten());
    }
    all
}

/// Takes every tenth received leg away, and every tenth sent one's counterpart: which column each row belongs to, and how many
/// calls are left with both legs.
fn separate(calls: &mut DataCalls) -> (Vec<Option<usize>>, usize) {
    let stays = |row: usize| row % ALONE != ALONE / 2;
    let column_of = |column: usize| (!column.is_multiple_of(ALONE)).then(|| column - column / ALONE - 1);
    let keep = |legs: &mut Vec<_>, stays: &dyn Fn(usize) -> bool| {
        let mut places = 0..;
        legs.retain(|_| places.next().is_some_and(stays));
    };
    for direction in &mut calls.directions {
        keep(&mut direction.received, &|column| column_of(column).is_some());
        keep(&mut direction.sent, &stays);
    }
    let rows = calls.truth.iter().enumerate().filter(|(row, _)| stays(*row));
    let truth: Vec<Option<usize>> = rows.map(|(_, column)| column_of(*column)).collect();
    let both = truth.iter().flatten().count();
    (truth, both)
}

#[cfg(test)]
mod tests {
    use super::super::data::Setting;
    use super::*;

    fn population(calls: usize, seconds: usize, setting: Setting) -> DataPopulation {
        DataPopulation { calls, seconds, setting, defence: None, seed: 1 }
    }

    #[test]
    fn bad_networks_hide_little() {
        for (seconds, setting) in [(20, Setting::HARD), (40, Setting::SLOW)] {
            let population = population(300, seconds, setting);
            let score = score(&population, 1, &[Method::Dfw, Method::Pearson, Method::LaggedCorrelation]);
            assert!(score.best >= 0.94 && score.assignment >= 0.94, "{score:?}");
            assert_eq!(score.best_distance, "lagged_correlation");
        }
    }

    #[test]
    fn a_calibrated_threshold_reports_nearly_all_and_nothing_false() {
        let holds = |(seconds, directions, seed)| {
            let population = DataPopulation { seed, ..population(300, seconds, Setting::HARD) };
            let reported = report(&population, directions, 0.001);
            assert!(reported.reported >= 0.95, "{reported:?}");
            assert!(reported.false_links <= 0.001, "{reported:?}");
            assert!(reported.paper_reported < 0.05, "{reported:?}");
        };
        // The last takes as long as the others.
        std::thread::scope(|scope| {
            scope.spawn(|| holds((40, 2, 3)));
            [(20, 1, 1), (20, 2, 2)].into_iter().for_each(holds);
        });
    }
}
