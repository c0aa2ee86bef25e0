//! A capture as a broken or spiteful link delivers it.

use crate::packet::Located;
use crate::random::Random;
use crate::trace::{Frame, Trace};

/// A frame of a mutated capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutated {
    /// Number of the frame it was, from 0.
    pub origin: usize,
    /// Whether bytes of it were changed.
    pub is_changed: bool,
    /// What is left of it.
    pub frame: Frame,
}

/// The capture with frames changed, dropped, repeated and exchanged with the next; the seed also decides how many.
pub fn mutate(trace: &Trace, seed: u64) -> Vec<Mutated> {
    let mut random = Random::new(seed);
    let changed = [5, 20, 50, 100][random.between(0, 3)];
    let moved = [0, 2, 10][random.between(0, 2)];
    let mut out: Vec<Mutated> = Vec::with_capacity(trace.len() + trace.len() / 8);
    for (origin, frame) in trace.frames.iter().enumerate() {
        if random.chance(moved) {
            continue;
        }
        let mut frame = frame.clone();
        let is_changed = random.chance(changed);
        if is_changed {
            change(&mut frame, &mut random);
        }
        let mutated = Mutated { origin, is_changed, frame };
        if random.chance(moved) {
            out.push(mutated.clone());
        }
        out.push(mutated);
        if random.chance(moved) && out.len() > 1 {
            let last = out.len() - 1;
            out.swap(last - 1, last);
        }
    }
    out
}

/// One to three changes to a frame.
fn change(frame: &mut Frame, random: &mut Random) {
    let at = frame.locate();
    for _ in 0..random.between(1, 3) {
        let bytes = &mut frame.bytes;
        if bytes.is_empty() {
            return;
        }
        match (random.between(0, 9), at) {
            (0, _) => bytes.truncate(random.between(0, bytes.len() - 1)),
            (1, Some(at)) if at.payload < bytes.len() => {
                bytes.truncate(random.between(at.payload, bytes.len() - 1));
            }
            (2 | 3, Some(at)) => header_length(bytes, &at, random),
            (4..=6, Some(at)) if at.payload < at.end => {
                let start = random.between(at.payload, at.end.min(at.payload + 96) - 1);
                let width = [1, 2, 2, 3, 4][random.between(0, 4)];
                field(bytes, start, width, random);
            }
            (7 | 8, Some(at)) if at.payload < at.end => {
                flip(bytes, at.payload, at.end.min(at.payload + 64), random);
            }
            _ => {
                let end = bytes.len();
                flip(bytes, 0, end, random);
            }
        }
    }
}

/// Flips one to eight bits in `start..end`.
fn flip(bytes: &mut [u8], start: usize, end: usize, random: &mut Random) {
    let end = end.min(bytes.len());
    if start >= end {
        return;
    }
    for _ in 0..random.between(1, 8) {
        bytes[random.between(start, end - 1)] ^= 1 << random.between(0, 7);
    }
}

/// Spoils one of the lengths in the headers of IP, TCP and UDP.
fn header_length(bytes: &mut [u8], at: &Located, random: &mut Random) {
    let is_v4 = bytes.get(at.ip).is_some_and(|first| first >> 4 == 4);
    match random.between(0, 2) {
        0 if is_v4 => field(bytes, at.ip + 2, 2, random),
        0 => field(bytes, at.ip + 4, 2, random),
        1 if is_v4 => {
            if let Some(first) = bytes.get_mut(at.ip) {
                *first = first.wrapping_add([0xff, 1, 5, 10][random.between(0, 3)]) & 0x0f | 0x40;
            }
        }
        _ if at.protocol == crate::packet::TCP => {
            if let Some(offset) = bytes.get_mut(at.transport + 12) {
                *offset = [0, 0x10, 0x40, 0x60, 0xf0][random.between(0, 4)];
            }
        }
        _ => field(bytes, at.transport + 4, 2, random),
    }
}

/// Sets a big-endian number of `width` bytes to 0, 1 or the largest, or changes it by one.
fn field(bytes: &mut [u8], at: usize, width: usize, random: &mut Random) {
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let value = field.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
    let value = match random.between(0, 4) {
        0 => 0,
        1 => 1,
        2 => u32::MAX,
        3 => value.wrapping_add(1),
        _ => value.wrapping_sub(1),
    };
    field.copy_from_slice(&value.to_be_bytes()[4 - width..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_harm_is_done_and_a_seed_does_the_same_again() {
        let trace = crate::demo::trace();
        let harmed: Vec<Vec<Mutated>> = (0..8).map(|seed| mutate(&trace, seed)).collect();
        assert_eq!(harmed[3], mutate(&trace, 3));
        let all = || harmed.iter().flatten();
        let before = |one: &Mutated| trace.frames[one.origin].bytes.len();
        assert!(all().any(|one| one.frame.bytes.len() < before(one)), "cut");
        assert!(all().any(|one| one.is_changed && one.frame.bytes.len() == before(one)), "changed");
        assert!(
            harmed.iter().any(|one| one.windows(2).any(|two| two[0].origin == two[1].origin)),
            "repeated"
        );
        assert!(
            harmed.iter().any(|one| one.windows(2).any(|two| two[0].origin > two[1].origin)),
            "exchanged"
        );
        assert!(
            harmed.iter().any(|one| one.windows(2).any(|two| two[0].origin + 1 < two[1].origin)),
            "dropped"
        );
    }
}
