//! The fields of a record, as JSON has them.

use std::sync::Arc;

use serde::Serialize;

use super::super::quality::Estimate;

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// First packet, microseconds since 1970.
    #[serde(skip)]
    pub start_us: u64,
    /// Always `call`.
    pub event_type: &'static str,
    /// Number of the call in the order in which calls end.
    pub call_id: u64,
    /// The app; null where only the relays' operator is known.
    pub app: Option<String>,
    /// The year of the dialect its messages are in.
    pub dialect: Option<String>,
    /// `answered`, `unanswered`, `rejected`, `blocked` (no relay answered), `partial` (its beginning is not in the capture) or
    /// `unknown` (one way was captured, and does not tell).
    pub outcome: &'static str,
    /// From the first packet to the last.
    pub duration_us: u64,
    /// One or both ends.
    pub parties: Vec<PartyRecord>,
    /// In the order asked.
    pub relays: Vec<RelayRecord>,
    /// Every other end the call exchanged media, checks or channels with.
    pub legs: Vec<LegRecord>,
    /// In order of time.
    pub states: Vec<StateRecord>,
    /// In order of appearance.
    pub streams: Vec<StreamRecord>,
    /// What a person should know.
    pub findings: Vec<String>,
}

/// One end of a call.
#[derive(Clone, Debug, Serialize)]
pub struct PartyRecord {
    /// `caller`, `callee` or `client`.
    pub name: String,
    /// Its address, where asked for.
    pub address: Option<String>,
    /// `caller` or `callee`.
    pub side: Option<&'static str>,
    /// How that is known.
    pub side_evidence: Option<&'static str>,
    /// Which ways the capture shows: `both`, `up` or `down`. What the other way alone would tell is null.
    pub captured: &'static str,
    /// Whether relays see another address.
    pub behind_nat: Option<bool>,
    /// Where it is, two letters, by its address as relays see it; null without a database of countries.
    pub country: Option<String>,
    /// From the first allocation to the first answer of a relay.
    pub setup_us: Option<u64>,
    /// From the first answer of a relay to the other person's.
    pub ringing_us: Option<u64>,
    /// From the other person's answer to the first media packet of either way.
    pub first_media_us: Option<u64>,
    /// Media on relays, first packet to last, without what ran to the peer at the same time.
    pub relayed_us: u64,
    /// Media to the peer, first packet to last.
    pub direct_us: u64,
    /// Control packets of the media up, down.
    pub rtcp: [u64; 2],
    /// How many of them are encrypted.
    pub srtcp: u64,
    /// How many are of a few words only.
    pub compact_rtcp: u64,
    /// Packets of the app's signalling up, down.
    pub signalling: [u64; 2],
    /// When they came: stretches, first packet and last.
    pub signalling_at: Vec<[u64; 2]>,
}

/// One relay.
#[derive(Clone, Debug, Serialize)]
pub struct RelayRecord {
    /// Place of the party that asked.
    pub party: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Allocations sent; null where that way was not captured.
    pub asked: Option<u64>,
    /// Allocations answered; null where that way was not captured.
    pub answered: Option<u64>,
    /// Allocations refused; null where that way was not captured.
    pub refused: Option<u64>,
    /// First packet.
    pub at_us: u64,
    /// Its number in the capture.
    pub packet: u64,
    /// Round trip of the first answer.
    pub rtt_us: Option<u64>,
    /// The least round trip.
    pub min_rtt_us: Option<u64>,
    /// How far its clock is ahead of the capture's: least and greatest.
    pub clock_ahead_us: Option<[i64; 2]>,
    /// Keep-alives sent.
    pub keepalives: u64,
    /// Bandwidth probes sent.
    pub probes: u64,
    /// Releases sent; null where that way was not captured.
    pub released: Option<u64>,
    /// How it shows that the call settled on this one.
    pub chosen_by: Option<&'static str>,
    /// Where it is, two letters; null without a database of countries.
    pub country: Option<String>,
    /// How far from this end: least and greatest, kilometres, as the countries and the least round trip allow.
    pub km: Option<[u32; 2]>,
    /// When its datagrams came: stretches, first packet and last.
    pub activity: Vec<[u64; 2]>,
}

/// What went to and from one other end.
#[derive(Clone, Debug, Serialize)]
pub struct LegRecord {
    /// Place of the party.
    pub party: usize,
    /// Its name.
    pub name: Arc<str>,
    /// `relay`, `peer` (an address of the Internet), `peer host` (a private one); `control`, `data`, `mixed` channel.
    pub kind: &'static str,
    /// First packet.
    pub at_us: u64,
    /// Its number in the capture.
    pub packet: u64,
    /// Last packet.
    pub until_us: u64,
    /// Packets up, down.
    pub packets: [u64; 2],
    /// UDP payload bytes up, down.
    pub bytes: [u64; 2],
    /// RTP packets up, down.
    pub media: [u64; 2],
    /// Path checks sent, received.
    pub checks: [u64; 2],
    /// Path checks it answered, answered to it.
    pub checked: [u64; 2],
    /// Least round trip of a check.
    pub rtt_us: Option<u64>,
    /// Where a server of channels is, two letters; relays have theirs in `relays`.
    pub country: Option<String>,
    /// How far it is from this end: least and greatest, kilometres.
    pub km: Option<[u32; 2]>,
    /// When its datagrams came: stretches, first packet and last.
    pub activity: Vec<[u64; 2]>,
    /// UDP payload bytes over time; channels only (media has its own, by stream).
    pub series: Option<SeriesRecord>,
}

