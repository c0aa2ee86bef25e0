//! Frames in, verdicts out: a bounded flow table around the classifier, with time taken from the packets.

mod buckets;
mod clock;
mod config;
mod entry;
mod flow_table;
mod fragments;
mod frame;
mod pieces;
mod prepared;
mod statistics;
mod wholes;

pub use config::TrackerConfig;
pub use entry::Flow;
pub use frame::{Frame, Seen};
pub use prepared::{Prepared, Preparer};
pub use statistics::Statistics;

use crate::classifier::Classifier;
use crate::context::Context;
use crate::five_tuple::Direction;
use crate::observer::Observer;
use crate::packet::{Encapsulation, Fragment, Packet, ParseError};
use buckets::Sought;
use entry::Connection;
use flow_table::FlowTable;
use fragments::{Fragments, Uncounted};
use wholes::Wholes;

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
    ignore_encapsulation: bool,
    fragments: Fragments,
    wholes: Wholes,
}

impl<'c> Tracker<'c> {
    /// Takes all its memory now.
    pub fn new(classifier: &'c Classifier, config: TrackerConfig) -> Self {
        Self {
            classifier,
            context: Context::new(config.context),
            table: FlowTable::new(&config),
            ignore_encapsulation: config.ignore_encapsulation,
            fragments: Fragments::new(config.fragmented_packets, config.hash_key[0]),
            wholes: Wholes::default(),
        }
    }

    /// What was seen and lost so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            handshakes_lost: self.context.handshakes_lost(),
            fragments_lost: self.fragments.lost,
            clock_jumps: self.table.clock.jumps,
            ..self.table.statistics
        }
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

    /// The flow at a place, as [`Seen`] tells it; none where none lies there.
    pub fn flow(&self, place: usize) -> Option<Flow> {
        self.table.entries.get(place)?.as_ref().map(|entry| entry.flow(place))
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
        self.sweep(frame.time_us, ended);
        match Packet::plain(frame.link_type, frame.time_us, frame.bytes) {
            Some(packet) => {
                let frame = Uncounted { packets: 1, bytes: frame.wire_bytes.into() };
                Ok(self.parsed(&packet, Encapsulation::NONE, frame, true, ended, observer))
            }
            None => self.walked(frame, ended, observer).map(|(seen, _)| seen),
        }
    }

    /// [`frame_observed`](Self::frame_observed), and the packet: with the payload put together where it came in fragments.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn follow<'a>(
        &'a mut self,
        frame: &Frame<'a>,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<(Seen, Packet<'a>), ParseError> {
        self.table.statistics.frames += 1;
        self.sweep(frame.time_us, ended);
        match Packet::plain(frame.link_type, frame.time_us, frame.bytes) {
            Some(packet) => {
                let frame = Uncounted { packets: 1, bytes: frame.wire_bytes.into() };
                Ok((self.parsed(&packet, Encapsulation::NONE, frame, true, ended, observer), packet))
            }
            None => {
                let (seen, found) = self.walked(frame, ended, observer)?;
                Ok((seen, found.packet(frame.bytes, &self.wholes)))
            }
        }
    }

    /// [`frame_observed`](Self::frame_observed) for those who have parsed the frame themselves: its packet, and how long
    /// the frame was on the wire, in bytes. What it came through is not known, and fragments are not put together: a later
    /// one has no flow.
    ///
    /// # Errors
    /// A later fragment.
    pub fn packet_observed(
        &mut self,
        packet: &Packet<'_>,
        wire_bytes: u32,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<Seen, ParseError> {
        self.table.statistics.frames += 1;
        self.sweep(packet.time_us, ended);
        if let Fragment::Later(_) = packet.fragment {
            self.table.statistics.fragments += 1;
            self.fragments.lost += 1;
            return Err(ParseError::Fragment);
        }
        let frame = Uncounted { packets: 1, bytes: wire_bytes.into() };
        Ok(self.parsed(packet, Encapsulation::NONE, frame, true, ended, observer))
    }

    #[inline]
    fn sweep(&mut self, now_us: u64, ended: &mut impl FnMut(&Flow)) {
        if self.table.sweep(now_us, ended) && self.fragments.is_used() {
            self.give_up_fragments(Some(self.table.clock.now_us));
        }
    }

    /// Counts frames to the packet's flow, and looks at the packet if it `is_new`.
    #[inline]
    fn parsed(
        &mut self,
        packet: &Packet<'_>,
        encapsulation: Encapsulation,
        frames: Uncounted,
        is_new: bool,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Seen {
        let key = packet.five_tuple.key();
        let sought = self.table.spread.sought(packet, &key, encapsulation);
        let made = || *packet;
        self.sought(&sought, made, frames, is_new, ended, observer)
    }

    /// The same of a packet whose key and hash are known; `packet` makes it, where it can tell anything.
    #[inline(always)]
    fn sought<'p>(
        &mut self,
        sought: &Sought<'_>,
        packet: impl FnOnce() -> Packet<'p>,
        frames: Uncounted,
        is_new: bool,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Seen {
        self.table.statistics.packets += frames.packets;
        let place = self.table.place(sought, ended);
        let Some(entry) = &mut self.table.entries[place] else {
            unreachable!("a place is given with its flow")
        };
        let Sought { is_from_high, time_us, tcp, payload_bytes, .. } = *sought;
        let before = entry.state.verdict();
        // A packet is made of few: most can tell nothing of their flow.
        let is_wanted = is_new && entry.state.wants(tcp.flags, payload_bytes);
        let verdict = if is_wanted {
            self.classifier.classify_observed(&mut self.context, &mut entry.state, &packet(), observer)
        } else {
            if !is_new {
                entry.state.expect(is_from_high);
            }
            before
        };
        let direction = entry.state.direction_of(is_from_high.into());
        let side = match direction {
            Direction::Originator => 0,
            Direction::Responder => 1,
        };
        if Connection::is_noted(tcp.flags) || entry.packets[side] == 0 {
            entry.connection.note(sought);
        }
        entry.packets[side] += frames.packets;
        entry.bytes[side] += frames.bytes;
        if time_us > entry.last_us {
            if entry.first_us == 0 {
                entry.first_us = time_us;
            }
            entry.last_us = time_us;
        }
        entry.touched_us = self.table.clock.now_us;
        entry.clock = self.table.clock.number();
        if sought.encapsulation.one_way() != 0 {
            entry.one_way[usize::from(is_from_high)] = sought.encapsulation.one_way();
        }
        if is_wanted {
            entry.decide(before, verdict);
        }
        let seen = Seen {
            verdict,
            direction,
            flow_number: entry.number,
            place,
            packet_number: entry.packets[0] + entry.packets[1],
            payload_bytes,
        };
        self.table.touch(place);
        if before.is_match() != verdict.is_match() {
            self.table.note_match(place, verdict.is_match());
        }
        seen
    }

    /// Hands out every flow still in the table, in no particular order, and forgets it.
    pub fn finish(&mut self, ended: &mut impl FnMut(&Flow)) {
        self.give_up_fragments(None);
        for place in 0..self.table.places() {
            self.table.end(place, ended);
        }
    }

    /// [`finish`](Self::finish) in the order of the flows' numbers, which takes 16 bytes a flow meanwhile.
    pub fn finish_in_order(&mut self, ended: &mut impl FnMut(&Flow)) {
        self.give_up_fragments(None);
        self.table.end_in_order(ended);
    }
}
