//! The bytes of a call's packets: transaction ids, sequence numbers and time stamps go on from one to the next.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::act::{Act, Event};
use super::call::Call;
use crate::protocol::hex;
use crate::protocol::rtp::{Stream, srtcp};
use crate::protocol::whatsapp_relay::{self as relay, Dialect, Id};
use crate::random::Random;
use crate::trace::Trace;

/// Turns acts into bytes, in order of time: numbers go on from one to the next.
pub(super) struct Voice<'a> {
    call: &'a Call,
    random: Random,
    tokens: Vec<Vec<u8>>,
    id: Id,
    /// Requests not answered yet, oldest first, by the end that was asked.
    asked: HashMap<SocketAddr, Vec<Id>>,
    last: HashMap<SocketAddr, Id>,
    audio: [Stream; 2],
    video: [Stream; 2],
    repair: Stream,
    reports: [u32; 2],
}

impl<'a> Voice<'a> {
    pub(super) fn new(call: &'a Call) -> Self {
        let mut random = Random::new(call.seed);
        let one = call.dialect.token(&mut random);
        let each =
            |_| if call.dialect == Dialect::Y2023 { call.dialect.token(&mut random) } else { one.clone() };
        let tokens = (0..call.relays.len()).map(each).collect();
        let mut id: Id = random.array();
        if call.dialect == Dialect::Y2015 {
            id[..2].fill(0);
        }
        let (audio, video, repair) = streams(call, &mut random);
        let (asked, last) = (HashMap::new(), HashMap::new());
        Self { call, random, tokens, id, asked, last, audio, video, repair, reports: [0; 2] }
    }

    pub(super) fn speak(mut self, events: Vec<Event>) -> Trace {
        let mut trace = Trace::new();
        for (at, src, dst, act) in events {
            if let Some(payload) = self.payload(at, src, dst, act) {
                trace.push_udp(at, src, dst, &payload);
            }
        }
        trace
    }

    fn ask(&mut self, whom: SocketAddr) -> Id {
        self.id = relay::next_id(self.id);
        self.asked.entry(whom).or_default().push(self.id);
        self.id
    }

    fn asked(&mut self, whom: SocketAddr) -> Option<Id> {
        let ids = self.asked.get_mut(&whom)?;
        (!ids.is_empty()).then(|| ids.remove(0))
    }

