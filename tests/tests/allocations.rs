//! Classifying a packet allocates nothing, once context, table and flows are there.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use wiremark::{
    Classifier, Context, ContextConfig, FlowKey, FlowState, Frame, LinkType, Options, Packet, Tracker,
    TrackerConfig,
};
use wiremark_capture::Capture;
use wiremark_tests::carriers;
use wiremark_tests::conversation::end_point;
use wiremark_tests::protocol::whatsapp_chat::Chat;
use wiremark_tests::trace::Trace;
use wiremark_tests::wrap::Wrap;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Frames = Vec<(LinkType, u64, Vec<u8>)>;

fn captures() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let traces = std::env::var_os("WIREMARK_TRACES").map_or(beside, PathBuf::from);
    let folders =
        ["messenger", "other"].into_iter().filter_map(|folder| std::fs::read_dir(traces.join(folder)).ok());
    folders.flat_map(|entries| entries.map(|entry| entry.expect("an entry of the folder").path())).collect()
}

fn read(path: &Path) -> Frames {
    let mut frames = Vec::new();
    let mut capture = Capture::open(path).expect("a capture that was listed");
    while let Ok(Some(frame)) = capture.next_frame() {
        let link_type = LinkType::from_number(frame.link_type);
        frames.extend(link_type.map(|link_type| (link_type, frame.time_us, frame.bytes.to_vec())));
    }
    frames
}

fn built(trace: &Trace) -> Frames {
    let link = |number: u16| LinkType::from_number(number).expect("a link type that the builder writes");
    trace.frames().map(|(time_us, number, bytes)| (link(number), time_us, bytes.to_vec())).collect()
}

/// Allocations, reallocations and frees while `look` runs.
fn counted(look: impl FnOnce()) -> usize {
    let region = Region::new(COUNTED);
    look();
    let change = region.change();
    change.allocations + change.reallocations + change.deallocations
}

/// A single test, so that no other thread allocates meanwhile.
#[test]
fn a_packet_allocates_nothing() {
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    let mut traces = vec![("demo".to_owned(), built(&wiremark_tests::demo::trace()))];
    for case in wiremark_tests::case::load(wiremark_tests::case::folder()).expect("cases") {
        traces.push((case.name.clone(), built(&case.trace().expect("a case that builds"))));
    }
    let chat = Chat::of((6, 3)).flow(end_point("10.0.0.1:40000"), end_point("198.51.100.60:5222"), 7);
    let chat = chat.at(1_700_000_000_000_000).trace();
    for carrier in carriers::all() {
        traces.push((carrier.name.to_owned(), built(&chat.clone().carried(&carrier))));
    }
    let inside = chat.clone().fragment(48).wrap(Wrap::GtpU(9, false));
    for (name, trace) in [
        ("fragments", chat.clone().fragment(48)),
        ("fragments that are lost", chat.clone().fragment(48).lose(1, 30).duplicate(1, 30)),
        ("fragments inside a tunnel", inside.clone()),
        ("fragments of a tunnel with fragments inside", inside.fragment(48).duplicate(1, 30)),
    ] {
        traces.push((name.to_owned(), built(&trace)));
    }
    let paths = captures();
    if paths.is_empty() {
        println!("no captures in ../shared/traces, nor where WIREMARK_TRACES says: built traces only");
    }
    traces.extend(paths.iter().map(|path| (path.display().to_string(), read(path))));

    // Small sizes, so that evictions, expiries and lost handshakes happen too.
    let small = ContextConfig { parked_slots: 8, remembered: 64, ..ContextConfig::default() };
    let mut tracker = Tracker::new(
        &classifier,
        TrackerConfig { capacity: 256, context: small, ..TrackerConfig::default() },
    );
    let mut context = Context::new(small);
    let (mut packets, mut matches) = (0, 0);
    for (name, frames) in &traces {
        for (number, (link_type, time_us, bytes)) in (1..).zip(frames) {
            let frame =
                Frame { link_type: *link_type, time_us: *time_us, bytes, wire_bytes: bytes.len() as u32 };
            let count = counted(|| _ = tracker.frame(&frame, &mut |_| {}));
            assert_eq!(count, 0, "tracker: {name}, frame {number}");
        }
        let count = counted(|| tracker.finish(&mut |_| {}));
        assert_eq!(count, 0, "end of {name}");
        let mut flows: HashMap<FlowKey, FlowState> = HashMap::new();
        for (number, (link_type, time_us, bytes)) in (1..).zip(frames) {
            let Ok(packet) = Packet::parse(*link_type, *time_us, bytes) else { continue };
            let flow = flows.entry(packet.five_tuple.key()).or_default();
            let count = counted(|| _ = classifier.classify(&mut context, flow, &packet));
            assert_eq!(count, 0, "classifier: {name}, frame {number}");
            packets += 1;
        }
        matches += flows.values().filter(|flow| flow.verdict().is_match()).count();
    }
    println!("{packets} packets of {} traces, {matches} flows with an app", traces.len());
    assert!(matches > 20, "flows of apps are among them");
    assert!(counted(|| drop(vec![0u8; 100])) > 0, "the count counts");
}
