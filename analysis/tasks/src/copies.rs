//! Packets that a mirror port gave twice.

use std::hash::{BuildHasher, RandomState};

use wiremark::Packet;

/// A copy comes so soon behind its original: no sender repeats itself that fast.
const SOON_US: u64 = 5_000;
/// Packets that are remembered, by twos: more than a fast link carries in that time.
const REMEMBERED: usize = 4096;
/// Bytes at both ends of a payload that are compared; what lies between is the same where these, the length and the numbers are.
const HEAD: usize = 64;
const TAIL: usize = 16;

/// Finds copies.
#[derive(Debug)]
pub(super) struct Copies {
    keys: RandomState,
    /// By a part of the fingerprint the two latest: fingerprint and time.
    seen: Box<[[(u64, u64); 2]]>,
    found: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self { keys: RandomState::new(), seen: vec![[(0, 0); 2]; REMEMBERED / 2].into(), found: 0 }
    }
}

impl Copies {
    /// Whether the same packet came right before. Packets without payload are none: the same acknowledgement is
    /// sent over and over where something was lost.
    pub(super) fn is_one(&mut self, packet: &Packet<'_>) -> bool {
        let payload = packet.payload;
        if payload.is_empty() {
            return false;
        }
        let head = payload.get(..HEAD).unwrap_or(payload);
        let tail = payload.get(payload.len().saturating_sub(TAIL)..).unwrap_or_default();
        let (tuple, tcp) = (&packet.five_tuple, (packet.tcp.sequence, packet.tcp.flags));
        let ends = (tuple.src, tuple.src_port, tuple.dst, tuple.dst_port);
        let fingerprint = self.keys.hash_one((ends, tcp, payload.len(), head, tail)) | 1;
        let places = self.seen.len();
        let Some([latest, before]) = self.seen.get_mut(fingerprint as usize / 2 % places) else {
            return false;
        };
        let now = (fingerprint, packet.time_us);
        let is_same = |(known, time_us): (u64, u64)| {
            known == fingerprint && packet.time_us.abs_diff(time_us) <= SOON_US
        };
        let is_one = is_same(*latest) || is_same(*before);
        if latest.0 != fingerprint {
            *before = *latest;
        }
        *latest = now;
        self.found += u64::from(is_one);
        is_one
    }

    /// How many there were.
    pub(super) fn found(&self) -> u64 {
        self.found
    }
}
