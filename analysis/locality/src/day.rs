//! Days, for memberships that begin and end.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// From `2015-09-30`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut next = |digits: usize| {
            let part = parts
                .next()
                .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse::<u16>().ok()
        };
        let (year, month, day) = (next(4)?, next(2)? as u8, next(2)? as u8);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (parts.next().is_none() && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01; 0 before.
    pub fn number(self) -> u64 {
        // As in `of_time`, the other way round.
        let (year, month) = (u64::from(self.year), u64::from(self.month));
        let (year, from_march) =
            if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
        let days = year * 365 + year / 4 - year / 100
            + year / 400
            + (153 * from_march + 2) / 5
            + u64::from(self.day)
            - 1;
        days.saturating_sub(719_468)
    }

    /// The day, in UTC, of a number of seconds since 1970.
    pub fn of_time(time_s: u64) -> Self {
        // Years begin on 1 March here, so that the leap day is the last: 400 years have 146,097 days.
        let days = time_s / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self { year: year.min(9999) as u16, month: month as u8, day: day as u8 }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        for text in ["2015-09-30", "2000-02-29", "1970-01-01"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "2015-9-30",
            "2015-02-29",
            "2015-13-01",
            "2015-00-01",
            "2015-01-00",
            "15-01-01",
            "2015-01-01-01",
            "",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert_eq!(Day::of_time(1_443_628_800).to_string(), "2015-09-30");
        assert_eq!(Day::of_time(951_782_400).to_string(), "2000-02-29");
        for day in (0..40_000).step_by(13) {
            assert_eq!(Day::of_time(day * 86_400).number(), day);
        }
        assert!(Day::parse("2019-12-31") < Day::parse("2020-01-01"));
    }
}
