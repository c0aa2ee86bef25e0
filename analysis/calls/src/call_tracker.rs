//! Packets with the tracker's verdicts in, calls out.

use std::collections::{HashMap, VecDeque};

use wiremark::{Address, Carrier, Direction, Fragment, Packet, Seen, SignatureSet, Transport};
use wiremark_report::Copies;

use super::call::Call;
use super::channel_calls::ChannelCalls;
use super::datagram::{self, Datagram};
use super::dscp;
use super::end_point::{EndPoint, LinkDirection, ends};
use super::flow_use::{Use, Uses};
use super::keyed_hash::KeyedState;
use super::locals::Locals;
use super::packet_stamp::PacketStamp;
use super::party::{Observation, Party};
use super::party_pairs::PartyPairs;
use super::script::{Class, Meaning, Scripts};

/// How often it is looked which calls are over.
const SWEEP_US: u64 = 1_000_000;
/// Ends of calls that may be none that are followed at a time.
const TENTATIVE: usize = 64;
/// Ends of finished calls that are remembered: what strays in behind them begins no call.
const FINISHED: usize = 64;

/// Follows calls. Takes as much memory as calls go on at the same time.
#[derive(Debug)]
pub struct CallTracker<'s> {
    scripts: &'s Scripts,
    uses: Uses,
    parties: HashMap<u64, Box<Party>, KeyedState>,
    by_local: Locals,
    by_address: HashMap<Address, Vec<u64>, KeyedState>,
    by_ssrc: HashMap<u32, u64, KeyedState>,
    /// Ends of media that no row knows, oldest first: some may have been removed since.
    tentative: VecDeque<u64>,
    /// Ends of calls that are over, and when.
    finished: VecDeque<(EndPoint, u64)>,
    pairs: PartyPairs,
    channels: ChannelCalls,
    /// Packets of the last milliseconds.
    copies: Copies,
    begun: u64,
    told: u64,
    next_sweep_us: u64,
}

impl<'s> CallTracker<'s> {
    /// For verdicts by this set.
    pub fn new(scripts: &'s Scripts, set: &SignatureSet) -> Self {
        Self {
            scripts,
            uses: Uses::new(scripts, set),
            parties: HashMap::default(),
            by_local: Locals::default(),
            by_address: HashMap::default(),
            by_ssrc: HashMap::default(),
            tentative: VecDeque::new(),
            finished: VecDeque::new(),
            pairs: PartyPairs::default(),
            channels: ChannelCalls::default(),
            copies: Copies::default(),
            begun: 0,
            told: 0,
            next_sweep_us: 0,
        }
    }

    /// For verdicts by this set from now on.
    pub fn use_set(&mut self, set: &SignatureSet) {
        self.uses = Uses::new(self.scripts, set);
    }

    /// Calls handed out so far.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// Ends of calls and channel calls being followed now, and finished ones that wait for their other end.
    pub fn open(&self) -> usize {
        self.parties.len() + self.channels.len() + self.pairs.len()
    }

    /// Whether a packet with this verdict can matter; others need not be handed in.
    pub fn wants(&self, seen: &Seen) -> bool {
        // Look-ups, HTTP and TLS that no row knows are neither media nor talk with a relay.
        let is_other = matches!(seen.verdict.carrier, Carrier::Dns | Carrier::Http | Carrier::Tls);
        if seen.verdict.is_match() { self.uses.of(seen).is_some() } else { !is_other }
    }

    /// Whether a packet is one of a call itself, by its verdict: neither signalling nor something that only may matter.
    pub fn is_of_call(&self, seen: &Seen) -> bool {
        matches!(self.uses.of(seen), Some(Use::Call | Use::Channel))
    }

    /// Whether a packet is one of a call over control and data channels; other calls go over relays alone.
    pub fn is_of_channels(&self, seen: &Seen) -> bool {
        self.uses.of(seen) == Some(Use::Channel)
    }

    /// Whether a packet of a call has media, by its own bytes.
    pub fn has_media(&self, packet: &Packet<'_>, seen: &Seen) -> bool {
        if packet.five_tuple.transport != Transport::Udp {
            return false;
        }
        if self.is_of_channels(seen) {
            let class = packet.payload.first().and_then(|byte| self.scripts.channels.class(*byte));
            return class == Some(Class::Content);
        }
        self.may_be_media(&datagram::read(&self.scripts.relays, packet.payload))
    }

