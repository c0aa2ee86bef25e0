//! One end of a call over relays: the state machine.

use std::hash::{DefaultHasher, Hash, Hasher};

use wiremark::dissect::rtp::{Rtcp, Rtp};
use wiremark::dissect::stun::{self, Message};

use super::datagram::Datagram;
use super::mark::{EndPoint, Mark, Way};
use super::remote::{Remote, RemoteKind, add};
use super::script::{Meaning, RelayScript, Report, Side};
use super::spans::Spans;
use super::step::{State, Step};
use super::stream::{Course, Stream};

/// Most of each that one party keeps; what comes beyond is only counted.
const REMOTES: usize = 64;
const STREAMS: usize = 32;
const STEPS: usize = 64;
/// Two farewells further apart than this do not belong together.
const FAREWELL_US: u64 = 2_000_000;
/// A new token after so long without media begins a new call.
const NEW_CALL_US: u64 = 5_000_000;

/// Packets of the app's signalling while a call goes on.
#[derive(Clone, Debug)]
pub struct Signalling {
    /// Packets with payload up, down.
    pub packets: [u64; 2],
    /// The last one, and who sent it.
    pub last: Option<(Mark, Way)>,
    /// The last one before the first release, and who sent it.
    pub before_ending: Option<(Mark, Way)>,
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
    pub first: Mark,
    /// Last packet.
    pub last: Mark,
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
    pub handshake: [Option<Mark>; 2],
    /// The last words each way: how many, the first of them.
    pub farewell: [Option<(u64, Mark)>; 2],
    /// The first release, when it was sent by this end.
    pub released: Option<Mark>,
    /// The first media packet each way.
    pub first_media: [Option<Mark>; 2],
    pub(crate) last_release_us: u64,
    pub(crate) app: u16,
    pub(crate) counterpart: Option<u64>,
    last_media: [Option<Mark>; 2],
    last_direct_down: Option<Mark>,
    is_direct: [bool; 2],
    fell_back: Option<u64>,
    is_rechecked: bool,
}

/// A packet of a party.
pub(crate) struct Sighting {
    pub(crate) at: Mark,
    pub(crate) way: Way,
    pub(crate) remote: EndPoint,
    pub(crate) bytes: usize,
    pub(crate) signature: u16,
}

impl Party {
    pub(crate) fn new(local: EndPoint, at: Mark) -> Self {
        Self {
            local,
            mapped: None,
            dialect: None,
            side: None,
            first: at,
            last: at,
            remotes: Vec::new(),
            steps: Vec::new(),
            streams: Vec::new(),
            reports: Reports::default(),
            signalling: Signalling {
                packets: [0; 2],
                last: None,
                before_ending: None,
                spans: Spans::default(),
            },
            others: Others::default(),
            handshake: [None; 2],
            farewell: [None; 2],
            released: None,
            first_media: [None; 2],
            last_release_us: 0,
            app: 0,
            counterpart: None,
            last_media: [None; 2],
            last_direct_down: None,
            is_direct: [false; 2],
            fell_back: None,
            is_rechecked: false,
        }
    }

