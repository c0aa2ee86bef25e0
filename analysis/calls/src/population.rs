//! How many relays there are, by mark and recapture: those met again tell how many were never met.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::end_point::EndPoint;

/// Most relays that are counted.
const RELAYS: usize = 65_536;
/// An estimate is given from so many recaptures on: below, its variance does not exist.
const RECAPTURES: u64 = 4;
/// The largest population looked at, as a multiple of what was seen.
const FURTHEST: u64 = 200;

/// A number of relays with its standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Population {
    /// Expected number.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// What is known of the number of relays after all calls, and what it was reckoned from: the fields of a JSON line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelayEstimate {
    /// Always `relay_estimate`.
    pub event_type: &'static str,
    /// Calls that asked relays.
    pub calls: u64,
    /// Different relays asked.
    pub relays: u64,
    /// Relays of the odd calls: K, the first visit.
    pub marked: u64,
    /// Relays of the even calls: n, the second visit.
    pub captured: u64,
    /// Relays of both: k.
    pub recaptured: u64,
    /// Odd and even calls as two visits; null where too few were met twice.
    pub two_visits: Option<Population>,
    /// Every call as a visit; null where too few were met twice.
    pub all_visits: Option<Population>,
}

/// Two visits, as in "WhatsApp Exposed": `marked` (K) animals met at the first, `captured` (n) at the second, `recaptured`
/// (k) of those met before. Bayesian, every population size equally likely beforehand: mean and standard deviation of the
/// posterior, in closed form: mean (n-1)(K-1)/(k-2), variance (n-1)(K-1)(n-k+1)(K-k+1)/((k-2)^2 (k-3)). None for three
/// recaptures or less.
///
/// For the paper's K=16, n=14, k=9 that is 27.86 +- 5.64; the paper prints "approximately 27 +- 5", the whole parts.
pub fn two_visits(marked: u64, captured: u64, recaptured: u64) -> Option<Population> {
    let [big_k, n, k] = [marked, captured, recaptured].map(|number| number as f64);
    if recaptured < RECAPTURES || recaptured > marked.min(captured) {
        return None;
    }
    let mean = (n - 1.0) * (big_k - 1.0) / (k - 2.0);
    let variance =
        (n - 1.0) * (big_k - 1.0) * (n - k + 1.0) * (big_k - k + 1.0) / ((k - 2.0) * (k - 2.0) * (k - 3.0));
    Some(Population { mean, deviation: variance.sqrt() })
}

/// Relays met, call by call.
#[derive(Clone, Debug, Default)]
pub struct MarkRecapture {
    numbers: HashMap<EndPoint, usize>,
    /// In which half of the calls each was met: odd ones, even ones.
    halves: Vec<[bool; 2]>,
    /// Calls by what they met: relays known before, relays of the call, those of them known before.
    visits: BTreeMap<(u64, u64, u64), u64>,
    calls: u64,
}

impl MarkRecapture {
    /// The relay's number, from 0 in the order in which relays were met.
    pub fn number(&mut self, relay: EndPoint) -> usize {
        let next = self.numbers.len();
        if next >= RELAYS {
            return self.numbers.get(&relay).copied().unwrap_or(RELAYS);
        }
        *self.numbers.entry(relay).or_insert(next)
    }

    /// Takes the relays that one call asked.
    pub fn visit(&mut self, relays: impl IntoIterator<Item = EndPoint>) {
        let half = (self.calls % 2) as usize;
        let before = self.halves.iter().filter(|halves| **halves != [false; 2]).count() as u64;
        let (mut met, mut again) = (0, 0);
        for relay in relays {
            let number = self.number(relay);
            if number >= RELAYS {
                continue;
            }
            if self.halves.len() <= number {
                self.halves.resize(number + 1, [false; 2]);
            }
            let Some(halves) = self.halves.get_mut(number) else { continue };
            met += 1;
            again += u64::from(*halves != [false; 2]);
            if let Some(was_met) = halves.get_mut(half) {
                *was_met = true;
            }
        }
        if met > 0 {
            self.calls += 1;
            *self.visits.entry((before, met, again)).or_default() += 1;
        }
    }

    /// Calls that asked relays.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Different relays asked.
    pub fn relays(&self) -> u64 {
        self.halves.iter().filter(|halves| **halves != [false; 2]).count() as u64
    }

    /// Odd and even calls as two visits: relays of the odd calls (K), of the even ones (n), of both (k).
    pub fn halves(&self) -> (u64, u64, u64) {
        let count = |wanted: fn(&[bool; 2]) -> bool| {
            self.halves.iter().filter(|halves| wanted(halves)).count() as u64
        };
        (count(|[odd, _]| *odd), count(|[_, even]| *even), count(|[odd, even]| *odd && *even))
    }

