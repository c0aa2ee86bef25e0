//! Every flow of a capture, as it ends: what `classify` and whoever wants the same rows are made of.

use std::cell::RefCell;

use wiremark::{Classifier, Flow, SignatureSet, Statistics, Tracker, TrackerConfig};
use wiremark_capture::Capture;
use wiremark_capture::replay::{Counts, ReplayError, replay};

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

/// Puts a capture through a tracker of its own. `take` gets each flow, and what was kept of it beside the tracker: as flows
/// end, then those left at the end, in the order of their first packets. Names are kept only `with_names`. `go_on` is asked
/// now and then, with the bytes read from the file so far; where it gives back false, no more frames are read.
pub fn flows(
    capture: &mut Capture,
    classifier: &Classifier,
    config: TrackerConfig,
    with_names: bool,
    mut take: impl FnMut(&Flow, Beside),
    go_on: impl FnMut(u64) -> bool,
) -> Replayed {
    let mut tracker = Tracker::new(classifier, config);
    let besides = RefCell::new(Besides::default());
    let mut names = Names::default();
    let mut ended = |flow: &Flow| {
        let beside = besides.borrow_mut().take(flow);
        take(flow, beside);
    };
    let (counts, errors) = replay(
        capture,
        |number, frame| {
            names.clear();
            let seen = if with_names {
                tracker.frame_observed(frame, &mut ended, &mut names)?
            } else {
                tracker.frame(frame, &mut ended)?
            };
            besides.borrow_mut().frame(number, frame, &seen, &mut names);
            Ok(())
        },
        go_on,
    );
    // What is left comes out in the order of the flow table, which means nothing to anybody.
    let mut left = Vec::new();
    tracker.finish(&mut |flow: &Flow| left.push(*flow));
    left.sort_by_key(|flow| flow.number);
    left.iter().for_each(&mut ended);
    Replayed { counts, errors, statistics: tracker.statistics() }
}

/// The whole record of a flow of a file.
pub fn record<'a>(file: &'a str, flow: &Flow, beside: Beside, set: &'a SignatureSet) -> FlowRecord<'a> {
    let record = FlowRecord::new(flow, set);
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
