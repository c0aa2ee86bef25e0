//! Frames in, verdicts out: a bounded flow table around the classifier, with time taken from the packets.

use crate::classifier::Classifier;
use crate::context::{Context, ContextConfig};
use crate::five_tuple::{Address, Direction, FiveTuple, FlowKey, Transport};
use crate::flow::FlowState;
use crate::lru::{LruCache, SeededHash, fold};
use crate::observer::Observer;
use crate::packet::{Fragment, LinkType, Packet, ParseError, TcpFields};
use crate::verdict::Verdict;
use alloc::boxed::Box;
use alloc::vec;

/// Entries of one bucket; a flow may lie in either of two buckets.
const WAYS: usize = 8;
/// Fragmented packets whose first fragment is remembered, and for how long (RFC 791 suggests 15 s, RFC 8200 60 s).
const FRAGMENTS: usize = 1024;
const FRAGMENT_US: u64 = 60_000_000;
/// Packet time in which the whole table is looked through for flows that timed out, and places looked at in one go.
const ROUND_US: u64 = 10_000_000;
const SWEPT: usize = 16;
/// A frame this much earlier than the latest sets the clock back.
const RESET_US: u64 = 3_600_000_000;

/// Sizes and time-outs of a [`Tracker`].
#[derive(Clone, Copy, Debug)]
pub struct TrackerConfig {
    /// Most flows at the same time; rounded up to a power of two, at least 16.
    pub capacity: usize,
    /// A TCP flow ends after so long without a packet.
    pub tcp_timeout_us: u64,
    /// A UDP flow ends after so long without a packet.
    pub udp_timeout_us: u64,
    /// Key of the flow table's hash. A secret one keeps others from choosing flows that collide.
    pub hash_key: [u64; 2],
    /// Sizes of the context.
    pub context: ContextConfig,
}

impl Default for TrackerConfig {
    /// 65,536 flows, TCP 30 min, UDP 1 min (ChatDissect, II-B).
    fn default() -> Self {
        Self {
            capacity: 65_536,
            tcp_timeout_us: 1_800_000_000,
            udp_timeout_us: 60_000_000,
            hash_key: [0x5bd1_e995_9d1d_4f3b, 0x27d4_eb2f_1656_67c5],
            context: ContextConfig::default(),
        }
    }
}

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

/// One flow of the table.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// From 1 in the order of first packets.
    pub number: u64,
    /// Where the flow lies, or lay, in the table; see [`Seen::place`].
    pub place: usize,
    /// The source is the originator.
    pub five_tuple: FiveTuple,
    /// After the last packet.
    pub verdict: Verdict,
    /// Time of the first packet, microseconds since 1970.
    pub first_us: u64,
    /// Time of the last packet.
    pub last_us: u64,
    /// Packets from the originator, from the responder.
    pub packets: [u64; 2],
    /// Frame bytes on the wire from the originator, from the responder.
    pub bytes: [u64; 2],
    /// The packet of the flow, from 1, with which app and role became what they are; 0 without an app.
    pub decided_at_packet: u64,
}

/// What the tracker has seen and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames handed in.
    pub frames: u64,
    /// Frames with TCP or UDP inside.
    pub packets: u64,
    /// Frames cut before their headers ended.
    pub truncated: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
    /// Frames with something else inside.
    pub unsupported: u64,
    /// Flows begun.
    pub flows: u64,
    /// Flows ended by their time-out.
    pub timed_out: u64,
    /// Flows that went to make room for new ones.
    pub evicted: u64,
    /// Handshakes in pieces whose bytes went to make room for others'; see [`Context::handshakes_lost`].
    pub handshakes_lost: u64,
}

/// What counts for every packet lies in the first lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Entry {
    key: FlowKey,
    state: FlowState,
    number: u64,
    first_us: u64,
    last_us: u64,
    packets: [u64; 2],
    bytes: [u64; 2],
    decided_at_packet: u64,
    /// The tracker's clock at the last packet, from which the time-out runs.
    touched_us: u64,
    /// A FIN or RST was seen: a SYN begins another connection between the same end points.
    is_closing: bool,
}

/// The two end points and the number that fragments of one packet share.
type FragmentKey = (Address, Address, u32);

