//! Packets that a mirror port gave twice: of both its ports, or before and behind a router between two networks.

use std::hash::{BuildHasher, RandomState};

use wiremark::Packet;

/// A copy comes so soon behind its original: no sender repeats itself that fast.
const SOON_US: u64 = 5_000;
/// Packets that are remembered, by twos: more than a fast link carries in that time.
const REMEMBERED: usize = 4096;
/// Bytes at both ends of a payload that are compared; what lies between is the same where these, the length and the numbers are.
const HEAD: usize = 64;
const TAIL: usize = 16;

/// A packet that is remembered.
#[derive(Clone, Copy, Default)]
struct Known {
    fingerprint: u64,
    time_us: u64,
    /// The flow it came in first.
    flow: u64,
}

/// Finds copies.
pub struct Copies {
    keys: RandomState,
    /// By a part of the fingerprint the two latest.
    seen: Box<[[Known; 2]]>,
    found: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self { keys: RandomState::new(), seen: vec![Default::default(); REMEMBERED / 2].into(), found: 0 }
    }
}

impl Copies {
    /// The flow in which the same packet came right before; `flow` is this one's, by whatever number. Packets without payload
    /// are no copies: the same acknowledgement is sent over and over where something was lost.
    pub fn original(&mut self, packet: &Packet<'_>, flow: u64) -> Option<u64> {
        let payload = packet.payload;
        if payload.is_empty() {
            return None;
        }
        let head = payload.get(..HEAD).unwrap_or(payload);
        let tail = payload.get(payload.len().saturating_sub(TAIL)..).unwrap_or_default();
        let (tuple, tcp) = (&packet.five_tuple, (packet.tcp.sequence, packet.tcp.flags));
        let ends = (tuple.src, tuple.src_port, tuple.dst, tuple.dst_port);
        let fingerprint = self.keys.hash_one((ends, tcp, payload.len(), head, tail)) | 1;
        let time_us = packet.time_us;
        let places = self.seen.len();
        let place = self.seen.get_mut(fingerprint as usize / 2 % places)?;
        let is_same =
            |known: &&Known| known.fingerprint == fingerprint && time_us.abs_diff(known.time_us) <= SOON_US;
        let original = place.iter().find(is_same).map(|known| known.flow);
        let [latest, before] = place;
        if latest.fingerprint != fingerprint {
            *before = *latest;
        }
        *latest = Known { fingerprint, time_us, flow: original.unwrap_or(flow) };
        self.found += u64::from(original.is_some());
        original
    }

    /// How many there were.
    pub fn found(&self) -> u64 {
        self.found
    }
}

impl std::fmt::Debug for Copies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copies").field("found", &self.found).finish_non_exhaustive()
    }
}
