//! Packets that a mirror port gave twice: of both its ports, or before and behind a router between two networks.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use wiremark::Packet;

/// A copy comes so soon behind its original: no sender repeats itself that fast.
const SOON_US: u64 = 5_000;
/// Packets that are remembered: more than a fast link carries in that time.
const REMEMBERED: usize = 16_384;
/// Of a place of the table. So many that which packets are found does not depend on who shares a place, which the keys decide:
/// nine of a thousand packets share one of 2,048 places once in some two hundred thousand times.
const WAYS: usize = 8;
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
    /// By a part of the fingerprint the latest few.
    seen: Box<[[Known; WAYS]]>,
    found: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self {
            keys: RandomState::default(),
            seen: vec![Default::default(); REMEMBERED / WAYS].into(),
            found: 0,
        }
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
        let known = match place.iter().position(|known| known.fingerprint == fingerprint) {
            Some(at) => place.get_mut(at)?,
            None => place.iter_mut().min_by_key(|known| known.time_us)?,
        };
        let is_same = known.fingerprint == fingerprint && time_us.abs_diff(known.time_us) <= SOON_US;
        let original = is_same.then_some(known.flow);
        *known = Known { fingerprint, time_us, flow: original.unwrap_or(flow) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark::{Address, FiveTuple, Fragment, TcpFields, Transport};

    /// Every run has keys of its own, and finds the same.
    #[test]
    fn every_packet_that_comes_twice_is_found() {
        let end = Address::v4([192, 0, 2, 1]);
        let five_tuple =
            FiveTuple { src: end, dst: end, src_port: 1, dst_port: 2, transport: Transport::Udp };
        let (tcp, fragment) = (TcpFields::default(), Fragment::Whole);
        for _ in 0..20 {
            let mut copies = Copies::default();
            for time_us in [1_000, 4_000] {
                for number in 0..300u32 {
                    let payload = number.to_be_bytes();
                    copies.original(&Packet { five_tuple, tcp, time_us, payload: &payload, fragment }, 0);
                }
            }
            assert_eq!(copies.found(), 300);
        }
    }
}
