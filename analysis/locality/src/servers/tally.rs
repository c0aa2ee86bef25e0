//! Whether payload to a server moves with messages, or would be there anyway.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::event::Event;

/// Payload up belongs to a message sent from so long before it until so long after.
const SENT_US: (u64, u64) = (1_000_000, 2_000_000);
/// Payload down belongs to a message received likewise: the phone shows it after it came.
const RECEIVED_US: (u64, u64) = (2_000_000, 1_000_000);
const WINDOW_SECONDS: f64 = 3.0;
/// So many of the messages a back end has payload for.
const SHARE: f64 = 0.75;
/// Chance may bring about as much at most this often.
const CHANCE: f64 = 0.003;
/// Payload that falls into a window by chance more often than this is there all the time, by a clock or not.
const BUSY: f64 = 0.5;

/// Payload of one phone and one server in one capture.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Places of the events that had payload.
    hits: Vec<usize>,
    /// Seconds with payload outside every window: up, down.
    outside: [u32; 2],
    last_second: [u64; 2],
}

/// What the activities of captures add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Messages sent that had payload, of how many.
    pub(super) sent: [u32; 2],
    /// Messages received.
    pub(super) received: [u32; 2],
    /// Seconds with payload outside the windows: up, down.
    outside: [u32; 2],
    /// Seconds outside the windows.
    seconds: f64,
}

fn window(event: &Event) -> (u64, u64) {
    let (before, after) = if event.is_sent { SENT_US } else { RECEIVED_US };
    (event.time_us.saturating_sub(before), event.time_us.saturating_add(after))
}

impl Activity {
    /// Takes a packet with payload. Events are in the order of time.
    pub(super) fn add(&mut self, time_us: u64, is_up: bool, phone: IpAddr, events: &[Event]) {
        let widest = SENT_US.0.max(SENT_US.1).max(RECEIVED_US.0).max(RECEIVED_US.1);
        let from = events.partition_point(|event| event.time_us + widest < time_us);
        let near =
            events[from..].iter().enumerate().take_while(|(_, event)| event.time_us <= time_us + widest);
        let mut is_inside = false;
        for (at, event) in near.filter(|(_, event)| event.phone == phone) {
            let (begin, end) = window(event);
            if (begin..=end).contains(&time_us) {
                is_inside = true;
                if event.is_sent == is_up && !self.hits.contains(&(from + at)) {
                    self.hits.push(from + at);
                }
            }
        }
        let way = usize::from(!is_up);
        let second = time_us / 1_000_000 + 1;
        if !is_inside && self.last_second[way] != second {
            self.last_second[way] = second;
            self.outside[way] += 1;
        }
    }

    /// By app under test: of the phone's events within the capture.
    pub(super) fn tallies(
        self,
        phone: IpAddr,
        span: (u64, u64),
        events: &[Event],
    ) -> BTreeMap<Option<String>, Tally> {
        let mut tallies: BTreeMap<Option<String>, Tally> = BTreeMap::new();
        let mut inside_us = 0;
        let mut end_before = 0;
        for (at, event) in events.iter().enumerate().filter(|(_, event)| event.phone == phone) {
            let (begin, end) = window(event);
            if end < span.0 || begin > span.1 {
                continue;
            }
            let begin = begin.max(end_before).max(span.0);
            inside_us += end.min(span.1).saturating_sub(begin);
            end_before = end;
            let tally = tallies.entry(event.app.clone()).or_default();
            let counts = if event.is_sent { &mut tally.sent } else { &mut tally.received };
            counts[0] += u32::from(self.hits.contains(&at));
            counts[1] += 1;
        }
        let seconds = (span.1 - span.0).saturating_sub(inside_us) as f64 / 1e6;
        for tally in tallies.values_mut() {
            tally.outside = self.outside;
            tally.seconds = seconds;
        }
        tallies
    }
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        for at in 0..2 {
            self.sent[at] += other.sent[at];
            self.received[at] += other.received[at];
            self.outside[at] += other.outside[at];
        }
        self.seconds += other.seconds;
    }

    /// Whether the payload moves with the messages sent, or received, or both together: with most of them, and more often than
    /// payload at any other time would fall into their windows by chance.
    pub(super) fn moves(&self) -> bool {
        let per_window = |way: usize| {
            let per_second = ((f64::from(self.outside[way]) + 0.5) / (self.seconds + 1.0)).min(1.0);
            1.0 - (1.0 - per_second).powf(WINDOW_SECONDS)
        };
        let [up, down] = [0, 1].map(per_window);
        let both = [self.sent[0] + self.received[0], self.sent[1] + self.received[1]];
        [(self.sent, up), (self.received, down), (both, up.max(down))].into_iter().any(
            |([hits, of], chance)| {
                of >= 2
                    && chance < BUSY
                    && f64::from(hits) >= SHARE * f64::from(of)
                    && tail(of, hits, chance) < CHANCE
            },
        )
    }
}

/// How likely at least so many of `of` are, each with this chance (binomial).
fn tail(of: u32, hits: u32, chance: f64) -> f64 {
    let (of_f, mut sum) = (f64::from(of), 0.0);
    let ln_choose =
        |k: f64| (0..k as u32).map(|at| ((of_f - f64::from(at)) / (k - f64::from(at))).ln()).sum::<f64>();
    for k in hits..=of {
        let k = f64::from(k);
        let log = ln_choose(k) + k * chance.max(1e-12).ln() + (of_f - k) * (1.0 - chance).max(1e-12).ln();
        sum += log.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_not_a_message() {
        assert!((tail(4, 4, 0.5) - 0.0625).abs() < 1e-9 && (tail(4, 0, 0.3) - 1.0).abs() < 1e-9);
        let tally = |sent, received, outside, seconds| Tally { sent, received, outside, seconds };
        assert!(tally([2, 2], [2, 2], [1, 1], 280.0).moves());
        assert!(tally([2, 2], [0, 2], [0, 0], 280.0).moves(), "some servers only take messages");
        assert!(!tally([2, 2], [2, 2], [150, 150], 280.0).moves(), "busy all the time");
        assert!(!tally([1, 2], [1, 2], [0, 0], 280.0).moves());
        assert!(!tally([1, 1], [0, 0], [0, 0], 280.0).moves(), "once is no pattern");
        assert!(tally([7, 8], [8, 8], [20, 20], 2800.0).moves());
        assert!(!tally([80, 80], [80, 80], [1400, 1400], 2800.0).moves(), "busy by a clock");
    }
}
