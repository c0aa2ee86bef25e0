//! Packets that a mirror port gave twice: of both its ports, or before and behind a router between two networks.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use wiremark::{Packet, Transport};
use wiremark_prefetch::prefetch;

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

/// What is the same of a packet and its copies, and of hardly any other packet; of one without payload nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of what is nobody's copy.
    pub const NONE: Self = Self(0);
}

/// Takes fingerprints, on any thread; see [`Copies::fingerprints`].
#[derive(Clone, Debug)]
pub struct Fingerprints {
    keys: RandomState,
}

impl Fingerprints {
    /// A packet's.
    #[inline]
    pub fn of(&self, packet: &Packet<'_>) -> Fingerprint {
        let payload = packet.payload;
        if payload.is_empty() {
            return Fingerprint::NONE;
        }
        let tuple = &packet.five_tuple;
        let ports = u64::from(tuple.src_port) << 16 | u64::from(tuple.dst_port);
        let flags = u64::from(packet.tcp.flags) << 8 | u64::from(tuple.transport == Transport::Tcp);
        let mut hasher = self.keys.build_hasher();
        hasher.write_u128(u128::from_ne_bytes(tuple.src.0));
        hasher.write_u128(u128::from_ne_bytes(tuple.dst.0));
        hasher.write_u64(u64::from(packet.tcp.sequence) << 32 | ports);
        hasher.write_u64(flags << 32 ^ payload.len() as u64);
        match (payload.first_chunk::<HEAD>(), payload.last_chunk::<TAIL>()) {
            (Some(head), Some(tail)) => {
                for part in head.as_chunks().0 {
                    hasher.write_u128(u128::from_ne_bytes(*part));
                }
                hasher.write_u128(u128::from_ne_bytes(*tail));
            }
            _ => hasher.write(payload),
        }
        Fingerprint(hasher.finish() | 1)
    }
}

/// A packet that is remembered.
#[derive(Clone, Copy, Default)]
struct Known {
    fingerprint: u64,
    time_us: u64,
    /// The flow it came in first.
    flow: u64,
}

/// A place of the table: some bits of the fingerprint of each packet that is remembered there, and which of them goes next, the one
/// that came longest ago. Few packets ask for more.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Place {
    tags: [u16; WAYS],
    next: u8,
}

/// Finds copies.
pub struct Copies {
    fingerprints: Fingerprints,
    places: Box<[Place]>,
    known: Box<[[Known; WAYS]]>,
    found: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self {
            fingerprints: Fingerprints { keys: RandomState::default() },
            places: vec![Place::default(); REMEMBERED / WAYS].into(),
            known: vec![Default::default(); REMEMBERED / WAYS].into(),
            found: 0,
        }
    }
}

impl Copies {
    /// Takes fingerprints for this.
    pub fn fingerprints(&self) -> &Fingerprints {
        &self.fingerprints
    }

    /// Asks for the places in memory at which a packet will be looked for, some frames ahead.
    #[inline]
    pub fn prefetch(&self, fingerprint: Fingerprint) {
        self.places.get(self.place_of(fingerprint)).into_iter().for_each(prefetch);
    }

    #[inline]
    fn place_of(&self, Fingerprint(fingerprint): Fingerprint) -> usize {
        fingerprint as usize / 2 % self.places.len()
    }

    /// The flow in which the same packet came right before; `flow` is this one's, by whatever number. Packets without payload
    /// are no copies: the same acknowledgement is sent over and over where something was lost.
    pub fn original(&mut self, packet: &Packet<'_>, flow: u64) -> Option<u64> {
        self.original_of(self.fingerprints.of(packet), packet.time_us, flow)
    }

    /// [`Copies::original`] of a packet whose fingerprint was taken.
    #[inline]
    pub fn original_of(&mut self, fingerprint: Fingerprint, time_us: u64, flow: u64) -> Option<u64> {
        if fingerprint == Fingerprint::NONE {
            return None;
        }
        let at = self.place_of(fingerprint);
        let (place, known) = (self.places.get_mut(at)?, self.known.get_mut(at)?);
        let Fingerprint(fingerprint) = fingerprint;
        let tag = (fingerprint >> 48) as u16;
        let is_tagged = place.tags.map(|other| other == tag).into_iter().fold(false, |any, one| any | one);
        let is_same = |known: &Known| known.fingerprint == fingerprint;
        let same = if is_tagged { known.iter().position(is_same) } else { None };
        let next = usize::from(place.next) % WAYS;
        place.next = place.next.wrapping_add(1);
        let mut original = None;
        if let Some(same) = same {
            // It is the latest now; what would have gone stays in its stead.
            let Known { time_us: before_us, flow, .. } = known[same];
            original = (time_us.abs_diff(before_us) <= SOON_US).then_some(flow);
            self.found += u64::from(original.is_some());
            known.swap(same, next);
            place.tags.swap(same, next);
        }
        place.tags[next] = tag;
        known[next] = Known { fingerprint, time_us, flow: original.unwrap_or(flow) };
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
            // What was seen long ago and comes again is new, and is remembered as such.
            for time_us in [1_000_000, 1_004_000] {
                for number in 0..300u32 {
                    let payload = number.to_be_bytes();
                    copies.original(&Packet { five_tuple, tcp, time_us, payload: &payload, fragment }, 0);
                }
            }
            assert_eq!(copies.found(), 600);
        }
    }
}
