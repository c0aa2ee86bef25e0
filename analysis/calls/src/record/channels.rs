//! The record of a call over channels.

use super::super::channel::{ChannelCall, ChannelKind};
use super::super::end_point::LinkDirection;
use super::super::names::Names;
use super::context::Context;
use super::fields::{LegRecord, PartyRecord, Record};

pub(super) fn tell(record: &mut Record, context: &Context<'_>, call: &ChannelCall, names: &mut Names) {
    let answered = call.answered();
    let [taken, hung_up] = call.told;
    let has_voice = call.channels.iter().any(|channel| channel.contents > 0);
    let opened = call
        .channels
        .iter()
        .filter(|channel| channel.heartbeats + channel.signalling > 0)
        .min_by_key(|channel| channel.first.time_us);
    record.outcome = match (answered, has_voice, opened) {
        (Some(_), ..) => "answered",
        (None, true, None) => "partial",
        (None, true, Some(_)) => "answered",
        (None, false, _) => "unanswered",
    };
    let ringing_us =
        answered.zip(opened).map(|(at, channel)| at.time_us.saturating_sub(channel.first.time_us));
    let of_kind = |wanted: ChannelKind| {
        let lengths = call.channels.iter().filter(move |channel| channel.kind() == wanted);
        lengths.map(|channel| channel.last.time_us.saturating_sub(channel.first.time_us)).sum()
    };
    record.parties.push(PartyRecord {
        name: call.invite.map_or("client", |invite| invite.side().name()).into(),
        address: call.channels.first().and_then(|channel| names.real(channel.local)),
        side: call.invite.map(|invite| invite.side().name()),
        side_evidence: call.invite.map(|invite| invite.evidence()),
        captured: "both",
        behind_nat: None,
        country: None,
        setup_us: None,
        ringing_us,
        first_media_us: None,
        relayed_us: of_kind(ChannelKind::Mixed),
        direct_us: of_kind(ChannelKind::Data),
        rtcp: [0; 2],
        srtcp: 0,
        compact_rtcp: 0,
        signalling: call.signalling.packets,
        signalling_at: context.spans(&call.signalling.spans),
    });
    let (mut servers, mut peers) = (0, 0);
    for channel in &call.channels {
        let kind = channel.kind();
        let is_peer = kind == ChannelKind::Data;
        let number = if is_peer { &mut peers } else { &mut servers };
        let name =
            if is_peer { names.peer(*number, channel.remote) } else { names.server(*number, channel.remote) };
        *number += 1;
        record.legs.push(LegRecord {
            party: 0,
            name,
            kind: kind.name(),
            at_us: context.since(channel.first.time_us),
            packet: channel.first.number,
            until_us: context.since(channel.last.time_us),
            packets: channel.packets,
            bytes: channel.bytes,
            media: [0; 2],
            checks: [0; 2],
            checked: [0; 2],
            rtt_us: None,
            country: None,
            km: None,
            activity: context.spans(&channel.spans),
            series: Some(context.series(&channel.series)),
        });
        let bursts = channel.bursts();
        if is_peer && bursts > 1 {
            record.findings.push(format!("{bursts} bursts of voice on the data channel"));
        }
    }
    for step in call.steps() {
        let with = step.remote.and_then(|n| record.legs.get(n)).map(|leg| leg.name.clone());
        record.states.push(context.state(0, step, with));
    }
    for (what, mark) in [("took", taken), ("ended", hung_up)] {
        if let Some((at, way)) = mark {
            let who = if way == LinkDirection::Up { "this end" } else { "the server" };
            record.findings.push(format!("{who} {what} the call over the long link (#{})", at.number));
        }
    }
    if answered.is_none() && !has_voice && opened.is_some() {
        record.findings.push("no initial burst: not answered, as far as the channels tell".into());
    }
}
