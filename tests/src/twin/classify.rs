//! What a flow's packets come to.

use super::conditions::View;
use super::flow::{Flow, Said};
use super::flow_packet::FlowPacket;
use super::inspect::{Findings, inspect_dns, inspect_quic, inspect_stream_start};
use super::stream_start::{Adds, StreamStart};
use std::cmp::Reverse;
use wiremark::dissect::{dns, rtp, stun};
use wiremark::signature::Signature;
use wiremark::signature::model::{Conditions, Teaches};
use wiremark::{Carrier, Confidence, Direction, Options, Packet, SignatureSet, TcpFields, Transport};

/// Datagrams of a flow that fits nothing, after which nothing is expected to.
const MISFIT_DATAGRAMS: usize = 8;

pub(super) fn step(set: &SignatureSet, options: &Options, flow: &mut Flow, packet: &Packet<'_>) -> Said {
    if flow.said.is_final {
        return flow.said;
    }
    let tuple = &packet.five_tuple;
    let from_high = tuple.is_from_high();
    flow.packets.push(FlowPacket { from_high, tcp: packet.tcp, payload: packet.payload.to_vec() });
    let index = flow.packets.len() - 1;
    if tuple.transport == Transport::Tcp && packet.tcp.flags & TcpFields::SYN != 0 {
        flow.starts[usize::from(from_high)].syn(packet.tcp.sequence, index);
    }
    if index == 0 {
        consider_addresses(set, options, flow, packet);
    }
    let is_stun =
        tuple.transport == Transport::Udp && packet.payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]);
    let is_syn = tuple.transport == Transport::Tcp && packet.tcp.flags & TcpFields::SYN != 0;
    let is_over = tuple.transport == Transport::Tcp
        && flow.originator().1
        && flow.starts.iter().all(|start| start.is_settled);
    if (flow.is_spent || is_over)
        && flow.said.app.0 == 0
        && flow.said.carrier != Carrier::Dns
        && !is_stun
        && !is_syn
    {
        flow.dead_groups.extend(0..8);
        return flow.said;
    }
    if !packet.payload.is_empty() {
        match tuple.transport {
            Transport::Tcp => segment(set, options, flow, packet),
            Transport::Udp => datagram(set, options, flow, packet),
        }
        flow.counted += 1;
        let may_give_up = tuple.transport == Transport::Udp
            && options.budget_packets > MISFIT_DATAGRAMS as u8
            && !counts_datagrams(set);
        if may_give_up && flow.is_spent && flow.said.app.0 != 0 {
            (flow.is_spent, flow.counted) = (false, MISFIT_DATAGRAMS);
        }
        let waits = tuple.transport == Transport::Tcp && flow.starts.iter().any(StreamStart::waits);
        let is_misfit = may_give_up && flow.counted == MISFIT_DATAGRAMS && fits_nothing(set, flow);
        if is_misfit || flow.counted >= options.budget_packets.into() && (!waits || flow.counted >= 255) {
            close(options, flow);
            flow.is_spent = true;
        }
    }
    flow.said
}

/// Whether one row names another as what it waits for or fears.
fn names(one: &Signature, other: &Signature) -> bool {
    let Conditions { reverse, after, unless, .. } = &one.conditions;
    *reverse == Some(other.id) || after.contains(&other.id) || unless.contains(&other.id)
}

/// Whether a row stands in a group, as do all that name it: once groups are dead it means nothing.
fn ends_with_groups(set: &SignatureSet, row: &Signature) -> bool {
    let is_in_group = |row: &Signature| row.conditions.every.is_some();
    is_in_group(row) && set.signatures().iter().filter(|other| names(other, row)).all(is_in_group)
}

/// Whether a row outside of groups asks how many datagrams there were, and which.
fn counts_datagrams(set: &SignatureSet) -> bool {
    set.signatures().iter().any(|row| row.conditions.asks_for_history && !ends_with_groups(set, row))
}

/// Whether nothing has held so far that another row waits for or fears, or that waits itself.
fn fits_nothing(set: &SignatureSet, flow: &Flow) -> bool {
    let rows = set.signatures();
    let waits = |row: &Signature| row.conditions.reverse.is_some() && row.conditions.ordinal.is_empty();
    let is_remembered = |row: &Signature| waits(row) || rows.iter().any(|other| names(other, row));
    let has_held = |row: &Signature| flow.noted.iter().any(|(id, _)| *id == row.id);
    flow.said.app.0 == 0
        && flow.said.carrier == Carrier::Unknown
        && flow.dead_groups.len() == 8
        && !rows.iter().any(|row| has_held(row) && is_remembered(row) && !ends_with_groups(set, row))
}

