//! Captures that can be given away: other addresses, no identifiers, blank payloads, the same verdicts.
//!
//! What is not understood keeps its length and nothing else. A copy is asked about itself; where a flow's verdict is
//! another one, the copy is made anew and keeps more of that flow.
//!
//! Frames are held in memory twice, all of them: a connection's bytes are rewritten as one, and come from many frames.

mod addresses;
mod banners;
mod datagram;
mod dns;
mod fragments;
mod frame;
mod framed;
mod headers;
mod http;
mod identifiers;
mod kept;
mod key;
mod layers;
mod lists;
mod media;
mod piece;
mod rules;
mod sheet;
mod streams;
mod stun;
mod tls;
mod trail;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use wiremark::{Classifier, Direction, Fragment, LinkType, Packet, TrackerConfig, Transport};

pub use addresses::{Addresses, is_personal};
pub use frame::Frame;
use kept::{Content, FrameClassifier, Keeper, Kept};
pub use key::Key;
use media::Sources;
use rules::{Facts, Need, Rules};
use streams::Side;

use wiremark_capture::replay::Counts;

/// Times that a copy is made anew, each time with more of the flows that are classified otherwise than before.
const ROUNDS_MAX: usize = 6;
/// Keys tried until no address gets another one of the capture for its pseudonym.
const KEYS_MAX: usize = 64;

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What pseudonyms are drawn with; random where none is given.
    pub key: Option<Key>,
    /// Bytes kept at the start of payloads in no known format, without their text.
    pub keep_bytes: usize,
    /// Whether host names of no known app get pseudonyms too.
    pub names: bool,
    /// What a flow is.
    pub tracker: TrackerConfig,
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
    let mut keeper = Keeper::new(classifier, settings.tracker);
    for frame in frames {
        let Err((frame, error)) = keeper.keep(frame) else { continue };
        match (LinkType::from_number(frame.link_type), error) {
            (Some(link_type), Some(error)) => {
                let Frame { time_ns, original_length: wire_bytes, .. } = frame;
                let time_us = time_ns / 1000;
                let frame = wiremark::Frame { link_type, time_us, bytes: &frame.bytes, wire_bytes };
                counts.take(&frame, time_us > 0, Some(error));
            }
            _ => counts.unknown_link += 1,
        }
    }
    let (mut ips, mut macs) = (HashSet::new(), HashSet::new());
    let kept = keeper.kept;
    for one in &kept {
        let (some_ips, some_macs) = headers::addresses_in(&one.frame.bytes, &one.layers);
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
        frames = rewrite(&kept, &needs, &mut rules);
        changed = differing((classifier, settings.tracker), &frames, &kept);
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
    let flows = kept.iter().filter_map(|one| one.told).map(|told| told.flow).max().unwrap_or(0);
    let needed = needs.into_keys().collect();
    Ok(Anonymized { frames, counts, flows, changed, needed })
}

/// The flows of which these frames tell something else than was told before.
fn differing(
    (classifier, tracker): (&Classifier, TrackerConfig),
    frames: &[Frame],
    kept: &[Kept],
) -> BTreeSet<u64> {
    let mut watch = FrameClassifier::new(classifier, tracker);
    let mut differing = BTreeSet::new();
    for (frame, before) in frames.iter().zip(kept.iter().filter(|one| one.is_frame())) {
        let after = watch.classify(frame).ok().flatten();
        if let Some(before) = before.told
            && after.map(|after| (after.flow, after.verdict())) != Some((before.flow, before.verdict()))
        {
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

/// Payloads rewritten, then headers. `needs` has the flows whose verdicts need bytes that would go.
fn rewrite(kept: &[Kept], needs: &BTreeMap<u64, Need>, rules: &mut Rules<'_>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = kept.iter().map(|one| one.frame.clone()).collect();
    let told = kept.iter().filter_map(|one| one.told);
    let decided: HashSet<u64> = told.filter(|told| told.verdict.0 != 0).map(|told| told.flow).collect();
    let sources = sources(kept);
    let mut sides: BTreeMap<(u64, bool), (Side, Facts)> = BTreeMap::new();
    for (number, (one, frame)) in kept.iter().zip(&mut frames).enumerate() {
        let at = one.layers.payload.clone();
        let link_type = LinkType::from_number(one.frame.link_type).unwrap_or(LinkType::Ethernet);
        let packet = match (one.content, one.told) {
            (Content::Piece, _) => continue,
            (Content::Packet, Some(told)) => {
                Packet::parse(link_type, 0, &one.frame.bytes).ok().map(|packet| (packet, told))
            }
            (Content::Packet | Content::Lost(..), _) => None,
        };
        let Some((packet, told)) = packet else {
            let (kept, fill) =
                if let Content::Lost(kept, fill) = one.content { (kept, fill) } else { (0, 0) };
            let kept = kept.min(at.len());
            headers::put(&mut frame.bytes, at.start + kept, &vec![fill; at.len() - kept]);
            continue;
        };
        let tuple = packet.five_tuple;
        let is_decided = decided.contains(&told.flow);
        let facts = Facts {
            is_decided,
            need: needs.get(&told.flow).copied().unwrap_or_default(),
            is_media: is_decided && sources.prove(told.flow, packet.payload),
            ports: [tuple.src_port, tuple.dst_port],
        };
        let new = match (packet.fragment, tuple.transport) {
            (Fragment::Later(_), _) => vec![0; packet.payload.len()],
            (_, Transport::Udp) => datagram::rewrite(packet.payload, facts, rules),
            (_, Transport::Tcp) => {
                let key = (told.flow, told.direction == Direction::Originator);
                let (side, _) = sides.entry(key).or_insert_with(|| (Side::default(), facts));
                side.add(&packet, number);
                continue;
            }
        };
        headers::put(&mut frame.bytes, at.start, &new);
    }
    for (side, facts) in sides.into_values() {
        for (number, payload) in side.rewrite(facts, rules) {
            if let (Some(frame), Some(one)) = (frames.get_mut(number), kept.get(number)) {
                headers::put(&mut frame.bytes, one.layers.payload.start, &payload);
            }
        }
    }
    // Packets before the frames that hold their pieces, and those inside before those around them.
    let (whole, plain): (Vec<usize>, Vec<usize>) =
        (0..kept.len()).rev().partition(|number| kept.get(*number).is_some_and(|one| !one.is_frame()));
    for number in whole.into_iter().chain(plain) {
        let (Some(one), Some(frame)) = (kept.get(number), frames.get_mut(number)) else { continue };
        if let Some((at, number)) = &one.number {
            headers::put(&mut frame.bytes, *at, number);
        }
        headers::rewrite(&mut frame.bytes, &one.layers, &mut rules.addresses);
        let bytes = if one.is_frame() { Vec::new() } else { frame.bytes.clone() };
        for piece in &one.pieces {
            let part = bytes.get(piece.at..piece.at + piece.place.len()).unwrap_or_default();
            if let Some(frame) = frames.get_mut(piece.frame) {
                headers::put(&mut frame.bytes, piece.place.start, part);
            }
        }
    }
    let frames = frames.into_iter().zip(kept).filter(|(_, one)| one.is_frame());
    frames.map(|(frame, _)| frame).collect()
}

/// The media of the flows with a verdict.
fn sources(kept: &[Kept]) -> Sources {
    let mut sources = Sources::default();
    for one in kept {
        if let (Some(told), Content::Packet) = (one.told, one.content) {
            let payload = one.frame.bytes.get(one.layers.payload.clone()).unwrap_or_default();
            sources.see(told.flow, told.direction == Direction::Originator, payload);
        }
    }
    sources
}
