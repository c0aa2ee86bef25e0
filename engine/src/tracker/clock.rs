//! What time it is: the packets say. Captures put together from several clocks, and frames whose time is none, must not end
//! flows that go on.

use core::mem::swap;

/// Times this close belong to one clock; further apart, some other clock speaks, or nobody did for as long. Half of UDP's
/// time-out: a flow that was quiet for less than the other half is never ended by clocks that are closer.
const SAME_CLOCK_US: u64 = 30_000_000;
/// A rest is no longer than this.
const REST_US: u64 = 3_600_000_000;
/// Other clocks remembered.
const OTHERS: usize = 7;
/// After so many rests in a row, in which no other clock came back, there is but one.
const SURE: u8 = OTHERS as u8 + 1;

/// One clock of the capture.
#[derive(Clone, Copy, Debug, Default)]
struct Timeline {
    /// What is added to its times to get the common ones.
    offset_us: u64,
    /// Its number, from 1; 0 is none.
    number: u8,
    /// Whether its times came, went and came back: a clock beside another, not a gap in one.
    is_beside: bool,
}

/// The common time: it never goes back, and goes on by what each clock of the capture goes on. The first rests, in which all were quiet, are
/// no part of it, as they may be other clocks: there, flows go by their own packets.
#[derive(Debug)]
pub(super) struct Clock {
    /// The common time, of which only differences mean something.
    pub(super) now_us: u64,
    current: Timeline,
    others: [Timeline; OTHERS],
    numbers: u8,
    /// Rests, or other clocks, since a clock last came back.
    rests: u8,
    /// How often a frame's time was another clock's than the frame's before: more than an hour from it, or a clock's that
    /// had gone.
    pub(super) jumps: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            now_us: REST_US,
            current: Timeline::default(),
            others: [Timeline::default(); OTHERS],
            numbers: 0,
            rests: 0,
            jumps: 0,
        }
    }

    /// Takes in a frame's time; 0 is none, and moves nothing.
    #[inline]
    pub(super) fn advance(&mut self, time_us: u64) {
        let common_us = time_us.wrapping_add(self.current.offset_us);
        if common_us.wrapping_sub(self.now_us).wrapping_add(SAME_CLOCK_US) <= 2 * SAME_CLOCK_US
            && self.current.number != 0
        {
            self.now_us = self.now_us.max(common_us);
        } else if time_us != 0 {
            self.jump(time_us);
        }
    }

    #[cold]
    #[inline(never)]
    fn jump(&mut self, time_us: u64) {
        let fits = |line: &Timeline| {
            let common_us = time_us.wrapping_add(line.offset_us);
            line.number != 0
                && common_us.wrapping_sub(self.now_us).wrapping_add(SAME_CLOCK_US) <= 2 * SAME_CLOCK_US
        };
        let is_begun = self.current.number != 0;
        if let Some(at) = self.others.iter().position(fits) {
            self.jumps += 1;
            self.rests = 0;
            swap(&mut self.current, &mut self.others[at]);
            self.current.is_beside = true;
            self.others[at].is_beside = true;
            self.now_us = self.now_us.max(time_us.wrapping_add(self.current.offset_us));
            return;
        }
        let common_us = time_us.wrapping_add(self.current.offset_us);
        let is_rest = is_begun && common_us.wrapping_sub(self.now_us) <= REST_US;
        if is_rest && self.rests >= SURE {
            self.now_us = common_us;
            return;
        }
        self.rests = self.rests.saturating_add(is_rest.into());
        self.jumps += u64::from(is_begun && !is_rest);
        self.numbers = self.numbers.checked_add(1).unwrap_or(1);
        self.others.rotate_right(1);
        self.others[0] = self.current;
        self.current =
            Timeline { offset_us: self.now_us.wrapping_sub(time_us), number: self.numbers, is_beside: false };
    }

    /// The number of the clock that spoke last.
    #[inline]
    pub(super) fn number(&self) -> u8 {
        self.current.number
    }

    /// Whether times of this clock and of the one that spoke last can be compared: there was a gap, not another clock.
    pub(super) fn is_gap_since(&self, number: u8) -> bool {
        number != 0 && number != self.current.number && !self.current.is_beside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000;
    const T: u64 = 1_700_000_000_000_000;

    fn after(times: &[u64]) -> (u64, Clock) {
        let mut clock = Clock::new();
        let before = clock.now_us;
        times.iter().for_each(|time| clock.advance(*time));
        (clock.now_us - before, clock)
    }

    #[test]
    fn one_clock_goes_on_and_never_back() {
        assert_eq!(after(&[T, T + 5, T + 3, T + 9]).0, 9);
        assert_eq!(after(&[T, 0, T + 9]).0, 9, "a frame without a time");
        assert_eq!(after(&[0, 0]).0, 0);
        assert_eq!(after(&[0, T, T + 9]).0, 9);
    }

    #[test]
    fn clocks_apart_by_hours_go_on_together() {
        let times: alloc::vec::Vec<u64> =
            (0..100).map(|n| T + n + if n % 2 == 1 { 2 * HOUR } else { 0 }).collect();
        let (passed, clock) = after(&times);
        assert_eq!((passed, clock.jumps), (98, 99));
        assert!(!clock.is_gap_since(1) && !clock.is_gap_since(2));
    }

    #[test]
    fn clocks_apart_by_minutes_go_on_together() {
        let minute = 60_000_000;
        for apart in [1, 5, 30, 59] {
            // Three clocks, each a packet a second.
            let times = (0..300).map(|n| T + n * 333_333 + n % 3 * apart * minute);
            let (passed, clock) = after(&times.collect::<alloc::vec::Vec<u64>>());
            assert!((98_000_000..101_000_000).contains(&passed), "{apart}: {passed}");
            assert!(clock.jumps > 250, "{apart}");
            assert!(!(1..4).any(|number| clock.is_gap_since(number)), "{apart}");
        }
    }

    #[test]
    fn rests_of_one_clock_are_time_once_it_is_clear_that_there_is_but_one() {
        let minute = 60_000_000;
        let times: alloc::vec::Vec<u64> = (0..100).map(|n| T + n * 10 * minute).collect();
        let (passed, clock) = after(&times);
        assert_eq!((passed, clock.jumps), (u64::from(99 - SURE) * 10 * minute, 0));
    }

    #[test]
    fn one_wrong_time_passes() {
        for wrong in [1, u64::MAX, T + 1000 * HOUR] {
            let (passed, clock) = after(&[T, T + 5, wrong, T + 9]);
            assert_eq!((passed, clock.jumps), (9, 2), "{wrong}");
        }
    }

    #[test]
    fn a_gap_is_no_time_but_is_told_apart_from_another_clock() {
        let (passed, clock) = after(&[T, T + 5, T + 9 * HOUR, T + 9 * HOUR + 7]);
        assert_eq!(passed, 12);
        assert!(clock.is_gap_since(1) && !clock.is_gap_since(2));
    }
}
