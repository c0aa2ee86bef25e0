//! Points in time as records write them.

use serde::{Serialize, Serializer};

/// Microseconds since 1970; a record writes it as [`timestamp`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp(self.0))
    }
}

/// Microseconds since 1970 in the way of Suricata's EVE records: `2023-02-17T10:00:00.123456+0000`, always UTC. Empty for 0,
/// which is no time.
pub fn timestamp(time_us: u64) -> String {
    if time_us == 0 {
        return String::new();
    }
    let (seconds, fraction_us) = (time_us / 1_000_000, time_us % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    if year > 9999 {
        return format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction_us:06}+0000");
    }
    // Every record has two: digits into their places take a tenth of what a format string does.
    let mut text = *b"0000-00-00T00:00:00.000000+0000";
    let numbers = [year, month, day, hour, minute, second, fraction_us];
    for (number, (start, end)) in
        numbers.into_iter().zip([(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19), (20, 26)])
    {
        let mut left = number;
        for digit in text[start..end].iter_mut().rev() {
            *digit += (left % 10) as u8;
            left /= 10;
        }
    }
    // Digits are text.
    std::str::from_utf8(&text).unwrap_or_default().to_owned()
}

/// Gregorian year, month and day of a number of days since 1970-01-01.
///
/// Counts from 1 March of year 0, so that the leap day is the last of a year; 146,097 days are 400 years, and five
/// months from March on are 153 days.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(timestamp(0), "");
        assert_eq!(timestamp(1), "1970-01-01T00:00:00.000001+0000");
        assert_eq!(timestamp(951_782_400_000_001), "2000-02-29T00:00:00.000001+0000");
        assert_eq!(timestamp(1_676_628_000_123_456), "2023-02-17T10:00:00.123456+0000");
        assert_eq!(timestamp(4_107_542_399_999_999), "2100-02-28T23:59:59.999999+0000");
        assert_eq!(timestamp(4_107_542_400_000_000), "2100-03-01T00:00:00.000000+0000");
    }

    #[test]
    fn no_time_is_too_late() {
        assert!(timestamp(u64::MAX).starts_with("586524-"));
    }
}
