//! The captures at hand: the project's own, and those of other people where they are.

use std::path::{Path, PathBuf};

/// Every capture at hand.
pub(crate) fn at_hand() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut captures = vec![root.join("tests/demo.pcap")];
    let given = root.join("../shared/traces");
    if given.is_dir() {
        collect(&given, &mut captures);
    } else {
        println!("no captures in ../shared/traces: the project's own only");
    }
    captures.sort();
    captures
}

fn collect(folder: &Path, captures: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let ending = entry.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if entry.is_dir() {
            collect(&entry, captures);
        } else if matches!(ending, "pcap" | "pcapng" | "cap" | "gz") {
            captures.push(entry);
        }
    }
}
