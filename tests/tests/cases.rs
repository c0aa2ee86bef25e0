//! Every case through the engine: frames into a tracker, and what came out against what the case wants.

use std::collections::BTreeMap;

use wiremark::{Classifier, Confidence, Frame, LinkType, Options, Tracker, TrackerConfig, Verdict};
use wiremark_tests::case::{Case, folder, load};
use wiremark_tests::trace::Trace;

/// Each verdict a flow had, with the packet with payload, from 1, it came with.
type History = Vec<(usize, Verdict)>;

fn histories(classifier: &Classifier, trace: &Trace) -> Vec<History> {
    let mut tracker = Tracker::new(classifier, TrackerConfig::default().for_frames(trace.len()));
    let mut flows: BTreeMap<u64, (usize, History)> = BTreeMap::new();
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a link type that the builder writes");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let Ok(seen) = tracker.frame(&frame, &mut |_| {}) else { continue };
        let (payloads, history) = flows.entry(seen.flow_number).or_default();
        *payloads += usize::from(seen.payload_bytes > 0);
        let now = seen.verdict;
        let same = |v: &Verdict| (v.app, v.role, v.confidence) == (now.app, now.role, now.confidence);
        if !history.last().map_or(!now.is_match(), |(_, v)| same(v)) {
            history.push((*payloads, now));
        }
    }
    flows.into_values().map(|(_, history)| history).collect()
}

/// App, role and confidence by name; empty where there is no app.
fn words(classifier: &Classifier, verdict: &Verdict) -> (String, String, &'static str) {
    let set = classifier.set();
    let app = set.app(verdict.app).map_or(String::new(), |a| a.name.clone());
    (app, set.role_name(verdict.app, verdict.role).to_owned(), verdict.confidence.name())
}

fn complaints(classifier: &Classifier, case: &Case) -> Vec<String> {
    let trace = case.trace().unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let flows = histories(classifier, &trace);
    let mut out = Vec::new();
    for want in &case.expect {
        let fits = |history: &&History| {
            history.last().is_some_and(|(packet, verdict)| {
                let (app, role, confidence) = words(classifier, verdict);
                app == want.app
                    && role == want.role
                    && want.confidence.as_ref().is_none_or(|c| c == confidence)
                    && want.within.is_none_or(|n| *packet <= n)
            })
        };
        let count = flows.iter().filter(fits).count();
        if want.flows.map_or(count == 0, |n| n != count) {
            out.push(format!("{want:?}: {count} flows"));
        }
    }
    for (packet, verdict) in flows.iter().flatten().filter(|(_, v)| v.confidence != Confidence::None) {
        let (app, role, _) = words(classifier, verdict);
        let hit = |a: &&wiremark_tests::case::Absent| {
            a.app.as_ref().is_none_or(|x| *x == app) && a.role.as_ref().is_none_or(|x| *x == role)
        };
        if case.absent.iter().find(hit).is_some() {
            out.push(format!("{app} {role} by signature {} at packet {packet}", verdict.signature.0));
        }
    }
    if !out.is_empty() {
        for (n, history) in flows.iter().enumerate() {
            let steps: Vec<String> = history
                .iter()
                .map(|(p, v)| format!("{p}:{:?}/{}", words(classifier, v), v.signature.0))
                .collect();
            out.push(format!("  flow {n}: {}", steps.join(" -> ")));
        }
    }
    out
}

#[test]
fn every_case_comes_out_as_it_says() {
    let set = wiremark_signatures::embedded().expect("the shipped set");
    let classifier = Classifier::new(set, Options::default());
    let mut failed = 0;
    let mut report = String::new();
    for case in load(folder()).expect("cases") {
        let complaints = complaints(&classifier, &case);
        if !complaints.is_empty() {
            failed += 1;
            report += &format!("{}: {}\n    {}\n", case.name, case.why, complaints.join("\n    "));
        }
    }
    assert_eq!(failed, 0, "\n{report}");
}
