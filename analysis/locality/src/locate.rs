//! A measured path as countries.

use std::net::IpAddr;

use crate::correction::Corrections;
use crate::country::{Country, CountrySet};
use crate::database::Database;
use crate::network::is_special;
use crate::outline::Distances;
use crate::path::Trace;
use crate::physics::{Claim, Flagged, check};

/// Tells where addresses are: by the corrections, else by the database. Special addresses are nowhere.
#[derive(Debug)]
pub struct Locator {
    database: Option<Database>,
    corrections: Corrections,
    distances: Distances,
    /// Whether hops that cannot be where they are said to be are left out.
    leaves_out: bool,
}

/// A path on the map.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// Every hop that is said to be somewhere, and at the end the target, if no hop was it.
    pub claims: Vec<Claim>,
    /// What physics says of them.
    pub flagged: Vec<Flagged>,
    /// The countries on the path, in its order, each stay once; without what was left out.
    pub stays: Vec<Country>,
    /// The same as a set.
    pub countries: CountrySet,
    /// Hops of special addresses: private, shared, and so on.
    pub special: u32,
    /// Hops whose country nobody knows, and those of which only a name is known.
    pub unknown: u32,
    /// Hops that nobody answered for.
    pub silent: u32,
}

impl Locator {
    /// With `leaves_out`, hops that cannot be where they are said to be are no part of a path's countries.
    pub fn new(database: Option<Database>, corrections: Corrections, leaves_out: bool) -> Self {
        Self { database, corrections, distances: Distances::default(), leaves_out }
    }

    /// Where an address is.
    pub fn country(&mut self, address: IpAddr) -> Option<Country> {
        if is_special(address) {
            return None;
        }
        match self.corrections.0.get(address) {
            Some(correction) => Some(correction.country),
            None => self.database.as_mut()?.country(address),
        }
    }

    /// Border to border, at least; kilometres.
    pub fn least_km(&mut self, a: Country, b: Country) -> f64 {
        self.distances.least_km(a, b)
    }

    /// How far places of two countries are apart: least and greatest, kilometres.
    pub fn km(&mut self, a: Country, b: Country) -> [f64; 2] {
        self.distances.km(a, b)
    }

    /// Puts a path on the map. `node` is the country it was measured from.
    pub fn locate(&mut self, trace: &Trace, node: Option<Country>) -> Located {
        let mut located = Located::default();
        for hop in &trace.hops {
            let mut answers = 0;
            for address in hop.addresses() {
                answers += 1;
                match self.country(address) {
                    Some(country) => located.claims.push(Claim {
                        ttl: hop.ttl,
                        address,
                        country,
                        rtt_us: hop.least_rtt_us(address),
                        is_labelled: hop
                            .answers()
                            .any(|reply| reply.is_labelled && reply.address == Some(address)),
                    }),
                    None if is_special(address) => located.special += 1,
                    None => located.unknown += 1,
                }
            }
            let is_named = hop.answers().any(|reply| reply.address.is_none());
            located.unknown += u32::from(answers == 0 && is_named);
            located.silent += u32::from(answers == 0 && !is_named);
        }
        // The messages go to the target, whether it answers probes or not.
        if let Some(target) = trace.target
            && !trace.is_complete()
            && let Some(country) = self.country(target)
        {
            located.claims.push(Claim {
                ttl: u8::MAX,
                address: target,
                country,
                rtt_us: None,
                is_labelled: false,
            });
        }
        located.flagged = check(node, &located.claims, &mut self.distances);
        let stays = node.into_iter().chain(located.claims.iter().enumerate().filter_map(|(at, claim)| {
            let is_out = self.leaves_out
                && located.flagged.iter().any(|flagged| flagged.at == at && flagged.flag.is_impossible());
            (!is_out).then_some(claim.country)
        }));
        for country in stays {
            located.countries.insert(country);
            if located.stays.last() != Some(&country) {
                located.stays.push(country);
            }
        }
        located
    }
}
