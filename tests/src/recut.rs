//! The same TCP streams in other segments: cut at random borders, joined, repeated and exchanged.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use crate::packet::{Located, TCP, be32, checksum, seal};
use crate::random::Random;
use crate::reorder::swap_neighbours;
use crate::trace::{Frame, Trace};

const FIN_RST: u8 = 0x05;
const SYN: u8 = 0x02;
const LONGEST: usize = 1400;

type Flow = (SocketAddr, SocketAddr);

/// Cuts the TCP segments of a capture anew, from one byte up, with some repeated and some exchanged.
///
/// Consecutive segments of one direction are joined before they are cut, unless the other end spoke in between.
/// A swap exchanges neighbours of one direction of one flow, never the first of a direction whose SYN is not in
/// the capture, for there nothing tells which came first. Frames that are no whole plain TCP packet stay as they are.
pub fn recut(trace: &Trace, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let mut slots: Vec<Vec<Frame>> = vec![Vec::new(); trace.frames.len()];
    let mut runs: HashMap<Flow, Run> = HashMap::new();
    for (n, frame) in trace.frames.iter().enumerate() {
        let Some(at) = frame.locate().filter(|at| at.protocol == TCP) else {
            slots[n].push(frame.clone());
            continue;
        };
        let flags = frame.bytes[at.transport + 13];
        let payload = &frame.bytes[at.payload..at.end];
        if payload.is_empty() && flags & (FIN_RST | SYN) == 0 {
            slots[n].push(frame.clone());
            continue;
        }
        if let Some(run) = runs.remove(&(at.dst, at.src)) {
            run.cut(&mut random, &mut slots);
        }
        if payload.is_empty() || flags & SYN != 0 {
            if let Some(run) = runs.remove(&(at.src, at.dst)) {
                run.cut(&mut random, &mut slots);
            }
            slots[n].push(frame.clone());
            continue;
        }
        let sequence = be32(&frame.bytes, at.transport + 4).unwrap_or(0);
        let follows = runs.get(&(at.src, at.dst)).is_some_and(|r| r.next == sequence && !r.closed);
        if !follows && let Some(run) = runs.remove(&(at.src, at.dst)) {
            run.cut(&mut random, &mut slots);
        }
        let run = runs.entry((at.src, at.dst)).or_insert_with(|| Run::new(frame, at, sequence));
        run.starts.push((run.bytes.len(), n, frame.time_us));
        run.bytes.extend_from_slice(payload);
        run.next = sequence.wrapping_add(payload.len() as u32);
        run.flags = flags;
        run.closed = flags & FIN_RST != 0;
    }
    let mut left: Vec<Run> = runs.into_values().collect();
    left.sort_by_key(|r| r.starts[0].1);
    left.into_iter().for_each(|run| run.cut(&mut random, &mut slots));
    let mut frames: Vec<Frame> = slots.into_iter().flatten().collect();
    swap_neighbours(&mut frames, &mut random, 10);
    Trace { frames }
}

/// Payload of one direction that stands in consecutive segments.
struct Run {
    model: Frame,
    at: Located,
    sequence: u32,
    next: u32,
    flags: u8,
    closed: bool,
    bytes: Vec<u8>,
    /// Offset in `bytes`, place in the capture and time of every segment.
    starts: Vec<(usize, usize, u64)>,
}

impl Run {
    fn new(frame: &Frame, at: Located, sequence: u32) -> Self {
        let (model, bytes, starts) = (frame.clone(), Vec::new(), Vec::new());
        Self { model, at, sequence, next: sequence, flags: 0, closed: false, bytes, starts }
    }

    fn cut(self, random: &mut Random, slots: &mut [Vec<Frame>]) {
        let mut from = 0;
        while from < self.bytes.len() {
            let longest = LONGEST.min(self.bytes.len() - from);
            let size = match random.between(0, 3) {
                0 => random.between(1, longest.min(8)),
                1 => random.between(1, longest.min(64)),
                _ => random.between(1, longest),
            };
            let piece = &self.bytes[from..from + size];
            let last = from + size == self.bytes.len();
            let flags = if last { self.flags } else { self.flags & !(FIN_RST | 0x08) };
            let bytes =
                segment(&self.model.bytes, &self.at, self.sequence.wrapping_add(from as u32), flags, piece);
            let (_, slot, time_us) =
                self.starts.iter().rev().find(|s| s.0 <= from).copied().unwrap_or_default();
            let frame = Frame { time_us, link: self.model.link, bytes };
            if random.chance(10) {
                slots[slot].push(frame.clone());
            }
            slots[slot].push(frame);
            from += size;
        }
    }
}

