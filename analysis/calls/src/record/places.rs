//! Where relays and servers are, how far from the phone, and whether the chosen relay is the nearest.
//!
//! Countries are large: a distance is told as the least and the greatest that both countries allow, and the round trip bounds it, too. That a
//! relay is not the nearest is said where no place in the countries and no error of measurement would make it so.

use super::super::atlas::{Atlas, KM_PER_ROUND_TRIP_MS};
use super::super::channel::{ChannelCall, ChannelKind};
use super::super::end_point::EndPoint;
use super::super::party::Party;
use super::super::remote::RemoteKind;
use super::fields::{Record, RelayRecord};

/// Times of captures are as coarse as this, at times.
const CLOCK_US: u64 = 1_000;

/// Countries and distances of one party's relays, and what they tell.
pub(super) fn relays(record: &mut Record, number: usize, party: &Party, atlas: &mut dyn Atlas) {
    let home = home(party.mapped.unwrap_or(party.local), atlas);
    let Some(told) = record.parties.get_mut(number) else { return };
    let who = told.name.clone();
    told.country.clone_from(&home);
    let ends = party.remotes.iter().filter(|remote| remote.kind == RemoteKind::Relay);
    let mut findings = Vec::new();
    for (relay, remote) in record.relays.iter_mut().filter(|relay| relay.party == number).zip(ends) {
        relay.country = country(remote.end_point, atlas);
        let by_countries = between(home.as_deref(), relay.country.as_deref(), atlas);
        let reach = relay.min_rtt_us.and_then(reach_km);
        relay.km = match (by_countries, reach) {
            (Some([least, _]), Some(reach)) if reach < least => {
                findings.push(format!(
                    "{who}: {} is no place of {}, where the database has it: that is {least:.0} km away at least, and its answers reach {reach:.0} km at most",
                    relay.name,
                    relay.country.as_deref().unwrap_or_default(),
                ));
                Some([0.0, reach])
            }
            (Some([least, most]), reach) => Some([least, reach.map_or(most, |reach| most.min(reach))]),
            (None, Some(reach)) => Some([0.0, reach]),
            (None, None) => None,
        }
        .map(rounded);
    }
    let own = || record.relays.iter().filter(|relay| relay.party == number);
    for chosen in own().filter(|relay| relay.chosen_by.is_some()) {
        findings.extend(not_nearest(&who, chosen, own()));
    }
    record.findings.append(&mut findings);
}

/// How far a round trip of so many microseconds reaches; none where the clock may have been too coarse to tell.
fn reach_km(round_trip_us: u64) -> Option<f64> {
    (round_trip_us > CLOCK_US).then(|| (round_trip_us + CLOCK_US) as f64 / 1e3 * KM_PER_ROUND_TRIP_MS)
}

/// The sentence about a relay that was chosen though one that answered is surely nearer.
fn not_nearest<'r>(
    who: &str,
    chosen: &RelayRecord,
    all: impl Iterator<Item = &'r RelayRecord>,
) -> Option<String> {
    let [least, _] = chosen.km?;
    let answered = all.filter(|relay| relay.answered != Some(0));
    let nearest = answered
        .filter(|relay| relay.km.is_some_and(|[_, most]| most < least))
        .min_by_key(|relay| relay.km)?;
    Some(format!(
        "{who}: the chosen relay is not the nearest: {} away, {}",
        place(chosen, " is"),
        place(nearest, "")
    ))
}

fn place(relay: &RelayRecord, verb: &str) -> String {
    let [least, most] = relay.km.unwrap_or_default();
    let country = relay.country.as_deref().map_or(String::new(), |country| format!(" ({country})"));
    format!("{}{country}{verb} {least} to {most} km", relay.name)
}

/// Countries and distances of the servers of a call over channels. The other phone's address is no server's.
pub(super) fn channels(record: &mut Record, call: &ChannelCall, atlas: &mut dyn Atlas) {
    let home = call.channels.first().and_then(|channel| home(channel.local, atlas));
    if let Some(party) = record.parties.first_mut() {
        party.country.clone_from(&home);
    }
    for (leg, channel) in record.legs.iter_mut().zip(&call.channels) {
        if channel.kind() != ChannelKind::Data {
            leg.country = country(channel.remote, atlas);
            leg.km = between(home.as_deref(), leg.country.as_deref(), atlas).map(rounded);
        }
    }
}

fn home(end: EndPoint, atlas: &mut dyn Atlas) -> Option<String> {
    if end.is_private() { None } else { country(end, atlas) }
}

fn country(end: EndPoint, atlas: &mut dyn Atlas) -> Option<String> {
    atlas.country(end.address.ip())
}

fn between(a: Option<&str>, b: Option<&str>, atlas: &mut dyn Atlas) -> Option<[f64; 2]> {
    atlas.km(a?, b?)
}

/// Whole kilometres, away from each other.
fn rounded([least, most]: [f64; 2]) -> [u32; 2] {
    [least.floor() as u32, most.ceil() as u32]
}
