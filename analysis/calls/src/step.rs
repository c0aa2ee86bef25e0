//! The states a call goes through.

use super::end_point::LinkDirection;
use super::packet_stamp::PacketStamp;

/// A state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// The invite goes over the app's signalling.
    Inviting,
    /// Relays are asked.
    Allocating,
    /// A relay answered, or a control channel is open; the other person has not.
    Ringing,
    /// The first reports: the other person answered.
    Handshake,
    /// The call was answered: the initial burst of a control channel.
    Answered,
    /// Media goes over the relay.
    Relayed,
    /// A path to the peer is checked.
    Checking,
    /// The path to the peer works.
    Reached,
    /// Media goes to the peer.
    Direct,
    /// Media goes over the relay again.
    Fallback,
    /// The control channel only keeps itself alive.
    Heartbeat,
    /// Somebody hung up or gave up.
    Ending,
}

impl State {
    /// The word used in records.
    pub fn name(self) -> &'static str {
        match self {
            State::Inviting => "inviting",
            State::Allocating => "allocating",
            State::Ringing => "ringing",
            State::Handshake => "handshake",
            State::Answered => "answered",
            State::Relayed => "relayed",
            State::Checking => "checking",
            State::Reached => "reached",
            State::Direct => "direct",
            State::Fallback => "fallback",
            State::Heartbeat => "heartbeat",
            State::Ending => "ending",
        }
    }
}

/// The entry into a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state.
    pub state: State,
    /// The packet that showed it.
    pub at: PacketStamp,
    /// Which way media moved, or who sent that packet.
    pub way: LinkDirection,
    /// The other end of that packet: its place among the party's remotes.
    pub remote: Option<usize>,
    /// What the packet was.
    pub evidence: String,
    /// Number of the signature that its flow was known by; 0 for none.
    pub signature: u16,
}
