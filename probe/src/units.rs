//! Sizes and times as people write them.

use std::time::Duration;

/// A number with a unit behind it, or without one.
fn number(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let unit = text.chars().last().and_then(|last| units.iter().find(|(unit, _)| *unit == last));
    let (number, factor) = match unit {
        Some((unit, factor)) => (text.strip_suffix(*unit)?, *factor),
        None => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|number| *number > 0)
}

/// A number of bytes: 64M, 1G.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let units = [('k', 1 << 10), ('K', 1 << 10), ('M', 1 << 20), ('G', 1 << 30)];
    number(text, &units).ok_or_else(|| "expected a size such as 64M or 1G".into())
}

/// A length of time: 90s, 5m, 24h.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let seconds = number(text, &[('s', 1), ('m', 60), ('h', 3600)]);
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a time such as 90s, 5m or 24h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!((size("64M"), size("1G"), size("5")), (Ok(64 << 20), Ok(1 << 30), Ok(5)));
        assert_eq!(
            (time("90s"), time("24h")),
            (Ok(Duration::from_secs(90)), Ok(Duration::from_secs(86_400)))
        );
        for wrong in ["", "0", "M", "-5s", "5x", "99999999999999999999s"] {
            assert!(size(wrong).is_err() && time(wrong).is_err(), "{wrong}");
        }
    }
}
