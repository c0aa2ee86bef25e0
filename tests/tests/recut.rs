//! However TCP cuts a stream, the verdict stays: every capture re-cut at random borders, with duplicates and swaps.
//!
//! `RECUTS=10000 cargo test --release -p wiremark-tests --test all -- recut:: --nocapture` tries as many cuts as are asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use wiremark::{AppId, Classifier, FlowKey, Frame, LinkType, Options, Packet, Role, Tracker, TrackerConfig};
use wiremark_tests::recut::recut;
use wiremark_tests::trace::Trace;

/// The last app and role of every five-tuple that has one.
fn verdicts(classifier: &Classifier, trace: &Trace) -> HashMap<FlowKey, (AppId, Role)> {
    let mut tracker = Tracker::new(classifier, TrackerConfig { capacity: 4096, ..TrackerConfig::default() });
    let mut verdicts = HashMap::new();
    for (time_us, link, bytes) in trace.frames() {
        let Some(link_type) = LinkType::from_number(link) else { continue };
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let (Ok(seen), Ok(packet)) = (tracker.frame(&frame, &mut |_| {}), Packet::parse(link_type, 0, bytes))
        else {
            continue;
        };
        if seen.verdict.is_match() {
            verdicts.insert(packet.five_tuple.key(), (seen.verdict.app, seen.verdict.role));
        }
    }
    verdicts
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[test]
fn verdicts_do_not_depend_on_how_streams_are_cut() {
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = captures(&here.join("../../shared/traces/messenger"));
    if paths.is_empty() {
        wiremark_tests::skipped("no captures in ../shared/traces; only the demo capture is cut");
    }
    let demo = here.join("demo.pcap");
    let wanted: u64 = std::env::var("RECUTS").ok().and_then(|count| count.parse().ok()).unwrap_or(40);
    let rounds = |paths: &[PathBuf], cuts: u64| {
        let all = (0..).flat_map(|seed| paths.iter().map(move |path| (path.clone(), seed)));
        all.take(if paths.is_empty() { 0 } else { cuts as usize }).collect::<Vec<_>>()
    };
    // The demo is small: each of its flows is met by many cuts.
    let demos = rounds(&[demo], wanted.max(400));
    let cuts = [demos, rounds(&paths, wanted)].concat();
    let mut seeds: HashMap<&Path, Vec<u64>> = HashMap::new();
    for (path, seed) in &cuts {
        seeds.entry(path).or_default().push(*seed);
    }
    for (path, seeds) in seeds {
        let file = std::fs::File::open(path).expect("a capture that was listed");
        let Ok(trace) = Trace::read(file) else { panic!("{}: not read", path.display()) };
        let before = verdicts(&classifier, &trace);
        for seed in seeds {
            let after = verdicts(&classifier, &recut(&trace, seed));
            assert_eq!(before, after, "{}, seed {seed}", path.display());
        }
    }
    println!("{} re-cuts, every verdict as before", cuts.len());
}
