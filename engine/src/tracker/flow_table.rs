//! The bounded flow table: where a flow lies, who makes room, and when a flow is over.

use super::buckets::{Bucket, Buckets, NOWHERE, Sought, Spread, WAYS, with_bit};
use super::clock::Clock;
use super::config::TrackerConfig;
use super::entry::{Connection, ENTRY_LINES, Entry, Flow, HOT_LINES};
use super::statistics::Statistics;
use crate::five_tuple::Transport;
use crate::flow::FlowState;
use crate::packet::{Encapsulation, Packet, TcpFields};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use wiremark_prefetch::{large_pages, prefetch, prefetch_lines};

/// Packet time in which the whole table is looked through for flows that timed out, and places looked at in one go.
const ROUND_US: u64 = 10_000_000;
const SWEPT: usize = 16;
/// So many flows before one that ends, at the end of all, its entry is asked for.
const ENDED_SOON: usize = 8;

/// A flow has two buckets of eight places to lie in; when all are taken, a flow that timed out goes, else the one without
/// a verdict that was quiet longest, else the quietest of all.
#[derive(Debug)]
pub(super) struct FlowTable {
    tcp_timeout_us: u64,
    udp_timeout_us: u64,
    pub(super) spread: Spread,
    buckets: Box<[Bucket]>,
    /// A stamp is the common clock's microseconds without so many bits, and of the rest the lower 32: twice the longest time-out
    /// fits.
    stamp_shift: u32,
    pub(super) entries: Box<[Option<Entry>]>,
    /// Where the next look for timed-out flows goes.
    hand: usize,
    /// The clock at that next look.
    swept_us: u64,
    /// Whether a flow is over must not depend on whether it was looked at in between, so this never goes back.
    pub(super) clock: Clock,
    pub(super) statistics: Statistics,
}

impl FlowTable {
    pub(super) fn new(config: &TrackerConfig) -> Self {
        let places = config.capacity.max(2 * WAYS).next_power_of_two();
        let mut entries = Vec::with_capacity(places);
        large_pages(entries.spare_capacity_mut());
        entries.resize_with(places, || None);
        let longest_us = config.tcp_timeout_us.max(config.udp_timeout_us);
        Self {
            tcp_timeout_us: config.tcp_timeout_us,
            udp_timeout_us: config.udp_timeout_us,
            spread: Spread::new(config.hash_key, places / WAYS),
            buckets: vec![Bucket::default(); places / WAYS].into_boxed_slice(),
            stamp_shift: (u64::BITS - longest_us.leading_zeros()).saturating_sub(u32::BITS - 1),
            entries: entries.into_boxed_slice(),
            hand: 0,
            swept_us: 0,
            clock: Clock::new(),
            statistics: Statistics::default(),
        }
    }

