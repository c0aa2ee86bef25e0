//! Calls over control, data and mixed channels (UVP, II-A): what the channels of one client say of its call.

use super::end_point::{EndPoint, LinkDirection};
use super::invite::{Invite, SignalSighting};
use super::packet_stamp::PacketStamp;
use super::party::Signalling;
use super::remote::add;
use super::script::{ChannelScript, Class, Signal};
use super::spans::Spans;
use super::step::{State, Step};
use wiremark_report::Series;

/// Most channels of one call that are kept.
const CHANNELS: usize = 16;
/// Slots of the window in which the initial burst is looked for.
const SLOTS: usize = 10;

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// Heart-beats and signalling, with the server, as long as the call.
    Control,
    /// Voice, peer to peer.
    Data,
    /// Both, with a relaying server.
    Mixed,
    /// Nothing known.
    Unknown,
}

impl ChannelKind {
    /// `control`, `data`, `mixed` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            ChannelKind::Control => "control",
            ChannelKind::Data => "data",
            ChannelKind::Mixed => "mixed",
            ChannelKind::Unknown => "unknown",
        }
    }
}

/// A TCP channel on which a burst lasts longer than this carries voice, too: UVP's initial bursts last five seconds.
const TCP_VOICE_US: u64 = 10_000_000;

/// One flow of a call: UDP, or TCP where UDP does not reach the server (UVP, II-A).
#[derive(Clone, Debug)]
pub struct Channel {
    /// The observed end.
    pub local: EndPoint,
    /// The other one.
    pub remote: EndPoint,
    /// First packet.
    pub first: PacketStamp,
    /// Last packet.
    pub last: PacketStamp,
    /// Packets up, down.
    pub packets: [u64; 2],
    /// Payload bytes up, down.
    pub bytes: [u64; 2],
    /// Whether it is a TCP connection.
    pub is_tcp: bool,
    /// Datagrams that keep it alive.
    pub heartbeats: u64,
    /// Datagrams that control the call.
    pub signalling: u64,
    /// Datagrams with voice.
    pub contents: u64,
    /// UDP payload bytes over time.
    pub series: Series,
    /// When its datagrams came.
    pub spans: Spans,
    /// When the initial burst was complete.
    pub burst: Option<PacketStamp>,
    /// When the burst was seen to be over: a second had passed with less than half of one.
    pub calm: Option<PacketStamp>,
    window: Window,
    flow_number: u64,
}

/// A sliding sum.
#[derive(Clone, Debug)]
struct Window {
    slots: [u64; SLOTS],
    newest: u64,
}

impl Window {
    fn add(&mut self, time_us: u64, bytes: u64, slot_us: u64) -> u64 {
        let slot = time_us / slot_us.max(1);
        for passed in self.newest + 1..=slot.min(self.newest.saturating_add(SLOTS as u64)) {
            if let Some(old) = self.slots.get_mut((passed % SLOTS as u64) as usize) {
                *old = 0;
            }
        }
        if slot > self.newest + SLOTS as u64 {
            self.slots = [0; SLOTS];
        }
        self.newest = self.newest.max(slot);
        if let Some(now) = self.slots.get_mut((slot % SLOTS as u64) as usize) {
            *now += bytes;
        }
        self.slots.iter().sum()
    }
}

impl Channel {
    /// What it carries, by all that came so far.
    pub fn kind(&self) -> ChannelKind {
        match (self.heartbeats + self.signalling > 0, self.contents > 0) {
            (true, false) => ChannelKind::Control,
            (false, true) => ChannelKind::Data,
            (true, true) => ChannelKind::Mixed,
            (false, false) => ChannelKind::Unknown,
        }
    }

    /// Runs of time in which more than the mean was sent: bursts of voice.
    pub fn bursts(&self) -> usize {
        let bins = self.series.bins();
        let mean = bins.iter().map(|bytes| u64::from(*bytes)).sum::<u64>() / bins.len().max(1) as u64;
        let is_loud = |bytes: &u32| u64::from(*bytes) > mean;
        let starts =
            bins.windows(2).filter(|pair| matches!(pair, [a, b] if !is_loud(a) && is_loud(b))).count();
        starts + usize::from(bins.first().is_some_and(is_loud))
    }
}

/// A call told by its channels: everything one client address has open at a time.
#[derive(Clone, Debug)]
pub struct ChannelCall {
    /// First packet.
    pub first: PacketStamp,
    /// Last packet.
    pub last: PacketStamp,
    /// In order of appearance.
    pub channels: Vec<Channel>,
    /// Datagrams of channels beyond those kept.
    pub beyond: u64,
    /// The app's signalling.
    pub signalling: Signalling,
    /// What brought the call about.
    pub invite: Option<Invite>,
    /// Signalling in clear that took the call, and that ended it.
    pub told: [Option<(PacketStamp, LinkDirection)>; 2],
    pub(crate) app: u16,
    pub(crate) signature: u16,
}

