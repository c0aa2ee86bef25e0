//! Whether a hop can be where a database says it is: light is not fast enough for some claims.
//!
//! In glass light covers 2/3 of 299,792 km in a second. A round trip to a country takes at least twice the great circle to its border; so does
//! the time by which it exceeds the round trip to a hop before. A database that claims more is wrong about one of the two.

use std::net::IpAddr;

use serde::Serialize;

use crate::country::Country;
use crate::outline::Distances;

/// Kilometres in a millisecond: 2/3 of light's.
const KM_PER_MS: f64 = 299.792_458 * 2.0 / 3.0;
/// Longer leaps from hop to hop are told even where time allows them: nothing is known of what lies between.
const LEAP_KM: f64 = 5_000.0;

/// A hop, and where it is said to be.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Steps from the node.
    pub ttl: u8,
    /// Whose answers.
    pub address: IpAddr,
    /// Where it is said to be.
    pub country: Country,
    /// The least round-trip time of its answers.
    pub rtt_us: Option<u32>,
    /// Whether it forwards by label: its answers may travel further than to it.
    pub is_labelled: bool,
}

/// What is wrong with a claim, or worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The whole round trip is too short for a way from the node's country.
    TooFastFromNode,
    /// The round trip exceeds that to a hop before by too little for a way from that hop's country.
    TooFastFromHop,
    /// Time allows it, but the way leaps so far that countries between go unseen.
    Leap,
}

impl Flag {
    /// Whether the claim cannot be true.
    pub fn is_impossible(self) -> bool {
        !matches!(self, Self::Leap)
    }
}

/// A flag with its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Flagged {
    /// Place of the claim.
    pub at: usize,
    /// What is the matter.
    pub flag: Flag,
    /// Where the way came from.
    pub from: Country,
    /// The hop there; none for the node.
    pub from_address: Option<IpAddr>,
    /// How far it is at least.
    pub least_km: f64,
    /// The time there was for it, milliseconds.
    pub had_ms: f64,
    /// The time it takes at least.
    pub needs_ms: f64,
}

/// Looks at the claims of one path, in the order of its hops. `node` is where it was measured from.
///
/// First the claims that the way from the node rules out. Of the others two contradict each other if the later hop's round trip
/// is longer, but by too little. (Where it is shorter nothing follows: routers answer late when they are busy. Nor does
/// anything from a hop that forwards by label, nor between hops of the same distance.) Which of the two is wrong,
/// the others tell: the one that contradicts the most goes, and of two that contradict only each other the later. A hop
/// seen at several distances is one place, with the least of its round trips.
pub fn check(node: Option<Country>, claims: &[Claim], distances: &mut Distances) -> Vec<Flagged> {
    let least_ms = |claim: &Claim| {
        let same = claims.iter().filter(|other| other.address == claim.address);
        same.filter_map(|other| other.rtt_us).min().map(|rtt_us| f64::from(rtt_us) / 1000.0)
    };
    let rtt_ms: Vec<Option<f64>> = claims.iter().map(least_ms).collect();
    let mut found: Vec<Flagged> = Vec::new();
    let mut stands = vec![true; claims.len()];
    for (at, claim) in claims.iter().enumerate() {
        if let (Some(node), Some(had_ms)) = (node, rtt_ms[at]) {
            let least_km = distances.least_km(node, claim.country);
            let needs_ms = 2.0 * least_km / KM_PER_MS;
            if had_ms < needs_ms {
                stands[at] = false;
                let flag = Flag::TooFastFromNode;
                found.push(Flagged { at, flag, from: node, from_address: None, least_km, had_ms, needs_ms });
            }
        }
    }
    let mut pairs = contradicting(claims, &rtt_ms, &stands, distances);
    // A place, an address, is known by the number of its first claim; whom it contradicts, by their bits.
    let place_of =
        |claim: &Claim| claims.iter().position(|other| other.address == claim.address).unwrap_or_default();
    let places: Vec<usize> = claims.iter().map(place_of).collect();
    let mut against = vec![0u128; claims.len()];
    pairs.retain(|(one, other, _)| places[*one].max(places[*other]) < 128);
    for (one, other, _) in &pairs {
        against[places[*one]] |= 1 << places[*other];
        against[places[*other]] |= 1 << places[*one];
    }
    while let Some(worst) = (0..claims.len()).max_by_key(|at| (against[places[*at]].count_ones(), *at)) {
        let place = places[worst];
        let concerns = |(one, other, _): &&(usize, usize, f64)| {
            let ends = [places[*one], places[*other]];
            ends.contains(&place) && stands[*one] && stands[*other]
        };
        if against[place] == 0 {
            break;
        }
        let Some((one, other, least_km)) = pairs.iter().rev().find(concerns).copied() else { break };
        let partner = if places[one] == place { other } else { one };
        let had_ms = rtt_ms[other].unwrap_or_default() - rtt_ms[one].unwrap_or_default();
        let (from, from_address) = (claims[partner].country, Some(claims[partner].address));
        let needs_ms = 2.0 * least_km / KM_PER_MS;
        for at in (0..claims.len()).filter(|at| places[*at] == place) {
            if std::mem::replace(&mut stands[at], false) {
                found.push(Flagged {
                    at,
                    flag: Flag::TooFastFromHop,
                    from,
                    from_address,
                    least_km,
                    had_ms,
                    needs_ms,
                });
            }
        }
        against[place] = 0;
        against.iter_mut().for_each(|bits| *bits &= !(1 << place));
    }
    leaps(node, claims, &rtt_ms, &stands, distances, &mut found);
    found.sort_by_key(|flagged| flagged.at);
    found
}

