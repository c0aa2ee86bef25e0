//! One end of a call over relays: the state machine.

mod media;
mod token;
mod transitions;

use super::datagram::Datagram;
use super::end_point::{EndPoint, LinkDirection};
use super::packet_stamp::PacketStamp;
use super::remote::{Remote, RemoteKind, add};
use super::script::{Meaning, RelayScript, Side};
use super::spans::Spans;
use super::step::{State, Step};
use super::stream::Stream;
use token::token;

/// Most of each that one party keeps; what comes beyond is only counted.
const REMOTES: usize = 64;
const STREAMS: usize = 32;
const STEPS: usize = 64;
/// How a side shows that nothing else tells.
const REPORTED_FIRST: &str = "who reported first";
/// Relays that are asked for so long, or so often, without an answer do not answer: who is answered asks once or twice.
const BLOCKED_US: u64 = 3_500_000;
const BLOCKED_ROUNDS: u64 = 3;
/// A new token after so long without media begins a new call.
const NEW_CALL_US: u64 = 5_000_000;

/// Which ways of a call a capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// Both.
    Both,
    /// Nothing but what the observed end sent.
    Up,
    /// Nothing but what it was sent.
    Down,
}

impl Captured {
    /// `both`, `up` or `down`.
    pub fn name(self) -> &'static str {
        match self {
            Captured::Both => "both",
            Captured::Up => "up",
            Captured::Down => "down",
        }
    }
}

/// Packets of the app's signalling while a call goes on.
#[derive(Clone, Debug, Default)]
pub struct Signalling {
    /// Packets with payload up, down.
    pub packets: [u64; 2],
    /// The last one, and who sent it.
    pub last: Option<(PacketStamp, LinkDirection)>,
    /// The last one before the first release, and who sent it.
    pub before_ending: Option<(PacketStamp, LinkDirection)>,
    /// When they came.
    pub spans: Spans,
}

/// Control packets of the media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// All, up and down.
    pub packets: [u64; 2],
    /// Those that end like SRTCP.
    pub encrypted: u64,
    /// Those of a few words only.
    pub compact: u64,
}

/// The last reports of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// How many.
    pub packets: u64,
    /// The first of them.
    pub first: PacketStamp,
    /// Where it went to or came from: its place among the party's remotes.
    pub remote: usize,
    pub(crate) signature: u16,
}

/// What else ran over the call's port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Datagrams of DTLS.
    pub dtls: u64,
    /// Datagrams nobody knows.
    pub unknown: u64,
    /// Datagrams of remotes and streams beyond those kept.
    pub beyond: u64,
}

/// One end of a call, from its first packet to its last.
#[derive(Clone, Debug)]
pub struct Party {
    /// The observed end: one port serves all relays and the peer.
    pub local: EndPoint,
    /// Its address as the relays see it.
    pub mapped: Option<EndPoint>,
    /// Name of the dialect its allocations are in.
    pub dialect: Option<String>,
    /// Which end of the call it is, and how that is known.
    pub side: Option<(Side, &'static str)>,
    /// First packet.
    pub first: PacketStamp,
    /// Last packet.
    pub last: PacketStamp,
    /// Relays and peer addresses in order of appearance.
    pub remotes: Vec<Remote>,
    /// States, in order of time.
    pub steps: Vec<Step>,
    /// In order of appearance.
    pub streams: Vec<Stream>,
    /// Control packets of the media.
    pub reports: Reports,
    /// The app's signalling.
    pub signalling: Signalling,
    /// Everything else.
    pub others: Others,
    /// The first report each way.
    pub handshake: [Option<PacketStamp>; 2],
    /// The last words each way.
    pub farewell: [Option<Termination>; 2],
    /// The first release, when it was sent by this end.
    pub released: Option<PacketStamp>,
    /// The first media packet each way.
    pub first_media: [Option<PacketStamp>; 2],
    pub(crate) last_release_us: u64,
    pub(crate) app: u16,
    /// No row knows any of its flows yet: it may be no call.
    pub(crate) is_tentative: bool,
    pub(crate) counterpart: Option<u64>,
    last_media: [Option<PacketStamp>; 2],
    last_direct_down: Option<PacketStamp>,
    is_direct: [bool; 2],
    fell_back: Option<u64>,
    is_rechecked: bool,
    /// Place of the remote that the packet before was exchanged with.
    recent: usize,
}

/// A packet of a party.
pub(crate) struct Observation {
    pub(crate) at: PacketStamp,
    pub(crate) way: LinkDirection,
    pub(crate) remote: EndPoint,
    pub(crate) bytes: usize,
    /// Class of service of the IP header, where it is known.
    pub(crate) dscp: Option<u8>,
    pub(crate) signature: u16,
}

impl Party {
    pub(crate) fn new(local: EndPoint, at: PacketStamp) -> Self {
        Self {
            local,
            mapped: None,
            dialect: None,
            side: None,
            first: at,
            last: at,
            remotes: Vec::with_capacity(12),
            steps: Vec::with_capacity(16),
            streams: Vec::new(),
            reports: Reports::default(),
            signalling: Signalling::default(),
            others: Others::default(),
            handshake: [None; 2],
            farewell: [None; 2],
            released: None,
            first_media: [None; 2],
            last_release_us: 0,
            app: 0,
            is_tentative: false,
            counterpart: None,
            last_media: [None; 2],
            last_direct_down: None,
            is_direct: [false; 2],
            fell_back: None,
            is_rechecked: false,
            recent: 0,
        }
    }

