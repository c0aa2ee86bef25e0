//! The contact graph (UVP, III-C): who calls whom, how often and how long, and who belongs together.

use std::collections::BTreeMap;

use leiden_rs::{GraphDataBuilder, Leiden, LeidenConfig};

use crate::pseudonym::Pseudonym;

/// Calls of two end points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Contact {
    /// How many.
    pub calls: u64,
    /// How long, together, in seconds.
    pub seconds: f64,
}

/// End points and their calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactGraph {
    contacts: BTreeMap<(Pseudonym, Pseudonym), Contact>,
}

impl ContactGraph {
    /// Adds a call. One with oneself is none.
    pub fn add(&mut self, a: Pseudonym, b: Pseudonym, seconds: f64) {
        if a != b {
            let contact = self.contacts.entry((a.min(b), a.max(b))).or_default();
            contact.calls += 1;
            contact.seconds += seconds.max(0.0);
        }
    }

    /// All pairs, in order.
    pub fn contacts(&self) -> impl Iterator<Item = (Pseudonym, Pseudonym, Contact)> {
        self.contacts.iter().map(|((a, b), contact)| (*a, *b, *contact))
    }

    /// Calls of a pair so far: the hint that decides where two pairs of legs collide.
    pub fn calls(&self, a: Pseudonym, b: Pseudonym) -> u64 {
        self.contacts.get(&(a.min(b), a.max(b))).map_or(0, |contact| contact.calls)
    }

    /// Everybody with calls, in order, each with their calls and seconds.
    pub fn end_points(&self) -> BTreeMap<Pseudonym, Contact> {
        let mut all: BTreeMap<Pseudonym, Contact> = BTreeMap::new();
        for (a, b, contact) in self.contacts() {
            for one in [a, b] {
                let of = all.entry(one).or_default();
                of.calls += contact.calls;
                of.seconds += contact.seconds;
            }
        }
        all
    }

    /// Communities (Leiden algorithm, modularity, edges weighted by calls), larger ones first; each in order.
    ///
    /// Cost: about linear in pairs.
    pub fn communities(&self) -> Vec<Vec<Pseudonym>> {
        let members: Vec<Pseudonym> = self.end_points().into_keys().collect();
        if members.is_empty() {
            return Vec::new();
        }
        let place = |of: Pseudonym| members.binary_search(&of).unwrap_or_default();
        let mut builder = GraphDataBuilder::new(members.len());
        for (a, b, contact) in self.contacts() {
            // Both ends are places and weights are above zero: there is nothing to refuse.
            let _ = builder.add_edge(place(a), place(b), contact.calls as f64);
        }
        let config = LeidenConfig { seed: Some(1), ..LeidenConfig::default() };
        let found = builder.build().ok().and_then(|graph| Leiden::new(config).run(&graph).ok());
        let mut communities: BTreeMap<usize, Vec<Pseudonym>> = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            // Where nothing was found everybody is alone.
            let community = found.as_ref().map_or(at, |found| found.partition.community_of(at));
            communities.entry(community).or_default().push(*member);
        }
        let mut communities: Vec<Vec<Pseudonym>> = communities.into_values().collect();
        communities.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        communities
    }
}
