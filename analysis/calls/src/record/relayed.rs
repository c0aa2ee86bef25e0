//! The record of a call over relays.

use std::sync::Arc;

use super::super::atlas::Atlas;
use super::super::end_point::LinkDirection;
use super::super::names::Names;
use super::super::party::{Captured, Party};
use super::super::quality::{Observed, estimate};
use super::super::remote::{Remote, RemoteKind};
use super::super::script::{Content, Side};
use super::super::stream::Stream;
use super::context::Context;
use super::fields::{
    GapRecord, LegRecord, PacketisationRecord, PartyRecord, Record, RelayRecord, StepRecord, StreamLegRecord,
    StreamRecord,
};
use super::{findings, places};

/// A stream that is shorter has no rate.
const RATE_US: u64 = 1_000_000;

pub(super) fn tell(
    record: &mut Record,
    context: &Context<'_>,
    parties: Vec<Party>,
    names: &mut Names,
    mut atlas: Option<&mut dyn Atlas>,
) {
    record.dialect = parties.iter().find_map(|party| party.dialect.clone());
    record.outcome = outcome(&parties);
    let ends = parties.len();
    // Both ends may be given the same relays; they are one visit.
    let mut asked: Vec<super::super::end_point::EndPoint> = Vec::new();
    for remote in parties.iter().flat_map(|party| &party.remotes).filter(|remote| took_part(remote)) {
        if !asked.contains(&remote.end_point) {
            asked.push(remote.end_point);
        }
    }
    names.mark_recapture.visit(asked);
    let mut peers: Vec<super::super::end_point::EndPoint> = Vec::new();
    for (number, party) in parties.into_iter().enumerate() {
        let remote_names: Vec<Arc<str>> = party
            .remotes
            .iter()
            .map(|remote| {
                if remote.kind == RemoteKind::Relay {
                    return names.relay(remote.end_point);
                }
                let known = peers.iter().position(|peer| *peer == remote.end_point).unwrap_or_else(|| {
                    peers.push(remote.end_point);
                    peers.len() - 1
                });
                names.peer(known, remote.end_point)
            })
            .collect();
        tell_party(record, context, number, &party, ends, &remote_names, names);
        findings::tell(record, number, &party, &remote_names);
        if let Some(atlas) = atlas.as_deref_mut() {
            places::relays(record, number, &party, atlas);
        }
        for step in party.steps {
            let with = step.remote.and_then(|at| remote_names.get(at)).cloned();
            record.states.push(context.state(number, step, with));
        }
    }
}

fn tell_party(
    record: &mut Record,
    context: &Context<'_>,
    number: usize,
    party: &Party,
    parties: usize,
    remote_names: &[Arc<str>],
    names: &Names,
) {
    let side = party.side.map(|(side, _)| side);
    let name = match (side, parties) {
        (Some(side), _) => side.name().to_owned(),
        (None, 1) => "client".to_owned(),
        (None, _) => format!("client {}", number + 1),
    };
    let remote_name = |at: usize| remote_names.get(at).cloned().unwrap_or_default();
    record.parties.push(PartyRecord {
        name,
        address: names.real(party.local),
        side: side.map(Side::name),
        side_evidence: party.side.map(|(_, evidence)| evidence),
        captured: party.captured().name(),
        behind_nat: party.mapped.map(|mapped| mapped != party.local),
        country: None,
        rtcp: party.reports.packets,
        srtcp: party.reports.encrypted,
        compact_rtcp: party.reports.compact,
        signalling: party.signalling.packets,
        signalling_at: context.spans(&party.signalling.spans),
        ..timing(party)
    });
    let chosen = party.chosen_relay();
    for (at, remote) in party.remotes.iter().enumerate() {
        if remote.kind == RemoteKind::Relay {
            let chosen_by = chosen.filter(|(n, _)| *n == at).map(|(_, by)| by);
            let told = relay(context, number, remote, remote_name(at), chosen_by);
            record.relays.push(match party.captured() {
                Captured::Both => told,
                Captured::Up => RelayRecord { answered: None, refused: None, ..told },
                Captured::Down => RelayRecord { asked: None, released: None, ..told },
            });
        }
        if remote.kind == RemoteKind::Peer || remote.media != [0; 2] || remote.reports != [0; 2] {
            record.legs.push(leg(context, number, remote, remote_name(at)));
        }
    }
    for known in &party.streams {
        record.streams.push(stream(context, number, party, known, remote_names));
    }
}

