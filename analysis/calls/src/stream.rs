//! One RTP stream, over whatever legs it runs.

use wiremark::dissect::rtp::Rtp;

use super::end_point::LinkDirection;
use super::jitter::{Jitter, JitterSummary, recognised_clock};
use super::packet_stamp::PacketStamp;
use super::packetisation::{Change, Packetisation};
use super::script::{Content, RelayScript};
use super::sequence::{Arrival, Sequence};
use super::spans::Spans;
use wiremark_report::Series;

/// A pause of a stream that is told.
const GAP_US: u64 = 1_000_000;
/// Most pauses, legs, steps and payload types of a stream that are kept.
const KEPT: usize = 16;

/// A pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The packet before.
    pub from: PacketStamp,
    /// The packet after.
    pub to: PacketStamp,
    /// Packets missing in between.
    pub lost: u64,
}

impl Gap {
    /// How long the pause was.
    pub fn length_us(&self) -> u64 {
        self.to.time_us.saturating_sub(self.from.time_us)
    }
}

/// The part of a stream that ran between the same two end points.
#[derive(Clone, Debug)]
pub struct StreamLeg {
    /// The other end: its place among the party's remotes.
    pub remote: usize,
    /// First packet here.
    pub first: PacketStamp,
    /// Last packet here.
    pub last: PacketStamp,
    /// Packets, duplicates included.
    pub packets: u64,
    /// Packets that had come before, here or on another leg.
    pub duplicates: u64,
    /// When they came.
    pub spans: Spans,
    jitter: Jitter,
}

/// One stream: one source, one way.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Who sends it.
    pub way: LinkDirection,
    /// In order of appearance.
    pub payload_types: Vec<u8>,
    /// What the payload type carries.
    pub content: Option<Content>,
    /// First packet.
    pub first: PacketStamp,
    /// Last packet.
    pub last: PacketStamp,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// Packets, duplicates included.
    pub packets: u64,
    /// UDP payload bytes.
    pub bytes: u64,
    /// Bytes of whole IP packets, as far as headers without options tell.
    pub net_bytes: u64,
    /// Bytes of the codec: without headers, padding and authentication, each packet once.
    pub codec_bytes: u64,
    /// Differentiated services code points (RFC 2474), in order of appearance.
    pub dscp: Vec<u8>,
    /// Packets with the marker bit.
    pub markers: u64,
    /// Packets marked as holding no voice.
    pub silent_packets: u64,
    /// Pauses of a second and more, the first ones.
    pub gaps: Vec<Gap>,
    /// In order of appearance.
    pub legs: Vec<StreamLeg>,
    /// UDP payload bytes over time.
    pub series: Series,
    /// Sequence number of the newest packet.
    pub(crate) newest: u16,
    sequence: Sequence,
    packetisation: Packetisation,
    known_clock_hz: Option<u32>,
    last_timestamp: u32,
    steps: Vec<(u32, u64)>,
    leg: usize,
}

/// Where a packet continued its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegChange {
    /// Where the one before was.
    Same,
    /// With another remote than the one before.
    Moved { from: usize, sequence_from: u16 },
    /// Not the newest packet, or not the stream's at all.
    Behind,
}

impl Stream {
    /// `start` is when the call began: series of one call have the same bins.
    pub(crate) fn new(
        way: LinkDirection,
        packet: &Rtp<'_>,
        at: PacketStamp,
        start: PacketStamp,
        script: &RelayScript,
    ) -> Self {
        let known = script.payload(packet.payload_type);
        Self {
            ssrc: packet.ssrc,
            way,
            payload_types: Vec::new(),
            content: known.map(|(_, content)| content),
            first: at,
            last: at,
            first_sequence: packet.sequence,
            packets: 0,
            bytes: 0,
            net_bytes: 0,
            codec_bytes: 0,
            dscp: Vec::new(),
            markers: 0,
            silent_packets: 0,
            gaps: Vec::new(),
            legs: Vec::new(),
            series: Series::starting(start.time_us),
            newest: packet.sequence,
            sequence: Sequence::default(),
            packetisation: Packetisation::default(),
            known_clock_hz: known.map(|(clock_hz, _)| clock_hz),
            last_timestamp: packet.timestamp,
            steps: Vec::new(),
            leg: 0,
        }
    }

