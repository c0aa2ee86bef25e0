//! Floods: millions of flows of one packet each, from senders who lie about who they are, beside flows that matter.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use wiremark::{Classifier, FlowKey, Frame, LinkType, Seen, Statistics, Tracker, TrackerConfig};

use crate::packet::{self, TcpHeader};
use crate::protocol::whatsapp_chat::Chat;
use crate::random::Random;
use crate::trace::START_US;

/// What each packet of a flood is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP SYN.
    Syn,
    /// A datagram of bytes without meaning.
    Datagram,
    /// A datagram of an app's call protocol, so that every flow of the flood earns a verdict.
    Forged,
}

/// A flood to play.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// What its packets are.
    pub kind: Kind,
    /// How many packets, each of a five-tuple of its own; every other one over IPv6.
    pub packets: u32,
    /// Packets a second, by the frames' times.
    pub rate: u32,
    /// Flows of the tracker.
    pub capacity: usize,
    /// Flows that were decided before the flood, each with a packet a second during it.
    pub decided: u16,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aftermath {
    /// The tracker's own account.
    pub statistics: Statistics,
    /// Flows in the table at the end.
    pub held: u64,
    /// Packets of the decided flows during the flood.
    pub kept_up: u64,
    /// Those of them whose flow had gone from the table, with its verdict.
    pub forgotten: u64,
    /// Least and most resident bytes from a quarter of the flood on; where the system tells.
    pub resident: Option<(u64, u64)>,
}

/// Memory this program has resident, in bytes (Linux).
pub fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * 4096)
}

/// Packets of a flood, made by writing into a template: five-tuples all different, checksums not right.
#[derive(Clone, Debug)]
pub struct Packets {
    kind: Kind,
    v4: Vec<u8>,
    v6: Vec<u8>,
    random: Random,
}

impl Packets {
    /// The packets of floods of this kind.
    pub fn new(kind: Kind) -> Self {
        let mut random = Random::new(3);
        let v4 = (SocketAddr::from(([0, 0, 0, 0], 1)), SocketAddr::from(([198, 51, 100, 9], 443)));
        let victim = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
        let v6 = (SocketAddr::from((Ipv6Addr::UNSPECIFIED, 1)), SocketAddr::from((victim, 443)));
        let frame = |(src, dst): (SocketAddr, SocketAddr), random: &mut Random| match kind {
            Kind::Syn => packet::tcp(src, dst, &TcpHeader { flags: 2, ..TcpHeader::default() }, &[]),
            Kind::Datagram => packet::udp(src, dst, &random.bytes(24)),
            // The method of a relay's keep-alive, which any five-tuple may send.
            Kind::Forged => {
                packet::udp(src, dst, &crate::protocol::stun::Message::new(0x0801, random.array()).bytes())
            }
        };
        Self { kind, v4: frame(v4, &mut random), v6: frame(v6, &mut random), random }
    }

    /// The packet with this number. An odd factor has an inverse, so that no address comes twice.
    pub fn packet(&mut self, number: u32) -> &[u8] {
        let src = number.wrapping_mul(0x9e37_79b1);
        let word = self.random.word();
        let (frame, transport) = match number % 2 {
            0 => {
                self.v4[12..16].copy_from_slice(&src.to_be_bytes());
                (&mut self.v4, 20)
            }
            _ => {
                self.v6[8..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 1]);
                self.v6[16..20].copy_from_slice(&(word as u32).to_be_bytes());
                self.v6[20..24].copy_from_slice(&src.to_be_bytes());
                (&mut self.v6, 40)
            }
        };
        frame[transport..transport + 2].copy_from_slice(&(1024 | (word >> 32) as u16).to_be_bytes());
        match self.kind {
            Kind::Syn => frame[transport + 4..transport + 8].copy_from_slice(&(word as u32).to_be_bytes()),
            Kind::Datagram => frame[transport + 8..transport + 16].copy_from_slice(&word.to_be_bytes()),
            Kind::Forged => frame[transport + 16..transport + 24].copy_from_slice(&word.to_be_bytes()),
        }
        frame
    }
}

/// A flow that was decided, and goes on.
struct Decided {
    client: SocketAddr,
    server: SocketAddr,
    sequence: u32,
}

