//! What each counter-measure leaves of the best attack, and what it takes.

use serde::Serialize;

use super::data::{DataPopulation, Place, calls};
use super::score::score;
use crate::attack::Method;
use crate::defend::Defence;

/// One counter-measure, scored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name, with its numbers; `none` for calls as they are.
    pub defence: String,
    /// `sender` or `relay`.
    pub place: &'static str,
    /// Share of calls that the best attack of all is right for.
    pub best_attack: f64,
    /// Which attack that is.
    pub attack: &'static str,
    /// Share of calls that blind choice is right for.
    pub chance: f64,
    /// Bytes added, as a share of those of voice.
    pub bytes_added: f64,
    /// Mean delay added to a packet, in seconds.
    pub delay_s: f64,
    /// What that comes to: `hides all`, `hides some` or `hides nothing`.
    pub verdict: &'static str,
}

/// The counter-measures that are compared where none is named.
pub fn usual() -> Vec<(Defence, Place)> {
    use Defence::{Batch, Constant, Delay, Dummy, Padding, RandomPad};
    let at_sender = [
        Padding(vec![64, 128, 256]),
        RandomPad(64),
        Delay(1_000_000),
        Batch(1_000_000),
        Dummy(300),
        Constant { bytes: 128, every_us: 20_000 },
    ];
    let at_relay = [Padding(vec![64, 128, 256]), Constant { bytes: 128, every_us: 20_000 }];
    let sender = at_sender.into_iter().map(|defence| (defence, Place::Sender));
    sender.chain(at_relay.into_iter().map(|defence| (defence, Place::Relay))).collect()
}

/// Scores calls as they are, then with each counter-measure: the same calls, the same network.
pub fn table(population: &DataPopulation, defences: &[(Defence, Place)]) -> Vec<Row> {
    let plain = DataPopulation { defence: None, ..population.clone() };
    let mut rows: Vec<Row> = Vec::with_capacity(defences.len() + 1);
    let all = std::iter::once(None).chain(defences.iter().cloned().map(Some));
    for defence in all {
        let population = DataPopulation { defence: defence.clone(), ..plain.clone() };
        let score = score(&population, 1, &Method::ALL);
        let cost = calls(&population, 1).cost;
        let undefended = rows.first().map_or(score.strongest(), |row| row.best_attack);
        let strongest = score.strongest();
        let attack = if score.assignment > score.best { "assignment" } else { score.best_distance };
        rows.push(Row {
            defence: defence.as_ref().map_or("none".into(), |(defence, _)| defence.to_string()),
            place: defence.as_ref().map_or("-", |(_, place)| place.name()),
            best_attack: strongest,
            attack,
            chance: score.chance,
            bytes_added: if defence.is_some() { cost.added() } else { 0.0 },
            delay_s: cost.delay_s(),
            verdict: verdict(strongest, score.chance, undefended, score.calls),
        });
    }
    rows
}

/// What a counter-measure comes to that leaves the strongest attack such a share of `calls`, where it has `undefended` without.
pub fn verdict(strongest: f64, chance: f64, undefended: f64, calls: usize) -> &'static str {
    // Three standard deviations of blind guesses, and one call for the smallest populations.
    let noise = 3.0 * (chance / calls.max(1) as f64).sqrt() + chance;
    match () {
        () if strongest <= chance + noise => "hides all",
        () if strongest >= 0.9 * undefended => "hides nothing",
        () => "hides some",
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::Setting;
    use super::*;

    #[test]
    fn only_what_is_constant_hides() {
        let population =
            DataPopulation { calls: 100, seconds: 20, setting: Setting::EASY, defence: None, seed: 5 };
        let rows = table(&population, &usual());
        let of = |name: &str, place: &str| {
            rows.iter().find(|row| row.defence.starts_with(name) && row.place == place).unwrap()
        };
        for place in ["sender", "relay"] {
            let constant = of("constant", place);
            assert_eq!(constant.verdict, "hides all", "{constant:?}");
            assert!(constant.bytes_added > 0.2);
        }
        for name in ["padding", "delay", "dummy"] {
            let row = of(name, "sender");
            assert!(row.best_attack > 5.0 * row.chance && row.verdict != "hides all", "{row:?}");
        }
        assert_eq!(of("padding", "sender").verdict, "hides nothing");
        assert!(of("delay", "sender").delay_s > 0.4 && of("delay", "sender").bytes_added == 0.0);
    }
}
