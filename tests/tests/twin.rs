//! The naive twin agrees with the engine on every packet: real captures, built traces, random packets.

#[path = "twin/random_flows.rs"]
mod random_flows;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use random_flows::{SentPacket, Talk, corpus, interleave, plan, synthetic};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use wiremark::{
    Classifier, Context, ContextConfig, FlowKey, FlowState, Fragment, Frame, LinkType, Options, SignatureSet,
    Tracker, TrackerConfig,
};
use wiremark_capture::Capture;
use wiremark_tests::twin::{Flow, Said, Twin};

/// Evidence of the flow itself only: the twin knows no other flows.
const OPTIONS: Options =
    Options { payload: true, name: true, related: true, address: true, budget_packets: 32 };

fn shipped() -> SignatureSet {
    wiremark_signatures::embedded().expect("the shipped set")
}

/// Room for every handshake that waits: what is lost for want of room is no matter here.
fn roomy(frames: usize) -> TrackerConfig {
    let config = TrackerConfig::default().for_frames(frames);
    let parked_slots = (8 * frames).clamp(256, 8192);
    TrackerConfig { context: ContextConfig { parked_slots, remembered: 0, ..config.context }, ..config }
}

/// Plays frames through a tracker, and each of its flows through the twin. The first disagreement, in words that hold
/// no byte of the payload.
fn disagreement<'f>(
    classifier: &Classifier,
    frames: impl IntoIterator<Item = (LinkType, u64, &'f [u8])>,
) -> Result<u64, String> {
    let twin = Twin::new(classifier.set(), OPTIONS);
    let frames: Vec<_> = frames.into_iter().collect();
    let mut tracker = Tracker::new(classifier, roomy(frames.len()));
    let mut flows: HashMap<u64, Flow> = HashMap::new();
    let mut packets = 0;
    for (number, (link_type, time_us, bytes)) in (1..).zip(frames) {
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let Ok((seen, packet)) = tracker.follow(&frame, &mut |_| {}, &mut ()) else { continue };
        if matches!(packet.fragment, Fragment::Later(_)) {
            continue;
        }
        packets += 1;
        let said = twin.classify(flows.entry(seen.flow_number).or_default(), &packet);
        if said != Said::from(seen.verdict) || seen.verdict.is_lost() {
            let (flow, at) = (seen.flow_number, seen.packet_number);
            return Err(format!(
                "frame {number}, flow {flow}, packet {at}, {} bytes of payload:\n  engine {:?}\n  twin   {said:?}",
                packet.payload.len(),
                seen.verdict
            ));
        }
    }
    Ok(packets)
}

fn captures() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let traces = std::env::var_os("WIREMARK_TRACES").map_or(beside, PathBuf::from);
    let mut paths: Vec<PathBuf> = ["messenger", "other"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(traces.join(folder)).ok())
        .flat_map(|entries| entries.map(|entry| entry.expect("an entry of the folder").path()))
        .collect();
    paths.sort();
    paths
}

#[test]
fn twin_agrees_with_the_engine_on_every_packet_of_the_captures() {
    let paths = captures();
    if paths.is_empty() {
        wiremark_tests::skipped("no captures in ../shared/traces, nor where WIREMARK_TRACES says");
        return;
    }
    let classifier = Classifier::new(shipped(), OPTIONS);
    let (mut packets, mut complaints) = (0, Vec::new());
    for path in &paths {
        let mut frames = Vec::new();
        let mut capture = Capture::open(path).expect("a capture that was listed");
        while let Ok(Some(frame)) = capture.next_frame() {
            let link_type = LinkType::from_number(frame.link_type);
            frames.extend(link_type.map(|link_type| (link_type, frame.time_us, frame.bytes.to_vec())));
        }
        let frames = frames.iter().map(|(link_type, time_us, bytes)| (*link_type, *time_us, &bytes[..]));
        match disagreement(&classifier, frames) {
            Ok(count) => packets += count,
            Err(complaint) => complaints.push(format!("{}, {complaint}", path.display())),
        }
    }
    println!("{packets} packets of {} captures", paths.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn twin_agrees_with_the_engine_on_every_built_packet() {
    let classifier = Classifier::new(shipped(), OPTIONS);
    let cases = wiremark_tests::case::load(wiremark_tests::case::folder()).expect("cases");
    let mut traces = vec![("demo".to_owned(), wiremark_tests::demo::trace())];
    traces.extend(cases.iter().map(|case| (case.name.clone(), case.trace().expect("a case that builds"))));
    let mut complaints = Vec::new();
    for (name, trace) in &traces {
        for seed in 0..4 {
            let trace = if seed == 0 { trace.clone() } else { wiremark_tests::recut::recut(trace, seed) };
            let frames = trace
                .frames()
                .filter_map(|(time_us, link, bytes)| Some((LinkType::from_number(link)?, time_us, bytes)));
            if let Err(complaint) = disagreement(&classifier, frames) {
                complaints.push(format!("{name}, seed {seed}, {complaint}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Plays packets through the engine's own door and the twin, with the flows the caller keeps.
fn agree(classifier: &Classifier, sent: &[SentPacket]) -> Result<(), TestCaseError> {
    let twin = Twin::new(classifier.set(), OPTIONS);
    let mut context =
        Context::new(ContextConfig { parked_slots: 64, remembered: 0, ..ContextConfig::default() });
    let mut flows: HashMap<FlowKey, (FlowState, Flow)> = HashMap::new();
    for (number, one) in (1..).zip(sent) {
        let packet = one.packet();
        let (state, flow) = flows.entry(packet.five_tuple.key()).or_default();
        let before = state.verdict();
        let verdict = classifier.classify(&mut context, state, &packet);
        let said = twin.classify(flow, &packet);
        prop_assert_eq!(said, Said::from(verdict), "packet {} of {:#?}", number, sent);
        let is_new = (before.app, before.role, before.confidence, before.is_final())
            != (verdict.app, verdict.role, verdict.confidence, verdict.is_final());
        prop_assert_eq!(
            verdict.is_changed(),
            is_new,
            "packet {}: told of a change once, and only then",
            number
        );
    }
    Ok(())
}

fn with_corpus(set: SignatureSet) -> (Classifier, Vec<Talk>) {
    let talks = corpus(&set);
    (Classifier::new(set, OPTIONS), talks)
}

#[test]
fn the_rows_made_for_it_keep_their_word() {
    let failures: Vec<String> =
        wiremark::check(&Classifier::new(synthetic(), OPTIONS)).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// `PROPTEST_CASES=100000` tries as many flows as are asked for, other ones each time; without it they are the same in every run.
fn config() -> ProptestConfig {
    let asked: Option<u32> = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    let cases = asked.unwrap_or(1500);
    let rng_seed = if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(2026) };
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::Direct("tests/twin/regressions.txt")) as _);
    ProptestConfig { cases, failure_persistence, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn twin_agrees_with_the_engine_on_random_packets(
        plans in prop::collection::vec(plan(), 1..5),
        order in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        static SHIPPED: LazyLock<(Classifier, Vec<Talk>)> = LazyLock::new(|| with_corpus(shipped()));
        agree(&SHIPPED.0, &interleave(&SHIPPED.1, &plans, &order))?;
    }

    #[test]
    fn twin_agrees_with_the_engine_on_rows_made_for_it(
        plans in prop::collection::vec(plan(), 1..5),
        order in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        static SYNTHETIC: LazyLock<(Classifier, Vec<Talk>)> = LazyLock::new(|| with_corpus(synthetic()));
        agree(&SYNTHETIC.0, &interleave(&SYNTHETIC.1, &plans, &order))?;
    }
}
