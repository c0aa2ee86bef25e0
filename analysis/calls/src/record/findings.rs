//! What a person should know of a call, in sentences.

use std::sync::Arc;

use super::super::end_point::LinkDirection;
use super::super::party::{Captured, Party};
use super::super::remote::{Remote, RemoteKind};
use super::super::script::Side;
use super::super::step::State;
use super::fields::Record;

/// A signalling packet so shortly before the release was its reason.
const REASON_US: u64 = 1_500_000;
/// Silence for so long before the end is told.
const SILENCE_US: u64 = 2_000_000;
/// Relay clocks further off than this say that the capture's clock is wrong.
const CLOCK_US: i64 = 2_000_000;

/// Whether the side that was called gave an unanswered call up: the caller is told by signalling and releases, or the
/// callee releases without having been told anything.
pub(super) fn is_rejected(party: &Party) -> bool {
    let told = told_before_release(party);
    match party.side.map(|(side, _)| side) {
        Some(Side::Caller) => told,
        Some(Side::Callee) => {
            let has_signalling = party.signalling.packets != [0; 2];
            has_signalling && !told && party.released.is_some()
        }
        None => false,
    }
}

/// Whether the server's signalling came right before this end released its relays.
fn told_before_release(party: &Party) -> bool {
    let Some(released) = party.released else { return false };
    party.signalling.before_ending.is_some_and(|(mark, way)| {
        way == LinkDirection::Down && released.time_us.saturating_sub(mark.time_us) <= REASON_US
    })
}

pub(super) fn tell(record: &mut Record, number: usize, party: &Party, names: &[Arc<str>]) {
    let who = record.parties.get(number).map(|party| party.name.clone()).unwrap_or_default();
    let name = |at: usize| names.get(at).cloned().unwrap_or_default();
    let mut say = |sentence: String| record.findings.push(sentence);
    let captured = party.captured();
    unknown(party, captured, &who, &mut say);
    let relays =
        || party.remotes.iter().filter(|remote| remote.kind == RemoteKind::Relay && remote.asked > 0);
    let (asked, answered) = (relays().count(), relays().filter(|relay| relay.answered > 0).count());
    let is_told = captured == Captured::Both;
    if is_told && asked > 0 && answered == 0 {
        let times: u64 = relays().map(|relay| relay.asked).sum();
        say(format!(
            "{who}: none of {asked} relays answered any of {times} allocations: their port seems blocked"
        ));
    } else if is_told && answered < asked {
        say(format!("{who}: {} of {asked} relays never answered", asked - answered));
    }
    if relays().any(|relay| relay.refused > 0) {
        say(format!("{who}: a relay refused an allocation"));
    }
    if is_told && !party.is_answered() && answered > 0 {
        let reason = match (is_rejected(party), told_before_release(party), party.released) {
            (true, ..) => {
                "rejected by the side that was called (likely, by the signalling around the release)"
            }
            (_, true, _) => "given up after signalling from the server, so by the other side (likely)",
            (_, false, Some(_)) => "given up by this end, as far as the capture shows",
            _ => "no release seen",
        };
        say(format!("{who}: no media: {reason}"));
    }
    if is_told {
        checks(party, &who, name, &mut say);
    }
    fall_back(party, &who, &mut say);
    let told = record.streams.iter().filter(|stream| stream.party == number);
    for (stream, told) in party.streams.iter().zip(told) {
        let (ssrc, way) = (stream.ssrc, stream.way.name());
        for leg in stream.legs.iter().filter(|leg| leg.duplicates > 0) {
            let is_relay =
                party.remotes.get(leg.remote).is_some_and(|remote| remote.kind == RemoteKind::Relay);
            let why = if is_relay { ": the relay's packets are doubled, a finding and no error" } else { "" };
            let (count, with) = (leg.duplicates, name(leg.remote));
            say(format!("{who}: source 0x{ssrc:08x} ({way}): {count} packets came twice with {with}{why}"));
        }
        let (silent, suppressed_us) = (told.silent, told.suppressed_us);
        if silent > 0 || suppressed_us > 0 {
            let (packets, seconds) = (stream.packets, suppressed_us as f64 / 1e6);
            say(format!(
                "{who}: source 0x{ssrc:08x} ({way}): {silent} of {packets} packets without voice, {seconds:.1} s not sent at all"
            ));
        }
        for gap in &stream.gaps {
            let (seconds, lost) = (gap.length_us() as f64 / 1e6, gap.lost);
            let (from, to) = (gap.from.number, gap.to.number);
            let missing = if lost > 0 { format!("{lost} packets missing") } else { "none missing".into() };
            say(format!(
                "{who}: source 0x{ssrc:08x} ({way}) paused {seconds:.1} s (#{from} to #{to}), {missing}"
            ));
        }
    }
    last_silence(party, &who, &mut say);
    let clocks = || party.remotes.iter().filter_map(|remote| remote.clock);
    let ahead = clocks().map(|clock| clock.min_us).min().zip(clocks().map(|clock| clock.max_us).max());
    if let Some((least, most)) = ahead.filter(|(least, most)| *least > CLOCK_US || *most < -CLOCK_US) {
        let (least, most) = (least as f64 / 1e6, most as f64 / 1e6);
        say(format!("{who}: relay clocks are {least:.1} to {most:.1} s ahead: the capture's clock is wrong"));
    }
    if party.others.dtls > 0 {
        say(format!("{who}: {} datagrams of DTLS", party.others.dtls));
    }
}

