//! A day at a gateway: people who call each other, mostly those they know, over a relay.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp};

use super::data::{Setting, relayed};
use super::voice::{Codec, voice};
use crate::audit::{Audit, AuditSettings};
use crate::channel::{Channel, Kind};
use crate::flow::series;
use crate::pseudonym::Key;

/// People of one circle; most calls stay within one.
const CIRCLE: usize = 12;
/// Share of calls to somebody of one's circle.
const WITHIN: f64 = 0.85;
/// Calls that a person has in a day.
const CALLS_EACH: usize = 10;
/// Shortest call and mean length beyond it, in seconds.
const SHORTEST_S: f64 = 10.0;
const MEAN_S: f64 = 110.0;

/// A day's population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// Calls.
    pub calls: usize,
    /// Hours over which they begin.
    pub hours: f64,
    /// The network.
    pub setting: Setting,
    /// What all random numbers come from.
    pub seed: u64,
}

/// Both legs of each call: call `n` has the ends `2 n` and `2 n + 1`.
///
/// # Errors
/// There is no key to name people by, which does not come up.
pub fn channels(day: &Day, settings: &AuditSettings) -> Result<Vec<Channel>, String> {
    let mut random = ChaCha8Rng::seed_from_u64(day.seed);
    let key = Key::from_bytes(&[day.seed.to_be_bytes(); 4].concat())?;
    let people = (2 * day.calls / CALLS_EACH).max(2);
    let longer = Exp::new(1.0 / MEAN_S).map_err(|error| error.to_string())?;
    let mut channels = Vec::with_capacity(2 * day.calls);
    for call in 0..day.calls {
        let caller = random.random_range(0..people);
        let callee = loop {
            let circle = caller / CIRCLE * CIRCLE;
            let known = circle..(circle + CIRCLE).min(people);
            let is_within = random.random::<f64>() < WITHIN && known.len() > 1;
            let callee = random.random_range(if is_within { known } else { 0..people });
            if callee != caller {
                break callee;
            }
        };
        let start_us = (random.random::<f64>() * day.hours * 3_600e6) as u64;
        let long_us = ((SHORTEST_S + longer.sample(&mut random)) * 1e6) as u64;
        let kept_us = long_us.min(settings.seconds as u64 * 1_000_000);
        let (least_s, most_s) = day.setting.relay_delay_s;
        let codec = Codec::random(&mut random);
        let directions = [0, 1].map(|_| {
            let delay_s = least_s + (most_s - least_s) * random.random::<f64>();
            let sent = voice(&codec, start_us, kept_us, &mut random);
            let received = relayed(&sent, delay_s, &day.setting, &mut random);
            (sent, received)
        });
        let first_bin = (start_us / settings.bin_us) as usize;
        let bins = (kept_us / settings.bin_us) as usize;
        let of = |packets: &[_]| series(packets, first_bin as u64 * settings.bin_us, settings.bin_us, bins);
        let [(there, arrived), (back, returned)] = &directions;
        for (n, (person, up, down)) in
            [(caller, there, returned), (callee, back, arrived)].into_iter().enumerate()
        {
            let late_s = random.random::<f64>() * 0.1;
            let (start_s, end_s) =
                (start_us as f64 / 1e6 + late_s, (start_us + long_us) as f64 / 1e6 + late_s);
            channels.push(Channel {
                end_point: key.pseudonym(&person.to_be_bytes()),
                end: 2 * call as u64 + n as u64,
                kind: Kind::Voice,
                role: None,
                start_s,
                end_s,
                first_bin,
                up: of(up),
                down: of(down),
                packets: [Vec::new(), Vec::new()],
            });
        }
    }
    Ok(channels)
}

/// Share of all calls that are linked rightly, and share of links that are wrong.
pub fn right_and_wrong(audit: &Audit, calls: usize) -> (f64, f64) {
    let right = audit.links.iter().filter(|link| link.ends.0 / 2 == link.ends.1 / 2).count();
    let wrong = audit.links.len() - right;
    (right as f64 / calls.max(1) as f64, wrong as f64 / audit.links.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit;

    #[test]
    fn an_hour_of_calls_is_linked() {
        let settings = AuditSettings::default();
        let day = Day { calls: 150, hours: 0.2, setting: Setting::HARD, seed: 3 };
        let channels = channels(&day, &settings).unwrap();
        let audit = audit(&channels, &settings);
        let (right, wrong) = right_and_wrong(&audit, day.calls);
        assert!(right >= 0.9 && wrong == 0.0, "{right} {wrong}");
        assert_eq!(audit.ends, 300);
        assert!(audit.after_s <= 20, "{:?}", audit.over_time);
        assert!(audit.communities.len() > 1);
    }
}