    /// Takes one datagram; gives the source of a stream that began with it.
    pub(crate) fn take(
        &mut self,
        script: &RelayScript,
        seen: &Sighting,
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
    pub(crate) fn signal(&mut self, at: Mark, way: Way) {
        let signalling = &mut self.signalling;
        add(&mut signalling.packets, way, 1);
        signalling.last = Some((at, way));
        if self.released.is_none() {
            signalling.before_ending = Some((at, way));
        }
        signalling.spans.add(at.time_us);
    }

    /// Whether this allocation begins another call on the same port.
    pub(crate) fn is_over_for(&self, script: &RelayScript, seen: &Sighting, datagram: &Datagram<'_>) -> bool {
        let Datagram::Stun(Meaning::Allocate, message) = datagram else { return false };
        let known = |remote: &Remote| {
            remote.end_point == seen.remote && remote.token != 0 && remote.token != token(script, message)
        };
        let quiet_us = |mark: Mark| seen.at.time_us.saturating_sub(mark.time_us);
        let was_spoken = self.last_media.iter().flatten().max_by_key(|mark| mark.time_us);
        self.released.is_some()
            || was_spoken.is_some_and(|mark| quiet_us(*mark) >= NEW_CALL_US) && self.remotes.iter().any(known)
    }

    fn remote(&mut self, script: &RelayScript, seen: &Sighting, datagram: &Datagram<'_>) -> Option<usize> {
        use Meaning::{Check, Checked};
        let told = match datagram {
            Datagram::Stun(Check | Checked, _) => Some(RemoteKind::Peer),
            Datagram::Stun(..) | Datagram::Literal(_) => Some(RemoteKind::Relay),
            _ => None,
        };
        let at = self.remotes.iter().position(|remote| remote.end_point == seen.remote);
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
        let remote = self.remotes.get_mut(at)?;
        remote.kind = told.unwrap_or(remote.kind);
        remote.count(seen.at, seen.way, seen.bytes);
        Some(at)
    }

    fn step(&mut self, state: State, seen: &Sighting, remote: usize, evidence: String) {
        if self.steps.len() < STEPS {
            let Sighting { at, way, signature, .. } = *seen;
            self.steps.push(Step { state, at, way, remote: Some(remote), evidence, signature });
        }
    }

    fn has(&self, state: State) -> bool {
        self.steps.iter().any(|step| step.state == state)
    }

    fn message(
        &mut self,
        script: &RelayScript,
        seen: &Sighting,
        at: usize,
        meaning: Meaning,
        message: Option<&Message<'_>>,
    ) {
        let Some(remote) = self.remotes.get_mut(at) else { return };
        let name = message
            .map_or_else(|| "keep-alive text".into(), |message| format!("STUN 0x{:04x}", message.kind));
        let time_us = seen.at.time_us;
        let request = |remote: &mut Remote| {
            if let (Some(message), Way::Up) = (message, seen.way) {
                remote.request(message.transaction_id, time_us);
            }
        };
        let answer = |remote: &mut Remote| {
            let took_us = message.and_then(|message| remote.answer(message.transaction_id, time_us));
            let clock = message.and_then(|message| message.attribute(script.clock_attribute));
            if let Some(clock) = clock.and_then(|value| <[u8; 8]>::try_from(value).ok()) {
                remote.tell_time(u64::from_be_bytes(clock), time_us, took_us);
            }
            took_us
        };
        match meaning {
            Meaning::Allocate => {
                remote.asked += 1;
                remote.first_asked.get_or_insert(seen.at);
                request(remote);
                if let Some(message) = message {
                    remote.token = token(script, message);
                    self.recognise(script, message);
                }
                if !self.has(State::Allocating) {
                    self.step(State::Allocating, seen, at, format!("allocation, {name}"));
                }
            }
            Meaning::Allocated => {
                remote.answered += 1;
                remote.first_answered.get_or_insert(seen.at);
                let took =
                    answer(remote).map_or(String::new(), |us| format!(" after {:.1} ms", us as f64 / 1000.0));
                if let Some(message) = message {
                    self.mapped = self.mapped.or_else(|| mapped(script, message));
                }
                if !self.has(State::Ringing) && self.first_media == [None; 2] {
                    self.step(State::Ringing, seen, at, format!("first answer, {name},{took}"));
                }
            }
            Meaning::Refused => {
                remote.refused += 1;
                answer(remote);
            }
            Meaning::Release => {
                let (count, _) = remote.released.get_or_insert((0, seen.at));
                *count += 1;
                if seen.way == Way::Up {
                    self.last_release_us = time_us;
                    self.released.get_or_insert(seen.at);
                }
                if !self.has(State::Ending) {
                    self.end(seen, at, &name);
                }
            }
            Meaning::Ping => {
                remote.pings += 1;
                request(remote);
            }
            Meaning::Pong => {
                remote.pongs += 1;
                answer(remote);
            }
            Meaning::Probe => {
                remote.probes += 1;
                request(remote);
            }
            Meaning::Probed => {
                answer(remote);
            }
            Meaning::Check => {
                add(&mut remote.checks, seen.way, 1);
                request(remote);
                let again = self.fell_back.is_some() && remote.checked != [0; 2] && !self.is_rechecked;
                if again {
                    self.is_rechecked = true;
                }
                if again || !self.has(State::Checking) {
                    let again = if again { " again" } else { "" };
                    self.step(State::Checking, seen, at, format!("path check{again}, {name}"));
                }
            }
            Meaning::Checked => {
                add(&mut remote.checked, seen.way, 1);
                remote.first_checked.get_or_insert(seen.at);
                let took = if seen.way == Way::Down { answer(remote) } else { None };
                if !self.has(State::Reached) {
                    let took =
                        took.map_or(String::new(), |us| format!(" after {:.1} ms", us as f64 / 1000.0));
                    self.step(State::Reached, seen, at, format!("answered check, {name}{took}"));
                }
            }
        }
    }

    fn end(&mut self, seen: &Sighting, at: usize, name: &str) {
        let words = self.farewell.iter().flatten().min_by_key(|(_, mark)| mark.time_us).copied();
        let recent = words.filter(|(_, mark)| seen.at.time_us.saturating_sub(mark.time_us) <= FAREWELL_US);
        match recent {
            Some((count, mark)) => {
                let way = if self.farewell[Way::Up.index()].is_some_and(|(_, up)| up == mark) {
                    Way::Up
                } else {
                    Way::Down
                };
                let evidence = format!("last report ({count} times), then release, {name}");
                let moved = Sighting { at: mark, way, ..*seen };
                self.step(State::Ending, &moved, at, evidence);
            }
            None => self.step(State::Ending, seen, at, format!("release, {name}")),
        }
    }

    /// Dialect and side, from the first allocation that shows them.
    fn recognise(&mut self, script: &RelayScript, message: &Message<'_>) {
        if self.dialect.is_some() {
            return;
        }
        let row = script.dialect.iter().find(|row| {
            let token = row.token_attribute.map(|kind| message.attribute(kind));
            let token_fits = token.is_none_or(|value| {
                value.is_some_and(|value| {
                    row.token_bytes.is_none_or(|bytes| bytes == value.len())
                        && value.starts_with(&row.token_begins.0)
                })
            });
            token_fits && row.attribute.is_none_or(|kind| message.attribute(kind).is_some())
        });
        if let Some(row) = row {
            self.dialect = Some(row.name.clone());
            self.side = self.side.or(row.side.map(|side| (side, "the token's attribute (likely)")));
        }
    }

    fn report(
        &mut self,
        script: &RelayScript,
        seen: &Sighting,
        at: usize,
        means: Option<Report>,
        packet: &Rtcp<'_>,
        is_encrypted: bool,
    ) {
        let Some(remote) = self.remotes.get_mut(at) else { return };
        if means == Some(Report::Probe) {
            remote.probes += 1;
            return;
        }
        add(&mut remote.reports, seen.way, 1);
        add(&mut self.reports.packets, seen.way, 1);
        self.reports.encrypted += u64::from(is_encrypted);
        self.reports.compact += u64::from(means == Some(Report::Compact));
        let is_early = self.first_media == [None; 2];
        if means == Some(Report::Handshake) || is_early && means.is_none() {
            let is_first = self.handshake == [None; 2];
            let slot = self.handshake.get_mut(seen.way.index());
            if let Some(slot) = slot.filter(|slot| slot.is_none()) {
                *slot = Some(seen.at);
                let kind = packet.packet_type;
                self.step(State::Handshake, seen, at, format!("report before media, RTCP {kind}"));
            }
            // Where the capture shows the way to the first report, its sender tells the sides.
            if is_first && is_early && self.has(State::Allocating) {
                let reporting = script.reporting_side;
                let side = if seen.way == Way::Up { reporting } else { reporting.other() };
                self.side = Some((side, "who reported first"));
            }
        }
        if means == Some(Report::Farewell) {
            if let Some(slot) = self.farewell.get_mut(seen.way.index()) {
                let (count, first) = slot.unwrap_or((0, seen.at));
                let is_late = seen.at.time_us.saturating_sub(first.time_us) > FAREWELL_US;
                *slot = Some(if is_late { (1, seen.at) } else { (count + 1, first) });
            }
        }
    }

    fn media(&mut self, script: &RelayScript, seen: &Sighting, at: usize, packet: &Rtp<'_>) -> Option<u32> {
        let known =
            self.streams.iter().position(|stream| stream.ssrc == packet.ssrc && stream.way == seen.way);
        let is_new = known.is_none();
        let number = match known {
            Some(number) => number,
            None if self.streams.len() >= STREAMS => {
                self.others.beyond += 1;
                return None;
            }
            None => {
                self.streams.push(Stream::new(seen.way, packet, seen.at, self.first, script));
                self.streams.len() - 1
            }
        };
        let stream = self.streams.get_mut(number)?;
        let course = stream.take(seen.at, at, packet, seen.bytes, script);
        let kind = self.remotes.get_mut(at).map(|remote| {
            add(&mut remote.media, seen.way, 1);
            remote.kind
        })?;
        if let Some(first) = self.first_media.get_mut(seen.way.index()) {
            first.get_or_insert(seen.at);
        }
        self.course(seen, at, kind, course, is_new, packet);
        if course != Course::Behind {
            if let Some(last) = self.last_media.get_mut(seen.way.index()) {
                *last = Some(seen.at);
            }
            if kind == RemoteKind::Peer && seen.way == Way::Down {
                self.last_direct_down = Some(seen.at);
            }
        }
        is_new.then_some(packet.ssrc)
    }

    /// What a media packet's path says of the state.
    fn course(
        &mut self,
        seen: &Sighting,
        at: usize,
        kind: RemoteKind,
        course: Course,
        is_new: bool,
        packet: &Rtp<'_>,
    ) {
        let way = seen.way.index();
        let was_direct = self.is_direct.get(way).copied().unwrap_or(false);
        let (ssrc, sequence) = (packet.ssrc, packet.sequence);
        let before = match course {
            Course::Moved { from, sequence_from } => {
                self.remotes.get(from).map(|remote| (remote.kind, sequence_from))
            }
            Course::Same | Course::Behind => None,
        };
        let state = match (kind, before) {
            (RemoteKind::Peer, Some((RemoteKind::Relay, _))) if !was_direct => Some(State::Direct),
            (RemoteKind::Peer, None) if is_new && !was_direct => Some(State::Direct),
            (RemoteKind::Relay, Some((RemoteKind::Peer, _))) if was_direct => Some(State::Fallback),
            (RemoteKind::Relay, None)
                if is_new && !was_direct && !self.steps.iter().any(|step| is_media(step, seen.way)) =>
            {
                Some(State::Relayed)
            }
            _ => None,
        };
        let Some(state) = state else { return };
        let mut evidence = match before {
            Some((_, sequence_from)) => {
                format!("RTP source 0x{ssrc:08x} goes on, sequence {sequence_from} to {sequence}")
            }
            None => format!("first RTP, source 0x{ssrc:08x}, sequence {sequence}"),
        };
        if let Some(direct) = self.is_direct.get_mut(way) {
            *direct = state == State::Direct;
        }
        if state == State::Fallback {
            self.fell_back.get_or_insert(seen.at.time_us);
            self.is_rechecked = false;
            if let Some(last) = self.last_direct_down {
                let silent_s = seen.at.time_us.saturating_sub(last.time_us) as f64 / 1e6;
                evidence += &format!("; {silent_s:.1} s after the peer's last packet (#{})", last.number);
            }
            evidence += &match self.signalling.last {
                Some((mark, _)) => {
                    let before_s = seen.at.time_us.saturating_sub(mark.time_us) as f64 / 1e6;
                    format!("; last signalling {before_s:.1} s before (#{})", mark.number)
                }
                None => "; no signalling seen".into(),
            };
        }
        self.step(state, seen, at, evidence);
    }

    /// Puts in order what is known when nothing more comes.
    pub(crate) fn finish(&mut self) {
        let words = self.farewell.iter().enumerate().filter_map(|(way, slot)| slot.map(|slot| (way, slot)));
        let first = words.min_by_key(|(_, (_, mark))| mark.time_us);
        if let (false, Some((way, (count, at)))) = (self.has(State::Ending), first) {
            let way = if way == 0 { Way::Up } else { Way::Down };
            let evidence = format!("last report ({count} times); no release seen");
            if self.steps.len() < STEPS {
                let state = State::Ending;
                self.steps.push(Step { state, at, way, remote: None, evidence, signature: 0 });
            }
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

    /// Whether anybody spoke, or was about to.
    pub fn is_answered(&self) -> bool {
        self.handshake != [None; 2] || self.first_media != [None; 2]
    }
}

fn is_media(step: &Step, way: Way) -> bool {
    step.way == way && matches!(step.state, State::Relayed | State::Direct | State::Fallback)
}

/// A hash of the token, never 0: the token itself need not be kept.
fn token(script: &RelayScript, message: &Message<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    script.token_attributes.iter().find_map(|kind| message.attribute(*kind)).hash(&mut hasher);
    hasher.finish() | 1
}

fn mapped(script: &RelayScript, message: &Message<'_>) -> Option<EndPoint> {
    let value = message.attribute(script.mapped_attribute)?;
    let (ip, port) = stun::xor_address(value, message.transaction_id)?;
    Some(EndPoint { address: ip.into(), port })
}
