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
/// A hop before counts where its own round trip was not longer (routers answer late when they are busy), where its claim
/// stands, and where it does not forward by label: of those the nearest. Hops of the same distance are not compared.
pub fn check(node: Option<Country>, claims: &[Claim], distances: &mut Distances) -> Vec<Flagged> {
    let mut found: Vec<Flagged> = Vec::new();
    // Where the way stands without a doubt: country, address, distance in hops, round trip.
    let mut before: Vec<(Country, Option<IpAddr>, u8, f64)> = Vec::new();
    for (at, claim) in claims.iter().enumerate() {
        let Some(rtt_us) = claim.rtt_us else { continue };
        let rtt_ms = f64::from(rtt_us) / 1000.0;
        let mut flagged = |flag, from, from_address, least_km, had_ms| {
            let needs_ms = 2.0 * least_km / KM_PER_MS;
            found.push(Flagged { at, flag, from, from_address, least_km, had_ms, needs_ms });
        };
        if let Some(node) = node {
            let km = distances.least_km(node, claim.country);
            if rtt_ms < 2.0 * km / KM_PER_MS {
                flagged(Flag::TooFastFromNode, node, None, km, rtt_ms);
                continue;
            }
        }
        let neighbour =
            before.iter().rev().find(|(.., ttl, earlier_ms)| *ttl < claim.ttl && *earlier_ms <= rtt_ms);
        if let Some(&(country, address, _, earlier_ms)) = neighbour {
            let km = distances.least_km(country, claim.country);
            let had_ms = rtt_ms - earlier_ms;
            if had_ms < 2.0 * km / KM_PER_MS {
                flagged(Flag::TooFastFromHop, country, address, km, had_ms);
                continue;
            }
            if km >= LEAP_KM {
                flagged(Flag::Leap, country, address, km, had_ms);
            }
        } else if let Some(node) = node.filter(|_| before.is_empty()) {
            let km = distances.least_km(node, claim.country);
            if km >= LEAP_KM {
                flagged(Flag::Leap, node, None, km, rtt_ms);
            }
        }
        if !claim.is_labelled {
            before.push((claim.country, Some(claim.address), claim.ttl, rtt_ms));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(hops: &[(u8, &str, f64)]) -> Vec<Claim> {
        let claim = |(ttl, country, ms): &(u8, &str, f64)| Claim {
            ttl: *ttl,
            address: format!("4.0.0.{ttl}").parse().unwrap(),
            country: Country::parse(country).unwrap(),
            rtt_us: Some((ms * 1000.0) as u32),
            is_labelled: false,
        };
        hops.iter().map(claim).collect()
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
        let mut labelled = claims(&[(1, "US", 5.0), (2, "US", 90.0), (3, "GB", 91.0)]);
        labelled[1].is_labelled = true;
        assert_eq!(check(Country::parse("US"), &labelled, &mut Distances::default()), []);
    }
}
