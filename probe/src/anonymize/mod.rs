//! Captures that can be given away: other addresses, no identifiers, blank payloads, the same verdicts.
//!
//! What is not understood keeps its length and nothing else. A copy is asked about itself; where a flow's verdict is
//! another one, the copy is made anew and keeps more of that flow.
//!
//! Frames are held in memory twice, all of them: a connection's bytes are rewritten as one, and come from many frames.

mod addresses;
mod datagram;
mod dns;
mod framed;
mod headers;
mod http;
mod identifiers;
mod key;
mod layers;
mod lists;
mod media;
mod rules;
mod sheet;
mod streams;
mod stun;
mod tls;
mod trail;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use wiremark::{
    Classifier, Direction, Flow, Fragment, LinkType, Packet, ParseError, Seen, TcpFields, Tracker,
    TrackerConfig, Transport,
};

pub use addresses::{Addresses, is_personal};
pub use key::Key;
use layers::Layers;
use media::Sources;
use rules::{Facts, Need, Rules};
use streams::{Segment, Side};

use wiremark_capture::replay::{Counts, tracker_config};

/// Times that a copy is made anew, each time with more of the flows that are classified otherwise than before.
const ROUNDS_MAX: usize = 6;
/// Keys tried until no address gets another one of the capture for its pseudonym.
const KEYS_MAX: usize = 64;

/// A frame out of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Capture time, nanoseconds since 1970.
    pub time_ns: u64,
    /// Number from pcap's LINKTYPE list.
    pub link_type: u32,
    /// Number of the interface in the file.
    pub interface: u32,
    /// Length on the wire.
    pub original_length: u32,
    /// What was captured.
    pub bytes: Vec<u8>,
}

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What pseudonyms are drawn with; random where none is given.
    pub key: Option<Key>,
    /// Bytes kept at the start of payloads in no known format, without their text.
    pub keep_bytes: usize,
    /// Whether host names of no known app get pseudonyms too.
    pub names: bool,
}

/// What became of a capture.
#[derive(Debug)]
pub struct Anonymized {
    /// The frames with TCP or UDP in them, in order.
    pub frames: Vec<Frame>,
    /// How many frames there were, and how many of them are left out, by reason.
    pub counts: Counts,
    /// Flows in the capture.
    pub flows: u64,
    /// Numbers of flows that are classified otherwise than before.
    pub changed: BTreeSet<u64>,
    /// Numbers of flows of which more was kept than is understood, as their verdict needs it.
    pub needed: BTreeSet<u64>,
}

/// What the classifier says of a frame.
struct FrameVerdict {
    flow: u64,
    direction: Direction,
    /// App, role, whether it is final.
    verdict: (u16, u8, bool),
}

impl FrameVerdict {
    /// Where no app was found, it matters to nobody when that was final.
    fn verdict(&self) -> (u16, u8, bool) {
        let (app, role, is_final) = self.verdict;
        (app, role, is_final && app != 0)
    }
}

/// Anonymizes a capture.
///
/// # Errors
/// No random key is to be had.
pub fn anonymize(
    frames: Vec<Frame>,
    classifier: &Classifier,
    settings: Settings,
) -> Result<Anonymized, String> {
    let mut counts = Counts { frames: frames.len() as u64, ..Counts::default() };
    let mut kept = Vec::new();
    let mut before = Vec::new();
    let mut watch = FrameClassifier::new(classifier);
    for frame in frames {
        match watch.classify(&frame) {
            Ok((told, layers)) => {
                kept.push((frame, layers));
                before.push(told);
            }
            Err(Some(ParseError::Unsupported)) => counts.unsupported += 1,
            Err(Some(ParseError::Truncated)) => counts.truncated += 1,
            Err(Some(ParseError::Malformed)) => counts.malformed += 1,
            Err(Some(ParseError::Fragment)) => counts.fragments += 1,
            Err(None) => counts.unknown_link += 1,
        }
    }
    let (mut ips, mut macs) = (HashSet::new(), HashSet::new());
    for (frame, layers) in &kept {
        let (some_ips, some_macs) = headers::addresses_in(&frame.bytes, layers);
        ips.extend(some_ips.into_iter().filter(|ip| is_personal(*ip)));
        macs.extend(some_macs.into_iter().filter(|mac| addresses::is_personal_mac(*mac)));
    }
    let addresses = pseudonyms(settings.key, &ips)?;
    let mut rules = Rules::new(classifier, addresses, &ips, &macs)?;
    (rules.keep_bytes, rules.names) = (settings.keep_bytes, settings.names);
    // What is not understood keeps its length only; where the verdict is another one without it, it keeps more.
    let mut needs: BTreeMap<u64, Need> = BTreeMap::new();
    let (mut frames, mut changed) = (Vec::new(), BTreeSet::new());
    for _ in 0..ROUNDS_MAX {
        frames = rewrite(&kept, &before, &needs, &mut rules);
        changed = differing(classifier, &frames, &before);
        let of = |flow: &u64| needs.get(flow).copied().unwrap_or_default();
        let more: Vec<u64> = changed.iter().copied().filter(|flow| of(flow) != Need::All).collect();
        if more.is_empty() {
            break;
        }
        more.into_iter().for_each(|flow| {
            let need = needs.entry(flow).or_default();
            *need = need.more();
        });
    }
    let flows = before.iter().map(|told| told.flow).max().unwrap_or(0);
    let needed = needs.into_keys().collect();
    Ok(Anonymized { frames, counts, flows, changed, needed })
}

