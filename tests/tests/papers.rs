//! `papers.md` says which test, case or file holds each fact of the papers, `siblings.md` which tests hold each kind of fault: what
//! they name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Files under a folder with this ending.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// All files with this ending as one text.
fn text(folder: &str, ending: &str) -> String {
    let mut found = Vec::new();
    files(&root().join(folder), ending, &mut found);
    found.iter().map(|path| fs::read_to_string(path).expect("text")).collect()
}

/// Words between backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// A fact's last column.
fn holder(line: &str) -> Option<&str> {
    let cells: Vec<&str> = line.split(" | ").collect();
    (line.starts_with("| ") && cells.len() >= 3).then(|| cells[cells.len() - 1].trim_end_matches(" |"))
}

#[test]
fn what_holds_a_fact_is_there() {
    let read = |name: &str| fs::read_to_string(root().join("tests").join(name)).expect(name);
    let papers = read("papers.md") + &read("siblings.md");
    let (tests, cases, rows) =
        (text("tests/tests", "rs"), text("tests/cases", "toml"), text("signatures", "toml"));
    let (mut missing, mut seen) = (BTreeSet::new(), 0);
    for cell in papers.lines().filter_map(holder) {
        // Names behind "case" or "cases", and behind "signature" or "signatures", up to the next semicolon.
        for part in cell.split(';') {
            let part = part.trim();
            let is_case = part.contains("case");
            let is_signature = part.starts_with("signature");
            for name in quoted(part) {
                let wanted = name.trim_end_matches(['.', '*']);
                seen += 1;
                let is_there = if let Some((_, function)) = wanted.rsplit_once("::") {
                    function.is_empty() || tests.contains(&format!("fn {function}"))
                } else if wanted.contains('/') && wanted.contains('.') {
                    root().join(wanted).exists() || root().join("tests").join(wanted).exists()
                } else if is_case && wanted.contains('-') && !wanted.contains('.') {
                    cases.contains(&format!("\"{wanted}"))
                } else if is_signature && wanted.contains('-') && !wanted.contains('.') {
                    rows.contains(&format!("\"{wanted}\""))
                } else {
                    true
                };
                if !is_there {
                    missing.insert(name.to_owned());
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} names: the table has another form");
    assert!(missing.is_empty(), "not there: {missing:#?}");
}