/// What the capture cannot show.
fn unknown(party: &Party, captured: Captured, who: &str, say: &mut impl FnMut(String)) {
    let what = match captured {
        Captured::Both if party.remotes.iter().all(|remote| remote.asked + remote.answered == 0) => {
            return say(format!("{who}: the beginning of the call is not in the capture"));
        }
        Captured::Both => return,
        Captured::Up => "nothing that was sent to it was captured: whether relays or the peer answered",
        Captured::Down => {
            "nothing that it sent was captured: which relays it asked, whether it answered the peer"
        }
    };
    let who_called = if party.side.is_none() { ", who called" } else { "" };
    say(format!("{who}: {what}{who_called} and who hung up cannot be told"));
}

fn checks(party: &Party, who: &str, name: impl Fn(usize) -> Arc<str>, say: &mut impl FnMut(String)) {
    let is_peer = |remote: &Remote| remote.kind == RemoteKind::Peer && remote.checks != [0; 2];
    let peers = party.remotes.iter().enumerate().filter(|(_, remote)| is_peer(remote));
    for (at, peer) in peers.filter(|(_, peer)| peer.checks[0] > 0 && peer.checked[0] + peer.checked[1] == 0) {
        let kind =
            if peer.end_point.is_private() { "a private address" } else { "an address of the Internet" };
        let (count, name) = (peer.checks[0], name(at));
        let checks = if count == 1 { "check" } else { "checks" };
        let were = if count == 1 { "was" } else { "were" };
        say(format!("{who}: {count} {checks} of {name} ({kind}) {were} never answered"));
    }
    let is_direct =
        party.remotes.iter().any(|remote| remote.kind == RemoteKind::Peer && remote.media != [0; 2]);
    let is_checked = party.remotes.iter().any(is_peer);
    if party.first_media != [None; 2] && !is_direct {
        let tried = if is_checked { "checks of the peer led nowhere" } else { "nobody tried the peer" };
        say(format!("{who}: the call stayed on the relay; {tried}"));
    }
}

/// Ways on which nothing came any more long before the call ended.
fn last_silence(party: &Party, who: &str, say: &mut impl FnMut(String)) {
    let end = party.steps.iter().find(|step| step.state == State::Ending).map_or(party.last, |step| step.at);
    for way in [LinkDirection::Up, LinkDirection::Down] {
        let marks = party.streams.iter().filter(|stream| stream.way == way).map(|stream| stream.last);
        let Some(last) = marks.max_by_key(|mark| mark.time_us) else { continue };
        let silent_us = end.time_us.saturating_sub(last.time_us);
        if silent_us >= SILENCE_US {
            let (seconds, way) = (silent_us as f64 / 1e6, way.name());
            say(format!(
                "{who}: no media {way} in the last {seconds:.1} s of the call (behind #{})",
                last.number
            ));
        }
    }
}

fn fall_back(party: &Party, who: &str, say: &mut impl FnMut(String)) {
    let Some(step) = party.steps.iter().find(|step| step.state == State::Fallback) else { return };
    let before = party.signalling.last;
    let is_quiet = before.is_none_or(|(mark, _)| mark.time_us < step.at.time_us.saturating_sub(5_000_000));
    let signalling = if is_quiet { "without signalling" } else { "with signalling near by" };
    say(format!("{who}: back to the relay at #{} {signalling}", step.at.number));
}
