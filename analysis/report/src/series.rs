//! Amounts over time, in bounded memory.

/// Most bins; when time goes on beyond them, two neighbours become one.
const BINS: usize = 240;
/// What a bin is wide at first, in microseconds.
const WIDTH_US: u64 = 1_000_000;

/// Amounts in bins of equal width: of one second, and twice that each time the bins are full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    start_us: u64,
    width_us: u64,
    bins: Vec<u32>,
}

impl Series {
    /// Begins at a time. Amounts from before count as of that time.
    pub fn starting(start_us: u64) -> Self {
        Self { start_us, width_us: WIDTH_US, bins: Vec::new() }
    }

    /// Adds an amount.
    pub fn add(&mut self, time_us: u64, amount: usize) {
        let since = time_us.saturating_sub(self.start_us);
        let mut at = since / self.width_us;
        while at >= BINS as u64 {
            self.bins = self
                .bins
                .chunks(2)
                .map(|two| two.iter().fold(0, |a, b| u32::saturating_add(a, *b)))
                .collect();
            self.width_us = self.width_us.saturating_mul(2);
            at = since / self.width_us;
        }
        let at = at as usize;
        if self.bins.len() <= at {
            self.bins.resize(at + 1, 0);
        }
        if let Some(bin) = self.bins.get_mut(at) {
            *bin = bin.saturating_add(u32::try_from(amount).unwrap_or(u32::MAX));
        }
    }

    /// When the first bin begins, microseconds since 1970.
    pub fn start_us(&self) -> u64 {
        self.start_us
    }

    /// How wide a bin is.
    pub fn width_us(&self) -> u64 {
        self.width_us
    }

    /// The amounts, up to the last that is not zero.
    pub fn bins(&self) -> &[u32] {
        &self.bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_fall_into_their_second() {
        let mut series = Series::starting(10_000_000);
        for (time_us, amount) in [(10_000_000, 1), (10_999_999, 2), (11_000_000, 4), (9_000_000, 8)] {
            series.add(time_us, amount);
        }
        assert_eq!(series.bins(), [11, 4]);
    }

    #[test]
    fn a_long_call_takes_no_more_room() {
        let mut series = Series::starting(0);
        for second in 0..3600 {
            series.add(second * 1_000_000, 1);
        }
        assert_eq!(series.width_us(), 16_000_000);
        assert_eq!(series.bins().len(), 225);
        assert!(series.bins().iter().all(|seconds| *seconds == 16));
        series.add(u64::MAX, 1);
        assert!(series.bins().len() <= BINS && series.bins().iter().sum::<u32>() == 3601);
    }
}
