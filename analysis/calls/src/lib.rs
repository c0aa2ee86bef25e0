//! Calls: one story out of many flows (WhatsApp Exposed; UVP, II).
//!
//! [`Watch`] takes packets with the tracker's verdicts and hands out each [`Call`] when it is over. A call over relays has
//! one or two [`Party`]s with their states, relays and streams, a call over channels its [`Channel`]s; both become one
//! [`Record`], which [`story`] tells in words and [`picture`] draws. What an app's messages mean is read from
//! `signatures/calls`.

#![forbid(unsafe_code)]

mod channel;
mod channels;
mod datagram;
mod jitter;
mod joined;
mod keyed;
mod mark;
mod names;
mod party;
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
mod watch;

pub use channel::{Channel, ChannelCall, ChannelKind};
pub use jitter::JitterSummary;
pub use mark::{EndPoint, Mark, Way};
pub use names::Names;
pub use party::{Farewell, Others, Party, Reports, Signalling};
pub use record::Record;
pub use remote::{ClockOffset, Remote, RemoteKind, RoundTrip};
pub use script::{ChannelScript, Content, RelayScript, ScriptError, Scripts, Side};
pub use spans::Spans;
pub use step::{State, Step};
pub use stream::{Gap, Stream, StreamLeg};
pub use watch::{Call, Story, Watch};
pub use wiremark_report::Series;