    /// Takes one datagram; gives the source of a stream that began with it.
    pub(crate) fn take(
        &mut self,
        script: &RelayScript,
        seen: &Observation,
        datagram: &Datagram<'_>,
    ) -> Option<u32> {
        self.last = seen.at;
        let Some(remote) = self.remote(script, seen, datagram) else {
            self.others.beyond += 1;
            return None;
        };
        match datagram {
            Datagram::Stun(meaning, message) => self.message(script, seen, remote, *meaning, Some(message)),
            Datagram::Literal(meaning) => self.message(script, seen, remote, *meaning, None),
            Datagram::Rtp(packet) => return self.media(script, seen, remote, packet),
            Datagram::Rtcp { means, packet, is_encrypted } => {
                self.report(script, seen, remote, *means, packet, *is_encrypted);
            }
            Datagram::Dtls => self.others.dtls += 1,
            Datagram::Other => self.others.unknown += 1,
        }
        None
    }

    /// Takes note of a packet of the app's signalling.
    pub(crate) fn signal(&mut self, at: PacketStamp, way: LinkDirection) {
        let signalling = &mut self.signalling;
        add(&mut signalling.packets, way, 1);
        signalling.last = Some((at, way));
        if self.released.is_none() {
            signalling.before_ending = Some((at, way));
        }
        signalling.spans.add(at.time_us);
    }

    /// Whether this allocation begins another call on the same port.
    pub(crate) fn is_over_for(
        &self,
        script: &RelayScript,
        seen: &Observation,
        datagram: &Datagram<'_>,
    ) -> bool {
        let Datagram::Stun(Meaning::Allocate, message) = datagram else { return false };
        let known = |remote: &Remote| {
            remote.end_point == seen.remote && remote.token != 0 && remote.token != token(script, message)
        };
        let quiet_us = |mark: PacketStamp| seen.at.time_us.saturating_sub(mark.time_us);
        let was_spoken = self.last_media.iter().flatten().max_by_key(|mark| mark.time_us);
        self.released.is_some()
            || was_spoken.is_some_and(|mark| quiet_us(*mark) >= NEW_CALL_US) && self.remotes.iter().any(known)
    }

    fn remote(&mut self, script: &RelayScript, seen: &Observation, datagram: &Datagram<'_>) -> Option<usize> {
        use Meaning::{Check, Checked};
        let told = match datagram {
            Datagram::Stun(Check | Checked, _) => Some(RemoteKind::Peer),
            Datagram::Stun(..) | Datagram::Literal(_) => Some(RemoteKind::Relay),
            _ => None,
        };
        let is_it = |remote: &Remote| remote.end_point == seen.remote;
        let at = match self.remotes.get(self.recent) {
            Some(remote) if is_it(remote) => Some(self.recent),
            _ => self.remotes.iter().position(is_it),
        };
        let at = match at {
            Some(at) => at,
            None if self.remotes.len() >= REMOTES => return None,
            None => {
                let is_relay = script.relay_ports.contains(&seen.remote.port);
                let kind = told.unwrap_or(if is_relay { RemoteKind::Relay } else { RemoteKind::Peer });
                self.remotes.push(Remote::new(seen.remote, kind, seen.at));
                self.remotes.len() - 1
            }
        };
        self.recent = at;
        let remote = self.remotes.get_mut(at)?;
        remote.kind = told.unwrap_or(remote.kind);
        remote.count(seen.at, seen.way, seen.bytes);
        Some(at)
    }

