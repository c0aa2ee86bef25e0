//! The main promise: right app, right role, in time, on labelled real captures, and silence on everything else.

use wiremark::{Classifier, Options};
use wiremark_tests::score;

#[test]
fn labelled_captures_score_full_marks() {
    let traces = score::default_traces();
    if !traces.join("labels.csv").exists() {
        wiremark_tests::skipped(format_args!("no labelled captures at {}", traces.display()));
        return;
    }
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    let report = score::score(&traces, &classifier).expect("the labelled captures can be read");
    println!("{}", report.table());
    assert!(report.holds(), "{}\n{}", report.complaints.join("\n"), report.table());
    let payload: usize =
        report.counts.iter().filter(|((kind, ..), _)| kind == "payload").map(|(_, one)| one.right).sum();
    assert!(payload > 300 && report.other_captures > 200, "the captures are not all there");
}
