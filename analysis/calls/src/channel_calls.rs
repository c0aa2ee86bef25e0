//! Calls over channels that go on, and the datagrams that came before their flow was known.

use std::collections::{HashMap, VecDeque};

use wiremark::{Address, AppId, Direction, Packet, Seen, Transport};

use super::call::{Call, CallKind};
use super::channel::{ChannelCall, ChannelObservation};
use super::end_point::{LinkDirection, ends};
use super::invite::Signals;
use super::keyed_hash::KeyedState;
use super::packet_stamp::PacketStamp;
use super::script::ChannelScript;

/// Datagrams whose flow was not known yet that are kept: the first packet of a channel may prove nothing.
const UNDECIDED: usize = 256;

/// Calls over channels by their client's address: everything that one client has open belongs to one call.
#[derive(Debug, Default)]
pub(crate) struct ChannelCalls {
    calls: HashMap<Address, (u64, ChannelCall), KeyedState>,
    undecided: VecDeque<ChannelObservation>,
    signals: Signals,
}

impl ChannelCalls {
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes a datagram of a channel; `number` is that of the call which it may begin. Tells whether it began one.
    pub(crate) fn take(
        &mut self,
        script: &ChannelScript,
        packet: &Packet<'_>,
        seen: &Seen,
        at: PacketStamp,
        number: u64,
    ) -> bool {
        let observation = observation(packet, seen, at);
        let client = observation.local.address;
        let is_known = self.calls.get(&client).is_some_and(|(_, call)| call.has(seen.flow_number));
        let before = if is_known { Vec::new() } else { self.recall(seen.flow_number) };
        let first = before.first().map_or(at, |early| early.at);
        let is_new = !self.calls.contains_key(&client);
        let (_, call) = self.calls.entry(client).or_insert_with(|| (number, ChannelCall::new(first)));
        call.app = seen.verdict.app.0;
        call.signature = seen.verdict.signature.0;
        for early in before.iter().chain([&observation]) {
            call.take(script, early);
        }
        call.first = if first.time_us < call.first.time_us { first } else { call.first };
        if is_new && let Some(invite) = self.signals.invite(script, &client, call.first) {
            call.invite = Some(invite);
            call.first = invite.at;
        }
        is_new
    }

    /// Whether a datagram may be one of the first of a channel, before its flow is known as one.
    pub(crate) fn may_be_early(script: &ChannelScript, packet: &Packet<'_>, seen: &Seen) -> bool {
        let is_early = seen.packet_number <= UNDECIDED as u64;
        is_early && packet.payload.first().is_some_and(|byte| script.class(*byte).is_some())
    }

    /// Keeps what a channel's story needs of such a datagram.
    pub(crate) fn set_aside(&mut self, packet: &Packet<'_>, seen: &Seen, at: PacketStamp) {
        if self.undecided.len() >= UNDECIDED {
            self.undecided.pop_front();
        }
        self.undecided.push_back(observation(packet, seen, at));
    }

    /// What was set aside of a flow, in order.
    fn recall(&mut self, flow_number: u64) -> Vec<ChannelObservation> {
        let is_its = |early: &&ChannelObservation| early.flow_number == flow_number;
        let before: Vec<_> = self.undecided.iter().filter(is_its).copied().collect();
        if !before.is_empty() {
            self.undecided.retain(|early| early.flow_number != flow_number);
        }
        before
    }

    /// A packet of the app's signalling to or from a client.
    pub(crate) fn signal(
        &mut self,
        script: &ChannelScript,
        client: Address,
        packet: &Packet<'_>,
        way: LinkDirection,
        at: PacketStamp,
    ) {
        let signal = Signals::read(script, packet, way, at);
        match self.calls.get_mut(&client) {
            Some((_, call)) => call.signal(&signal),
            None => self.signals.remember(client, signal),
        }
    }

    /// Hands out the calls whose last packet is older than this, those that began first before the others: the order of
    /// a hash map changes from run to run.
    pub(crate) fn expire(&mut self, last_us: u64, ended: &mut impl FnMut(Call)) {
        let is_over = |_: &Address, (_, call): &mut (u64, ChannelCall)| call.last.time_us < last_us;
        let mut over: Vec<(u64, ChannelCall)> =
            self.calls.extract_if(is_over).map(|(_, numbered)| numbered).collect();
        over.sort_by_key(|(number, _)| *number);
        for (number, call) in over {
            ended(Call { number, app: AppId(call.app), kind: CallKind::Channels(Box::new(call)) });
        }
    }

    /// Forgets what was set aside.
    pub(crate) fn clear(&mut self) {
        self.undecided.clear();
        self.signals.clear();
    }
}

fn observation(packet: &Packet<'_>, seen: &Seen, at: PacketStamp) -> ChannelObservation {
    let [(src, _), (dst, _)] = ends(&packet.five_tuple);
    let (local, remote, way) = match seen.direction {
        Direction::Originator => (src, dst, LinkDirection::Up),
        Direction::Responder => (dst, src, LinkDirection::Down),
    };
    ChannelObservation {
        at,
        way,
        local,
        remote,
        flow_number: seen.flow_number,
        bytes: packet.payload.len(),
        first_byte: packet.payload.first().copied(),
        is_tcp: packet.five_tuple.transport == Transport::Tcp,
    }
}