/// Pairs of claims that cannot both stand, the earlier hop first, with their distance in kilometres.
fn contradicting(
    claims: &[Claim],
    rtt_ms: &[Option<f64>],
    stands: &[bool],
    distances: &mut Distances,
) -> Vec<(usize, usize, f64)> {
    let mut pairs = Vec::new();
    for (one, before) in claims.iter().enumerate().filter(|(at, claim)| stands[*at] && !claim.is_labelled) {
        let Some(before_ms) = rtt_ms[one] else { continue };
        for (other, claim) in claims.iter().enumerate().skip(one + 1) {
            if !stands[other] || claim.ttl <= before.ttl || claim.country == before.country {
                continue;
            }
            let Some(had_ms) = rtt_ms[other].map(|rtt_ms| rtt_ms - before_ms).filter(|had_ms| *had_ms >= 0.0)
            else {
                continue;
            };
            let least_km = distances.least_km(before.country, claim.country);
            if had_ms < 2.0 * least_km / KM_PER_MS {
                pairs.push((one, other, least_km));
            }
        }
    }
    pairs
}

/// Steps so long that what lies between them is not seen, between claims that stand.
fn leaps(
    node: Option<Country>,
    claims: &[Claim],
    rtt_ms: &[Option<f64>],
    stands: &[bool],
    distances: &mut Distances,
    found: &mut Vec<Flagged>,
) {
    let mut before = node.map(|node| (node, None, 0.0));
    for (at, claim) in claims.iter().enumerate().filter(|(at, _)| stands[*at]) {
        let Some(own_ms) = rtt_ms[at] else { continue };
        if let Some((from, from_address, earlier_ms)) = before {
            let least_km = distances.least_km(from, claim.country);
            if least_km >= LEAP_KM {
                let (had_ms, needs_ms) = (own_ms - earlier_ms, 2.0 * least_km / KM_PER_MS);
                found.push(Flagged { at, flag: Flag::Leap, from, from_address, least_km, had_ms, needs_ms });
            }
        }
        before = Some((claim.country, Some(claim.address), own_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(hops: &[(u8, &str, f64)]) -> Vec<Claim> {
        let claim = |(at, (ttl, country, ms)): (usize, &(u8, &str, f64))| Claim {
            ttl: *ttl,
            address: format!("4.0.0.{at}").parse().unwrap(),
            country: Country::parse(country).unwrap(),
            rtt_us: Some((ms * 1000.0) as u32),
            is_labelled: false,
        };
        hops.iter().enumerate().map(claim).collect()
    }

    fn flags(node: &str, hops: &[(u8, &str, f64)]) -> Vec<(usize, Flag)> {
        let found = check(Country::parse(node), &claims(hops), &mut Distances::default());
        found.iter().map(|flagged| (flagged.at, flagged.flag)).collect()
    }

    #[test]
    fn light_is_not_that_fast() {
        use Flag::{Leap, TooFastFromHop, TooFastFromNode};
        assert_eq!(flags("DE", &[(1, "DE", 1.0), (2, "US", 9.0), (3, "DE", 12.0)]), [(1, TooFastFromNode)]);
        assert_eq!(
            flags("DE", &[(1, "US", 100.0), (2, "AU", 160.0), (3, "US", 161.0)]),
            [(0, Leap), (1, TooFastFromHop)]
        );
        assert_eq!(flags("DE", &[(1, "FR", 10.0), (2, "CH", 18.0), (3, "US", 90.0)]), [(2, Leap)]);
        assert_eq!(flags("CH", &[(1, "DE", 0.5), (2, "AT", 0.6), (3, "CH", 0.4)]), []);
        // No database of the node's own country: the first hop is the first that is compared with.
        assert_eq!(flags("", &[(1, "US", 1.0), (2, "JP", 2.0)]), [(1, TooFastFromHop)]);
    }

    #[test]
    fn a_busy_router_accuses_nobody() {
        // Hop 2 answers late; London is far enough from hop 1.
        assert_eq!(flags("US", &[(1, "US", 5.0), (2, "US", 180.0), (3, "GB", 92.0)]), []);
        // Hops of the same distance lie beside each other, not behind.
        assert_eq!(flags("US", &[(1, "US", 5.0), (2, "US", 40.0), (2, "GB", 70.0)]), []);
        // A claim that cannot be is nobody's neighbour.
        let found = flags("CH", &[(1, "JP", 3.0), (2, "CH", 3.5)]);
        assert_eq!(found, [(0, Flag::TooFastFromNode)]);
        // A claim that two others speak against is the wrong one, though it came first.
        let found = flags(
            "AR",
            &[(1, "AR", 1.4), (8, "US", 130.9), (10, "US", 248.5), (11, "GB", 263.3), (16, "CH", 255.0)],
        );
        assert_eq!(found, [(1, Flag::Leap), (2, Flag::TooFastFromHop)]);
        let mut labelled = claims(&[(1, "US", 5.0), (2, "US", 90.0), (3, "GB", 91.0)]);
        labelled[1].is_labelled = true;
        assert_eq!(check(Country::parse("US"), &labelled, &mut Distances::default()), []);
    }
}
