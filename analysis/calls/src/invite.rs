//! Signalling around a call over channels: the invite that goes before the channels (UVP, II-A), the answer, the end.

use std::collections::VecDeque;

use wiremark::dissect::longlink;
use wiremark::{Address, Packet};

use super::end_point::LinkDirection;
use super::packet_stamp::PacketStamp;
use super::script::{ChannelScript, Side, Signal};

/// Packets of signalling that are remembered, of all clients together.
const REMEMBERED: usize = 256;
/// Answers have their request's command and this (ChatDissect, V-A: bytes 8 to 10 are 3b 9a ca).
const ANSWER: u32 = 1_000_000_000;

/// A packet of signalling with payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSighting {
    pub(crate) at: PacketStamp,
    pub(crate) way: LinkDirection,
    /// What it says, where it is in clear.
    pub(crate) says: Option<Signal>,
    /// It is in clear, whatever it says.
    pub(crate) is_clear: bool,
}

/// What brought a call about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The packet.
    pub at: PacketStamp,
    /// Who sent it: the caller's client, or the server to the callee's.
    pub way: LinkDirection,
    /// Whether the packet says that it is one; else it is the last signalling right before the channels.
    pub is_told: bool,
}

impl Invite {
    /// Which end of the call the client is.
    pub fn side(&self) -> Side {
        if self.way == LinkDirection::Up { Side::Caller } else { Side::Callee }
    }

    /// How that is known.
    pub(crate) fn evidence(&self) -> &'static str {
        if self.is_told { "the invite" } else { "who signalled right before the channels (likely)" }
    }
}

/// The latest signalling of clients that may be about to call.
#[derive(Debug, Default)]
pub(crate) struct Signals(VecDeque<(Address, SignalSighting)>);

impl Signals {
    /// Reads a packet with payload; `way` is seen from the client.
    pub(crate) fn read(
        script: &ChannelScript,
        packet: &Packet<'_>,
        way: LinkDirection,
        at: PacketStamp,
    ) -> SignalSighting {
        let header = longlink::header(packet.payload).found();
        // An answer says that the request arrived: it is no request itself.
        let command = header.map(|header| header.command).filter(|command| *command < ANSWER);
        let says = command.and_then(|command| script.signal(command, way));
        SignalSighting { at, way, says, is_clear: header.is_some() }
    }

    pub(crate) fn remember(&mut self, client: Address, signal: SignalSighting) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((client, signal));
    }

    /// What brought the call about that this client's channels open for.
    pub(crate) fn invite(
        &self,
        script: &ChannelScript,
        client: &Address,
        opens: PacketStamp,
    ) -> Option<Invite> {
        let within = |us: u64| {
            let latest_first = self.0.iter().rev().filter(|(address, _)| address == client);
            latest_first.map(|(_, signal)| signal).filter(move |signal| {
                signal.at.time_us <= opens.time_us && opens.time_us - signal.at.time_us <= us
            })
        };
        if let Some(told) = within(script.invite_us).find(|signal| signal.says == Some(Signal::Invite)) {
            return Some(Invite { at: told.at, way: told.way, is_told: true });
        }
        // What is in clear and is no invite is none; of what is not, the first one in the last moments.
        let mut hidden = within(script.hidden_invite_us).filter(|signal| !signal.is_clear);
        hidden.next_back().map(|hidden| Invite { at: hidden.at, way: hidden.way, is_told: false })
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
