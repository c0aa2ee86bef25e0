//! Captures of things that went wrong, where they lie beside the project (`WIREMARK_FAULTS`, or `../shared/faults`): the messenger's
//! flow in each is found, in as many flows as there are.

use std::path::PathBuf;

use wiremark::{Classifier, Flow, Options, Tracker, TrackerConfig};
use wiremark_capture::Capture;
use wiremark_capture::replay::replay;

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("WIREMARK_FAULTS").map(PathBuf::from);
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/faults"));
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// Capture, flows (0: any number), and how many of them have a verdict.
const EXPECTED: [(&str, usize, usize); 29] = [
    ("03-port-reuse-no-fin.pcap", 2, 1),
    ("03-port-reuse-unanswered-syn-tls.pcap", 2, 1),
    ("07-fragments-gtp.pcap", 1, 1),
    ("07-fragments-plain.pcap", 1, 1),
    ("08-silent-formats-tunnel.pcap", 1, 1),
    ("09-vxlan-8472.pcap", 1, 1),
    ("10-link-layer-tags-8021ah.pcap", 1, 1),
    ("10-link-layer-tags-cisco-ttag.pcap", 1, 1),
    ("10-link-layer-tags-e-tag.pcap", 1, 1),
    ("10-link-layer-tags-macsec-integrity-only.pcap", 1, 1),
    ("11-tunnels-geneve.pcap", 1, 1),
    ("11-tunnels-l2tp.pcap", 1, 1),
    ("11-tunnels-teredo.pcap", 1, 1),
    ("11-tunnels-tzsp.pcap", 1, 1),
    ("13-link-types-nflog.pcap", 1, 1),
    ("13-link-types-pktap.pcap", 1, 1),
    ("13-link-types-ppi.pcap", 1, 1),
    ("14-two-clocks-udp.pcap", 40, 0),
    ("17-time-resolution-10.pcapng", 1, 1),
    ("19-ipv6-headers-ten.pcap", 1, 1),
    ("20-same-addresses-apart-vlan.pcap", 2, 1),
    ("21-late-syn.pcap", 1, 1),
    ("container-modified-pcap-big-endian.pcap", 1, 1),
    ("container-untimed-frame-annotated.pcapng", 1, 1),
    ("container-untimed-frames-first.pcapng", 1, 1),
    ("container-untimed-frames-only.pcapng", 1, 1),
    ("08-silent-formats-flows.pcap", 0, 0),
    ("en_frag.pcap", 0, 0),
    ("02-anonymize-leaks-geneve.pcap", 1, 1),
];

#[test]
fn captures_that_went_wrong() {
    let Some(folder) = folder() else {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: capture: no captures beside the project\n",
        );
        return;
    };
    let set = wiremark_signatures::embedded().expect("the shipped set");
    let classifier = Classifier::new(set, Options::default());
    let mut wrong = Vec::new();
    for (name, flows, chats) in EXPECTED {
        let mut capture = match Capture::open(&folder.join(name)) {
            Ok(capture) => capture,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let mut tracker = Tracker::new(&classifier, TrackerConfig::default());
        let mut found: Vec<Flow> = Vec::new();
        let (counts, errors) = replay(
            &mut capture,
            |_, frame| tracker.frame(frame, &mut |flow| found.push(*flow)).map(|_| ()),
            |_| true,
        );
        tracker.finish(&mut |flow| found.push(*flow));
        let role = |flow: &Flow| classifier.set().role_name(flow.verdict.app, flow.verdict.role).to_owned();
        let told: Vec<String> = found.iter().map(role).collect();
        let number = found.iter().filter(|flow| flow.verdict.is_match()).count();
        println!(
            "{name}: {} flows, {number} decided, {:?}",
            found.len(),
            counts.sentence(&tracker.statistics())
        );
        if flows > 0 && (found.len(), number) != (flows, chats) || !errors.is_empty() {
            told.iter().take(4).for_each(|role| println!("    {role}"));
            wrong.push(format!("{name}: {} flows, {number} decided, errors {errors:?}", found.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