/// The longest block around the destination, else around the source.
fn consider_addresses(set: &SignatureSet, options: &Options, flow: &mut Flow, packet: &Packet<'_>) {
    let tuple = &packet.five_tuple;
    let lists = |row: &&Signature| {
        let Conditions { prefix, http, stun, rtp, hosts, contains, .. } = &row.conditions;
        prefix.is_none()
            && http.is_none()
            && stun.is_none()
            && rtp.is_none()
            && hosts.is_empty()
            && contains.is_empty()
    };
    let around = |address| {
        let blocks = set.signatures().iter().filter(lists).flat_map(|row| {
            row.conditions
                .addresses
                .iter()
                .filter(|block| block.contains(address))
                .map(move |block| (block.bits, row))
        });
        blocks.max_by_key(|(bits, row)| (*bits, Reverse(row.id))).map(|(_, row)| row)
    };
    if let Some(row) = around(tuple.dst).or_else(|| around(tuple.src)).filter(|_| options.address) {
        settle(set, flow, row, Carrier::Unknown);
    }
}

fn segment(set: &SignatureSet, options: &Options, flow: &mut Flow, packet: &Packet<'_>) {
    let from_high = packet.five_tuple.is_from_high();
    let side = usize::from(from_high);
    let has_verdict = flow.said.app.0 != 0;
    let Flow { packets, starts, .. } = flow;
    let start = match starts[side].add(packets, from_high, has_verdict) {
        Adds::Start(bytes) => Some(bytes),
        Adds::Segment => None,
        Adds::Nothing => return,
    };
    let (high_opened, is_sure) = flow.originator();
    let direction = is_sure.then_some(if high_opened == from_high {
        Direction::Originator
    } else {
        Direction::Responder
    });
    let mut view = View {
        packet,
        direction,
        bytes: packet.payload,
        http: None,
        stun: None,
        media: None,
        length: packet.payload.len(),
        is_framed: false,
        history: None,
    };
    let mut findings = Findings::default();
    findings.try_rows(set, &view, |row| row.any_segment);
    findings.asks_for_more = false;
    if let Some(start) = &start {
        view.bytes = start;
        inspect_stream_start(set, &mut view, teaches_names(set, flow), &mut findings);
    }
    conclude(set, options, flow, from_high, &findings);
    if findings.consumed > 0 {
        flow.starts[side].consume(findings.consumed);
    } else if start.is_some() {
        if findings.asks_for_more && !flow.said.is_final {
            flow.starts[side].wait();
        } else {
            flow.starts[side].is_settled = true;
        }
    }
    let settled = flow.starts.iter().all(|start| start.is_settled);
    if is_sure && settled {
        close(options, flow);
    }
}

/// Looked at long enough; other flows could still tell of one without a verdict.
fn close(options: &Options, flow: &mut Flow) {
    let may_be_told = options.related && flow.said.app.0 == 0;
    flow.said.is_final |= flow.said.carrier != Carrier::Dns && !may_be_told;
}

fn teaches_names(set: &SignatureSet, flow: &Flow) -> bool {
    set.signature(flow.said.signature).is_some_and(|row| row.teaches == Some(Teaches::Names))
}

fn datagram(set: &SignatureSet, options: &Options, flow: &mut Flow, packet: &Packet<'_>) {
    let from_high = packet.five_tuple.is_from_high();
    let bytes = packet.payload;
    let mut findings = Findings::default();
    let on_dns_port = [packet.five_tuple.src_port, packet.five_tuple.dst_port].contains(&53);
    match dns::message(bytes).found().filter(|_| on_dns_port) {
        Some(message) => inspect_dns(set, &message, &mut findings),
        None => {
            let (stun, media) = (stun::message(bytes).found(), rtp::packet(bytes).found());
            let sent_by = |high: bool| {
                let of_side = flow.packets.iter().filter(|packet| packet.from_high == high);
                of_side.map(|packet| packet.payload.clone()).filter(|payload| !payload.is_empty()).collect()
            };
            let view = View {
                packet,
                direction: None,
                bytes,
                http: None,
                stun,
                media,
                length: bytes.len(),
                is_framed: false,
                history: Some([sent_by(from_high), sent_by(!from_high)]),
            };
            findings.try_rows(set, &view, |row| {
                row.stun.is_some()
                    || row.rtp.is_some()
                    || row.transport == Some(Transport::Udp)
                        && (row.prefix.is_some() || !row.contains.is_empty())
            });
            if stun.is_some() {
                findings.carrier = Carrier::Stun;
            } else if findings.rows.is_empty() {
                inspect_quic(set, flow, usize::from(from_high), bytes, &mut findings);
            }
        }
    }
    // Nothing is known of calls: the client is in none.
    findings.rows.retain(|row| !row.conditions.joins_call);
    conclude(set, options, flow, from_high, &findings);
}

