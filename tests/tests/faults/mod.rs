//! Captures in which something went wrong once: the handed ones, where they lie beside the project, and the same kinds made
//! here. What is right of each stands beside it.

mod calls;
mod foreign;
mod handed;
mod lists;
mod siblings;
mod streams;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use wiremark::{Classifier, Frame, LinkType, Options, Packet, Tracker, TrackerConfig};
use wiremark_tests::conversation::end_point;
use wiremark_tests::score::verdicts;
use wiremark_tests::trace::Trace;

fn shipped() -> Classifier {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default())
}

fn handed(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/faults").join(name);
    path.exists().then_some(path)
}

/// App, role and kind of evidence of each flow of a handed capture, by its client's port; nothing where it is not there.
fn of_capture(name: &str) -> Option<HashMap<u16, String>> {
    let classifier = shipped();
    let found = verdicts(&handed(name)?, &classifier).expect("a capture");
    let mut flows = HashMap::new();
    for (key, found) in found {
        let port = key.low.1.max(key.high.1);
        flows.insert(port, said(&classifier, found.verdict));
    }
    Some(flows)
}

fn said(classifier: &Classifier, verdict: wiremark::Verdict) -> String {
    match classifier.set().app(verdict.app) {
        None => String::from("nothing"),
        Some(app) => {
            let role = classifier.set().role_name(verdict.app, verdict.role);
            format!("{} {role} {}", app.name, verdict.confidence.name())
        }
    }
}

/// The same for a trace.
fn of_trace(trace: &Trace) -> HashMap<u16, String> {
    let classifier = shipped();
    let mut tracker = Tracker::new(&classifier, TrackerConfig::default().for_frames(trace.len()));
    let mut flows = HashMap::new();
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a link type that the builder writes");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let Ok(seen) = tracker.frame(&frame, &mut |_| {}) else { continue };
        let tuple = Packet::parse(link_type, time_us, bytes).expect("a packet").five_tuple;
        flows.insert(tuple.src_port.max(tuple.dst_port), said(&classifier, seen.verdict));
    }
    flows
}

fn client(port: u16) -> SocketAddr {
    end_point(&format!("192.0.2.10:{port}"))
}

fn at(text: &str) -> SocketAddr {
    end_point(text)
}