/// The flows of which these frames tell something else than was told before.
fn differing(classifier: &Classifier, frames: &[Frame], before: &[FrameVerdict]) -> BTreeSet<u64> {
    let mut watch = FrameClassifier::new(classifier);
    let mut differing = BTreeSet::new();
    for (frame, before) in frames.iter().zip(before) {
        let same = watch
            .classify(frame)
            .is_ok_and(|(after, _)| (after.flow, after.verdict()) == (before.flow, before.verdict()));
        if !same {
            differing.insert(before.flow);
        }
    }
    differing
}

/// Pseudonyms of which none is the address of somebody else in the capture, where the key can be chosen.
fn pseudonyms(key: Option<Key>, ips: &HashSet<IpAddr>) -> Result<Addresses, String> {
    if let Some(key) = key {
        return Ok(Addresses::new(key));
    }
    let mut addresses = Addresses::new(Key::random()?);
    for _ in 0..KEYS_MAX {
        if !ips.iter().any(|ip| ips.contains(&addresses.ip(*ip))) {
            break;
        }
        addresses = Addresses::new(Key::random()?);
    }
    Ok(addresses)
}

/// A tracker that is asked about each frame.
struct FrameClassifier<'c>(Tracker<'c>);

impl<'c> FrameClassifier<'c> {
    fn new(classifier: &'c Classifier) -> Self {
        Self(Tracker::new(classifier, tracker_config(TrackerConfig::default().capacity)))
    }

    /// None where the link type is not known.
    fn classify(&mut self, frame: &Frame) -> Result<(FrameVerdict, Layers), Option<ParseError>> {
        let link_type = LinkType::from_number(frame.link_type).ok_or(None)?;
        let time_us = frame.time_ns / 1000;
        let bytes = &frame.bytes[..];
        let tracked = wiremark::Frame { link_type, time_us, bytes, wire_bytes: frame.original_length };
        let packet = Packet::parse(link_type, time_us, bytes)?;
        let layers =
            Layers::of(link_type, bytes, &packet).or_else(|| trail::layers(link_type, bytes, &packet));
        let layers = layers.ok_or(ParseError::Unsupported)?;
        let seen: Seen = self.0.frame(&tracked, &mut |_: &Flow| {})?;
        let verdict = seen.verdict;
        let verdict = (verdict.app.0, verdict.role.0, verdict.is_final());
        Ok((FrameVerdict { flow: seen.flow_number, direction: seen.direction, verdict }, layers))
    }
}

/// Payloads rewritten, then headers. `needs` has the flows whose verdicts need bytes that would go.
fn rewrite(
    kept: &[(Frame, Layers)],
    told: &[FrameVerdict],
    needs: &BTreeMap<u64, Need>,
    rules: &mut Rules<'_>,
) -> Vec<Frame> {
    let mut frames: Vec<Frame> = kept.iter().map(|(frame, _)| frame.clone()).collect();
    let decided: HashSet<u64> =
        told.iter().filter(|told| told.verdict.0 != 0).map(|told| told.flow).collect();
    let sources = sources(kept, told);
    let mut sides: BTreeMap<(u64, bool), (Side, Facts)> = BTreeMap::new();
    for (number, ((frame, layers), told)) in kept.iter().zip(told).enumerate() {
        let link_type = LinkType::from_number(frame.link_type).unwrap_or(LinkType::Ethernet);
        let Ok(packet) = Packet::parse(link_type, 0, &frame.bytes) else { continue };
        let tuple = packet.five_tuple;
        let is_decided = decided.contains(&told.flow);
        let facts = Facts {
            is_decided,
            need: needs.get(&told.flow).copied().unwrap_or_default(),
            is_media: is_decided && sources.prove(told.flow, packet.payload),
            ports: [tuple.src_port, tuple.dst_port],
        };
        let payload = packet.payload.to_vec();
        let new = match (packet.fragment, tuple.transport) {
            (Fragment::Later(_), _) => vec![0; payload.len()],
            (_, Transport::Udp) => datagram::rewrite(&payload, facts, rules),
            (_, Transport::Tcp) => {
                let key = (told.flow, told.direction == Direction::Originator);
                let (side, _) = sides.entry(key).or_insert_with(|| (Side::default(), facts));
                let syn = packet.tcp.flags & TcpFields::SYN != 0;
                let sequence = packet.tcp.sequence.wrapping_add(u32::from(syn));
                if syn {
                    side.start = side.start.or(Some(sequence));
                }
                if !payload.is_empty() {
                    side.segments.push(Segment { sequence, frame: number, payload });
                }
                continue;
            }
        };
        if let Some(frame) = frames.get_mut(number) {
            headers::put(&mut frame.bytes, layers.payload.start, &new);
        }
    }
    for (side, facts) in sides.into_values() {
        for (number, payload) in side.rewrite(facts, rules) {
            if let (Some(frame), Some((_, layers))) = (frames.get_mut(number), kept.get(number)) {
                headers::put(&mut frame.bytes, layers.payload.start, &payload);
            }
        }
    }
    for (frame, (_, layers)) in frames.iter_mut().zip(kept) {
        headers::rewrite(&mut frame.bytes, layers, &mut rules.addresses);
    }
    frames
}

/// The media of the flows with a verdict.
fn sources(kept: &[(Frame, Layers)], told: &[FrameVerdict]) -> Sources {
    let mut sources = Sources::default();
    for ((frame, layers), told) in kept.iter().zip(told) {
        let payload = frame.bytes.get(layers.payload.clone()).unwrap_or_default();
        sources.see(told.flow, told.direction == Direction::Originator, payload);
    }
    sources
}
