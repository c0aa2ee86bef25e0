//! RTP sequence numbers: which packets are new, which came twice, which are missing (RFC 3550, appendix A.1).

/// Numbers behind the highest one of which is known whether they came.
const WINDOW: u64 = 1024;
/// A step further than this is no loss but a new beginning (RFC 3550, A.1: MAX_DROPOUT).
const DROPOUT: i32 = 3000;

/// What a packet's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The first, or further on than any before, with so many skipped in between.
    New {
        /// Numbers between the highest so far and this one.
        skipped: u64,
    },
    /// Not seen before, but behind the highest.
    Late,
    /// Seen before.
    Duplicate,
    /// So far off that it counts only if the next one confirms it.
    Stray,
}

/// The numbers of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    first: u64,
    highest: u64,
    /// Of the highest number and those below it: the bit at the number, modulo the window, says whether it came.
    window: [u64; (WINDOW / 64) as usize],
    started: bool,
    /// Expected in the runs before the present one.
    expected_before: u64,
    after_stray: Option<u16>,
    received: u64,
    pub(crate) duplicates: u64,
    pub(crate) late: u64,
    pub(crate) strays: u64,
    pub(crate) restarts: u64,
}

impl Sequence {
    pub(crate) fn arrive(&mut self, number: u16) -> Arrival {
        if !self.started {
            self.started = true;
            self.begin(number);
            return Arrival::New { skipped: 0 };
        }
        let step = i32::from(number.wrapping_sub(self.highest as u16) as i16);
        if step.abs() > DROPOUT {
            if self.after_stray == Some(number) {
                self.expected_before += self.run();
                self.restarts += 1;
                self.begin(number);
                return Arrival::New { skipped: 0 };
            }
            self.after_stray = Some(number.wrapping_add(1));
            self.strays += 1;
            return Arrival::Stray;
        }
        self.after_stray = None;
        if step > 0 {
            let ahead = step as u64;
            for skipped in (1..ahead).take(WINDOW as usize) {
                self.mark(self.highest + skipped, false);
            }
            self.highest += ahead;
            self.mark(self.highest, true);
            self.received += 1;
            return Arrival::New { skipped: ahead - 1 };
        }
        let behind = u64::from(step.unsigned_abs());
        let late = self.highest - behind;
        if behind >= WINDOW || self.is_marked(late) {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        self.mark(late, true);
        self.received += 1;
        self.late += 1;
        self.first = self.first.min(late);
        Arrival::Late
    }

    /// Different packets received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Packets sent as far as the numbers tell.
    pub(crate) fn expected(&self) -> u64 {
        self.expected_before + if self.started { self.run() } else { 0 }
    }

    /// Packets missing; never negative.
    pub(crate) fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Numbers are counted from 2^32 on, so that those before the first have room.
    fn begin(&mut self, number: u16) {
        self.first = (1 << 32) + u64::from(number);
        self.highest = self.first;
        self.window = [0; (WINDOW / 64) as usize];
        self.after_stray = None;
        self.mark(self.first, true);
        self.received += 1;
    }

    fn run(&self) -> u64 {
        self.highest - self.first + 1
    }

    fn mark(&mut self, number: u64, came: bool) {
        let bit = number % WINDOW;
        if let Some(word) = self.window.get_mut((bit / 64) as usize) {
            let mask = 1 << (bit % 64);
            *word = if came { *word | mask } else { *word & !mask };
        }
    }

    fn is_marked(&self, number: u64) -> bool {
        let bit = number % WINDOW;
        self.window.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u16>) -> Sequence {
        let mut sequence = Sequence::default();
        for number in numbers {
            sequence.arrive(number);
        }
        sequence
    }

    #[test]
    fn losses_and_duplicates_are_told_apart() {
        let seen = of([10, 11, 11, 13, 14, 12, 14, 20]);
        assert_eq!((seen.received(), seen.expected(), seen.lost()), (6, 11, 5));
        assert_eq!((seen.duplicates, seen.late), (2, 1));
    }

    #[test]
    fn numbers_wrap() {
        let seen = of((65_000..=65_535).chain(0..500));
        assert_eq!((seen.received(), seen.lost(), seen.duplicates), (1036, 0, 0));
    }

    #[test]
    fn every_packet_twice_is_no_negative_loss() {
        let seen = of((0..3000).flat_map(|n| [n, n]));
        assert_eq!((seen.received(), seen.lost(), seen.duplicates), (3000, 0, 3000));
    }

    #[test]
    fn a_packet_before_the_first_counts() {
        let seen = of([5, 4, 3, 6]);
        assert_eq!((seen.received(), seen.expected(), seen.late), (4, 4, 2));
    }

    #[test]
    fn one_stray_is_ignored_and_two_in_order_begin_anew() {
        let stray = of([5, 6, 40_000, 7]);
        assert_eq!((stray.received(), stray.lost(), stray.strays), (3, 0, 1));
        let anew = of([5, 6, 40_000, 40_001, 40_002, 40_004]);
        assert_eq!((anew.restarts, anew.received(), anew.lost()), (1, 5, 1));
    }

    #[test]
    fn the_window_agrees_with_a_set() {
        let (mut sequence, mut set, mut state) =
            (Sequence::default(), std::collections::HashSet::new(), 1u64);
        let mut head = 100_000u64;
        sequence.arrive(head as u16);
        set.insert(head);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = head + (state >> 33) % 130 - 60;
            let told = sequence.arrive(number as u16);
            assert_eq!(told == Arrival::Duplicate, !set.insert(number), "{number} at {head}");
            head = head.max(number);
        }
    }
}