    /// Takes the next packet, its datagram `bytes` long as a whole.
    pub(crate) fn take(
        &mut self,
        at: PacketStamp,
        remote: usize,
        packet: &Rtp<'_>,
        bytes: usize,
        script: &RelayScript,
    ) -> LegChange {
        let arrival = self.sequence.arrive(packet.sequence);
        if arrival == Arrival::Stray {
            return LegChange::Behind;
        }
        self.packets += 1;
        self.bytes += bytes as u64;
        self.markers += u64::from(packet.marker);
        let is_silent = packet.extension.is_some_and(|(_, words)| script.is_silence(words));
        self.silent_packets += u64::from(is_silent);
        self.series.add(at.time_us, bytes);
        if !self.payload_types.contains(&packet.payload_type) && self.payload_types.len() < KEPT {
            self.payload_types.push(packet.payload_type);
        }
        let leg = self.leg_with(remote, at);
        if let Some(leg) = leg.and_then(|leg| self.legs.get_mut(leg)) {
            leg.last = at;
            leg.packets += 1;
            leg.spans.add(at.time_us);
            if arrival == Arrival::Duplicate {
                leg.duplicates += 1;
            } else {
                leg.jitter.add(at.time_us, packet.timestamp);
            }
        }
        let Arrival::New { skipped } = arrival else {
            self.last = at;
            return LegChange::Behind;
        };
        let padding = packet.payload.last().filter(|_| packet.padding).map_or(0, |last| usize::from(*last));
        let around = script.authentication_bytes + padding;
        self.codec_bytes += packet.payload.len().saturating_sub(around) as u64;
        if self.packets > 1 {
            if skipped == 0 {
                let step = packet.timestamp.wrapping_sub(self.last_timestamp);
                self.count_step(step);
                self.packetisation.step(self.last, step);
            }
            if at.time_us.saturating_sub(self.last.time_us) >= GAP_US && self.gaps.len() < KEPT {
                self.gaps.push(Gap { from: self.last, to: at, lost: skipped });
            }
        }
        let sequence_from = self.newest;
        self.last = at;
        self.newest = packet.sequence;
        self.last_timestamp = packet.timestamp;
        let (Some(before), Some(leg)) = (self.legs.get(self.leg), leg) else { return LegChange::Same };
        let from = before.remote;
        self.leg = leg;
        if from == remote { LegChange::Same } else { LegChange::Moved { from, sequence_from } }
    }

    fn leg_with(&mut self, remote: usize, at: PacketStamp) -> Option<usize> {
        if let Some(leg) = self.legs.iter().position(|leg| leg.remote == remote) {
            return Some(leg);
        }
        if self.legs.len() >= KEPT {
            return None;
        }
        let (spans, jitter) = (Spans::default(), Jitter::default());
        self.legs.push(StreamLeg { remote, first: at, last: at, packets: 0, duplicates: 0, spans, jitter });
        Some(self.legs.len() - 1)
    }

    fn count_step(&mut self, step: u32) {
        if let Some((_, count)) = self.steps.iter_mut().find(|(known, _)| *known == step) {
            *count += 1;
        } else if self.steps.len() < KEPT {
            self.steps.push((step, 1));
        }
    }

    /// Different packets received.
    pub fn received(&self) -> u64 {
        self.sequence.received()
    }

    /// Packets sent, as far as the sequence numbers tell.
    pub fn expected(&self) -> u64 {
        self.sequence.expected()
    }

    /// Packets missing on all legs together; never negative.
    pub fn lost(&self) -> u64 {
        self.sequence.lost()
    }

    /// Packets that had come before.
    pub fn duplicates(&self) -> u64 {
        self.sequence.duplicates
    }

    /// Packets that came behind a newer one.
    pub fn reordered(&self) -> u64 {
        self.sequence.late
    }

    /// How often the sequence numbers began anew.
    pub fn restarts(&self) -> u64 {
        self.sequence.restarts
    }

    /// The clock of the time stamps and whether it was measured (else it is the payload type's).
    pub fn clock(&self) -> Option<(u32, bool)> {
        let measured = recognised_clock(self.legs.iter().map(|leg| &leg.jitter)).map(|clock| (clock, true));
        measured.or(self.known_clock_hz.map(|clock| (clock, false)))
    }

    /// Jitter (RFC 3550, 6.4.1) of the packets of one leg.
    pub fn jitter(&self, leg: &StreamLeg) -> Option<JitterSummary> {
        leg.jitter.summary(self.clock()?.0)
    }