impl Decided {
    fn new(number: u16) -> Self {
        let client = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 | u32::from(number)), 40_000));
        Self { client, server: SocketAddr::from(([198, 51, 100, 60], 5222)), sequence: 100 }
    }

    fn segment(&mut self, payload: &[u8]) -> Vec<u8> {
        let header = TcpHeader { sequence: self.sequence, flags: 0x18, ..TcpHeader::default() };
        self.sequence = self.sequence.wrapping_add(payload.len() as u32);
        packet::tcp(self.client, self.server, &header, payload)
    }
}

impl Flood {
    /// Plays it into a tracker of its own.
    pub fn play(&self, classifier: &Classifier) -> Aftermath {
        let config = TrackerConfig { capacity: self.capacity, ..TrackerConfig::default() };
        let mut tracker = Tracker::new(classifier, config);
        let mut aftermath = Aftermath::default();
        let mut random = Random::new(5);
        let chat = Chat::of((6, 3));
        let mut decided: Vec<Decided> = (0..self.decided).map(Decided::new).collect();
        let mut flows = Vec::new();
        for one in &mut decided {
            let frame = one.segment(&chat.opening(&mut random));
            flows.push(show(&mut tracker, START_US, &frame));
        }
        assert!(
            flows.iter().flatten().filter(|seen| seen.verdict.is_match()).count() == decided.len(),
            "decided at once"
        );
        let same = |now: &Option<Seen>, then: &Option<Seen>| {
            let of = |seen: &Option<Seen>| seen.map(|seen| (seen.flow_number, seen.verdict.signature));
            of(now) == of(then)
        };

        let mut packets = Packets::new(self.kind);
        let mut resident: Option<(u64, u64)> = None;
        let sample_every = (self.packets / 64).max(1);
        for number in 0..self.packets {
            let time_us = START_US + u64::from(number) * 1_000_000 / u64::from(self.rate.max(1));
            let _ = show(&mut tracker, time_us, packets.packet(number));
            if !decided.is_empty() && number % (self.rate / u32::from(self.decided)).max(1) == 0 {
                let which = aftermath.kept_up as usize % decided.len();
                let frame = decided[which].segment(b"\x00\x00\x10 and so the talk goes on");
                let seen = show(&mut tracker, time_us, &frame);
                aftermath.kept_up += 1;
                aftermath.forgotten += u64::from(!same(&seen, &flows[which]));
            }
            if number % sample_every == 0 && number >= self.packets / 4 {
                resident = resident_bytes()
                    .map(|now| resident.map_or((now, now), |(low, high)| (low.min(now), high.max(now))));
            }
        }
        aftermath.held = tracker.flows().count() as u64;
        Aftermath { statistics: tracker.statistics(), resident, ..aftermath }
    }
}

fn show(tracker: &mut Tracker<'_>, time_us: u64, packet: &[u8]) -> Option<Seen> {
    let wire_bytes = packet.len() as u32;
    let frame = Frame { link_type: LinkType::Raw, time_us, bytes: packet, wire_bytes };
    tracker.frame(&frame, &mut |_| {}).ok()
}

/// Flows that meet in a tracker of `capacity` flows under this key, as one who knew it would choose them.
///
/// It knows how [`Tracker`] takes places from a hash: from its low bits and from those above the lower 32.
pub fn colliding(key: [u64; 2], capacity: usize, count: usize) -> Vec<Vec<u8>> {
    let mut packets = Packets::new(Kind::Datagram);
    let mask = (capacity / 8 - 1) as u64;
    let places = |key: FlowKey, hash_key| {
        let hash = key.hash(hash_key);
        (hash & mask, hash >> 32 & mask)
    };
    let tuple = |packet: &[u8]| wiremark::Packet::from_ip(0, packet).expect("a packet").five_tuple.key();
    let target = places(tuple(packets.packet(0)), key);
    let mut found = Vec::new();
    for number in 0.. {
        let packet = packets.packet(number);
        if places(tuple(packet), key) == target {
            found.push(packet.to_vec());
            if found.len() == count {
                break;
            }
        }
    }
    found
}
