//! How many seconds something went on, where several things go on at once.

/// Where more ranges than this lie open for joining, the old ones are closed: those so long behind the latest one. That is
/// four times the longest time-out of a flow.
const MANY: usize = 512;
const OPEN: u32 = 7200;

/// Counts the seconds covered by ranges that come roughly in order of time.
///
/// Memory: some hundred disjoint ranges, or those of the last two hours.
#[derive(Clone, Debug, Default)]
pub(super) struct Seconds {
    /// The range that goes on.
    last: Option<Range>,
    /// Looked at when a range begins only.
    before: Box<Before>,
}

/// The ranges before the last.
#[derive(Clone, Debug, Default)]
struct Before {
    closed: u64,
    /// Everything before this second is closed.
    floor: u32,
    /// Inclusive, disjoint, in order.
    open: Vec<Range>,
}

/// First and last second.
type Range = (u32, u32);

impl Seconds {
    /// Covers the seconds from `from` to `to`, both included.
    pub(super) fn add(&mut self, from: u32, to: u32) {
        if let Some(last) =
            self.last.as_mut().filter(|last| last.0 <= from && from <= last.1.saturating_add(1))
        {
            last.1 = last.1.max(to);
            return;
        }
        let range = (from.max(self.before.floor), to);
        if range.0 > range.1 {
            return;
        }
        let Some(last) = self.last.replace(range) else { return };
        self.before.open.push(last);
        if range.0 < last.0 {
            self.before.join(range);
            self.last = self.before.open.pop();
        } else {
            self.before.close_old(to.saturating_sub(OPEN));
        }
    }

    pub(super) fn count(&self) -> u64 {
        let open = self.before.open.iter().copied();
        self.before.closed + open.chain(self.last).map(length).sum::<u64>()
    }
}

impl Before {
    /// Puts a range among those that are open.
    fn join(&mut self, mut range: Range) {
        let after = self.open.partition_point(|open| open.0 <= range.1.saturating_add(1));
        let before = self.open[..after].partition_point(|open| open.1.saturating_add(1) < range.0);
        for joined in self.open.drain(before..after) {
            range = (range.0.min(joined.0), range.1.max(joined.1));
        }
        self.open.insert(before, range);
    }

    /// Counts what lies before a second, and forgets it.
    fn close_old(&mut self, floor: u32) {
        if self.open.len() < MANY {
            return;
        }
        let old = self.open.partition_point(|open| open.1 < floor);
        if old > 0 {
            self.closed += self.open.drain(..old).map(length).sum::<u64>();
            self.floor = self.floor.max(floor);
        }
    }
}

/// The second that a time in microseconds lies in.
pub(super) fn second(time_us: u64) -> u32 {
    u32::try_from(time_us / 1_000_000).unwrap_or(u32::MAX)
}

fn length((from, to): Range) -> u64 {
    u64::from(to - from) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn overlapping_ranges_count_once() {
        let mut seconds = Seconds::default();
        let mut every = BTreeSet::new();
        let mut state = 1u32;
        for step in 0..5000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let to = step * 3 + (state >> 8) % 7;
            let from = to.saturating_sub((state >> 16) % 1500);
            let from = if state & 0x300 == 0 { from } else { to };
            seconds.add(from, to);
            every.extend(from..=to);
        }
        assert_eq!(seconds.count(), every.len() as u64);
    }

    #[test]
    fn closed_ranges_are_not_kept() {
        let mut seconds = Seconds::default();
        (0..100_000).for_each(|n| seconds.add(n * 10, n * 10));
        assert_eq!(seconds.count(), 100_000);
        assert!(seconds.before.open.len() < 1000);
    }
}
