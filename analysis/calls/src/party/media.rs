//! What the media of a call does to the state of one end.

use wiremark::dissect::rtp::Rtp;

use super::super::end_point::LinkDirection;
use super::super::remote::{RemoteKind, add};
use super::super::script::RelayScript;
use super::super::step::{State, Step};
use super::super::stream::{LegChange, Stream};
use super::{Observation, Party, STREAMS};

/// Headers of UDP and IP without options.
const IPV4_UDP: usize = 28;
const IPV6_UDP: usize = 48;

impl Party {
    pub(super) fn media(
        &mut self,
        script: &RelayScript,
        seen: &Observation,
        at: usize,
        packet: &Rtp<'_>,
    ) -> Option<u32> {
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
        let change = stream.take(seen.at, at, packet, seen.bytes, script);
        let is_v4 = seen.remote.address.to_v4().is_some();
        stream.header(seen.bytes + if is_v4 { IPV4_UDP } else { IPV6_UDP }, seen.dscp);
        let kind = self.remotes.get_mut(at).map(|remote| {
            add(&mut remote.media, seen.way, 1);
            remote.kind
        })?;
        if let Some(first) = self.first_media.get_mut(seen.way.index()) {
            first.get_or_insert(seen.at);
        }
        self.leg_change(seen, at, kind, change, is_new, packet);
        if change != LegChange::Behind {
            if let Some(last) = self.last_media.get_mut(seen.way.index()) {
                *last = Some(seen.at);
            }
            if kind == RemoteKind::Peer && seen.way == LinkDirection::Down {
                self.last_direct_down = Some(seen.at);
            }
        }
        is_new.then_some(packet.ssrc)
    }

    /// What a media packet's path says of the state.
    fn leg_change(
        &mut self,
        seen: &Observation,
        at: usize,
        kind: RemoteKind,
        change: LegChange,
        is_new: bool,
        packet: &Rtp<'_>,
    ) {
        let way = seen.way.index();
        let was_direct = self.is_direct.get(way).copied().unwrap_or(false);
        let (ssrc, sequence) = (packet.ssrc, packet.sequence);
        let before = match change {
            LegChange::Moved { from, sequence_from } => {
                self.remotes.get(from).map(|remote| (remote.kind, sequence_from))
            }
            LegChange::Same | LegChange::Behind => None,
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
}

fn is_media(step: &Step, way: LinkDirection) -> bool {
    step.way == way && matches!(step.state, State::Relayed | State::Direct | State::Fallback)
}