/// A datagram of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelObservation {
    pub(crate) at: PacketStamp,
    pub(crate) way: LinkDirection,
    pub(crate) local: EndPoint,
    pub(crate) remote: EndPoint,
    pub(crate) flow_number: u64,
    pub(crate) bytes: usize,
    pub(crate) first_byte: Option<u8>,
    pub(crate) is_tcp: bool,
}

impl ChannelCall {
    pub(crate) fn new(at: PacketStamp) -> Self {
        let signalling = Signalling::default();
        Self {
            first: at,
            last: at,
            channels: Vec::new(),
            beyond: 0,
            signalling,
            invite: None,
            told: [None; 2],
            app: 0,
            signature: 0,
        }
    }

    /// Whether a flow is one of its channels.
    pub(crate) fn has(&self, flow_number: u64) -> bool {
        self.channels.iter().any(|channel| channel.flow_number == flow_number)
    }

    pub(crate) fn signal(&mut self, signal: &SignalSighting) {
        let SignalSighting { at, way, .. } = *signal;
        add(&mut self.signalling.packets, way, 1);
        self.signalling.last = Some((at, way));
        self.signalling.spans.add(at.time_us);
        let [answer, end] = &mut self.told;
        match signal.says {
            Some(Signal::Answer) => {
                answer.get_or_insert((at, way));
            }
            Some(Signal::End) => *end = Some((at, way)),
            Some(Signal::Invite) | None => {}
        }
    }

    pub(crate) fn take(&mut self, script: &ChannelScript, seen: &ChannelObservation) {
        self.last = seen.at;
        let known = self.channels.iter().position(|channel| channel.flow_number == seen.flow_number);
        let Some(at) = known.or_else(|| self.open(seen)) else {
            self.beyond += 1;
            return;
        };
        let Some(channel) = self.channels.get_mut(at) else { return };
        channel.last = seen.at;
        add(&mut channel.packets, seen.way, 1);
        add(&mut channel.bytes, seen.way, seen.bytes as u64);
        channel.series.add(seen.at.time_us, seen.bytes);
        channel.spans.add(seen.at.time_us);
        match seen.first_byte.and_then(|byte| script.class(byte)) {
            // What a TCP channel's bytes mean nobody published, nor where in a segment a message begins: it controls, as the
            // UDP one does.
            _ if seen.is_tcp => channel.signalling += 1,
            Some(Class::Heartbeat) => channel.heartbeats += 1,
            Some(Class::Signalling) => channel.signalling += 1,
            Some(Class::Content) => channel.contents += 1,
            None => {}
        }
        let slot_us = script.burst_us / SLOTS as u64;
        let sum = channel.window.add(seen.at.time_us, seen.bytes as u64, slot_us);
        let controls = channel.heartbeats + channel.signalling > 0;
        if controls && channel.burst.is_none() && sum >= script.burst_bytes {
            channel.burst = Some(seen.at);
        }
        // As long as more than half a burst comes in the time of one, it is not over.
        match channel.burst {
            Some(burst) if sum * 2 >= script.burst_bytes => {
                channel.calm = None;
                let lasts_us = seen.at.time_us.saturating_sub(burst.time_us);
                channel.contents += u64::from(seen.is_tcp && lasts_us > TCP_VOICE_US);
            }
            Some(_) => {
                channel.calm.get_or_insert(seen.at);
            }
            None => {}
        }
    }

    fn open(&mut self, seen: &ChannelObservation) -> Option<usize> {
        if self.channels.len() >= CHANNELS {
            return None;
        }
        self.channels.push(Channel {
            local: seen.local,
            remote: seen.remote,
            first: seen.at,
            last: seen.at,
            packets: [0; 2],
            bytes: [0; 2],
            is_tcp: seen.is_tcp,
            heartbeats: 0,
            signalling: 0,
            contents: 0,
            series: Series::starting(self.first.time_us),
            spans: Spans::default(),
            burst: None,
            calm: None,
            window: Window { slots: [0; SLOTS], newest: 0 },
            flow_number: seen.flow_number,
        });
        Some(self.channels.len() - 1)
    }

    /// When the call was answered: the first burst on a channel that controls.
    pub fn answered(&self) -> Option<PacketStamp> {
        let bursts = self.channels.iter().filter_map(|channel| channel.burst);
        bursts.min_by_key(|mark| mark.time_us)
    }

