//! Frames in, packets of known flows out: the engine's tracker, and what it saw on the way.

use wiremark::{
    Classifier, Event, Flow, Frame, Observer, Packet, ParseError, Seen, Statistics, Tracker, Tunnel,
};
use wiremark_report::{Copies, Fingerprint, Fingerprints};

use super::config::Config;

/// What can be told of a frame before its turn comes, on any thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prepared {
    pub(super) flow: wiremark::Prepared,
    fingerprint: Fingerprint,
}

/// Tells it; see [`Frames::preparer`](super::Frames::preparer).
#[derive(Clone, Debug)]
pub struct Preparer {
    flows: wiremark::Preparer,
    fingerprints: Fingerprints,
}

impl Preparer {
    /// Reads a frame's headers.
    pub fn prepare(&self, frame: &Frame<'_>) -> Prepared {
        let mut prepared = Prepared::default();
        self.prepare_in(&mut prepared, frame);
        prepared
    }

    /// The same where it is to lie, in the place of another's: nothing is copied.
    #[inline]
    pub fn prepare_in(&self, prepared: &mut Prepared, frame: &Frame<'_>) {
        self.flows.prepare_in(&mut prepared.flow, frame.link_type, frame.bytes);
        let packet = prepared.flow.packet(frame);
        let packet = packet.or_else(|| Packet::parse(frame.link_type, frame.time_us, frame.bytes).ok());
        prepared.fingerprint = packet.map_or(Fingerprint::NONE, |packet| self.fingerprints.of(&packet));
    }
}

/// Follows the flows of a capture.
#[derive(Debug)]
pub(super) struct Follower<'c> {
    classifier: &'c Classifier,
    config: Config,
    tracker: Tracker<'c>,
    name: NameSeen,
    copies: Copies,
}

/// Takes packets of known flows, and flows that are over, in their order.
pub(super) trait Take {
    fn packet(&mut self, followed: &Followed<'_>);
    fn ended(&mut self, flow: &Flow);
}

/// A packet, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followed<'a> {
    pub(super) packet: &'a Packet<'a>,
    /// The tunnel around it, where users are told apart by tunnels.
    pub(super) tunnel: Option<Tunnel>,
    pub(super) seen: &'a Seen,
    /// The last name the engine read in it; empty: none.
    pub(super) name: &'a [u8],
}

impl<'c> Follower<'c> {
    pub(super) fn new(classifier: &'c Classifier, config: Config) -> Self {
        let tracker = Tracker::new(classifier, config.tracker);
        Self { classifier, config, tracker, name: NameSeen::default(), copies: Copies::default() }
    }

    pub(super) fn use_classifier(&mut self, classifier: &'c Classifier) {
        self.classifier = classifier;
        self.tracker.use_classifier(classifier);
    }

    /// How many flows there are at the same time, at the most.
    pub(super) fn places(&self) -> usize {
        self.tracker.places()
    }

    /// What follows is a capture of no more than so many frames, if that is known.
    pub(super) fn begin_capture(&mut self, frames_at_most: Option<usize>) {
        if self.tracker.statistics().frames > 0 || frames_at_most.is_some() {
            let config = self.config.tracker;
            let config = frames_at_most.map_or(config, |frames| config.for_frames(frames));
            self.tracker = Tracker::new(self.classifier, config);
        }
        self.copies = Copies::default();
    }

    /// Prepares frames of this capture.
    pub(super) fn preparer(&self) -> Preparer {
        Preparer { flows: self.tracker.preparer(), fingerprints: self.copies.fingerprints().clone() }
    }

    /// Asks for the places in memory at which a frame's flow will be looked for, and its copies.
    #[inline]
    pub(super) fn soon(&self, prepared: &Prepared) {
        self.tracker.prefetch_buckets(&prepared.flow);
        self.copies.prefetch(prepared.fingerprint);
    }

    /// Asks for a frame's flow.
    #[inline]
    pub(super) fn next(&self, bytes: &[u8], prepared: &mut Prepared) {
        self.tracker.prefetch_flow(bytes, &mut prepared.flow);
    }

    /// Takes in the next frame, and gives back what the tracker saw; nothing of one that a mirror port gave twice.
    #[inline]
    pub(super) fn frame(
        &mut self,
        frame: &Frame<'_>,
        prepared: &Prepared,
        to: &mut impl Take,
    ) -> Result<Option<Seen>, ParseError> {
        let Self { tracker, name, config, copies, .. } = self;
        if copies.original_of(prepared.fingerprint, frame.time_us, 0).is_some() {
            return Ok(None);
        }
        name.length = 0;
        let tunnel = if config.by_tunnel { Tunnel::around(frame.link_type, frame.bytes) } else { None };
        match prepared.flow.packet(frame) {
            Some(packet) => {
                let result =
                    tracker.prepared_frame(frame, &prepared.flow, &mut |flow: &Flow| to.ended(flow), name);
                // It is looked at where it lies: a copy would wait for it.
                let seen = result.as_ref().map_err(|error| *error)?;
                to.packet(&Followed { packet: &packet, tunnel, seen, name: name.bytes() });
                Ok(Some(*seen))
            }
            None => {
                let ended = &mut |flow: &Flow| to.ended(flow);
                let (seen, packet) = tracker.follow_prepared(frame, &prepared.flow, ended, name)?;
                to.packet(&Followed { packet: &packet, tunnel, seen: &seen, name: name.bytes() });
                Ok(Some(seen))
            }
        }
    }

    /// Hands out the flows that are left, in the order of their numbers.
    pub(super) fn end_capture(&mut self, ended: &mut impl FnMut(&Flow)) {
        self.tracker.finish_in_order(ended);
    }

    /// Packets of this capture that came twice, and count once.
    pub(super) fn copies(&self) -> u64 {
        self.copies.found()
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.tracker.statistics()
    }
}

/// The last name the engine read in a packet.
#[derive(Debug)]
struct NameSeen {
    bytes: [u8; 255],
    length: usize,
}

impl NameSeen {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Default for NameSeen {
    fn default() -> Self {
        Self { bytes: [0; 255], length: 0 }
    }
}

impl Observer for NameSeen {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Name { name, .. } = event
            && let Some(room) = self.bytes.get_mut(..name.len())
        {
            room.copy_from_slice(name);
            self.length = name.len();
        }
    }
}
