//! When something came, in bounded memory.

/// Most spans; beyond them, those close to each other become one.
const SPANS: usize = 96;
/// What comes within so long of what came before is one span with it, at first.
const CLOSE_US: u64 = 300_000;

/// Stretches of time in which something came, each from its first packet to its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    spans: Vec<(u64, u64)>,
    close_us: u64,
}

impl Default for Spans {
    fn default() -> Self {
        Self { spans: Vec::new(), close_us: CLOSE_US }
    }
}

impl Spans {
    /// Something came. Times do not run backwards by more than a packet or two.
    pub fn add(&mut self, time_us: u64) {
        if let Some((_, last)) = self.spans.last_mut()
            && time_us.saturating_sub(*last) <= self.close_us
        {
            *last = time_us.max(*last);
            return;
        }
        self.push(time_us, time_us);
        while self.spans.len() > SPANS {
            self.close_us = self.close_us.saturating_mul(2);
            for (from, until) in std::mem::take(&mut self.spans) {
                self.push(from, until);
            }
        }
    }

    fn push(&mut self, from: u64, until: u64) {
        match self.spans.last_mut() {
            Some((_, last)) if from.saturating_sub(*last) <= self.close_us => *last = until.max(*last),
            _ => self.spans.push((from, until)),
        }
    }

    /// First and last time of each, microseconds since 1970.
    pub fn all(&self) -> &[(u64, u64)] {
        &self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_close_is_one() {
        let mut spans = Spans::default();
        [0, 100_000, 350_000, 349_000, 1_000_000, 1_600_000]
            .into_iter()
            .for_each(|time_us| spans.add(time_us));
        assert_eq!(spans.all(), [(0, 350_000), (1_000_000, 1_000_000), (1_600_000, 1_600_000)]);
    }

    #[test]
    fn an_hour_of_keep_alives_takes_no_more_room() {
        let mut spans = Spans::default();
        (0..1200).for_each(|n| spans.add(n * 3_000_000));
        assert!(spans.all().len() <= SPANS);
        assert_eq!(spans.all().last().map(|(_, until)| *until), Some(1199 * 3_000_000));
    }
}
