//! `wiremark signatures check --against`: the signatures held against captures without the apps' traffic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wiremark::{Classifier, Confidence, Flow, SignatureId, Tracker};
use wiremark_capture::Capture;
use wiremark_capture::replay::{replay, tracker_config};

use crate::output::Output;
use crate::stop::{Outcome, Stop, complain};

/// Flows that a capture's tracker has room for.
const FLOWS: usize = 1 << 14;

/// Plays every capture under `folder` and prints, for each row that took some flow for its app's, how often and where.
/// Verdicts by payload make the check fail.
pub(super) fn against(classifier: &Classifier, folder: &Path, output: &mut Output) -> Result<Outcome, Stop> {
    let mut captures = Vec::new();
    gather(folder, &mut captures)?;
    captures.sort();
    let (mut flows, mut read, mut unreadable) = (0u64, 0u64, 0u64);
    let mut hits: BTreeMap<SignatureId, (u64, PathBuf)> = BTreeMap::new();
    for path in captures {
        // What else lies in the folder (notes, lists of flows) is no capture and no fault.
        let Ok(mut capture) = Capture::open(&path) else {
            unreadable += 1;
            continue;
        };
        read += 1;
        let mut tracker = Tracker::new(classifier, tracker_config(FLOWS));
        let mut ended = |flow: &Flow| {
            flows += 1;
            if flow.verdict.is_match() {
                hits.entry(flow.verdict.signature).or_insert_with(|| (0, path.clone())).0 += 1;
            }
        };
        let (_, errors) =
            replay(&mut capture, |_, frame| tracker.frame(frame, &mut ended).map(|_| ()), |_| true);
        tracker.finish(&mut ended);
        errors.iter().for_each(complain);
    }
    if read == 0 {
        return Err(Stop::Failed(format!(
            "{}: no capture in it; name a folder with pcap or pcapng files of other traffic",
            folder.display()
        )));
    }
    let mut failed = false;
    for (id, (count, first)) in &hits {
        let row = classifier.set().signature(*id);
        let strong = row.is_some_and(|row| row.confidence == Confidence::Payload);
        let name = row.map_or("?", |row| row.name.as_str());
        let kind = row.map_or("?", |row| row.confidence.name());
        let verdict = if strong { "failed" } else { "weak" };
        output.text(&format!(
            "{verdict:6}  {} {name} ({kind}): {count} flows, first in {}\n",
            id.0,
            first.display()
        ))?;
        failed |= strong;
    }
    let ignored =
        if unreadable == 0 { String::new() } else { format!(", {unreadable} other files left aside") };
    let total: u64 = hits.values().map(|(count, _)| count).sum();
    output.text(&format!("{total} verdicts on {flows} flows of {read} captures{ignored}\n"))?;
    Ok(Outcome::failed_if(failed))
}

/// Every file under a folder.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let refused = |error| Stop::Failed(format!("{}: cannot be read: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