    /// Every call as a visit: the posterior over all population sizes, each equally likely beforehand, with the relays of
    /// each call drawn without replacement. With two calls this is [`two_visits`].
    pub fn all_visits(&self) -> Option<Population> {
        let recaptured: u64 = self.visits.iter().map(|((.., again), times)| again * times).sum();
        if recaptured < RECAPTURES {
            return None;
        }
        let seen = self.relays();
        let mut weights: Vec<(f64, f64)> = Vec::new();
        let mut greatest = f64::NEG_INFINITY;
        for size in seen..=seen.saturating_mul(FURTHEST) {
            let weight = self.log_likelihood(size);
            greatest = greatest.max(weight);
            weights.push((size as f64, weight));
            if weight < greatest - 40.0 {
                break;
            }
        }
        let scaled = weights.iter().map(|(size, weight)| (*size, (weight - greatest).exp()));
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for (size, weight) in scaled {
            total += weight;
            first += size * weight;
            second += size * size * weight;
        }
        let mean = first / total;
        Some(Population { mean, deviation: (second / total - mean * mean).max(0.0).sqrt() })
    }

    /// All of it as a record; none where no relay was asked.
    pub fn estimate(&self) -> Option<RelayEstimate> {
        let (marked, captured, recaptured) = self.halves();
        (self.relays() > 0).then(|| RelayEstimate {
            event_type: "relay_estimate",
            calls: self.calls(),
            relays: self.relays(),
            marked,
            captured,
            recaptured,
            two_visits: two_visits(marked, captured, recaptured),
            all_visits: self.all_visits(),
        })
    }

    /// Of each call: the ways to draw its new relays among those not known, over the ways to draw all of its relays.
    fn log_likelihood(&self, size: u64) -> f64 {
        let falling =
            |from: u64, count: u64| -> f64 { (0..count).map(|n| (from.saturating_sub(n) as f64).ln()).sum() };
        let visit = |(&(before, met, again), &times): (&(u64, u64, u64), &u64)| {
            let fresh = falling(size.saturating_sub(before), met - again);
            times as f64 * (fresh - falling(size, met))
        };
        self.visits.iter().map(visit).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark::Address;

    fn relay(number: u32) -> EndPoint {
        EndPoint { address: Address::v4(number.to_be_bytes()), port: 3478 }
    }

    #[test]
    fn the_papers_numbers() {
        // Sixteen marked, fourteen captured, nine of them marked: 195/7 and the root of 9360/294.
        let estimate = two_visits(16, 14, 9).unwrap();
        assert!((estimate.mean - 27.857_143).abs() < 1e-6, "{estimate:?}");
        assert!((estimate.deviation - 5.642_405).abs() < 1e-6, "{estimate:?}");
        // The paper leaves the decimals out: "approximately 27 +- 5".
        assert_eq!((estimate.mean as u64, estimate.deviation as u64), (27, 5));
        assert_eq!(two_visits(16, 14, 3), None);
        assert_eq!(two_visits(16, 14, 15), None);
    }

    #[test]
    fn the_posterior_of_two_visits_is_the_closed_form() {
        let mut mark_recapture = MarkRecapture::default();
        mark_recapture.visit((0..16).map(relay));
        mark_recapture.visit((7..21).map(relay));
        assert_eq!((mark_recapture.relays(), mark_recapture.halves()), (21, (16, 14, 9)));
        let (posterior, closed) = (mark_recapture.all_visits().unwrap(), two_visits(16, 14, 9).unwrap());
        assert!((posterior.mean - closed.mean).abs() < 0.05, "{posterior:?} {closed:?}");
        assert!((posterior.deviation - closed.deviation).abs() < 0.2, "{posterior:?} {closed:?}");
    }

    #[test]
    fn more_visits_find_the_number() {
        // Eight out of forty, drawn anew for each of thirty calls.
        let (mut mark_recapture, mut state) = (MarkRecapture::default(), 7u64);
        for _ in 0..30 {
            let mut drawn: Vec<u32> = (0..40).collect();
            for n in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                drawn.swap(n, n + (state >> 33) as usize % (40 - n));
            }
            mark_recapture.visit(drawn[..8].iter().copied().map(relay));
        }
        let estimate = mark_recapture.all_visits().unwrap();
        assert!((estimate.mean - 40.0).abs() < 2.0, "{estimate:?}");
        assert_eq!(MarkRecapture::default().all_visits(), None);
    }
}
