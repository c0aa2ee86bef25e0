//! The loops that are timed: each runs once over all frames.
//!
//! Every loop with a flow table is [`table_pass`], so that parsing, hashing, prefetching and the table are the same
//! machine code for all engines, but for what the engine does with the flow's state.

use std::hint::black_box;

use crate::mix::Load;
use crate::prefetch::prefetch;
use crate::table::Table;
use wiremark::{
    Address, Classifier, Context, FiveTuple, FlowKey, FlowState, Fragment, Frame, LinkType, Packet,
    TcpFields, Tracker, Transport,
};

/// Packets whose headers are read before the first of them is looked up, so that the misses of the table overlap.
const BATCH: usize = 16;
/// Cache lines of a payload asked for before an engine looks at it.
const PAYLOAD_LINES: usize = 3;
/// The key of the floor's hash.
const HASH_KEY: [u64; 2] = [0x5bd1_e995_9d1d_4f3b, 0x27d4_eb2f_1656_67c5];
/// What the tracker takes for the first frame's time. Frames follow each other by a microsecond.
const START_US: u64 = 1_700_000_000_000_000;

/// What stands in the table beside the floor's entry.
pub(crate) trait Engine {
    /// Kept for each flow.
    type State: Default;
    /// Looks at the next packet of a flow; `ip` gives the frame from its innermost IP header on. Returns whether it has
    /// seen enough of the flow.
    fn packet<'p>(
        &mut self,
        state: &mut Self::State,
        packet: &Packet<'_>,
        ip: impl FnOnce() -> &'p [u8],
    ) -> bool;
    /// Whether the flow has a verdict, of whatever kind the engine gives.
    fn is_match(state: &Self::State) -> bool;
}

/// No engine: the floor itself.
#[derive(Debug)]
pub(crate) struct Floor;

impl Engine for Floor {
    type State = ();

    #[inline]
    fn packet<'p>(&mut self, (): &mut (), _packet: &Packet<'_>, _ip: impl FnOnce() -> &'p [u8]) -> bool {
        false
    }

    fn is_match((): &()) -> bool {
        false
    }
}

/// wiremark by the door for hosts with a flow table of their own.
#[derive(Debug)]
pub(crate) struct OwnFlow<'c> {
    /// Shared.
    pub(crate) classifier: &'c Classifier,
    /// This worker's.
    pub(crate) context: Context,
}

impl Engine for OwnFlow<'_> {
    type State = FlowState;

    #[inline]
    fn packet<'p>(
        &mut self,
        state: &mut FlowState,
        packet: &Packet<'_>,
        _ip: impl FnOnce() -> &'p [u8],
    ) -> bool {
        black_box(self.classifier.classify(&mut self.context, state, packet)).is_final()
    }

    fn is_match(state: &FlowState) -> bool {
        state.verdict().is_match()
    }
}

/// Reads one byte of each frame.
#[inline(never)]
pub(crate) fn touch_pass(load: Load<'_>) {
    let mut sum = 0u64;
    for (index, slot) in load.slots.iter().enumerate() {
        ahead(load, index);
        sum += u64::from(load.frame(slot)[14]);
    }
    black_box(sum);
}

/// Walks the headers of each frame.
#[inline(never)]
pub(crate) fn parse_pass(load: Load<'_>) {
    for (index, slot) in load.slots.iter().enumerate() {
        ahead(load, index);
        let _ = black_box(Packet::parse(LinkType::Ethernet, slot.time_us, load.frame(slot)));
    }
}

/// Headers, table, engine.
#[inline(never)]
pub(crate) fn table_pass<E: Engine>(load: Load<'_>, table: &mut Table<E::State>, engine: &mut E) {
    let mut batch = [Ready::NONE; BATCH];
    for (number, slots) in load.slots.chunks(BATCH).enumerate() {
        let mut filled = 0;
        for (index, slot) in slots.iter().enumerate() {
            ahead(load, number * BATCH + index);
            if let Ok(packet) = Packet::parse(LinkType::Ethernet, slot.time_us, load.frame(slot)) {
                let key = packet.five_tuple.key();
                let hash = key.hash(HASH_KEY);
                table.prefetch(hash);
                batch[filled] = Ready { packet, key, hash, index };
                filled += 1;
            }
        }
        if size_of::<E::State>() > 0 {
            for Ready { packet, hash, .. } in &batch[..filled] {
                if table.prefetch_state(*hash) {
                    packet.payload.iter().step_by(64).take(PAYLOAD_LINES).for_each(prefetch);
                }
            }
        }
        for Ready { packet, key, hash, index } in &batch[..filled] {
            let (at, state) = table.count(key, *hash, packet.payload.len(), packet.time_us);
            if size_of::<E::State>() > 0
                && let Some(state) = table.state(state)
                && engine.packet(state, packet, || load.ip(&slots[*index]))
            {
                let is_match = E::is_match(state);
                table.finish(at, is_match);
            }
        }
    }
}

/// A packet on its way to the table.
#[derive(Clone, Copy)]
struct Ready<'p> {
    packet: Packet<'p>,
    key: FlowKey,
    hash: u64,
    index: usize,
}

impl Ready<'_> {
    const NONE: Self = {
        let end = (Address([0; 16]), 0);
        let five_tuple =
            FiveTuple { src: end.0, dst: end.0, src_port: 0, dst_port: 0, transport: Transport::Tcp };
        let tcp = TcpFields { sequence: 0, flags: 0 };
        let packet = Packet { five_tuple, tcp, time_us: 0, payload: &[], fragment: Fragment::Whole };
        let key = FlowKey { low: end, high: end, transport: Transport::Tcp };
        Self { packet, key, hash: 0, index: 0 }
    };
}

/// wiremark by the door for hosts without a flow table: the whole frame goes in. Returns how many of the flows that ended
/// had a verdict.
#[inline(never)]
pub(crate) fn tracker_pass(load: Load<'_>, tracker: &mut Tracker<'_>) -> usize {
    let mut matched = 0;
    for (index, slot) in load.slots.iter().enumerate() {
        ahead(load, index);
        let bytes = load.frame(slot);
        let frame = Frame {
            link_type: LinkType::Ethernet,
            time_us: START_US + index as u64,
            bytes,
            wire_bytes: bytes.len() as u32,
        };
        let _ = black_box(tracker.frame(&frame, &mut |flow| matched += usize::from(flow.verdict.is_match())));
    }
    matched
}

/// Asks for the headers of a frame some places ahead, as drivers do.
#[inline]
fn ahead(load: Load<'_>, index: usize) {
    if let Some(slot) = load.slots.get(index + BATCH) {
        prefetch(&load.frame(slot)[0]);
    }
}