    /// The states, in order of time; a step's remote is the channel's place.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(Invite { at, way, is_told }) = self.invite {
            let evidence = if is_told {
                "invite over the long link".into()
            } else {
                "signalling right before the channels, likely the invite".into()
            };
            steps.push(Step { state: State::Inviting, at, way, remote: None, evidence, signature: 0 });
        }
        let mut step = |state, at, channel, evidence: String| {
            let (way, signature) = (LinkDirection::Up, self.signature);
            steps.push(Step { state, at, way, remote: Some(channel), evidence, signature });
        };
        let mut is_open = false;
        for (n, channel) in self.channels.iter().enumerate() {
            let kind = channel.kind();
            if matches!(kind, ChannelKind::Control | ChannelKind::Mixed) {
                if !is_open {
                    let over = if channel.is_tcp { " over TCP" } else { "" };
                    step(State::Ringing, channel.first, n, format!("{} channel opens{over}", kind.name()));
                }
                is_open = true;
                if let Some(at) = channel.burst {
                    let evidence = "initial burst".into();
                    step(State::Answered, at, n, evidence);
                }
                if let (ChannelKind::Control, Some(at)) = (kind, channel.calm) {
                    step(State::Heartbeat, at, n, "heart-beats alone go on".into());
                }
            }
            if kind == ChannelKind::Data {
                step(State::Direct, channel.first, n, "data channel opens".into());
            }
            if let (ChannelKind::Mixed, Some(at)) = (kind, channel.burst) {
                step(State::Relayed, at, n, "voice goes over the mixed channel".into());
            }
        }
        let controls = self.channels.iter().enumerate().filter(|(_, c)| c.heartbeats + c.signalling > 0);
        let last = controls.max_by_key(|(_, channel)| channel.last.time_us);
        if let Some((n, channel)) = last.or(self.channels.iter().enumerate().next_back()) {
            step(
                State::Ending,
                channel.last,
                n,
                format!("last packet of the {} channel", channel.kind().name()),
            );
        }
        steps.sort_by_key(|step| (step.at.time_us, step.at.number));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Scripts;
    use super::*;
    use wiremark::Address;

    fn end_point(last: u8, port: u16) -> EndPoint {
        EndPoint { address: Address::v4([192, 0, 2, last]), port }
    }

    fn seen(number: u64, time_ms: u64, flow_number: u64, first_byte: u8, bytes: usize) -> ChannelObservation {
        ChannelObservation {
            at: PacketStamp { time_us: time_ms * 1000, number },
            way: LinkDirection::Up,
            local: end_point(1, 4000),
            remote: end_point(2, 8000),
            flow_number,
            bytes,
            first_byte: Some(first_byte),
            is_tcp: false,
        }
    }

    #[test]
    fn the_initial_burst_is_the_answer() {
        let script = Scripts::embedded().unwrap().channels;
        let mut call = ChannelCall::new(PacketStamp { time_us: 0, number: 1 });
        let mut number = 0;
        let mut say = |call: &mut ChannelCall, time_ms, flow, byte, bytes| {
            number += 1;
            call.take(&script, &seen(number, time_ms, flow, byte, bytes));
        };
        // 20 packets of 48 bytes a second, 7 s long: never 2,500 bytes within one.
        (0..140).for_each(|n| say(&mut call, n * 50, 1, 0xd1, 48));
        // From 7 s on 92 bytes every 20 ms: 2,500 within a second after 17 of them beside what was sent before.
        (0..100).for_each(|n| say(&mut call, 7_000 + n * 20, 1, 0xa1, 92));
        (0..100).for_each(|n| say(&mut call, 8_000 + n * 20, 2, 0xa3, 95));
        (0..10).for_each(|n| say(&mut call, 10_000 + n * 2_000, 1, 0xd1, 48));
        let answered = call.answered().expect("answered");
        assert!((7_000_000..8_000_000).contains(&answered.time_us), "{answered:?}");
        let kinds: Vec<_> = call.channels.iter().map(Channel::kind).collect();
        assert_eq!(kinds, [ChannelKind::Control, ChannelKind::Data]);
        let states: Vec<_> = call.steps().iter().map(|step| step.state).collect();
        use State::{Answered, Direct, Ending, Heartbeat, Ringing};
        assert_eq!(states, [Ringing, Answered, Direct, Heartbeat, Ending]);
    }

    #[test]
    fn a_window_forgets() {
        let mut window = Window { slots: [0; SLOTS], newest: 0 };
        assert_eq!(window.add(1_000_000, 10, 100_000), 10);
        assert_eq!(window.add(1_900_000, 10, 100_000), 20);
        assert_eq!(window.add(2_000_000, 10, 100_000), 20);
        assert_eq!(window.add(90_000_000, 10, 100_000), 10);
        assert_eq!(window.add(u64::MAX, 10, 100_000), 10);
    }
}
