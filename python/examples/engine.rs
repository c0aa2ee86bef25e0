//! The engine alone over the frames of a capture in memory, for `bench/python/compare.py`: seconds as JSON.

use std::path::Path;
use std::time::Instant;

use wiremark::{Classifier, Frame, LinkType, Options, Tracker};
use wiremark_capture::Capture;
use wiremark_capture::replay::tracker_config;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of a capture")?;
    let mut capture = Capture::open(Path::new(&path))?;
    let (mut bytes, mut frames) = (Vec::new(), Vec::new());
    while let Some(frame) = capture.next_frame()? {
        let start = bytes.len();
        bytes.extend_from_slice(frame.bytes);
        let link_type = LinkType::from_number(frame.link_type).ok_or("a link type that is not read")?;
        frames.push((start..bytes.len(), link_type, frame.time_us, frame.original_length));
    }
    let classifier = Classifier::new(wiremark_signatures::embedded()?, Options::default());
    let began = Instant::now();
    let mut tracker = Tracker::new(&classifier, tracker_config(wiremark::TrackerConfig::default().capacity));
    let (mut matched, mut ended) = (0u64, 0u64);
    for (range, link_type, time_us, wire_bytes) in &frames {
        let bytes = &bytes[range.clone()];
        let frame = Frame { link_type: *link_type, time_us: *time_us, bytes, wire_bytes: *wire_bytes };
        let seen = tracker.frame(&frame, &mut |_| ended += 1);
        matched += u64::from(seen.is_ok_and(|seen| seen.verdict.is_match()));
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{{\"seconds\": {seconds}, \"packets\": {}, \"matched\": {matched}, \"ended\": {ended}}}",
        frames.len()
    );
    Ok(())
}