    /// From one packet to the next: time-stamp units and how often, most frequent first.
    pub fn steps(&self) -> Vec<(u32, u64)> {
        let mut steps = self.steps.clone();
        steps.sort_by_key(|(step, count)| (std::cmp::Reverse(*count), *step));
        steps
    }

    /// What a packet held, from when on.
    pub fn packetisations(&self) -> &[Change] {
        self.packetisation.all()
    }

    /// Takes note of what the packet's IP header says: its length, its class of service.
    pub(crate) fn header(&mut self, bytes: usize, dscp: Option<u8>) {
        self.net_bytes += bytes as u64;
        if let Some(dscp) = dscp.filter(|dscp| !self.dscp.contains(dscp) && self.dscp.len() < KEPT) {
            self.dscp.push(dscp);
        }
    }

    /// Time for which voice was suppressed, microseconds: what steps go beyond the usual one and beyond 160 ms, the
    /// longest packet.
    pub fn suppressed_us(&self) -> u64 {
        let Some((clock, _)) = self.clock() else { return 0 };
        let steps = self.steps();
        let Some((usual, _)) = steps.first() else { return 0 };
        let longest = (clock / 25 * 4).max(*usual);
        let beyond = steps.iter().filter(|(step, _)| *step > longest && *step < clock.saturating_mul(60));
        let ticks: u64 = beyond.map(|(step, count)| u64::from(step - usual) * count).sum();
        ticks * 1_000_000 / u64::from(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Scripts;
    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> Rtp<'static> {
        Rtp {
            payload_type: 120,
            marker: false,
            padding: false,
            csrc_count: 0,
            sequence,
            timestamp,
            ssrc: 7,
            extension: None,
            payload: &[],
        }
    }

    fn fed(packets: &[(u64, usize, u16, u32)]) -> (Stream, Vec<LegChange>) {
        let script = Scripts::embedded().unwrap().relays;
        let mark = |n: usize, time_ms: u64| PacketStamp { time_us: time_ms * 1000, number: n as u64 + 1 };
        let first = packets[0];
        let mut stream =
            Stream::new(LinkDirection::Up, &packet(first.2, first.3), mark(0, first.0), mark(0, 0), &script);
        let courses = packets.iter().enumerate().map(|(n, (time_ms, remote, sequence, timestamp))| {
            stream.take(mark(n, *time_ms), *remote, &packet(*sequence, *timestamp), 100, &script)
        });
        let courses = courses.collect();
        (stream, courses)
    }

    #[test]
    fn a_stream_goes_on_over_two_legs() {
        let (stream, courses) =
            fed(&[(0, 0, 5, 0), (20, 0, 6, 320), (40, 3, 7, 640), (45, 0, 4, 0), (60, 3, 8, 960)]);
        use LegChange::{Behind, Moved, Same};
        assert_eq!(courses, [Same, Same, Moved { from: 0, sequence_from: 6 }, Behind, Same]);
        assert_eq!((stream.packets, stream.lost(), stream.legs.len()), (5, 0, 2));
        assert_eq!(stream.steps(), [(320, 3)]);
    }

    #[test]
    fn a_pause_is_told_with_what_was_lost() {
        let (stream, _) =
            fed(&[(0, 0, 5, 0), (20, 0, 6, 320), (5_020, 0, 256, 80_320), (5_020, 0, 256, 80_320)]);
        let gap = stream.gaps[0];
        assert_eq!((gap.from.number, gap.to.number, gap.lost, gap.length_us()), (2, 3, 249, 5_000_000));
        assert_eq!((stream.lost(), stream.duplicates(), stream.legs[0].duplicates), (249, 1, 1));
    }

    #[test]
    fn the_clock_is_the_payload_types_until_measured() {
        let few = fed(&[(0, 0, 1, 0), (20, 0, 2, 320)]).0;
        assert_eq!(few.clock(), Some((16_000, false)));
        let packets: Vec<_> = (0..30).map(|n| (n * 20, 0, n as u16, n as u32 * 960)).collect();
        assert_eq!(fed(&packets).0.clock(), Some((48_000, true)));
    }

    #[test]
    fn suppressed_voice_is_what_long_steps_skip() {
        let mut packets: Vec<_> = (0..20).map(|n| (n * 60, 0, n as u16, n as u32 * 960)).collect();
        packets.push((1_140 + 420, 0, 20, 19 * 960 + 6_720));
        assert_eq!(fed(&packets).0.suppressed_us(), 360_000);
    }
}
