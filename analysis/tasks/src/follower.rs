//! Frames in, packets of known flows out: the engine's tracker, and what it saw on the way.

use wiremark::{
    Classifier, Event, Flow, Frame, Observer, Packet, ParseError, Seen, Statistics, Tracker, Tunnel,
};
use wiremark_report::Copies;

use super::config::Config;

/// Follows the flows of a capture.
#[derive(Debug)]
pub(super) struct Follower<'c> {
    classifier: &'c Classifier,
    config: Config,
    tracker: Tracker<'c>,
    name: NameSeen,
    copies: Copies,
}

/// A packet, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followed<'a> {
    pub(super) packet: Packet<'a>,
    /// The tunnel around it, where users are told apart by tunnels.
    pub(super) tunnel: Option<Tunnel>,
    pub(super) seen: Seen,
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

    /// Takes in the next frame; none comes out of one that a mirror port gave twice. `ended` is told each flow that is over.
    pub(super) fn frame<'a>(
        &'a mut self,
        frame: &Frame<'a>,
        ended: &mut impl FnMut(&Flow),
    ) -> Result<Option<Followed<'a>>, ParseError> {
        let Self { tracker, name, config, copies, .. } = self;
        if let Ok(packet) = Packet::parse(frame.link_type, frame.time_us, frame.bytes)
            && copies.original(&packet, 0).is_some()
        {
            return Ok(None);
        }
        name.length = 0;
        let (seen, packet) = tracker.follow(frame, ended, name)?;
        let tunnel = if config.by_tunnel { Tunnel::around(frame.link_type, frame.bytes) } else { None };
        let name = name.bytes.get(..name.length).unwrap_or_default();
        Ok(Some(Followed { packet, tunnel, seen, name }))
    }

    /// The flows that are left, in the order of their numbers.
    pub(super) fn end_capture(&mut self) -> Vec<Flow> {
        let mut left = Vec::new();
        self.tracker.finish_in_order(&mut |flow| left.push(*flow));
        left
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