    pub(super) fn places(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn prefetch_buckets(&self, buckets: Buckets) {
        buckets.both().into_iter().for_each(|bucket| prefetch(&self.buckets[bucket]));
    }

    /// Asks for what a packet of a flow in these buckets will want: the flow, or what makes room for it. Gives back where it may lie.
    #[inline]
    pub(super) fn prefetch_entry(&self, buckets: Buckets, tcp: TcpFields) -> u32 {
        match self.tagged(buckets).next() {
            // Not even whether there is an entry is looked at: that would wait for it.
            Some(place) => {
                prefetch_lines(&self.entries[place], HOT_LINES);
                if Connection::is_noted(tcp.flags) {
                    prefetch_lines(&self.entries[place], ENTRY_LINES);
                }
                u32::try_from(place).unwrap_or(NOWHERE)
            }
            None => {
                self.prefetch_room(buckets);
                NOWHERE
            }
        }
    }

    #[inline(never)]
    fn prefetch_room(&self, buckets: Buckets) {
        let place = self.free(buckets).unwrap_or_else(|| self.least(buckets));
        prefetch_lines(&self.entries[place], ENTRY_LINES);
    }

    fn timeout_us(&self, transport: Transport) -> u64 {
        match transport {
            Transport::Tcp => self.tcp_timeout_us,
            Transport::Udp => self.udp_timeout_us,
        }
    }

    fn is_over(&self, entry: &Entry) -> bool {
        self.clock.now_us.saturating_sub(entry.touched_us) > self.timeout_us(entry.key.transport)
    }

    /// Whether the flow at this place ended before this packet of its end points: by the common clock, by a gap in which nobody's
    /// clock went on, or because a SYN begins another connection.
    #[inline]
    fn is_ended_at(&self, place: usize, sought: &Sought<'_>) -> bool {
        self.entries[place].as_ref().is_some_and(|entry| {
            self.is_over(entry)
                || entry.clock != self.clock.number() && self.is_behind_a_gap(entry, sought)
                || sought.tcp.flags & TcpFields::SYN != 0 && self.is_replaced(entry, sought)
        })
    }

    #[cold]
    fn is_behind_a_gap(&self, entry: &Entry, sought: &Sought<'_>) -> bool {
        let gap_us = sought.time_us.saturating_sub(entry.last_us);
        entry.last_us != 0
            && self.clock.is_gap_since(entry.clock)
            && gap_us > self.timeout_us(entry.key.transport)
    }

    #[cold]
    fn is_replaced(&self, entry: &Entry, sought: &Sought<'_>) -> bool {
        let quiet_us = self.clock.now_us.saturating_sub(entry.touched_us);
        entry.connection.is_replaced_by(sought, entry.bytes[0] + entry.bytes[1], quiet_us)
    }

    /// Where the flow of a packet lies; a new one is made where there is none.
    #[inline(always)]
    pub(super) fn place(&mut self, sought: &Sought<'_>, ended: &mut impl FnMut(&Flow)) -> usize {
        let likely = sought.likely as usize;
        if sought.encapsulation.one_way() == 0
            && self.is_here(likely, sought)
            && !self.is_ended_at(likely, sought)
        {
            return likely;
        }
        self.place_searched(sought, ended)
    }

    #[inline(never)]
    fn place_searched(&mut self, sought: &Sought<'_>, ended: &mut impl FnMut(&Flow)) -> usize {
        let buckets = sought.buckets;
        let here = |place: &usize| self.is_here(*place, sought);
        let found = if sought.encapsulation.one_way() == 0 {
            self.tagged(buckets).find(here)
        } else {
            self.in_tunnel(self.tagged(buckets).filter(here), sought)
        };
        if let Some(place) = found
            && !self.is_ended_at(place, sought)
        {
            return place;
        }
        self.place_anew(sought, found, ended)
    }

    /// A place for a new flow: where its like was that is over, or a free one, or one that has to go.
    #[inline(never)]
    fn place_anew(
        &mut self,
        sought: &Sought<'_>,
        found: Option<usize>,
        ended: &mut impl FnMut(&Flow),
    ) -> usize {
        if let Some(place) = found {
            let is_syn = sought.tcp.flags & TcpFields::SYN != 0;
            let is_replaced = |entry: &Entry| is_syn && self.is_replaced(entry, sought);
            if !self.entries[place].as_ref().is_some_and(is_replaced) {
                self.statistics.timed_out += 1;
            }
            self.end(place, ended);
            self.begin(place, sought);
            return place;
        }
        let place = match self.free(sought.buckets) {
            Some(place) => place,
            None => {
                let place = self.least(sought.buckets);
                match &self.entries[place] {
                    Some(entry) if self.is_over(entry) => self.statistics.timed_out += 1,
                    _ => self.statistics.evicted += 1,
                }
                self.end(place, ended);
                place
            }
        };
        self.begin(place, sought);
        place
    }

    /// A free place, in the bucket that has more of them.
    fn free(&self, buckets: Buckets) -> Option<usize> {
        let [first, second] = buckets.both().map(|bucket| (bucket, self.buckets[bucket].first_of(0)));
        let (bucket, (way, _)) = match (first, second) {
            ((first, Some(one)), (_, None)) => (first, one),
            ((first, Some(one)), (_, Some(other))) if one.1 >= other.1 => (first, one),
            (_, (second, other)) => (second, other?),
        };
        Some(bucket * WAYS + way)
    }

    /// The time of a packet, as buckets keep it.
    #[inline]
    fn stamp(&self) -> u32 {
        (self.clock.now_us >> self.stamp_shift) as u32
    }

    /// Of two full buckets, the place of the flow that makes room. Flows that were quiet for twice the longest time-out, and were
    /// not ended meanwhile, may be taken for busy ones.
    fn least(&self, buckets: Buckets) -> usize {
        let now = self.stamp();
        let timeouts = [self.tcp_timeout_us, self.udp_timeout_us].map(|timeout| timeout >> self.stamp_shift);
        let worth = |place: &usize| {
            let (bucket, way) = (&self.buckets[*place / WAYS], *place % WAYS);
            let quiet = now.wrapping_sub(bucket.touched[way]);
            let is_over = u64::from(quiet) > timeouts[usize::from(bucket.datagrams >> way & 1)];
            let rank = if is_over { 0 } else { 1 + u64::from(bucket.matches >> way & 1) };
            rank << u32::BITS | u64::from(!quiet)
        };
        buckets.places().min_by_key(worth).unwrap_or_default()
    }

    /// Notes that the flow there has had a packet now.
    #[inline]
    pub(super) fn touch(&mut self, place: usize) {
        self.buckets[place / WAYS].touched[place % WAYS] = self.stamp();
    }

    /// Notes whether the flow there has an app.
    #[inline]
    pub(super) fn note_match(&mut self, place: usize, is_match: bool) {
        let bucket = &mut self.buckets[place / WAYS];
        bucket.matches = with_bit(bucket.matches, place % WAYS, is_match);
    }

    /// The places with the tag of these buckets.
    #[inline]
    fn tagged(&self, buckets: Buckets) -> impl Iterator<Item = usize> {
        let mut ways = Bucket::places_of(buckets.both().map(|bucket| &self.buckets[bucket]), buckets.tag);
        core::iter::from_fn(move || ways.next().map(|at| buckets.place(at)))
    }

    /// Whether that flow lies at this place, or one whose tunnel differs in the direction's own number only.
    #[inline]
    fn is_here(&self, place: usize, sought: &Sought<'_>) -> bool {
        let entry = self.entries.get(place).and_then(Option::as_ref);
        entry.is_some_and(|entry| {
            entry.both_ways == sought.encapsulation.both_ways() && entry.key == *sought.key
        })
    }

    /// Where the packet's flow lies, if there is one.
    #[cold]
    pub(super) fn find(&self, packet: &Packet<'_>, encapsulation: Encapsulation) -> Option<usize> {
        let key = packet.five_tuple.key();
        let sought = self.spread.sought(packet, &key, encapsulation);
        self.tagged(sought.buckets).find(|place| self.is_here(*place, &sought))
    }

    /// Of the flows of the same end points, the one in whose tunnel the packet comes: that direction's number, or none so
    /// far. A subscriber's two directions have numbers of their own, which only their flows bring together: a number not met
    /// before goes to the flow that has the same in its other direction, else to the first that waits for one.
    #[cold]
    fn in_tunnel(&self, places: impl Iterator<Item = usize>, sought: &Sought<'_>) -> Option<usize> {
        let (side, number) = (usize::from(sought.is_from_high), sought.encapsulation.one_way());
        let rank = |place: &usize| {
            let entry = self.entries[*place].as_ref()?;
            match (entry.one_way[side], entry.one_way[1 - side]) {
                (known, _) if known == number => Some((0, entry.number)),
                (0, other) if other == number => Some((1, entry.number)),
                (0, _) => Some((2, entry.number)),
                _ => None,
            }
        };
        places.filter_map(|place| Some((rank(&place)?, place))).min().map(|(_, place)| place)
    }

    fn begin(&mut self, place: usize, sought: &Sought<'_>) {
        let now_us = sought.time_us;
        self.statistics.flows += 1;
        let (stamp, way) = (self.stamp(), place % WAYS);
        let bucket = &mut self.buckets[place / WAYS];
        bucket.set_tag(way, sought.buckets.tag);
        bucket.touched[way] = stamp;
        bucket.matches = with_bit(bucket.matches, way, false);
        bucket.datagrams = with_bit(bucket.datagrams, way, sought.key.transport == Transport::Udp);
        self.entries[place] = Some(Entry {
            key: *sought.key,
            both_ways: sought.encapsulation.both_ways(),
            state: FlowState::default(),
            number: self.statistics.flows,
            first_us: now_us,
            last_us: now_us,
            touched_us: self.clock.now_us,
            packets: [0; 2],
            bytes: [0; 2],
            decided_at_packet: 0,
            one_way: [0; 2],
            connection: Connection::default(),
            clock: self.clock.number(),
        });
    }

    pub(super) fn end(&mut self, place: usize, ended: &mut impl FnMut(&Flow)) {
        // Most places are free: their entries are not even looked at.
        let bucket = &mut self.buckets[place / WAYS];
        if bucket.tag(place % WAYS) == 0 {
            return;
        }
        bucket.set_tag(place % WAYS, 0);
        if let Some(entry) = self.entries[place].take() {
            ended(&entry.flow(place));
        }
    }

    /// Ends all flows, in the order of their numbers.
    pub(super) fn end_in_order(&mut self, ended: &mut impl FnMut(&Flow)) {
        let is_taken = |place: &usize| self.buckets[place / WAYS].tag(place % WAYS) != 0;
        let number = |place: usize| Some((self.entries[place].as_ref()?.number, place));
        let mut order: Vec<_> = (0..self.places()).filter(is_taken).filter_map(number).collect();
        order.sort_unstable();
        for (at, (_, place)) in order.iter().enumerate() {
            if let Some((_, soon)) = order.get(at + ENDED_SOON) {
                prefetch_lines(&self.entries[*soon], ENTRY_LINES);
            }
            self.end(*place, ended);
        }
    }

    /// Looks through the table once in [`ROUND_US`] of packet time, but at no more than [`SWEPT`] places a frame, so that
    /// quiet flows end without a timer and busy links do not pay for it. Gives back whether it was time to.
    #[inline]
    pub(super) fn sweep(&mut self, now_us: u64, ended: &mut impl FnMut(&Flow)) -> bool {
        self.clock.advance(now_us);
        let is_due = self.clock.now_us >= self.swept_us;
        if is_due {
            self.sweep_some(ended);
        }
        is_due
    }

    #[inline(never)]
    fn sweep_some(&mut self, ended: &mut impl FnMut(&Flow)) {
        // What a slow link does not get done by this time stays undone until its next frame.
        self.swept_us =
            self.clock.now_us.saturating_add((ROUND_US * SWEPT as u64 / self.places() as u64).max(1));
        for _ in 0..SWEPT {
            self.hand = (self.hand + 1) & (self.places() - 1);
            if self.buckets[self.hand / WAYS].tag(self.hand % WAYS) != 0
                && self.entries[self.hand].as_ref().is_some_and(|entry| self.is_over(entry))
            {
                self.statistics.timed_out += 1;
                self.end(self.hand, ended);
            }
        }
    }
}