    /// Takes in the next packet: what the tracker said of it, and its number in the capture. `ended` is told each call
    /// that is over. Packets come in order of time.
    pub fn packet(&mut self, packet: &Packet<'_>, seen: &Seen, number: u64, ended: &mut impl FnMut(Call)) {
        self.packet_of_frame(packet, &[], seen, number, ended);
    }

    /// As [`CallTracker::packet`], with the frame that the packet was read from: its IP header tells the class of service.
    pub fn packet_of_frame(
        &mut self,
        packet: &Packet<'_>,
        frame: &[u8],
        seen: &Seen,
        number: u64,
        ended: &mut impl FnMut(Call),
    ) {
        let at = PacketStamp { time_us: packet.time_us, number };
        let mut told = self.told;
        let mut tell = |call| {
            told += 1;
            ended(Call { number: told, ..call });
        };
        if at.time_us >= self.next_sweep_us {
            self.sweep(at.time_us, &mut tell);
        }
        if self.may_matter(packet, seen) {
            self.take((packet, frame), seen, at, &mut tell);
        }
        self.told = told;
    }

    /// Whether there can be anything in a packet: nearly all that come in are datagrams of flows that nobody knows.
    #[inline]
    fn may_matter(&self, packet: &Packet<'_>, seen: &Seen) -> bool {
        if seen.verdict.is_match() {
            return true;
        }
        let tuple = &packet.five_tuple;
        tuple.transport == Transport::Udp
            && (datagram::may_be_rtp(packet.payload)
                || ChannelCalls::may_be_early(&self.scripts.channels, packet, seen)
                || self.by_local.may_have(&tuple.src, tuple.src_port)
                || self.by_local.may_have(&tuple.dst, tuple.dst_port))
    }

    fn take(
        &mut self,
        (packet, frame): (&Packet<'_>, &[u8]),
        seen: &Seen,
        at: PacketStamp,
        ended: &mut impl FnMut(Call),
    ) {
        if matches!(packet.fragment, Fragment::Later(_)) {
            return;
        }
        let is_udp = packet.five_tuple.transport == Transport::Udp;
        match self.uses.of(seen) {
            Some(Use::Signalling) if !self.is_copy(packet, seen) => {
                self.signalling(packet, seen.direction, at);
            }
            Some(Use::Channel) if (is_udp || !packet.payload.is_empty()) && !self.is_copy(packet, seen) => {
                let script = &self.scripts.channels;
                self.begun += u64::from(self.channels.take(script, packet, seen, at, self.begun + 1));
            }
            Some(Use::Call) if is_udp => self.datagram((packet, frame), seen, at, ended),
            None if is_udp && !seen.verdict.is_match() => self.datagram((packet, frame), seen, at, ended),
            _ => {}
        }
    }

    /// Whether a packet came right before in another flow: what a mirror port gives of two networks is two flows, and one call. What
    /// comes twice in a flow may have been sent twice.
    fn is_copy(&mut self, packet: &Packet<'_>, seen: &Seen) -> bool {
        self.copies.original(packet, seen.flow_number).is_some_and(|flow| flow != seen.flow_number)
    }

    /// Hands out every call still going on, those that began first before the others.
    pub fn finish(&mut self, ended: &mut impl FnMut(Call)) {
        let mut calls = Vec::new();
        let mut numbers: Vec<u64> = self.parties.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.end_party(number, u64::MAX, &mut |call| calls.push(call));
        }
        self.pairs.expire(u64::MAX, &mut |call| calls.push(call));
        self.channels.expire(u64::MAX, &mut |call| calls.push(call));
        self.channels.clear();
        calls.sort_by_key(|call| call.number);
        for call in calls {
            self.told += 1;
            ended(Call { number: self.told, ..call });
        }
    }