    fn payload(&mut self, at: u64, src: SocketAddr, dst: SocketAddr, act: Act) -> Option<Vec<u8>> {
        let call = self.call;
        let side = usize::from(src != call.client);
        let other = if side == 0 { dst } else { src };
        let nth = call.relays.iter().position(|r| *r == other).unwrap_or(0);
        let clock_ms = at / 1000;
        Some(match act {
            Act::Allocate { first, second_round } => {
                // In 2015 the repetition is the same message; since then it counts as one of its own.
                let same = !first && call.dialect == Dialect::Y2015;
                let id = if same { *self.last.get(&dst)? } else { self.ask(dst) };
                if same {
                    self.asked.entry(dst).or_default().push(id);
                }
                self.last.insert(dst, id);
                let attribute = if call.caller || call.dialect != Dialect::Y2015 { 0x4000 } else { 0x4001 };
                let token = &self.tokens[nth];
                relay::allocate(call.dialect, attribute, token, id, dst, second_round, &mut self.random)
            }
            Act::Allocated => {
                let id = self.asked(src)?;
                relay::allocated(call.dialect, id, call.client, clock_ms, &mut self.random)
            }
            Act::KeepAlive => {
                let id = if call.dialect.is_padded() { self.ask(dst) } else { self.id };
                relay::keep_alive(call.dialect, id)?.0
            }
            Act::KeptAlive => {
                let id = if call.dialect.is_padded() { self.asked(src)? } else { self.id };
                relay::keep_alive(call.dialect, id)?.1
            }
            Act::UplinkProbe => {
                let id = self.ask(dst);
                relay::uplink_probe(call.dialect, id, clock_ms, at * 1000).0
            }
            Act::UplinkProbed => {
                let id = self.asked(src)?;
                relay::uplink_probe(call.dialect, id, clock_ms, (at - 60_000) * 1000).1
            }
            Act::DownlinkProbe => {
                let id = self.ask(dst);
                relay::downlink_probe(id, dst, clock_ms, &mut self.random).0
            }
            Act::DownlinkProbed => {
                let id = self.asked(src)?;
                relay::downlink_probe(id, src, clock_ms, &mut self.random).1
            }
            Act::Probe199(kind) => relay::probe_199(kind, &mut self.random),
            Act::Check => {
                let id = self.random.array();
                self.asked.entry(dst).or_default().push(id);
                relay::check(id, &mut self.random)
            }
            Act::Checked => {
                let id = self.asked(src)?;
                relay::checked(id, &mut self.random)
            }
            Act::Rtcp { packet_type, bytes } => {
                self.reports[side] += 1;
                srtcp(&mut self.random, packet_type, self.audio[side].ssrc, self.reports[side], bytes)
            }
            Act::Audio { large, again } => self.audio(side, large, again),
            Act::Unseen => {
                self.audio(side, false, false);
                return None;
            }
            Act::Video { last } => {
                let bytes = self.random.between(678, 1113);
                let step = if last { 6_000 } else { 0 };
                self.video[side].packet(&mut self.random, last, step, bytes)
            }
            Act::VideoRepair => self.repair.packet(&mut self.random, true, 6_000, 700),
            Act::Terminate => {
                let id = match (call.dialect, self.last.get(&dst)) {
                    (Dialect::Y2015, Some(id)) => relay::next_id(*id),
                    _ => self.ask(dst),
                };
                relay::terminate(call.dialect, &self.tokens[nth], id, dst, &mut self.random)
            }
        })
    }

    fn audio(&mut self, side: usize, large: bool, again: bool) -> Vec<u8> {
        let (step, low, high) = match self.call.dialect {
            Dialect::Y2015 if large => (2560, 380, 420),
            Dialect::Y2015 => (320, 95, 110),
            Dialect::Y2019 => (2560, 51, 289),
            Dialect::Y2021 | Dialect::Y2023 => (960, 33, 153),
        };
        let stream = &mut self.audio[side];
        if again {
            stream.sequence = stream.sequence.wrapping_sub(1);
            stream.timestamp = stream.timestamp.wrapping_sub(step);
        }
        let bytes = self.random.between(low, high);
        stream.packet(&mut self.random, large, step, bytes)
    }
}

fn streams(call: &Call, random: &mut Random) -> ([Stream; 2], [Stream; 2], Stream) {
    let mut stream = |payload_type, extension: Option<(u16, Vec<u8>)>| Stream {
        payload_type,
        ssrc: random.word() as u32,
        sequence: if call.dialect == Dialect::Y2015 { random.word() as u16 } else { 1 },
        timestamp: random.word() as u32,
        extension,
    };
    let audio = match (call.dialect, call.video) {
        (Dialect::Y2015, _) | (Dialect::Y2019, false) => None,
        (Dialect::Y2019, true) => Some((0x746f, hex("30 01 00 00"))),
        (Dialect::Y2021 | Dialect::Y2023, _) => Some((0xdebe, hex("30 01 00 00"))),
    };
    // One-byte elements 3, 5, 6, 7 and 9 (RFC 8285 4.2), padded to whole words.
    let elements = hex("30 01 51 0000 61 0000 71 0000 91 0000 00 00");
    let (video, words) =
        if call.dialect.is_padded() { (97, elements) } else { (102, hex("30 01 51 00 00 00 00 00")) };
    let extension = Some((0xdebe, words));
    let audio = [stream(120, audio.clone()), stream(120, audio)];
    let pictures = [stream(video, extension.clone()), stream(video, extension.clone())];
    (audio, pictures, stream(103, extension))
}
