//! When messages were sent and received.

use std::net::IpAddr;

use crate::sheet::{FileError, Sheet};

/// A message sent or received on a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since 1970.
    pub time_us: u64,
    /// The phone's address in the capture.
    pub phone: IpAddr,
    /// Sent, or else received.
    pub is_sent: bool,
    /// The app under test.
    pub app: Option<String>,
}

/// Events from a CSV file: columns `time` (seconds since 1970, or `2015-09-30T16:00:00.5Z`), `phone` (its address in the captures), `event` (`sent`
/// or `received`), and perhaps `app`.
///
/// # Errors
/// What the file says that cannot be, and where.
pub fn events(file: &str, text: &str) -> Result<Vec<Event>, FileError> {
    let sheet = Sheet::open(file, text, &["time", "phone", "event"], &["app"])?;
    let mut events = Vec::new();
    for row in sheet.rows() {
        let row = row?;
        let time_us = time_us(row.get("time")).ok_or_else(|| {
            row.error(format!(
                "{:?} is no time; write seconds since 1970 or 2015-09-30T16:00:00Z",
                row.get("time")
            ))
        })?;
        let phone = row.get("phone").parse().map_err(|_| {
            row.error(format!(
                "{:?} is no address; name the phone by its address in the captures",
                row.get("phone")
            ))
        })?;
        let is_sent = match row.get("event") {
            "sent" => true,
            "received" => false,
            other => return Err(row.error(format!("{other:?} is neither sent nor received"))),
        };
        let app = Some(row.get("app").to_owned()).filter(|app| !app.is_empty());
        events.push(Event { time_us, phone, is_sent, app });
    }
    if events.is_empty() {
        return Err(FileError {
            file: file.into(),
            line: 1,
            problem: "holds no event; a row is time,phone,event".into(),
        });
    }
    Ok(events)
}

fn time_us(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..1e11).contains(&seconds).then(|| (seconds * 1e6).round() as u64);
    }
    // RFC 3339, UTC only.
    let (day, time) =
        text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?.split_once(['T', ' '])?;
    let days = crate::Day::parse(day)?.number();
    let mut parts = time.split(':');
    let mut whole = |below: u64| parts.next()?.parse::<u64>().ok().filter(|number| *number < below);
    let (hour, minute) = (whole(24)?, whole(60)?);
    let second: f64 = parts.next()?.parse().ok().filter(|second| (0.0..61.0).contains(second))?;
    let seconds = days.checked_mul(86_400)? + hour * 3600 + minute * 60;
    parts.next().is_none().then(|| seconds * 1_000_000 + (second * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_both_ways() {
        assert_eq!(time_us("1443628800.25"), Some(1_443_628_800_250_000));
        assert_eq!(time_us("2015-09-30T16:00:00.25Z"), Some(1_443_628_800_250_000));
        assert_eq!(time_us("2015-09-30 16:00:00+00:00"), Some(1_443_628_800_000_000));
        for bad in [
            "",
            "-1",
            "2015-09-30",
            "2015-09-30T16:00Z",
            "2015-09-30T16:00:00+02:00",
            "2015-09-30T24:00:00Z",
            "NaN",
        ] {
            assert_eq!(time_us(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bad_event_is_told_with_its_line() {
        let told =
            |row: &str| events("e.csv", &format!("time,phone,event\n{row}\n")).unwrap_err().to_string();
        assert!(told("x,10.0.0.1,sent").contains("line 2: \"x\" is no time"));
        assert!(told("1,alice,sent").contains("is no address"));
        assert!(told("1,10.0.0.1,read").contains("neither sent nor received"));
        assert!(told("").contains("no event"));
    }
}
