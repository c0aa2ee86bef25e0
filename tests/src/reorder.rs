//! Packets of one flow swapped with their neighbours.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::frame::Frame;
use crate::packet::{TCP, be32};
use crate::random::Random;

const FIN_RST: u8 = 0x05;
const SYN: u8 = 0x02;

type Flow = (SocketAddr, SocketAddr);

/// Exchanges about `percent` of the packets with payload with the next packet of their flow, where that goes the
/// same way and has payload too. Times stay in their places.
pub(crate) fn swap_neighbours(frames: &mut [Frame], random: &mut Random, percent: u8) {
    // For each flow, whichever way: the place and direction of its last packet, if that may be swapped.
    let mut last: HashMap<Flow, (usize, SocketAddr)> = HashMap::new();
    let mut opened: HashSet<Flow> = HashSet::new();
    for n in 0..frames.len() {
        let Some(at) = frames[n].locate() else { continue };
        let key = if at.src < at.dst { (at.src, at.dst) } else { (at.dst, at.src) };
        let flags = if at.protocol == TCP { frames[n].bytes[at.transport + 13] } else { 0 };
        // The first payload of a TCP direction may move only behind a SYN; otherwise it opens the direction now.
        let free = at.protocol != TCP || opened.contains(&(at.src, at.dst)) || flags & SYN != 0;
        opened.insert((at.src, at.dst));
        if at.payload == at.end || flags & (SYN | FIN_RST) != 0 || !free {
            last.remove(&key);
            continue;
        }
        match last.insert(key, (n, at.src)) {
            Some((before, src))
                if src == at.src && random.chance(percent) && !overlap(&frames[before], &frames[n]) =>
            {
                let (low, high) = frames.split_at_mut(n);
                std::mem::swap(&mut low[before].bytes, &mut high[0].bytes);
                last.remove(&key);
            }
            _ => {}
        }
    }
}

/// Whether two TCP segments hold bytes of the same place: those may differ, as in keep-alive probes, and then their
/// order tells which count.
fn overlap(one: &Frame, two: &Frame) -> bool {
    let range = |frame: &Frame| {
        let at = frame.locate().filter(|at| at.protocol == TCP)?;
        Some((be32(&frame.bytes, at.transport + 4)?, (at.end - at.payload) as u32))
    };
    let (Some((a, a_bytes)), Some((b, b_bytes))) = (range(one), range(two)) else { return false };
    b.wrapping_sub(a) < a_bytes || a.wrapping_sub(b) < b_bytes
}
