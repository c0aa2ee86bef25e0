//! Calls: one story out of many flows (WhatsApp Exposed; UVP, II).
//!
//! [`CallTracker`] takes packets with the tracker's verdicts and hands out each [`Call`] when it is over. A call over relays
//! has one or two [`Party`]s with their states, relays and streams, a call over channels its [`Channel`]s; both become one
//! [`Record`], which [`story`] tells in words and [`picture`] draws. What an app's messages mean is read from
//! `signatures/calls`.

#![forbid(unsafe_code)]

mod atlas;
mod call;
mod call_tracker;
mod channel;
mod channel_calls;
mod datagram;
mod dscp;
mod end_point;
mod flow_use;
mod invite;
mod jitter;
mod keyed_hash;
mod locals;
mod names;
mod packet_stamp;
mod packetisation;
mod party;
mod party_pairs;
pub mod picture;
pub mod population;
pub mod quality;
pub mod record;
mod remote;
mod script;
mod sequence;
mod spans;
mod step;
pub mod story;
mod stream;

pub use atlas::Atlas;
pub use call::{Call, CallKind};
pub use call_tracker::CallTracker;
pub use channel::{Channel, ChannelCall, ChannelKind};
pub use end_point::{EndPoint, LinkDirection};
pub use invite::Invite;
pub use jitter::JitterSummary;
pub use names::Names;
pub use packet_stamp::PacketStamp;
pub use packetisation::Change;
pub use party::{Captured, Others, Party, Reports, Signalling, Termination};
pub use record::Record;
pub use remote::{ClockOffset, Remote, RemoteKind, RoundTrip};
pub use script::{ChannelScript, Content, RelayScript, ScriptError, Scripts, Side};
pub use spans::Spans;
pub use step::{State, Step};
pub use stream::{Gap, Stream, StreamLeg};
pub use wiremark_report::Series;