/// The model's headers with another sequence number, flags and payload; lengths and checksums anew.
fn segment(model: &[u8], at: &Located, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = [&model[..at.payload], payload].concat();
    out[at.transport + 4..at.transport + 8].copy_from_slice(&sequence.to_be_bytes());
    out[at.transport + 13] = flags;
    if model[at.ip] >> 4 == 4 {
        let length = (out.len() - at.ip) as u16;
        out[at.ip + 2..at.ip + 4].copy_from_slice(&length.to_be_bytes());
        out[at.ip + 10..at.ip + 12].fill(0);
        let sum = checksum(&[&out[at.ip..at.transport]]);
        out[at.ip + 10..at.ip + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        let length = (out.len() - at.transport) as u16;
        out[at.ip + 4..at.ip + 6].copy_from_slice(&length.to_be_bytes());
    }
    seal(at.src.ip(), at.dst.ip(), TCP, &mut out[at.transport..]);
    out
}

/// The payload of every TCP direction from its lowest sequence number up to the first hole; what a receiver with
/// unlimited memory would read. Of bytes that were sent twice the first count.
pub fn streams(frames: &[Frame]) -> BTreeMap<Flow, Vec<u8>> {
    let mut flows: BTreeMap<Flow, (u32, BTreeMap<i64, u8>)> = BTreeMap::new();
    for frame in frames {
        let Some(at) = frame.locate().filter(|at| at.protocol == TCP && at.payload < at.end) else {
            continue;
        };
        let sequence = be32(&frame.bytes, at.transport + 4).unwrap_or(0);
        let (base, known) = flows.entry((at.src, at.dst)).or_insert((sequence, BTreeMap::new()));
        // Distance from the first number seen, as a signed number: sequence numbers wrap.
        let offset = i64::from(sequence.wrapping_sub(*base) as i32);
        for (byte, place) in frame.bytes[at.payload..at.end].iter().zip(offset..) {
            known.entry(place).or_insert(*byte);
        }
    }
    let read = |known: BTreeMap<i64, u8>| {
        let first = known.keys().next().copied().unwrap_or(0);
        known
            .into_iter()
            .zip(first..)
            .take_while(|((place, _), n)| place == n)
            .map(|((_, byte), _)| byte)
            .collect()
    };
    flows.into_iter().map(|(flow, (_, known))| (flow, read(known))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Tcp, end_point};
    use crate::wrap::Wrap;

    fn two_flows() -> Trace {
        let mut random = Random::new(3);
        let flow =
            |n: u16, seed| Tcp::new(end_point(&format!("10.0.0.1:{n}")), end_point("198.51.100.1:443"), seed);
        let one =
            flow(4000, 1).client(random.bytes(3000)).server(random.bytes(9000)).client(b"x").close().trace();
        let two =
            flow(4001, 2).without_handshake().server(random.bytes(70)).client(random.bytes(5000)).trace();
        Trace::mixed([one, two])
    }

    #[test]
    fn streams_stay_the_same() {
        for trace in [
            two_flows().wrap(Wrap::Ethernet),
            two_flows().to_ipv6().wrap(Wrap::Vlan(3)),
            two_flows().wrap(Wrap::Sll),
            two_flows(),
        ] {
            let want = streams(&trace.frames);
            for seed in 0..20 {
                let cut = recut(&trace, seed);
                assert_eq!(streams(&cut.frames), want, "seed {seed}");
                assert_ne!(cut, trace);
                assert_eq!(cut, recut(&trace, seed));
            }
        }
    }

    #[test]
    fn packets_written_anew_have_right_checksums() {
        let cut = recut(&two_flows(), 5);
        for frame in &cut.frames {
            let at = frame.locate().expect("located");
            assert_eq!(at.end, frame.bytes.len());
            assert_eq!(checksum(&[&frame.bytes[..at.transport]]), 0);
            let segment = &frame.bytes[at.transport..];
            assert_eq!(crate::packet::transport_checksum(at.src.ip(), at.dst.ip(), TCP, segment), 0);
        }
    }

    #[test]
    fn the_first_segment_stays_first_where_no_syn_tells() {
        let trace = two_flows();
        let first = |t: &Trace| {
            let frame = t.frames.iter().find(|f| f.locate().is_some_and(|at| at.dst.port() == 4001)).cloned();
            frame.map(|f| f.bytes[24..28].to_vec())
        };
        for seed in 0..50 {
            assert_eq!(first(&recut(&trace, seed)), first(&trace));
        }
    }

    #[test]
    fn some_segments_are_one_byte_and_some_are_exchanged() {
        let cut = recut(&two_flows(), 1);
        assert!(cut.payloads().any(|(_, _, p)| p.len() == 1));
        let mut highest: HashMap<Flow, u32> = HashMap::new();
        let back = cut.frames.iter().filter(|f| {
            let Some(at) = f.locate().filter(|at| at.payload < at.end) else { return false };
            let sequence = be32(&f.bytes, at.transport + 4).unwrap();
            let high = highest.entry((at.src, at.dst)).or_insert(sequence);
            let earlier = (sequence.wrapping_sub(*high) as i32) < 0;
            *high = if earlier { *high } else { sequence };
            earlier
        });
        assert!(back.count() > 0);
    }
}