/// Whether a relay was asked, as its answers show where the question was not captured.
fn took_part(remote: &Remote) -> bool {
    remote.asked + remote.answered + remote.refused > 0
}

fn outcome(parties: &[Party]) -> &'static str {
    let has_begun = parties.iter().any(|party| party.remotes.iter().any(took_part));
    let is_answered = parties.iter().any(Party::is_answered);
    let has_relay = parties.iter().any(|party| party.remotes.iter().any(|remote| remote.answered > 0));
    let is_one_sided = parties.iter().all(|party| party.captured() != Captured::Both);
    match (has_begun, is_answered, has_relay) {
        (false, ..) => "partial",
        (true, true, _) => "answered",
        (true, false, _) if is_one_sided => "unknown",
        (true, false, false) => "blocked",
        (true, false, true) if parties.iter().any(findings::is_rejected) => "rejected",
        (true, false, true) => "unanswered",
    }
}

fn timing(party: &Party) -> PartyRecord {
    let first = |marks: &mut dyn Iterator<Item = u64>| marks.min();
    let asked =
        first(&mut party.remotes.iter().filter_map(|remote| remote.first_asked.map(|mark| mark.time_us)));
    let found =
        first(&mut party.remotes.iter().filter_map(|remote| remote.first_answered.map(|mark| mark.time_us)));
    let picked_up = first(&mut party.handshake.iter().flatten().map(|mark| mark.time_us));
    let media = first(&mut party.first_media.iter().flatten().map(|mark| mark.time_us));
    let between = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
    let span = |kind: RemoteKind| -> u64 {
        let of_kind = |at: usize| party.remotes.get(at).is_some_and(|remote| remote.kind == kind);
        // This end's own streams know best: a pause of the other's is no time on the relay.
        let is_own = |stream: &&Stream| stream.way == LinkDirection::Up;
        let has_own = party.streams.iter().any(|stream| is_own(&stream));
        let streams = party.streams.iter().filter(|stream| !has_own || is_own(stream));
        let spans = streams.map(|stream| {
            let legs = stream.legs.iter().filter(|leg| of_kind(leg.remote));
            // A stream that comes back to a relay ran elsewhere in between: that part is not the relay's.
            legs.map(|leg| {
                let elsewhere: u64 = stream
                    .legs
                    .iter()
                    .filter(|other| {
                        other.first.time_us > leg.first.time_us && other.last.time_us < leg.last.time_us
                    })
                    .map(|other| other.last.time_us.saturating_sub(other.first.time_us))
                    .sum();
                leg.last.time_us.saturating_sub(leg.first.time_us).saturating_sub(elsewhere)
            })
            .sum()
        });
        spans.max().unwrap_or(0)
    };
    PartyRecord {
        name: String::new(),
        address: None,
        side: None,
        side_evidence: None,
        captured: "both",
        behind_nat: None,
        country: None,
        setup_us: between(asked, found),
        ringing_us: between(found, picked_up),
        first_media_us: between(picked_up, media),
        relayed_us: span(RemoteKind::Relay),
        direct_us: span(RemoteKind::Peer),
        rtcp: [0; 2],
        srtcp: 0,
        compact_rtcp: 0,
        signalling: [0; 2],
        signalling_at: Vec::new(),
    }
}

fn relay(
    context: &Context<'_>,
    party: usize,
    remote: &Remote,
    name: Arc<str>,
    chosen_by: Option<&'static str>,
) -> RelayRecord {
    RelayRecord {
        party,
        name,
        asked: Some(remote.asked),
        answered: Some(remote.answered),
        refused: Some(remote.refused),
        at_us: context.since(remote.first.time_us),
        packet: remote.first.number,
        rtt_us: remote.round_trip.map(|round_trip| round_trip.first_us),
        min_rtt_us: remote.round_trip.map(|round_trip| round_trip.min_us),
        clock_ahead_us: remote.clock.map(|clock| [clock.min_us, clock.max_us]),
        keepalives: remote.pings,
        probes: remote.probes,
        released: Some(remote.released.map_or(0, |(count, _)| count)),
        chosen_by,
        country: None,
        km: None,
        activity: context.spans(&remote.activity),
    }
}

