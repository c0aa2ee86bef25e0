//! Every flow of a capture, as it ends: what `classify` and whoever wants the same rows are made of.

use wiremark::{
    Classifier, Flow, Frame, ParseError, Prepared, SignatureSet, Statistics, Tracker, TrackerConfig,
};
use wiremark_capture::Capture;
use wiremark_capture::replay::{Counts, Follow, ReplayError, replay_ahead};

use crate::beside::{Beside, Besides, Names};
use crate::record::FlowRecord;

/// What a capture held beside its flows.
#[derive(Debug)]
pub struct Replayed {
    /// Its frames.
    pub counts: Counts,
    /// Why it, or a part of it, was not read.
    pub errors: Vec<ReplayError>,
    /// What the tracker saw.
    pub statistics: Statistics,
}

/// Hands a capture's frames to `look` in order, with a tracker that their headers were read for; reading a file and its headers is
/// done on so many threads (at least 1, the caller's). `look` is given the frame's number, from 1, and gives back why it had no packet
/// to offer. `go_on` is asked now and then, with the bytes read from the file so far; where it gives back false, no more frames
/// are read.
pub fn follow<'c>(
    capture: &mut Capture,
    tracker: &mut Tracker<'c>,
    threads: usize,
    look: impl FnMut(&mut Tracker<'c>, u64, &Frame<'_>, &Prepared) -> Result<(), ParseError>,
    go_on: impl FnMut(u64) -> bool,
) -> (Counts, Vec<ReplayError>) {
    // What may come slowly is told at once.
    let threads = if capture.file_bytes().is_some() { threads } else { 1 };
    let preparer = tracker.preparer();
    let prepare =
        |frame: &Frame<'_>, to: &mut Prepared| preparer.prepare_in(to, frame.link_type, frame.bytes);
    replay_ahead(capture, threads, prepare, &mut Following { tracker, look, go_on })
}

/// A tracker, and what is done with each frame.
struct Following<'t, 'c, L, G> {
    tracker: &'t mut Tracker<'c>,
    look: L,
    go_on: G,
}

impl<'c, L, G> Follow<Prepared> for Following<'_, 'c, L, G>
where
    L: FnMut(&mut Tracker<'c>, u64, &Frame<'_>, &Prepared) -> Result<(), ParseError>,
    G: FnMut(u64) -> bool,
{
    #[inline]
    fn soon(&self, prepared: &Prepared) {
        self.tracker.prefetch_buckets(prepared);
    }

    #[inline]
    fn next(&self, bytes: &[u8], prepared: &mut Prepared) {
        self.tracker.prefetch_flow(bytes, prepared);
    }

    #[inline]
    fn look(&mut self, number: u64, frame: &Frame<'_>, prepared: &Prepared) -> Result<(), ParseError> {
        (self.look)(self.tracker, number, frame, prepared)
    }

    fn goes_on(&mut self, bytes_read: u64) -> bool {
        (self.go_on)(bytes_read)
    }
}

/// Puts a capture through a tracker of its own. `take` gets each flow, and what was kept of it beside the tracker, names seen in it
/// among that: as flows end, then those left at the end, in the order of their first packets. Threads and `go_on`: [`follow`].
pub fn flows(
    capture: &mut Capture,
    classifier: &Classifier,
    config: TrackerConfig,
    threads: usize,
    mut take: impl FnMut(&Flow, Option<Box<Beside>>),
    go_on: impl FnMut(u64) -> bool,
) -> Replayed {
    let mut tracker = Tracker::new(classifier, config);
    let (mut besides, mut names) = (Besides::default(), Names::default());
    let look = |tracker: &mut Tracker<'_>, number: u64, frame: &Frame<'_>, prepared: &Prepared| {
        names.clear();
        let mut ended = |flow: &Flow| take(flow, besides.take(flow));
        let result = tracker.prepared_frame(frame, prepared, &mut ended, &mut names);
        // It is looked at where it lies: a copy would wait for it.
        let seen = result.as_ref().map_err(|error| *error)?;
        besides.frame(number, frame, seen, &names);
        Ok(())
    };
    let (counts, errors) = follow(capture, &mut tracker, threads, look, go_on);
    tracker.finish_in_order(&mut |flow: &Flow| take(flow, besides.take(flow)));
    Replayed { counts, errors, statistics: tracker.statistics() }
}

/// The whole record of a flow of a file.
pub fn record<'a>(
    file: &'a str,
    flow: &Flow,
    beside: Option<Box<Beside>>,
    set: &'a SignatureSet,
) -> FlowRecord<'a> {
    let record = FlowRecord::new(flow, set);
    let beside = beside.map(|beside| *beside).unwrap_or_default();
    let decided = beside.decided.filter(|_| record.app.is_some());
    FlowRecord {
        decided_at_packet: decided.map_or(record.decided_at_packet, |decided| Some(decided.packet)),
        process: beside.process,
        // Where the ends are exchanged, the one seen first is the responder.
        direction: beside.is_outbound.map(|is_outbound| {
            if is_outbound == (record.originator_by == "port") { "inbound" } else { "outbound" }
        }),
        file: Some(file),
        names: beside.names,
        truncated: beside.is_truncated,
        frame: decided.map(|decided| decided.frame),
        ..record
    }
}
