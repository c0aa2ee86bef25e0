//! A capture from its first frame to its last, counting what could not be looked into.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;

use wiremark::wire::link::{aggregate, names};
use wiremark::{ContextConfig, Frame, Layer, LinkType, ParseError, TrackerConfig, Trail};

use crate::ahead::{Batch, ahead};
use crate::{Block, Capture, CaptureError};

/// Frames between two calls of the progress function.
const PROGRESS_FRAMES: u64 = 1024;

/// What a capture held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames read.
    pub frames: u64,
    /// Frames that carry neither TCP nor UDP (ARP, ICMP, ...).
    pub unsupported: u64,
    /// Frames that ended before their headers did.
    pub truncated: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
    /// Frames of an interface whose link type is not read here.
    pub unknown_link: u64,
    /// Frames with a fragment whose flow is not known: of a packet that was not whole yet, or never was.
    pub fragments: u64,
    /// Frames that were longer on the wire than what was captured.
    pub cut: u64,
    /// Frames without a time.
    pub untimed: u64,
    /// What the frames hold that carry neither TCP nor UDP: where the walk over their headers stopped.
    pub stopped_at: BTreeMap<Layer, u64>,
}

impl Counts {
    /// Takes in a frame of a known link type, and why it had no packet to offer, if it had none. For those who do not
    /// [`replay`].
    pub fn take(&mut self, frame: &Frame<'_>, is_timed: bool, error: Option<ParseError>) {
        self.read(frame, is_timed);
        if let Some(error) = error {
            self.missed(error, frame);
        }
    }

    /// Takes in what can be told of a frame before anybody looked into it.
    fn read(&mut self, frame: &Frame<'_>, is_timed: bool) {
        self.cut += u64::from((frame.bytes.len() as u64) < u64::from(frame.wire_bytes));
        self.untimed += u64::from(!is_timed);
    }

    /// Takes in a frame that had no packet to offer.
    fn missed(&mut self, error: ParseError, frame: &Frame<'_>) {
        match error {
            ParseError::Unsupported => self.unsupported += 1,
            ParseError::Truncated => self.truncated += 1,
            ParseError::Malformed => self.malformed += 1,
            ParseError::Fragment => self.fragments += 1,
        }
        if error == ParseError::Unsupported
            && let Some(step) = Trail::of(frame.link_type, frame.bytes).last()
        {
            *self.stopped_at.entry(step.layer).or_default() += 1;
        }
    }

    /// Adds another capture's counts.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.unsupported += other.unsupported;
        self.truncated += other.truncated;
        self.malformed += other.malformed;
        self.unknown_link += other.unknown_link;
        self.fragments += other.fragments;
        self.cut += other.cut;
        self.untimed += other.untimed;
        for (layer, frames) in &other.stopped_at {
            *self.stopped_at.entry(*layer).or_default() += frames;
        }
    }
}

/// Why a capture, or a part of it, was not replayed.
#[derive(Debug)]
pub enum ReplayError {
    /// Reading ended early; the frames before count.
    Capture(CaptureError),
    /// One interface's frames were skipped, the others' were not.
    UnknownLinkType {
        /// The capture's name.
        file: String,
        /// Number of the interface, from 0.
        interface: u32,
        /// Its link type, from pcap's LINKTYPE list.
        link_type: u32,
        /// Number of the first frame skipped, from 1.
        first_frame: u64,
        /// How many frames were skipped.
        frames: u64,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(error) => error.fmt(f),
            Self::UnknownLinkType { file, interface, link_type, first_frame, frames } => write!(
                f,
                "{file}: frame {first_frame}: interface {interface} has link type {link_type}{kind}, which is not read here; \
                 frames skipped: {frames}; capture on Ethernet, cooked, loopback or raw IP",
                kind = names::name(*link_type).map(|name| format!(" ({name})")).unwrap_or_default()
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

/// A tracker for so many flows, with keys that nobody can know beforehand: senders cannot choose flows that crowd each other
/// out. Every tracker of the command has such keys.
pub fn tracker_config(capacity: usize) -> TrackerConfig {
    let secret = |number: u64| RandomState::new().hash_one(number);
    let context = ContextConfig { seed: secret(2), ..ContextConfig::default() };
    TrackerConfig { capacity, hash_key: [secret(0), secret(1)], context, ..TrackerConfig::default() }
}

/// Frames of a capture that nobody could look at, as their interface's link type is not known: first one and how many, by
/// interface and link type.
#[derive(Default)]
struct Skipped(BTreeMap<(u32, u32), (u64, u64)>);

impl Skipped {
    fn note(&mut self, frame: &crate::Frame<'_>) {
        self.0.entry((frame.interface, frame.link_type)).or_insert((frame.number, 0)).1 += 1;
    }

    fn errors(self, file: &str) -> impl Iterator<Item = ReplayError> {
        self.0.into_iter().map(move |((interface, link_type), (first_frame, frames))| {
            ReplayError::UnknownLinkType { file: file.to_owned(), interface, link_type, first_frame, frames }
        })
    }
}

/// The frame as the engine wants it; none where its link type is not known.
#[inline(always)]
fn known<'a>(frame: &crate::Frame<'a>) -> Option<Frame<'a>> {
    let (link_type, bytes) = (LinkType::from_number(frame.link_type)?, frame.bytes);
    let behind_first = || aggregate::behind_first(link_type, bytes).map(<[u8]>::len).sum();
    let aggregated_bytes: usize = if aggregate::may_be(link_type) { behind_first() } else { 0 };
    let wire_bytes = frame.original_length
        - u32::from(frame.trailer_bytes)
        - (aggregated_bytes as u32).min(frame.original_length);
    Some(Frame { link_type, time_us: frame.time_us, bytes, wire_bytes })
}

/// The packets behind the first in an aggregate of 802.11.
#[inline]
fn aggregated<'a>(frame: &Frame<'a>) -> impl Iterator<Item = Frame<'a>> {
    let time_us = frame.time_us;
    aggregate::behind_first(frame.link_type, frame.bytes).map(move |bytes| {
        let wire_bytes = bytes.len() as u32;
        Frame { link_type: LinkType::Ethernet, time_us, bytes, wire_bytes }
    })
}

