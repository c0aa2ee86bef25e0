//! A relay or a peer, as one end of a call sees it.

use super::end_point::{EndPoint, LinkDirection};
use super::packet_stamp::PacketStamp;
use super::spans::Spans;

/// Requests to one remote that may still be answered.
const PENDING: usize = 32;

/// What the other end of a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteKind {
    /// A relay of the service.
    Relay,
    /// An address of the other party.
    Peer,
}

/// Round-trip times of requests, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    /// Of the first answer.
    pub first_us: u64,
    /// The least.
    pub min_us: u64,
    /// The greatest.
    pub max_us: u64,
    /// Answers measured.
    pub samples: u64,
}

/// How far the relay's clock is ahead of the capture's, microseconds; half the round trip is allowed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// The least.
    pub min_us: i64,
    /// The greatest.
    pub max_us: i64,
    /// Answers that told the time.
    pub samples: u64,
}

/// One other end.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where it is.
    pub end_point: EndPoint,
    /// What it is.
    pub kind: RemoteKind,
    /// First packet.
    pub first: PacketStamp,
    /// Last packet.
    pub last: PacketStamp,
    /// Packets up, down.
    pub packets: [u64; 2],
    /// UDP payload bytes up, down.
    pub bytes: [u64; 2],
    /// RTP packets up, down.
    pub media: [u64; 2],
    /// Control packets of the media up, down.
    pub reports: [u64; 2],
    /// Allocations sent.
    pub asked: u64,
    /// Allocations answered.
    pub answered: u64,
    /// Allocations refused.
    pub refused: u64,
    /// The first allocation.
    pub first_asked: Option<PacketStamp>,
    /// Allocations some time apart: what is sent twice at once counts once.
    pub rounds: u64,
    /// The last allocation.
    pub last_asked: Option<PacketStamp>,
    /// The first answer.
    pub first_answered: Option<PacketStamp>,
    /// Releases sent, and the first of them.
    pub released: Option<(u64, PacketStamp)>,
    /// Keep-alives sent.
    pub pings: u64,
    /// Keep-alives answered.
    pub pongs: u64,
    /// Bandwidth probes sent.
    pub probes: u64,
    /// Path checks sent, received.
    pub checks: [u64; 2],
    /// Path checks answered by this remote, answered to it.
    pub checked: [u64; 2],
    /// When it first answered a check, or was answered.
    pub first_checked: Option<PacketStamp>,
    /// Round trips of requests to it.
    pub round_trip: Option<RoundTrip>,
    /// Its clock.
    pub clock: Option<ClockOffset>,
    /// When its datagrams came.
    pub activity: Spans,
    pub(crate) token: u64,
    pending: Vec<([u8; 12], u64)>,
}

impl Remote {
    pub(crate) fn new(end_point: EndPoint, kind: RemoteKind, at: PacketStamp) -> Self {
        Self {
            end_point,
            kind,
            first: at,
            last: at,
            packets: [0; 2],
            bytes: [0; 2],
            media: [0; 2],
            reports: [0; 2],
            asked: 0,
            answered: 0,
            refused: 0,
            first_asked: None,
            rounds: 0,
            last_asked: None,
            first_answered: None,
            released: None,
            pings: 0,
            pongs: 0,
            probes: 0,
            checks: [0; 2],
            checked: [0; 2],
            first_checked: None,
            round_trip: None,
            clock: None,
            activity: Spans::default(),
            token: 0,
            pending: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, at: PacketStamp, way: LinkDirection, bytes: usize) {
        self.last = at;
        add(&mut self.packets, way, 1);
        add(&mut self.bytes, way, bytes as u64);
        self.activity.add(at.time_us);
    }

    /// A request that may be answered. The same one twice waits for two answers.
    pub(crate) fn request(&mut self, id: &[u8; 12], time_us: u64) {
        if self.pending.len() >= PENDING {
            self.pending.remove(0);
        }
        self.pending.push((*id, time_us));
    }

    /// The answer to a request; gives the round trip where the request is known.
    pub(crate) fn answer(&mut self, id: &[u8; 12], time_us: u64) -> Option<u64> {
        let at = self.pending.iter().position(|(pending, _)| pending == id)?;
        let (_, asked_us) = self.pending.remove(at);
        let took_us = time_us.saturating_sub(asked_us);
        let round_trip = self.round_trip.get_or_insert(RoundTrip {
            first_us: took_us,
            min_us: took_us,
            max_us: took_us,
            samples: 0,
        });
        round_trip.min_us = round_trip.min_us.min(took_us);
        round_trip.max_us = round_trip.max_us.max(took_us);
        round_trip.samples += 1;
        Some(took_us)
    }

    /// The relay's time, ms since 1970, in an answer that took so long.
    pub(crate) fn tell_time(&mut self, clock_ms: u64, time_us: u64, took_us: Option<u64>) {
        let here_us = time_us.saturating_sub(took_us.unwrap_or(0) / 2);
        let ahead_us = i128::from(clock_ms) * 1000 - i128::from(here_us);
        let Ok(ahead_us) = i64::try_from(ahead_us) else { return };
        let clock = self.clock.get_or_insert(ClockOffset { min_us: ahead_us, max_us: ahead_us, samples: 0 });
        clock.min_us = clock.min_us.min(ahead_us);
        clock.max_us = clock.max_us.max(ahead_us);
        clock.samples += 1;
    }
}

/// Adds to one way's count.
pub(crate) fn add(counts: &mut [u64; 2], way: LinkDirection, amount: u64) {
    if let Some(count) = counts.get_mut(way.index()) {
        *count += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark::Address;

    fn remote() -> Remote {
        let end_point = EndPoint { address: Address::v4([198, 51, 100, 1]), port: 3478 };
        Remote::new(end_point, RemoteKind::Relay, PacketStamp { time_us: 0, number: 1 })
    }

    #[test]
    fn a_true_duplicate_has_two_round_trips() {
        let mut relay = remote();
        relay.request(&[1; 12], 0);
        relay.request(&[1; 12], 400);
        assert_eq!(relay.answer(&[1; 12], 60_000), Some(60_000));
        assert_eq!(relay.answer(&[1; 12], 60_300), Some(59_900));
        assert_eq!(relay.answer(&[1; 12], 60_400), None);
        let round_trip = relay.round_trip.unwrap();
        assert_eq!((round_trip.first_us, round_trip.min_us, round_trip.samples), (60_000, 59_900, 2));
    }

    #[test]
    fn half_the_round_trip_is_allowed_for() {
        let mut relay = remote();
        relay.tell_time(1_000, 1_020_000, Some(40_000));
        relay.tell_time(2_000, 1_999_000, None);
        assert_eq!(relay.clock, Some(ClockOffset { min_us: 0, max_us: 1_000, samples: 2 }));
        relay.tell_time(u64::MAX, 0, None);
        assert_eq!(relay.clock.unwrap().samples, 2);
    }
}