/// Entry into a state.
#[derive(Clone, Debug, Serialize)]
pub struct StateRecord {
    /// Place of the party.
    pub party: usize,
    /// The state.
    pub state: &'static str,
    /// When.
    pub at_us: u64,
    /// Number in the capture of the packet that showed it.
    pub packet: u64,
    /// Who sent that packet.
    pub way: &'static str,
    /// The other end.
    pub with: Option<Arc<str>>,
    /// What the packet was.
    pub evidence: String,
    /// The signature its flow is known by.
    pub signature: Option<String>,
}

/// One RTP stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamRecord {
    /// Place of the party.
    pub party: usize,
    /// Source, hexadecimal.
    pub ssrc: String,
    /// Who sends it.
    pub way: &'static str,
    /// Payload types.
    pub payload_types: Vec<u8>,
    /// `audio`, `video` or `repair`.
    pub media: Option<&'static str>,
    /// Clock of the time stamps.
    pub clock_hz: Option<u32>,
    /// Whether the clock was measured (else it is the payload type's).
    pub clock_measured: bool,
    /// First packet.
    pub at_us: u64,
    /// Its number in the capture.
    pub packet: u64,
    /// Last packet.
    pub until_us: u64,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// Packets, duplicates included.
    pub packets: u64,
    /// UDP payload bytes.
    pub bytes: u64,
    /// Bytes of whole IP packets.
    pub net_bytes: u64,
    /// Bytes of the codec alone: no headers, no authentication, each packet once.
    pub codec_bytes: u64,
    /// Kilobits of IP packets a second; null for less than a second.
    pub net_kbit_s: Option<f64>,
    /// Kilobits of the codec a second.
    pub codec_kbit_s: Option<f64>,
    /// Differentiated services code points met; empty where they are not known.
    pub dscp: Vec<u8>,
    /// Packets sent, as far as the sequence numbers tell.
    pub expected: u64,
    /// Of those, missing.
    pub lost: u64,
    /// Packets that had come before.
    pub duplicates: u64,
    /// Packets behind a newer one.
    pub reordered: u64,
    /// Packets with the marker bit.
    pub markers: u64,
    /// Packets marked as holding no voice.
    pub silent: u64,
    /// Voice not sent.
    pub suppressed_us: u64,
    /// Time-stamp steps from packet to packet, most frequent first.
    pub steps: Vec<StepRecord>,
    /// When the time a packet holds changed; the first one is what the stream began with.
    pub packetisations: Vec<PacketisationRecord>,
    /// Pauses of a second and more.
    pub gaps: Vec<GapRecord>,
    /// By leg.
    pub legs: Vec<StreamLegRecord>,
    /// What it sounded like at the capture; audio only.
    pub quality: Option<Estimate>,
    /// UDP payload bytes over time.
    pub series: SeriesRecord,
}

/// A time-stamp step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRecord {
    /// In units of the clock.
    pub units: u32,
    /// In milliseconds, where the clock is known.
    pub ms: Option<f64>,
    /// How often.
    pub count: u64,
}

/// From when on a packet held so much time.
#[derive(Clone, Debug, Serialize)]
pub struct PacketisationRecord {
    /// When the first such packet came.
    pub at_us: u64,
    /// Its number in the capture.
    pub packet: u64,
    /// In units of the clock.
    pub units: u32,
    /// In milliseconds, where the clock is known.
    pub ms: Option<f64>,
}

/// A pause.
#[derive(Clone, Debug, Serialize)]
pub struct GapRecord {
    /// When the packet before it came.
    pub at_us: u64,
    /// Number in the capture of the packet before it.
    pub from_packet: u64,
    /// Number in the capture of the packet behind it.
    pub to_packet: u64,
    /// How long.
    pub length_us: u64,
    /// Packets missing in it.
    pub lost: u64,
}

/// The part of a stream on one leg.
#[derive(Clone, Debug, Serialize)]
pub struct StreamLegRecord {
    /// The other end.
    pub with: Arc<str>,
    /// First packet.
    pub at_us: u64,
    /// Its number in the capture.
    pub packet: u64,
    /// Last packet.
    pub until_us: u64,
    /// When packets came: stretches, first packet and last.
    pub activity: Vec<[u64; 2]>,
    /// Packets, duplicates included.
    pub packets: u64,
    /// Packets that had come before.
    pub duplicates: u64,
    /// Mean jitter, RFC 3550.
    pub jitter_ms: Option<f64>,
    /// Greatest jitter.
    pub max_jitter_ms: Option<f64>,
}

/// Amounts over time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SeriesRecord {
    /// When the first bin begins.
    pub at_us: u64,
    /// Width of a bin.
    pub width_us: u64,
    /// One amount a bin.
    pub values: Vec<u32>,
}