impl SeededHash for FragmentKey {
    fn seeded_hash(&self, seed: u64) -> u64 {
        fold(u64::from(self.2), self.0.seeded_hash(self.1.seeded_hash(seed)))
    }
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
    config: TrackerConfig,
    /// Of each place a few bits of its flow's hash; 0 is a free place.
    tags: Box<[u16]>,
    entries: Box<[Option<Entry>]>,
    fragments: LruCache<FragmentKey, FlowKey>,
    /// Where the next look for timed-out flows goes.
    hand: usize,
    /// The clock at that next look.
    swept_us: u64,
    /// The latest packet time so far. Captures put together from several go back in time now and then; whether a flow
    /// is over must not depend on whether it was looked at in between.
    clock_us: u64,
    statistics: Statistics,
}

impl<'c> Tracker<'c> {
    /// Takes all its memory now.
    pub fn new(classifier: &'c Classifier, config: TrackerConfig) -> Self {
        let places = config.capacity.max(2 * WAYS).next_power_of_two();
        Self {
            classifier,
            context: Context::new(config.context),
            config,
            tags: vec![0; places].into_boxed_slice(),
            entries: vec![None; places].into_boxed_slice(),
            fragments: LruCache::new(FRAGMENTS, config.hash_key[0]),
            hand: 0,
            swept_us: 0,
            clock_us: 0,
            statistics: Statistics::default(),
        }
    }

    /// What was seen and lost so far.
    pub fn statistics(&self) -> Statistics {
        Statistics { handshakes_lost: self.context.handshakes_lost(), ..self.statistics }
    }

    /// How many places the table has: room for so many flows at the same time.
    pub fn places(&self) -> usize {
        self.tags.len()
    }

    /// Classifies with other signatures from the next frame on. Flows keep their verdicts, and what was learned stays.
    pub fn use_classifier(&mut self, classifier: &'c Classifier) {
        self.classifier = classifier;
    }