    fn datagram(
        &mut self,
        (packet, frame): (&Packet<'_>, &[u8]),
        seen: &Seen,
        at: PacketStamp,
        ended: &mut impl FnMut(Call),
    ) {
        let [src, dst] = ends(&packet.five_tuple);
        let known = [src.0, dst.0].map(|end| self.by_local.get(&end));
        let is_unknown = known == [None; 2] && !seen.verdict.is_match();
        let datagram = datagram::read(&self.scripts.relays, packet.payload);
        let is_media = self.may_be_media(&datagram);
        let is_channels = is_unknown && ChannelCalls::may_be_early(&self.scripts.channels, packet, seen);
        // Nothing that others do not send as well: copies of it do not matter.
        if is_unknown && !is_media && !is_channels || self.is_copy(packet, seen) {
            return;
        }
        if is_channels {
            self.channels.set_aside(packet, seen, at);
        }
        if is_unknown && !is_media {
            return;
        }
        if let (Datagram::Stun(Meaning::Release, _), [None, None]) = (&datagram, known)
            && self.has_finished(src.0, at)
        {
            return;
        }
        let known = match known {
            [None, None] => match self.opens(&datagram, src.0, dst.0, seen.direction) {
                Some(LinkDirection::Up) => [Some(self.begin(src.0, at)), None],
                Some(LinkDirection::Down) => [None, Some(self.begin(dst.0, at))],
                None => return,
            },
            known => known,
        };
        if is_unknown {
            known.into_iter().flatten().for_each(|number| self.begin_tentatively(number));
        }
        for ((local, way), number) in [src, dst].into_iter().zip(known) {
            let Some(mut number) = number else { continue };
            let remote = if way == LinkDirection::Up { dst.0 } else { src.0 };
            let bytes = packet.payload.len();
            let (dscp, signature) = (dscp::of(frame, packet), seen.verdict.signature.0);
            let observation = Observation { at, way, remote, bytes, dscp, signature };
            let script = &self.scripts.relays;
            let is_over = way == LinkDirection::Up
                && matches!(datagram, Datagram::Stun(Meaning::Allocate, _))
                && self
                    .parties
                    .get(&number)
                    .is_some_and(|party| party.is_over_for(script, &observation, &datagram));
            if is_over {
                self.end_party(number, at.time_us, ended);
                number = self.begin(local, at);
            }
            let Some(party) = self.parties.get_mut(&number) else { continue };
            // The more specific app wins: its rows prove themselves on the relays that several share.
            if seen.verdict.is_match() && (party.app == 0 || seen.verdict.app.0 < party.app) {
                party.app = seen.verdict.app.0;
            }
            party.is_tentative &= !seen.verdict.is_match();
            if let Some(ssrc) = party.take(script, &observation, &datagram) {
                let other = *self.by_ssrc.entry(ssrc).or_insert(number);
                self.pair(number, other);
            }
        }
        if let [Some(a), Some(b)] = known {
            self.pair(a, b);
        }
    }

    /// Whether a datagram of a flow that no row knows is like a call's media: where a capture begins within a call, the
    /// row that knows it may come with the release.
    fn may_be_media(&self, datagram: &Datagram<'_>) -> bool {
        let Datagram::Rtp(packet) = datagram else { return false };
        self.scripts.relays.payload(packet.payload_type).is_some()
    }

    fn begin_tentatively(&mut self, number: u64) {
        if let Some(party) = self.parties.get_mut(&number) {
            party.is_tentative = true;
            self.tentative.push_back(number);
        }
        while self.tentative.len() > TENTATIVE {
            let Some(number) = self.tentative.pop_front() else { return };
            if self.parties.get(&number).is_some_and(|party| party.is_tentative) {
                self.remove(number);
            }
        }
    }

    /// Whether a call of this end was over a short time ago.
    fn has_finished(&self, end: EndPoint, at: PacketStamp) -> bool {
        let quiet_us = self.scripts.relays.quiet_us;
        let mut finished = self.finished.iter();
        finished.any(|(known, until)| *known == end && at.time_us.saturating_sub(*until) < quiet_us)
    }

    /// Whose call a datagram begins that belongs to none: its sender's or its receiver's. Keep-alives of a finished call
    /// begin none; but what opens a call, carries it or ends it does.
    fn opens(
        &self,
        datagram: &Datagram<'_>,
        src: EndPoint,
        dst: EndPoint,
        sent_by: Direction,
    ) -> Option<LinkDirection> {
        use Meaning::{Allocate, Allocated, Check, Checked, Ping, Pong, Probe, Probed, Release};
        let is_relay = |end: &EndPoint| self.scripts.relays.relay_ports.contains(&end.port);
        match datagram {
            Datagram::Stun(Allocate | Ping | Probe | Release, _) => Some(LinkDirection::Up),
            Datagram::Stun(Allocated | Pong | Probed, _) => Some(LinkDirection::Down),
            Datagram::Rtp(_) | Datagram::Stun(Check | Checked, _) => {
                let way = match (is_relay(&src), is_relay(&dst), src.is_private(), dst.is_private()) {
                    (true, false, ..) | (false, false, false, true) => LinkDirection::Down,
                    (false, true, ..) | (false, false, true, false) => LinkDirection::Up,
                    _ if sent_by == Direction::Originator => LinkDirection::Up,
                    _ => LinkDirection::Down,
                };
                Some(way)
            }
            _ => None,
        }
    }

    /// Two ends of one call: the same stream, or packets from one to the other.
    fn pair(&mut self, a: u64, b: u64) {
        for (one, other) in [(a, b), (b, a)] {
            let is_open = one != other && self.parties.get(&other).is_some_and(|party| !party.is_tentative);
            if let Some(party) = self.parties.get_mut(&one).filter(|_| is_open) {
                party.counterpart.get_or_insert(other);
            }
        }
    }

    fn begin(&mut self, local: EndPoint, at: PacketStamp) -> u64 {
        self.begun += 1;
        let number = self.begun;
        self.parties.insert(number, Box::new(Party::new(local, at)));
        self.by_local.insert(local, number);
        self.by_address.entry(local.address).or_default().push(number);
        number
    }

    fn end_party(&mut self, number: u64, now_us: u64, ended: &mut impl FnMut(Call)) {
        let Some(mut party) = self.remove(number).filter(|party| !party.is_tentative) else { return };
        if self.finished.len() >= FINISHED {
            self.finished.pop_front();
        }
        self.finished.push_back((party.local, party.last.time_us));
        party.finish();
        let goes_on = party.counterpart.is_some_and(|other| self.parties.contains_key(&other));
        self.pairs.take(number, *party, goes_on, now_us, ended);
    }

    /// Takes an end of a call out of all tables.
    fn remove(&mut self, number: u64) -> Option<Box<Party>> {
        let party = self.parties.remove(&number)?;
        self.by_local.remove(&party.local, number);
        if let Some(numbers) = self.by_address.get_mut(&party.local.address) {
            numbers.retain(|known| *known != number);
            if numbers.is_empty() {
                self.by_address.remove(&party.local.address);
            }
        }
        for stream in &party.streams {
            if self.by_ssrc.get(&stream.ssrc) == Some(&number) {
                self.by_ssrc.remove(&stream.ssrc);
            }
        }
        Some(party)
    }

    #[inline(never)]
    fn sweep(&mut self, now_us: u64, ended: &mut impl FnMut(Call)) {
        self.next_sweep_us = now_us.saturating_add(SWEEP_US);
        let script = &self.scripts.relays;
        let is_over = |party: &Party| match party.released {
            Some(_) => now_us > party.last_release_us.saturating_add(script.linger_us),
            None => now_us > party.last.time_us.saturating_add(script.quiet_us),
        };
        let mut over: Vec<u64> =
            self.parties.iter().filter(|(_, party)| is_over(party)).map(|(number, _)| *number).collect();
        over.sort_unstable();
        over.into_iter().for_each(|number| self.end_party(number, now_us, ended));
        self.pairs.expire(now_us, ended);
        self.channels.expire(now_us.saturating_sub(self.scripts.channels.quiet_us), ended);
    }

    /// Packets with payload only: an acknowledgement signals nothing.
    fn signalling(&mut self, packet: &Packet<'_>, sent_by: Direction, at: PacketStamp) {
        if packet.payload.is_empty() {
            return;
        }
        for (end, way) in ends(&packet.five_tuple) {
            for number in self.by_address.get(&end.address).into_iter().flatten() {
                if let Some(party) = self.parties.get_mut(number) {
                    party.signal(at, way);
                }
            }
        }
        // The client is who opened the connection.
        let [(src, up), (dst, down)] = ends(&packet.five_tuple);
        let (client, way) = if sent_by == Direction::Originator { (src, up) } else { (dst, down) };
        self.channels.signal(&self.scripts.channels, client.address, packet, way, at);
    }
}
