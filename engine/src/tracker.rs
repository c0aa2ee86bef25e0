//! Frames in, verdicts out: a bounded flow table around the classifier, with time taken from the packets.

mod config;
mod entry;
mod flow_table;
mod fragments;
mod statistics;

pub use config::TrackerConfig;
pub use entry::Flow;
pub use statistics::Statistics;

use crate::classifier::Classifier;
use crate::context::Context;
use crate::five_tuple::Direction;
use crate::observer::Observer;
use crate::packet::{Fragment, LinkType, Packet, ParseError, TcpFields};
use crate::verdict::Verdict;
use flow_table::FlowTable;
use fragments::Fragments;

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How the bytes begin.
    pub link_type: LinkType,
    /// Capture time, microseconds since 1970.
    pub time_us: u64,
    /// What was captured of the frame.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire, in bytes.
    pub wire_bytes: u32,
}

/// What is known of a frame's flow after it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The flow's verdict.
    pub verdict: Verdict,
    /// Who sent the packet.
    pub direction: Direction,
    /// Number of the flow, from 1 in the order of first packets.
    pub flow_number: u64,
    /// Where the flow lies in the table, from 0 and below [`Tracker::places`]: the same for all its packets, and until it
    /// ends no other flow's. For what somebody keeps of each flow beside the table.
    pub place: usize,
    /// Number of the packet in its flow, from 1.
    pub packet_number: u64,
    /// Bytes of transport payload.
    pub payload_bytes: usize,
}

/// A bounded flow table, a context and a classifier: everything one worker needs.
///
/// Memory is taken when the tracker is made. A flow has two buckets of eight places to lie in; when all are taken,
/// a flow that timed out goes, else the one without a verdict that was quiet longest, else the quietest of all: a flood
/// of new flows does not push out decided ones.
#[derive(Debug)]
pub struct Tracker<'c> {
    classifier: &'c Classifier,
    context: Context,
    table: FlowTable,
    fragments: Fragments,
}

impl<'c> Tracker<'c> {
    /// Takes all its memory now.
    pub fn new(classifier: &'c Classifier, config: TrackerConfig) -> Self {
        Self {
            classifier,
            context: Context::new(config.context),
            table: FlowTable::new(&config),
            fragments: Fragments::new(config.hash_key[0]),
        }
    }

    /// What was seen and lost so far.
    pub fn statistics(&self) -> Statistics {
        Statistics { handshakes_lost: self.context.handshakes_lost(), ..self.table.statistics }
    }

    /// How many places the table has: room for so many flows at the same time.
    pub fn places(&self) -> usize {
        self.table.places()
    }

    /// Classifies with other signatures from the next frame on. Flows keep their verdicts, and what was learned stays.
    pub fn use_classifier(&mut self, classifier: &'c Classifier) {
        self.classifier = classifier;
    }

    /// The flows in the table, in no particular order.
    pub fn flows(&self) -> impl Iterator<Item = Flow> + '_ {
        let places = self.table.entries.iter().enumerate();
        places.filter_map(|(place, entry)| entry.as_ref().map(|entry| entry.flow(place)))
    }

    /// Takes in the next frame. `ended` is told each flow that timed out or made room; frames come in order of time.
    ///
    /// # Errors
    /// Frames without a TCP or UDP packet to look at; they are counted in [`Statistics`].
    pub fn frame(&mut self, frame: &Frame<'_>, ended: &mut impl FnMut(&Flow)) -> Result<Seen, ParseError> {
        self.frame_observed(frame, ended, &mut ())
    }

    /// [`frame`](Self::frame), telling `observer` what happens on the way.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn frame_observed(
        &mut self,
        frame: &Frame<'_>,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<Seen, ParseError> {
        self.table.statistics.frames += 1;
        self.table.sweep(frame.time_us, ended);
        let packet =
            Packet::parse(frame.link_type, frame.time_us, frame.bytes).inspect_err(|error| match error {
                ParseError::Truncated => self.table.statistics.truncated += 1,
                ParseError::Malformed => self.table.statistics.malformed += 1,
                ParseError::Unsupported => self.table.statistics.unsupported += 1,
            })?;
        self.parsed(&packet, frame.wire_bytes, ended, observer)
    }

    /// [`frame_observed`](Self::frame_observed) for those who have parsed the frame themselves: its packet, and how long
    /// the frame was on the wire, in bytes.
    ///
    /// # Errors
    /// A later fragment of a packet whose first was not seen.
    pub fn packet_observed(
        &mut self,
        packet: &Packet<'_>,
        wire_bytes: u32,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<Seen, ParseError> {
        self.table.statistics.frames += 1;
        self.table.sweep(packet.time_us, ended);
        self.parsed(packet, wire_bytes, ended, observer)
    }

    #[inline(always)]
    fn parsed(
        &mut self,
        packet: &Packet<'_>,
        wire_bytes: u32,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<Seen, ParseError> {
        let Some(key) = self.fragments.key_of(packet) else {
            self.table.statistics.unsupported += 1;
            return Err(ParseError::Unsupported);
        };
        self.table.statistics.packets += 1;
        let place = self.table.place(&key, packet, ended);
        let Some(entry) = &mut self.table.entries[place] else { return Err(ParseError::Unsupported) };
        let before = (entry.state.verdict().app, entry.state.verdict().role);
        let verdict = match packet.fragment {
            Fragment::Later(_) => entry.state.verdict(),
            _ => self.classifier.classify_observed(&mut self.context, &mut entry.state, packet, observer),
        };
        let direction = match packet.fragment {
            // Ports are missing, so the direction goes by address alone.
            Fragment::Later(_) if packet.five_tuple.src == entry.key.low.0 => entry.state.direction_of(0),
            Fragment::Later(_) => entry.state.direction_of(1),
            _ => entry.state.direction(packet),
        };
        let side = match direction {
            Direction::Originator => 0,
            Direction::Responder => 1,
        };
        entry.packets[side] += 1;
        entry.bytes[side] += u64::from(wire_bytes);
        entry.last_us = entry.last_us.max(packet.time_us);
        entry.touched_us = self.table.clock_us;
        entry.is_closing |= packet.tcp.flags & (TcpFields::FIN | TcpFields::RST) != 0;
        let packet_number = entry.packets[0] + entry.packets[1];
        if before != (verdict.app, verdict.role) {
            entry.decided_at_packet = if verdict.is_match() { packet_number } else { 0 };
        }
        Ok(Seen {
            verdict,
            direction,
            flow_number: entry.number,
            place,
            packet_number,
            payload_bytes: packet.payload.len(),
        })
    }

    /// Hands out every flow still in the table, in no particular order, and forgets it.
    pub fn finish(&mut self, ended: &mut impl FnMut(&Flow)) {
        for place in 0..self.table.places() {
            self.table.end(place, ended);
        }
    }
}