fn leg(context: &Context<'_>, party: usize, remote: &Remote, name: Arc<str>) -> LegRecord {
    let kind = match remote.kind {
        RemoteKind::Relay => "relay",
        RemoteKind::Peer if remote.end_point.is_private() => "peer host",
        RemoteKind::Peer => "peer",
    };
    LegRecord {
        party,
        name,
        kind,
        at_us: context.since(remote.first.time_us),
        packet: remote.first.number,
        until_us: context.since(remote.last.time_us),
        packets: remote.packets,
        bytes: remote.bytes,
        media: remote.media,
        checks: remote.checks,
        checked: remote.checked,
        rtt_us: remote.round_trip.map(|round_trip| round_trip.min_us),
        country: None,
        km: None,
        activity: context.spans(&remote.activity),
        series: None,
    }
}

fn stream(
    context: &Context<'_>,
    party_number: usize,
    party: &Party,
    stream: &Stream,
    remote_names: &[Arc<str>],
) -> StreamRecord {
    let clock = stream.clock();
    let ms = |units: u32| clock.map(|(clock, _)| f64::from(units) * 1000.0 / f64::from(clock));
    let steps: Vec<StepRecord> =
        stream.steps().into_iter().map(|(units, count)| StepRecord { units, ms: ms(units), count }).collect();
    let legs = stream.legs.iter().map(|leg| {
        let jitter = stream.jitter(leg);
        StreamLegRecord {
            with: remote_names.get(leg.remote).cloned().unwrap_or_default(),
            at_us: context.since(leg.first.time_us),
            packet: leg.first.number,
            until_us: context.since(leg.last.time_us),
            activity: context.spans(&leg.spans),
            packets: leg.packets,
            duplicates: leg.duplicates,
            jitter_ms: jitter.map(|jitter| jitter.mean_us.round() / 1000.0),
            max_jitter_ms: jitter.map(|jitter| jitter.max_us.round() / 1000.0),
        }
    });
    let packetisations = stream.packetisations().iter().map(|change| PacketisationRecord {
        at_us: context.since(change.at.time_us),
        packet: change.at.number,
        units: change.units,
        ms: ms(change.units),
    });
    let length_us = stream.last.time_us.saturating_sub(stream.first.time_us);
    let rate = |bytes: u64| {
        (length_us >= RATE_US).then(|| (bytes as f64 * 80_000.0 / length_us as f64).round() / 10.0)
    };
    let gaps = stream.gaps.iter().map(|gap| GapRecord {
        at_us: context.since(gap.from.time_us),
        from_packet: gap.from.number,
        to_packet: gap.to.number,
        length_us: gap.length_us(),
        lost: gap.lost,
    });
    let longest = stream.legs.iter().max_by_key(|leg| leg.packets);
    let quality = (stream.content == Some(Content::Audio) && stream.packets > 1).then(|| {
        let remote = longest.and_then(|leg| party.remotes.get(leg.remote));
        let round_trip =
            remote.and_then(|remote| remote.round_trip).map_or(0, |round_trip| round_trip.min_us);
        estimate(Observed {
            loss: stream.lost() as f64 / stream.expected().max(1) as f64,
            jitter_ms: longest
                .and_then(|leg| stream.jitter(leg))
                .map_or(0.0, |jitter| jitter.mean_us / 1000.0),
            packet_ms: steps.first().and_then(|step| step.ms).unwrap_or(20.0).min(160.0),
            round_trip_ms: round_trip as f64 / 1000.0,
            is_relayed: remote.is_some_and(|remote| remote.kind == RemoteKind::Relay),
        })
    });
    StreamRecord {
        party: party_number,
        ssrc: format!("0x{:08x}", stream.ssrc),
        way: stream.way.name(),
        payload_types: stream.payload_types.clone(),
        media: stream.content.map(Content::name),
        clock_hz: clock.map(|(clock, _)| clock),
        clock_measured: clock.is_some_and(|(_, measured)| measured),
        at_us: context.since(stream.first.time_us),
        packet: stream.first.number,
        until_us: context.since(stream.last.time_us),
        first_sequence: stream.first_sequence,
        packets: stream.packets,
        bytes: stream.bytes,
        net_bytes: stream.net_bytes,
        codec_bytes: stream.codec_bytes,
        net_kbit_s: rate(stream.net_bytes),
        codec_kbit_s: rate(stream.codec_bytes),
        dscp: stream.dscp.clone(),
        expected: stream.expected(),
        lost: stream.lost(),
        duplicates: stream.duplicates(),
        reordered: stream.reordered(),
        markers: stream.markers,
        silent: stream.silent_packets,
        suppressed_us: stream.suppressed_us(),
        steps,
        packetisations: packetisations.collect(),
        gaps: gaps.collect(),
        legs: legs.collect(),
        quality,
        series: context.series(&stream.series),
    }
}