/// Hands every frame of a known link type to `look`, and what went wrong to the caller at the end.
///
/// `look` is given the frame's number in the capture, from 1, as Wireshark counts it (skipped frames count too); it gives
/// back why a frame had no packet to offer. The packets of an 802.11 frame with several come one after the other. `progress` is called now and then with the bytes read from
/// the file; where it gives back false, replaying stops.
pub fn replay(
    capture: &mut Capture,
    mut look: impl FnMut(u64, &Frame<'_>) -> Result<(), ParseError>,
    mut progress: impl FnMut(u64) -> bool,
) -> (Counts, Vec<ReplayError>) {
    let mut counts = Counts::default();
    let mut skipped = Skipped::default();
    let mut errors = Vec::new();
    loop {
        if counts.frames % PROGRESS_FRAMES == 0 && !progress(capture.bytes_read()) {
            break;
        }
        let frame = match capture.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) => {
                errors.push(ReplayError::Capture(error));
                break;
            }
        };
        counts.frames += 1;
        let Some(known) = known(&frame) else {
            counts.unknown_link += 1;
            skipped.note(&frame);
            continue;
        };
        counts.take(&known, frame.is_timed, look(frame.number, &known).err());
        for packet in aggregated(&known) {
            counts.take(&packet, true, look(frame.number, &packet).err());
        }
    }
    errors.extend(skipped.errors(capture.name()));
    (counts, errors)
}

/// Looks at frames in order, with what was made of each beforehand.
pub trait Follow<P> {
    /// Is shown what was made of a frame that comes after [`SOON`] others: its place in memory can be asked for.
    fn soon(&self, made: &P);

    /// The same, after half as many, and the frame's bytes; what that tells can be kept with what was made.
    fn next(&self, bytes: &[u8], made: &mut P);

    /// The frame itself, and its number in the capture, from 1; gives back why it had no packet to offer.
    ///
    /// # Errors
    /// As [`Tracker::frame`](wiremark::Tracker::frame).
    fn look(&mut self, number: u64, frame: &Frame<'_>, made: &P) -> Result<(), ParseError>;

    /// Is told now and then how many bytes of the file were read; false ends it.
    fn goes_on(&mut self, bytes_read: u64) -> bool;
}

/// A frame in its block, and what was made of it.
#[derive(Default)]
struct Made<P> {
    time_us: u64,
    start: u32,
    length: u32,
    wire_bytes: u32,
    /// None where it is not known: then nothing was made.
    link_type: Option<LinkType>,
    made: P,
}

impl<P> Made<P> {
    #[inline]
    fn bytes<'b>(&self, block: &'b Block) -> &'b [u8] {
        let start = self.start as usize;
        block.bytes().get(start..start + self.length as usize).unwrap_or_default()
    }

    #[inline]
    fn frame<'b>(&self, block: &'b Block) -> Option<Frame<'b>> {
        let Self { time_us, wire_bytes, .. } = *self;
        Some(Frame { link_type: self.link_type?, time_us, bytes: self.bytes(block), wire_bytes })
    }
}

