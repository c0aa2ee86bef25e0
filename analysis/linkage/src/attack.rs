//! Every way to tell which legs belong together, by the same series.

use serde::Serialize;

use crate::correlate::correlate;
use crate::distance::{dfw, dtw, l1, pearson, windowed_dtw};
use crate::flow::widen;
use crate::scores::Scores;

/// A way to compare two flow size series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Dynamic time warping.
    Dtw,
    /// In a window.
    WindowedDtw,
    /// Dynamic flow warping, the paper's own.
    Dfw,
    /// Sum of differences.
    L1,
    /// Pearson's correlation, in wide bins.
    Pearson,
    /// Correlation at the best of several lags, in narrow bins.
    LaggedCorrelation,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 6] = [
        Method::Dtw,
        Method::WindowedDtw,
        Method::Dfw,
        Method::L1,
        Method::Pearson,
        Method::LaggedCorrelation,
    ];

    /// As records and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Dtw => "dtw",
            Method::WindowedDtw => "windowed_dtw",
            Method::Dfw => "dfw",
            Method::L1 => "l1",
            Method::Pearson => "pearson",
            Method::LaggedCorrelation => "lagged_correlation",
        }
    }
}

/// What the methods take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// A narrow bin, in microseconds, for correlation.
    pub fine_us: u64,
    /// Narrow bins in a wide one, for all else. The paper's bins are a second.
    pub widen: usize,
    /// Wide bins in a chunk (the paper: 10).
    pub chunk: usize,
    /// Wide bins from the diagonal that warping may go.
    pub band: usize,
    /// Narrow bins that a packet may come later on the other leg.
    pub lags: usize,
}

impl Default for Measure {
    fn default() -> Self {
        Self { fine_us: 100_000, widen: 10, chunk: 10, band: 2, lags: 6 }
    }
}

impl Measure {
    /// Such that a packet may come so late, in seconds.
    pub fn with_delay(self, most_s: f64) -> Self {
        Self { lags: (most_s * 1e6 / self.fine_us as f64).ceil() as usize, ..self }
    }
}

/// Scores of all pairs by a method, series in narrow bins.
pub fn attack(method: Method, sent: &[Vec<f32>], received: &[Vec<f32>], measure: &Measure) -> Scores {
    if method == Method::LaggedCorrelation {
        return correlate(sent, received, measure.lags);
    }
    let wide =
        |legs: &[Vec<f32>]| -> Vec<Vec<f32>> { legs.iter().map(|leg| widen(leg, measure.widen)).collect() };
    let (sent, received) = (wide(sent), wide(received));
    if method == Method::Pearson {
        return correlate(&sent, &received, 0);
    }
    Scores::of_pairs(&sent, &received, |a, b| match method {
        Method::Dtw => -dtw(a, b),
        Method::WindowedDtw => -windowed_dtw(a, b, measure.chunk),
        Method::Dfw => -dfw(a, b, measure.chunk, measure.band),
        Method::L1 => -l1(a, b),
        Method::Pearson | Method::LaggedCorrelation => pearson(a, b),
    })
}