    /// The flows in the table, in no particular order.
    pub fn flows(&self) -> impl Iterator<Item = Flow> + '_ {
        let places = self.entries.iter().enumerate();
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
        self.statistics.frames += 1;
        self.sweep(frame.time_us, ended);
        let packet =
            Packet::parse(frame.link_type, frame.time_us, frame.bytes).inspect_err(|error| match error {
                ParseError::Truncated => self.statistics.truncated += 1,
                ParseError::Malformed => self.statistics.malformed += 1,
                ParseError::Unsupported => self.statistics.unsupported += 1,
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
        self.statistics.frames += 1;
        self.sweep(packet.time_us, ended);
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
        let Some(key) = self.key_of(packet) else {
            self.statistics.unsupported += 1;
            return Err(ParseError::Unsupported);
        };
        self.statistics.packets += 1;
        let place = self.place(&key, packet, ended);
        let Some(entry) = &mut self.entries[place] else { return Err(ParseError::Unsupported) };
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
        entry.touched_us = self.clock_us;
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
        for place in 0..self.tags.len() {
            self.end(place, ended);
        }
    }

    /// The key under which the packet's flow lies; `None` for a later fragment whose first was not seen.
    fn key_of(&mut self, packet: &Packet<'_>) -> Option<FlowKey> {
        let tuple = &packet.five_tuple;
        match packet.fragment {
            Fragment::Whole => Some(tuple.key()),
            Fragment::First(number) => {
                let key = tuple.key();
                self.fragments.insert((tuple.src, tuple.dst, number), key, packet.time_us, FRAGMENT_US);
                Some(key)
            }
            Fragment::Later(number) => self.fragments.get(&(tuple.src, tuple.dst, number), packet.time_us),
        }
    }

    fn timeout_us(&self, transport: Transport) -> u64 {
        match transport {
            Transport::Tcp => self.config.tcp_timeout_us,
            Transport::Udp => self.config.udp_timeout_us,
        }
    }

    fn is_over(&self, entry: &Entry) -> bool {
        self.clock_us.saturating_sub(entry.touched_us) > self.timeout_us(entry.key.transport)
    }

    /// Where the flow lies; a new one is made where there is none.
    fn place(&mut self, key: &FlowKey, packet: &Packet<'_>, ended: &mut impl FnMut(&Flow)) -> usize {
        let hash = key.hash(self.config.hash_key);
        let buckets = self.tags.len() / WAYS;
        let first = hash as usize & (buckets - 1);
        let second = match (hash >> 32) as usize & (buckets - 1) {
            same if same == first => first ^ 1,
            other => other,
        };
        let tag = (hash >> 48) as u16 | 1;
        let places = || (first * WAYS..first * WAYS + WAYS).chain(second * WAYS..second * WAYS + WAYS);
        let here = |place: &usize| {
            self.tags[*place] == tag && self.entries[*place].as_ref().is_some_and(|entry| entry.key == *key)
        };
        if let Some(place) = places().find(here) {
            let opens = packet.tcp.flags & (TcpFields::SYN | TcpFields::ACK) == TcpFields::SYN;
            let is_old = |entry: &Entry| self.is_over(entry) || entry.is_closing && opens;
            if !self.entries[place].as_ref().is_some_and(is_old) {
                return place;
            }
            if !(opens && self.entries[place].as_ref().is_some_and(|entry| entry.is_closing)) {
                self.statistics.timed_out += 1;
            }
            self.end(place, ended);
            self.begin(place, tag, key, packet.time_us);
            return place;
        }
        let free = |bucket: usize| {
            let tags = &self.tags[bucket * WAYS..bucket * WAYS + WAYS];
            (tags.iter().filter(|tag| **tag == 0).count(), tags.iter().position(|tag| *tag == 0))
        };
        let place = match (free(first), free(second)) {
            ((more, Some(way)), (less, _)) if more >= less => first * WAYS + way,
            (_, (_, Some(way))) => second * WAYS + way,
            _ => {
                let worth = |place: &usize| match &self.entries[*place] {
                    None => (0, 0),
                    Some(entry) if self.is_over(entry) => (1, entry.last_us),
                    Some(entry) if !entry.state.verdict().is_match() => (2, entry.last_us),
                    Some(entry) => (3, entry.last_us),
                };
                let place = places().min_by_key(worth).unwrap_or(first * WAYS);
                match worth(&place).0 {
                    1 => self.statistics.timed_out += 1,
                    _ => self.statistics.evicted += 1,
                }
                self.end(place, ended);
                place
            }
        };
        self.begin(place, tag, key, packet.time_us);
        place
    }

    fn begin(&mut self, place: usize, tag: u16, key: &FlowKey, now_us: u64) {
        self.statistics.flows += 1;
        self.tags[place] = tag;
        self.entries[place] = Some(Entry {
            key: *key,
            state: FlowState::default(),
            number: self.statistics.flows,
            first_us: now_us,
            last_us: now_us,
            touched_us: self.clock_us,
            packets: [0; 2],
            bytes: [0; 2],
            decided_at_packet: 0,
            is_closing: false,
        });
    }

    fn end(&mut self, place: usize, ended: &mut impl FnMut(&Flow)) {
        self.tags[place] = 0;
        if let Some(entry) = self.entries[place].take() {
            ended(&entry.flow(place));
        }
    }

    /// Looks through the table once in [`ROUND_US`] of packet time, but at no more than [`SWEPT`] places a frame, so that
    /// quiet flows end without a timer and busy links do not pay for it.
    #[inline]
    fn sweep(&mut self, now_us: u64, ended: &mut impl FnMut(&Flow)) {
        // Further back than captures go: some frame before had a time that was none.
        let is_reset = self.clock_us.saturating_sub(now_us) > RESET_US;
        self.clock_us = if is_reset { now_us } else { self.clock_us.max(now_us) };
        if is_reset || self.clock_us >= self.swept_us {
            self.sweep_some(ended);
        }
    }

    #[inline(never)]
    fn sweep_some(&mut self, ended: &mut impl FnMut(&Flow)) {
        // What a slow link does not get done by this time stays undone until its next frame.
        self.swept_us =
            self.clock_us.saturating_add((ROUND_US * SWEPT as u64 / self.tags.len() as u64).max(1));
        for _ in 0..SWEPT {
            self.hand = (self.hand + 1) & (self.tags.len() - 1);
            if self.tags[self.hand] != 0
                && self.entries[self.hand].as_ref().is_some_and(|entry| self.is_over(entry))
            {
                self.statistics.timed_out += 1;
                self.end(self.hand, ended);
            }
        }
    }
}

impl Entry {
    fn flow(&self, place: usize) -> Flow {
        let FlowKey { low, high, transport } = self.key;
        let (src, dst) = match self.state.direction_of(0) {
            Direction::Originator => (low, high),
            Direction::Responder => (high, low),
        };
        Flow {
            number: self.number,
            place,
            five_tuple: FiveTuple { src: src.0, dst: dst.0, src_port: src.1, dst_port: dst.1, transport },
            verdict: self.state.verdict(),
            first_us: self.first_us,
            last_us: self.last_us,
            packets: self.packets,
            bytes: self.bytes,
            decided_at_packet: self.decided_at_packet,
        }
    }
}