fn conclude(
    set: &SignatureSet,
    options: &Options,
    flow: &mut Flow,
    from_high: bool,
    findings: &Findings<'_>,
) {
    let by_originator = flow.originator().0 == from_high;
    if flow.said.carrier == Carrier::Unknown {
        flow.said.carrier = findings.carrier;
    }
    flow.noted.extend(findings.rows.iter().map(|row| (row.id, by_originator)));
    let alive = |group: &u8| findings.rows.iter().any(|row| row.conditions.every == Some(*group));
    flow.dead_groups.extend((0..8).filter(|group| !alive(group)));
    if let Some(row) = set.signature(flow.said.signature)
        && (flow.vetoed(&row.conditions) || flow.is_dead(&row.conditions))
    {
        withdraw(flow);
    }

    let may = |row: &Signature, by_originator: bool| {
        let pair = row.conditions.reverse.is_none_or(|other| flow.noted.contains(&(other, !by_originator)));
        let after = &row.conditions.after;
        let follows = after.is_empty() || after.iter().any(|id| flow.noted.contains(&(*id, by_originator)));
        !row.is_veto && !flow.vetoed(&row.conditions) && !flow.is_dead(&row.conditions) && pair && follows
    };
    let raw = if flow.said.carrier == Carrier::Unknown { Carrier::Raw } else { flow.said.carrier };
    let mut offers: Vec<(&Signature, Carrier)> = Vec::new();
    for row in &findings.rows {
        offers.extend(may(row, by_originator).then_some((*row, raw)));
        let waiting = set
            .signatures()
            .iter()
            .filter(|other| other.conditions.reverse == Some(row.id) && other.conditions.ordinal.is_empty());
        let noted = waiting.filter(|other| flow.noted.contains(&(other.id, !by_originator)));
        offers.extend(noted.filter(|other| may(other, !by_originator)).map(|other| (other, raw)));
    }
    offers.extend(findings.named);
    offers.retain(|(row, _)| match row.confidence {
        Confidence::None => false,
        Confidence::Address => options.address,
        Confidence::Related => options.related,
        Confidence::Name => options.name,
        Confidence::Payload => options.payload,
    });
    match offers.into_iter().min_by_key(|(row, _)| (Reverse(row.confidence), row.id)) {
        Some((row, carrier)) => settle(set, flow, row, carrier),
        None if findings.is_conclusive && flow.said.confidence < Confidence::Name => {
            withdraw(flow);
            flow.said.is_final |= !findings.asks_for_more;
        }
        None => {}
    }
    if let Some(row) = set.signature(flow.said.signature) {
        let is_safe = row.conditions.unless.is_empty()
            && row.conditions.every.is_none()
            && row.teaches != Some(Teaches::Names);
        let is_enough = flow.said.confidence == Confidence::Payload
            || flow.said.confidence == Confidence::Name && findings.is_conclusive && !findings.asks_for_more;
        flow.said.is_final |= is_safe && is_enough;
    }
}

fn withdraw(flow: &mut Flow) {
    flow.said = Said { carrier: flow.said.carrier, is_final: flow.said.is_final, ..Said::default() };
}

fn settle(set: &SignatureSet, flow: &mut Flow, row: &Signature, carrier: Carrier) {
    let carrier = if carrier == Carrier::Unknown { flow.said.carrier } else { carrier };
    if row.confidence > flow.said.confidence {
        let lookup_role = set.app(row.app).and_then(|app| app.lookup_role);
        let role = lookup_role.filter(|_| carrier == Carrier::Dns).unwrap_or(row.role);
        let is_final = flow.said.is_final;
        flow.said =
            Said { signature: row.id, app: row.app, role, carrier, confidence: row.confidence, is_final };
    }
}
