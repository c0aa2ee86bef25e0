//! How many seconds something went on, where several things go on at once.

/// Ranges that are noted before they are joined.
const NEW: usize = 256;
/// Where more joined ranges than this are kept, the old ones are closed: those that end so many seconds before the latest.
/// That is four times the longest time-out of a flow.
const MANY: usize = 512;
const OPEN: u32 = 7200;

/// First and last second of something.
pub(super) type Range = (u32, u32);

/// What a user's seconds are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A flow was active.
    Active,
    /// A flow of the app was active.
    AppActive,
    /// A flow of the app carried payload.
    AppTransfer,
}

/// Counts the seconds covered by ranges that come roughly in order of time, of each kind by itself.
///
/// Memory: some hundred ranges of each kind, or those of the last two hours.
#[derive(Clone, Debug, Default)]
pub(super) struct Seconds {
    /// In one list, since each user's lies elsewhere in memory.
    new: Vec<(Kind, Range)>,
    joined: Box<[Joined; 3]>,
}

#[derive(Clone, Debug, Default)]
struct Joined {
    closed: u64,
    /// Everything before this second is closed.
    floor: u32,
    /// Disjoint, in order.
    ranges: Vec<Range>,
}

impl Seconds {
    /// Covers the seconds of a range.
    pub(super) fn add(&mut self, kind: Kind, range: Range) {
        self.new.push((kind, range));
        if self.new.len() >= NEW {
            self.join();
        }
    }

    /// Makes [`count`](Self::count) complete.
    pub(super) fn join(&mut self) {
        for kind in [Kind::Active, Kind::AppActive, Kind::AppTransfer] {
            let new = self.new.iter().filter(|(of, _)| *of == kind).map(|(_, range)| *range);
            self.joined[kind as usize].take(new);
        }
        self.new.clear();
    }

    /// How many seconds were covered by all that is joined.
    pub(super) fn count(&self, kind: Kind) -> u64 {
        let joined = &self.joined[kind as usize];
        joined.closed + joined.ranges.iter().map(length).sum::<u64>()
    }
}

impl Joined {
    fn take(&mut self, new: impl Iterator<Item = Range>) {
        let floor = self.floor;
        let open = new.map(|(from, to)| (from.max(floor), to)).filter(|(from, to)| from <= to);
        self.ranges.extend(open);
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, range| {
            let touches = next.0 <= range.1.saturating_add(1);
            range.1 = if touches { range.1.max(next.1) } else { range.1 };
            touches
        });
        let latest = self.ranges.last().map_or(0, |last| last.1);
        if self.ranges.len() > MANY {
            let floor = latest.saturating_sub(OPEN);
            let old = self.ranges.partition_point(|range| range.1 < floor);
            self.closed += self.ranges.drain(..old).as_slice().iter().map(length).sum::<u64>();
            self.floor = self.floor.max(floor);
        }
    }
}

/// The second that a time in microseconds lies in.
pub(super) fn second(time_us: u64) -> u32 {
    u32::try_from(time_us / 1_000_000).unwrap_or(u32::MAX)
}

fn length((from, to): &Range) -> u64 {
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
            seconds.add(Kind::AppActive, (from, to));
            every.extend(from..=to);
        }
        seconds.join();
        assert_eq!((seconds.count(Kind::AppActive), seconds.count(Kind::Active)), (every.len() as u64, 0));
    }

    #[test]
    fn closed_ranges_are_not_kept() {
        let mut seconds = Seconds::default();
        (0..100_000).for_each(|n| seconds.add(Kind::Active, (n * 10, n * 10)));
        seconds.join();
        assert_eq!(seconds.count(Kind::Active), 100_000);
        assert!(seconds.joined[0].ranges.len() < 1100);
    }
}
