//! Time and error of the three warping distances: Table I.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;

use super::data::{DataPopulation, Setting, calls};
use crate::attack::Measure;
use crate::distance::{dfw, dtw, windowed_dtw};

/// Lengths of series in Table I, in seconds.
pub const LENGTHS: [usize; 3] = [100, 500, 900];
/// Pairs that errors are a mean of.
const PAIRS: usize = 24;
/// Each pair is timed so often.
const ROUNDS: usize = 3;

type Distance<'d> = &'d dyn Fn(&[f32], &[f32]) -> f64;

/// One length, matched or unrelated channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Values in a series.
    pub length: usize,
    /// Whether both series are of one call.
    pub is_matched: bool,
    /// Microseconds of DTW, windowed DTW, DFW.
    pub time_us: [f64; 3],
    /// How far each is from DTW, in percent.
    pub error: [f64; 3],
}

/// The whole table, in the order of the paper. Times are of this machine, side by side.
pub fn table(seed: u64, measure: &Measure) -> Vec<Row> {
    let mut rows = Vec::new();
    for is_matched in [true, false] {
        for length in LENGTHS {
            let population =
                DataPopulation { calls: PAIRS, seconds: length, setting: Setting::EASY, defence: None, seed };
            let calls = calls(&population, 1);
            let [sent, received] = calls.series(0, 1_000_000, length);
            let pairs: Vec<(&[f32], &[f32])> = (0..PAIRS)
                .map(|call| {
                    let other = if is_matched { call } else { (call + 1) % PAIRS };
                    (sent[call].as_slice(), received[calls.truth[other]].as_slice())
                })
                .collect();
            let distances: [Distance<'_>; 3] =
                [&|a, b| dtw(a, b), &|a, b| windowed_dtw(a, b, 3 * measure.chunk), &|a, b| {
                    dfw(a, b, measure.chunk, measure.band)
                }];
            let exact: Vec<f64> = pairs.iter().map(|(a, b)| dtw(a, b)).collect();
            let error = distances.map(|distance| {
                let errors =
                    pairs.iter().zip(&exact).map(|((a, b), exact)| (distance(a, b) - exact).abs() / exact);
                100.0 * errors.sum::<f64>() / PAIRS as f64
            });
            rows.push(Row {
                length,
                is_matched,
                time_us: distances.map(|distance| fastest(distance, &pairs)),
                error,
            });
        }
    }
    rows
}

/// Microseconds of one distance: the least of all pairs and rounds, as others use the machine too.
fn fastest(distance: Distance<'_>, pairs: &[(&[f32], &[f32])]) -> f64 {
    let all = (0..ROUNDS).flat_map(|_| pairs).map(|(a, b)| {
        let started = Instant::now();
        black_box(distance(black_box(a), black_box(b)));
        started.elapsed().as_secs_f64() * 1e6
    });
    all.fold(f64::INFINITY, f64::min)
}

/// A pair of series for benches: of one call, or of two.
pub fn pair(length: usize, is_matched: bool) -> [Vec<f32>; 2] {
    let population =
        DataPopulation { calls: 2, seconds: length, setting: Setting::EASY, defence: None, seed: 1 };
    let calls = calls(&population, 1);
    let [mut sent, mut received] = calls.series(0, 1_000_000, length);
    let other = calls.truth[usize::from(!is_matched)];
    [sent.swap_remove(0), received.swap_remove(other)]
}
