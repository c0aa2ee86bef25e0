//! What the messages of a call do to the state of one end.

use wiremark::dissect::rtp::Rtcp;
use wiremark::dissect::stun::{self, Message};

use super::super::end_point::{EndPoint, LinkDirection};
use super::super::remote::{Remote, add};
use super::super::script::{Meaning, RelayScript, Report};
use super::super::step::State;
use super::token::token;
use super::{Observation, Party, REPORTED_FIRST, Termination};

/// Allocations closer to each other than this are one.
const ROUND_US: u64 = 100_000;
/// Two farewells further apart than this do not belong together.
const FAREWELL_US: u64 = 2_000_000;

impl Party {
    pub(super) fn message(
        &mut self,
        script: &RelayScript,
        seen: &Observation,
        at: usize,
        meaning: Meaning,
        message: Option<&Message<'_>>,
    ) {
        let Some(remote) = self.remotes.get_mut(at) else { return };
        let name = || match message {
            Some(message) => format!("STUN 0x{:04x}", message.kind),
            None => "keep-alive text".into(),
        };
        let time_us = seen.at.time_us;
        let request = |remote: &mut Remote| {
            if let (Some(message), LinkDirection::Up) = (message, seen.way) {
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
                let is_again =
                    remote.last_asked.is_some_and(|last| time_us.saturating_sub(last.time_us) < ROUND_US);
                remote.rounds += u64::from(!is_again);
                remote.last_asked = Some(seen.at);
                request(remote);
                if let Some(message) = message {
                    remote.token = token(script, message);
                    self.recognise(script, message);
                }
                if !self.has(State::Allocating) {
                    self.step(State::Allocating, seen, at, format!("allocation, {}", name()));
                }
            }
            Meaning::Allocated => {
                remote.answered += 1;
                remote.first_answered.get_or_insert(seen.at);
                let took = answer(remote);
                if let Some(message) = message {
                    self.mapped = self.mapped.or_else(|| mapped(script, message));
                }
                if !self.has(State::Ringing) && self.first_media == [None; 2] {
                    self.step(State::Ringing, seen, at, format!("first answer, {}{}", name(), after(took)));
                }
            }
            Meaning::Refused => {
                remote.refused += 1;
                answer(remote);
            }
            Meaning::Release => {
                let (count, _) = remote.released.get_or_insert((0, seen.at));
                *count += 1;
                if seen.way == LinkDirection::Up {
                    self.last_release_us = time_us;
                    self.released.get_or_insert(seen.at);
                }
                if !self.has(State::Ending) {
                    self.end(seen, at, &name());
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
                    self.step(State::Checking, seen, at, format!("path check{again}, {}", name()));
                }
            }
            Meaning::Checked => {
                add(&mut remote.checked, seen.way, 1);
                remote.first_checked.get_or_insert(seen.at);
                let took = if seen.way == LinkDirection::Down { answer(remote) } else { None };
                if !self.has(State::Reached) {
                    self.step(State::Reached, seen, at, format!("answered check, {}{}", name(), after(took)));
                }
            }
        }
    }

    fn end(&mut self, seen: &Observation, at: usize, name: &str) {
        let recent = self
            .first_farewell()
            .filter(|(_, words)| seen.at.time_us.saturating_sub(words.first.time_us) <= FAREWELL_US);
        match recent {
            Some((way, words)) => self.part(way, words, &format!("then release, {name}")),
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

    pub(super) fn report(
        &mut self,
        script: &RelayScript,
        seen: &Observation,
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
                let side = if seen.way == LinkDirection::Up { reporting } else { reporting.other() };
                self.side = Some((side, REPORTED_FIRST));
            }
        }
        if means == Some(Report::Farewell)
            && let Some(slot) = self.farewell.get_mut(seen.way.index())
        {
            let is_late =
                |words: &Termination| seen.at.time_us.saturating_sub(words.first.time_us) > FAREWELL_US;
            let first = Termination { packets: 0, first: seen.at, remote: at, signature: seen.signature };
            let words = slot.filter(|words| !is_late(words)).unwrap_or(first);
            *slot = Some(Termination { packets: words.packets + 1, ..words });
        }
    }
}

fn after(took_us: Option<u64>) -> String {
    took_us.map_or(String::new(), |us| format!(" after {:.1} ms", us as f64 / 1000.0))
}

fn mapped(script: &RelayScript, message: &Message<'_>) -> Option<EndPoint> {
    let value = message.attribute(script.mapped_attribute)?;
    let (ip, port) = stun::xor_address(value, message.transaction_id)?;
    Some(EndPoint { address: ip.into(), port })
}
