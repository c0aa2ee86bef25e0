//! The bounded flow table: where a flow lies, who makes room, and when a flow is over.

use super::config::TrackerConfig;
use super::entry::{Entry, Flow};
use super::statistics::Statistics;
use crate::five_tuple::{FlowKey, Transport};
use crate::flow::FlowState;
use crate::packet::{Packet, TcpFields};
use alloc::boxed::Box;
use alloc::vec;

/// Entries of one bucket; a flow may lie in either of two buckets.
const WAYS: usize = 8;
/// Packet time in which the whole table is looked through for flows that timed out, and places looked at in one go.
const ROUND_US: u64 = 10_000_000;
const SWEPT: usize = 16;
/// A frame this much earlier than the latest sets the clock back.
const RESET_US: u64 = 3_600_000_000;

/// A flow has two buckets of eight places to lie in; when all are taken, a flow that timed out goes, else the one without
/// a verdict that was quiet longest, else the quietest of all.
#[derive(Debug)]
pub(super) struct FlowTable {
    tcp_timeout_us: u64,
    udp_timeout_us: u64,
    hash_key: [u64; 2],
    /// Of each place a few bits of its flow's hash; 0 is a free place.
    tags: Box<[u16]>,
    pub(super) entries: Box<[Option<Entry>]>,
    /// Where the next look for timed-out flows goes.
    hand: usize,
    /// The clock at that next look.
    swept_us: u64,
    /// The latest packet time so far. Captures put together from several go back in time now and then; whether a flow
    /// is over must not depend on whether it was looked at in between.
    pub(super) clock_us: u64,
    pub(super) statistics: Statistics,
}

impl FlowTable {
    pub(super) fn new(config: &TrackerConfig) -> Self {
        let places = config.capacity.max(2 * WAYS).next_power_of_two();
        Self {
            tcp_timeout_us: config.tcp_timeout_us,
            udp_timeout_us: config.udp_timeout_us,
            hash_key: config.hash_key,
            tags: vec![0; places].into_boxed_slice(),
            entries: vec![None; places].into_boxed_slice(),
            hand: 0,
            swept_us: 0,
            clock_us: 0,
            statistics: Statistics::default(),
        }
    }

    pub(super) fn places(&self) -> usize {
        self.tags.len()
    }

    fn timeout_us(&self, transport: Transport) -> u64 {
        match transport {
            Transport::Tcp => self.tcp_timeout_us,
            Transport::Udp => self.udp_timeout_us,
        }
    }

    fn is_over(&self, entry: &Entry) -> bool {
        self.clock_us.saturating_sub(entry.touched_us) > self.timeout_us(entry.key.transport)
    }

    /// Where the flow lies; a new one is made where there is none.
    pub(super) fn place(
        &mut self,
        key: &FlowKey,
        packet: &Packet<'_>,
        ended: &mut impl FnMut(&Flow),
    ) -> usize {
        let hash = key.hash(self.hash_key);
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

    pub(super) fn end(&mut self, place: usize, ended: &mut impl FnMut(&Flow)) {
        self.tags[place] = 0;
        if let Some(entry) = self.entries[place].take() {
            ended(&entry.flow(place));
        }
    }

    /// Looks through the table once in [`ROUND_US`] of packet time, but at no more than [`SWEPT`] places a frame, so that
    /// quiet flows end without a timer and busy links do not pay for it.
    #[inline]
    pub(super) fn sweep(&mut self, now_us: u64, ended: &mut impl FnMut(&Flow)) {
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