    fn step(&mut self, state: State, seen: &Observation, remote: usize, evidence: String) {
        let Observation { at, way, signature, .. } = *seen;
        self.enter(Step { state, at, way, remote: Some(remote), evidence, signature });
    }

    fn enter(&mut self, step: Step) {
        if self.steps.len() < STEPS {
            self.steps.push(step);
        }
    }

    /// Who said the first of the last words, and when.
    fn first_farewell(&self) -> Option<(LinkDirection, Termination)> {
        let both = [LinkDirection::Up, LinkDirection::Down].into_iter().zip(self.farewell);
        both.filter_map(|(way, words)| Some((way, words?))).min_by_key(|(_, words)| words.first.time_us)
    }

    /// The end, shown by the last words.
    fn part(&mut self, way: LinkDirection, words: Termination, and: &str) {
        let Termination { packets, first: at, remote, signature } = words;
        let s = if packets == 1 { "" } else { "s" };
        let evidence = format!("last report ({packets} packet{s}), {and}");
        self.enter(Step { state: State::Ending, at, way, remote: Some(remote), evidence, signature });
    }

    fn has(&self, state: State) -> bool {
        self.steps.iter().any(|step| step.state == state)
    }

    /// Puts in order what is known when nothing more comes.
    pub(crate) fn finish(&mut self) {
        if let (false, Some((way, words))) = (self.has(State::Ending), self.first_farewell()) {
            self.part(way, words, "no release seen");
        }
        // Who reports first cannot be told where one way was captured.
        if self.captured() != Captured::Both && self.side.is_some_and(|(_, how)| how == REPORTED_FIRST) {
            self.side = None;
        }
        self.steps.sort_by_key(|step| (step.at.time_us, step.at.number));
    }

    /// The relay this end settled on, and how that shows.
    pub fn chosen_relay(&self) -> Option<(usize, &'static str)> {
        let relays =
            || self.remotes.iter().enumerate().filter(|(_, remote)| remote.kind == RemoteKind::Relay);
        let most = |weight: fn(&Remote) -> u64| {
            relays().map(|(n, remote)| (weight(remote), n)).filter(|(weight, _)| *weight > 0).max()
        };
        let by_use = most(|remote| remote.media.iter().sum()).map(|(_, n)| (n, "media"));
        let by_report = || most(|remote| remote.reports.iter().sum()).map(|(_, n)| (n, "reports"));
        let by_ping = || most(|remote| remote.pings).map(|(_, n)| (n, "keep-alives"));
        let by_probe = || most(|remote| remote.probes).map(|(_, n)| (n, "bandwidth probes"));
        let by_asking = || {
            let mut asked: Vec<(u64, usize)> =
                relays().filter(|(_, relay)| relay.answered > 0).map(|(n, relay)| (relay.asked, n)).collect();
            asked.sort_unstable();
            match asked.as_slice() {
                [.., (second, _), (first, n)] if first > second => Some((*n, "asked again alone (likely)")),
                _ => None,
            }
        };
        by_use.or_else(by_report).or_else(by_ping).or_else(by_probe).or_else(by_asking)
    }

    /// Which ways the capture shows. A port that is blocked looks like a capture of one way, until it was asked for long
    /// or other packets of the app came back.
    pub fn captured(&self) -> Captured {
        let sum = |way: LinkDirection| {
            let of = |counts: &[u64; 2]| counts.get(way.index()).copied().unwrap_or(0);
            self.remotes.iter().map(|remote| of(&remote.packets)).sum::<u64>() + of(&self.signalling.packets)
        };
        let asked_for_long = || {
            self.first_media == [None; 2]
                && self.remotes.iter().any(|remote| {
                    let span = remote.first_asked.zip(remote.last_asked);
                    let lasts = |(first, last): (PacketStamp, PacketStamp)| {
                        last.time_us.saturating_sub(first.time_us) >= BLOCKED_US
                    };
                    remote.rounds >= BLOCKED_ROUNDS || span.is_some_and(lasts)
                })
        };
        match (sum(LinkDirection::Up), sum(LinkDirection::Down)) {
            (1.., 0) if !asked_for_long() => Captured::Up,
            (0, 1..) => Captured::Down,
            _ => Captured::Both,
        }
    }

    /// Whether anybody spoke, or was about to.
    pub fn is_answered(&self) -> bool {
        self.handshake != [None; 2] || self.first_media != [None; 2]
    }
}
