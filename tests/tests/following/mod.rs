//! Traces and captures through a tracker and a watch.

use std::sync::LazyLock;

use wiremark::{Classifier, Frame, LinkType, Options, Tracker, TrackerConfig};
use wiremark_calls::{Call, CallTracker, Names, Record, Scripts};
use wiremark_tests::trace::Trace;

/// Where the real captures lie: `WIREMARK_TRACES`, or the place that the scores are counted at.
#[allow(dead_code)]
pub(crate) fn traces() -> std::path::PathBuf {
    std::env::var_os("WIREMARK_TRACES").map_or_else(wiremark_tests::score::default_traces, Into::into)
}

/// What came of a capture.
#[allow(dead_code)] // each test binary looks at some of it
pub(crate) struct Followed {
    pub(crate) calls: Vec<Call>,
    pub(crate) records: Vec<Record>,
    pub(crate) names: Names,
    /// The most ends of calls that were open at a time.
    pub(crate) most_open: usize,
}

pub(crate) fn classifier() -> &'static Classifier {
    static SHIPPED: LazyLock<Classifier> = LazyLock::new(|| {
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default())
    });
    &SHIPPED
}

/// Tells the calls of a trace, in the order in which they end.
pub(crate) fn follow(trace: &Trace) -> Followed {
    let frames = trace.frames().map(|(time_us, link, bytes)| (time_us, u32::from(link), bytes));
    follow_frames(frames)
}

pub(crate) fn follow_frames<'f>(frames: impl Iterator<Item = (u64, u32, &'f [u8])>) -> Followed {
    static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts::embedded().expect("the shipped scripts"));
    let classifier = classifier();
    let frames: Vec<_> = frames.collect();
    let mut tracker = Tracker::new(classifier, TrackerConfig::default().for_frames(frames.len()));
    let mut watch = CallTracker::new(&SCRIPTS, classifier.set());
    let mut calls = Vec::new();
    let mut most_open = 0;
    for (number, (time_us, link, bytes)) in (1..).zip(frames) {
        let Some(link_type) = LinkType::from_number(link) else { continue };
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let Ok((seen, packet)) = tracker.follow(&frame, &mut |_| (), &mut ()) else { continue };
        if watch.wants(&seen) {
            watch.packet_of_frame(&packet, bytes, &seen, number, &mut |call| calls.push(call));
            most_open = most_open.max(watch.open());
        }
    }
    watch.finish(&mut |call| calls.push(call));
    // Nothing of a call that was told stays behind.
    let left = format!("{watch:?}");
    for empty in ["parties: {}", "by_local: {}", "by_address: {}", "by_ssrc: {}", "waiting: []", "calls: {}"]
    {
        assert!(left.contains(empty), "{empty}: {left}");
    }
    assert!(calls.iter().zip(1..).all(|(call, number): (&Call, u64)| call.number == number));
    let mut names = Names::default();
    let records = calls.iter().map(|call| Record::new(call.clone(), classifier.set(), &mut names)).collect();
    Followed { calls, records, names, most_open }
}
