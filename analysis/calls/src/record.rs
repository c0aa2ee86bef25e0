//! One call as a record: the fields of a JSON line, and what the story and the picture are made from.
//!
//! Times are microseconds since the call's first packet, unless they are called `timestamp`. No address is in it unless
//! [`Names::addresses`] asks for them.

mod channels;
#[cfg(feature = "arrow")]
pub mod columns;
mod context;
mod fields;
mod findings;
mod places;
mod relayed;

pub use fields::{
    GapRecord, LegRecord, PacketisationRecord, PartyRecord, Record, RelayRecord, SeriesRecord, StateRecord,
    StepRecord, StreamLegRecord, StreamRecord,
};

use wiremark::SignatureSet;

use super::atlas::Atlas;
use super::call::{Call, CallKind};
use super::names::Names;
use super::packet_stamp::PacketStamp;
use context::Context;

impl Record {
    /// The record of a call that was followed with verdicts of this set. Relays are counted by the names.
    pub fn new(call: Call, set: &SignatureSet, names: &mut Names) -> Self {
        Self::located(call, set, names, None)
    }

    /// The same with countries and distances of relays and servers, as the atlas has them.
    pub fn located(call: Call, set: &SignatureSet, names: &mut Names, atlas: Option<&mut dyn Atlas>) -> Self {
        let (first, last) = match &call.kind {
            CallKind::Relayed(parties) => bounds(parties.iter().map(|party| (party.first, party.last))),
            CallKind::Channels(call) => (call.first, call.last),
        };
        let context = Context { start_us: first.time_us, set };
        let mut record = Self {
            start_us: first.time_us,
            event_type: "call",
            call_id: call.number,
            app: set.app(call.app).map(|app| app.name.clone()),
            dialect: None,
            outcome: "",
            duration_us: last.time_us.saturating_sub(first.time_us),
            parties: Vec::new(),
            relays: Vec::new(),
            legs: Vec::new(),
            states: Vec::new(),
            streams: Vec::new(),
            findings: Vec::new(),
        };
        match call.kind {
            CallKind::Relayed(parties) => {
                relayed::tell(&mut record, &context, parties, names, atlas);
            }
            CallKind::Channels(call) => {
                channels::tell(&mut record, &context, &call, names);
                if let Some(atlas) = atlas {
                    places::channels(&mut record, &call, atlas);
                }
            }
        }
        record.states.sort_by_key(|state| (state.at_us, state.packet));
        record
    }
}

fn bounds(marks: impl Iterator<Item = (PacketStamp, PacketStamp)>) -> (PacketStamp, PacketStamp) {
    let earlier =
        |a: PacketStamp, b: PacketStamp| if (b.time_us, b.number) < (a.time_us, a.number) { b } else { a };
    let later =
        |a: PacketStamp, b: PacketStamp| if (b.time_us, b.number) > (a.time_us, a.number) { b } else { a };
    marks.reduce(|(first, last), (begin, end)| (earlier(first, begin), later(last, end))).unwrap_or_default()
}