/// Frames between [`Follow::soon`] and [`Follow::look`].
pub const SOON: usize = 32;
/// Frames of which it is kept what was made of them, where one thread does all: more than are between making and looking, and a power
/// of two.
const RING: usize = 2 * SOON;

/// [`replay`] on so many threads: what `prepare` makes of a frame, in the place of what was made of another, may be made on any of them,
/// some frames ahead; `follow` looks at all frames in order, on the caller's.
pub fn replay_ahead<P: Default + Send>(
    capture: &mut Capture,
    threads: usize,
    prepare: impl Fn(&Frame<'_>, &mut P) + Sync,
    follow: &mut impl Follow<P>,
) -> (Counts, Vec<ReplayError>) {
    let mut counts = Counts::default();
    let mut skipped = Skipped::default();
    let mut errors = Vec::new();
    let bytes_read = capture.counter();
    let name = capture.name().to_owned();
    if !follow.goes_on(capture.bytes_read()) {
        return (counts, errors);
    }
    let make = |block: &Block, at: usize, made: &mut Made<P>, counts: &mut Counts| {
        let Some((frame, start)) = block.frame_placed(at) else { return };
        let Some(known) = known(&frame) else {
            counts.unknown_link += 1;
            made.link_type = None;
            return;
        };
        counts.read(&known, frame.is_timed);
        let Frame { link_type, time_us, bytes, wire_bytes } = known;
        (made.time_us, made.start, made.length) = (time_us, start, bytes.len() as u32);
        (made.wire_bytes, made.link_type) = (wire_bytes, Some(link_type));
        prepare(&known, &mut made.made);
    };
    // Alone, a frame is prepared no earlier than it has to be, so that what was made of it stays close to the processor.
    let is_alone = threads <= 1;
    let make_all = |block: &Block, (made, counts): &mut (Vec<Made<P>>, Counts)| {
        *counts = Counts { frames: block.len() as u64, ..Counts::default() };
        // Each is written where it lies, in the place of another.
        made.resize_with(if is_alone { RING } else { block.len() }, Made::default);
        if !is_alone {
            made.iter_mut().enumerate().for_each(|(at, made)| make(block, at, made, counts));
        }
    };
    let slots = if is_alone { RING - 1 } else { usize::MAX };
    let error = ahead(capture, threads, make_all, |Batch { block, made: (made, of_block) }| {
        let is_known = |made: &&mut Made<P>| made.link_type.is_some();
        for step in 0..block.len() + SOON {
            if step < block.len()
                && let Some(soon) = made.get_mut(step & slots)
            {
                if is_alone {
                    make(block, step, soon, of_block);
                }
                Some(soon).filter(is_known).into_iter().for_each(|soon| follow.soon(&soon.made));
            }
            let next = step.wrapping_sub(SOON / 2);
            if next < block.len()
                && let Some(next) = made.get_mut(next & slots).filter(is_known)
            {
                follow.next(next.bytes(block), &mut next.made);
            }
            let at = step.wrapping_sub(SOON);
            if at >= block.len() {
                continue;
            }
            let Some(this) = made.get(at & slots) else { break };
            let Some(frame) = this.frame(block) else {
                block.frame(at).iter().for_each(|frame| skipped.note(frame));
                continue;
            };
            let number = block.number_of(at);
            if let Err(error) = follow.look(number, &frame, &this.made) {
                counts.missed(error, &frame);
            }
            if aggregate::may_be(frame.link_type) {
                for packet in aggregated(&frame) {
                    let mut made = P::default();
                    prepare(&packet, &mut made);
                    counts.take(&packet, true, follow.look(number, &packet, &made).err());
                }
            }
        }
        counts.add(of_block);
        follow.goes_on(bytes_read.load(Ordering::Relaxed))
    });
    errors.extend(error.map(ReplayError::Capture));
    errors.extend(skipped.errors(&name));
    (counts, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_trackers_share_their_keys() {
        let keys = || {
            let config = tracker_config(16);
            (config.hash_key, config.context.seed)
        };
        let (one, other) = (keys(), keys());
        assert!(one.0[0] != one.0[1] && one.0[0] != one.1, "{one:x?}");
        assert!(one.0[0] != other.0[0] && one.0[1] != other.0[1] && one.1 != other.1, "{one:x?} {other:x?}");
        let fixed = TrackerConfig::default();
        assert!(
            one.0 != fixed.hash_key && one.1 != fixed.context.seed,
            "the engine's own are known to everybody"
        );
    }
}
