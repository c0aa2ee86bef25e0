//! Time to pixels.

use super::super::record::Record;

pub(super) const WIDTH: f64 = 1200.0;
/// Where time ends, and the lanes do.
pub(super) const RIGHT: f64 = WIDTH - 30.0;
pub(super) const EDGE: f64 = WIDTH - 20.0;
/// Where time begins, right of the names, unless a name needs more.
pub(super) const GUTTER: f64 = 170.0;
/// Widths of letters, generously: of names and of small text.
pub(super) const LETTER: f64 = 7.6;
pub(super) const SMALL_LETTER: f64 = 6.4;

/// Where in the picture a time lies.
pub(super) struct Scale {
    pub(super) length_us: u64,
    pub(super) left: f64,
}

impl Scale {
    /// Room for the longest name: real addresses take more than `relay A`.
    pub(super) fn of(record: &Record) -> Self {
        let country = |country: &Option<String>| country.as_ref().map_or(0, |country| country.len() + 2);
        let relays = record.relays.iter().map(|relay| relay.name.len() + country(&relay.country));
        let legs = record.legs.iter().map(|leg| leg.name.len() + country(&leg.country) + leg.kind.len() + 3);
        let longest = relays.chain(legs).max().unwrap_or(0);
        Self { length_us: record.duration_us, left: GUTTER.max(longest as f64 * LETTER + 16.0) }
    }

    pub(super) fn x(&self, at_us: u64) -> f64 {
        let share = at_us.min(self.length_us) as f64 / self.length_us.max(1) as f64;
        self.left + share * (RIGHT - self.left)
    }
}
