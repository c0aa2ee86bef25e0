//! The examples compile without a warning, link both ways, and say what the `wiremark` command says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use crate::common::{
    BOTH, Link, Program, demo, has_pcap, must, repository, rows_of_probe, rows_of_records, skip,
};

#[test]
fn the_header_compiles_in_every_language_it_is_for() {
    let header = repository().join("include/wiremark.h");
    let mut compilers =
        vec![("cc", "c", vec!["c99", "c11", "c17"]), ("c++", "c++", vec!["c++11", "c++17", "c++20"])];
    if crate::common::is_there("clang") {
        compilers.push(("clang", "c", vec!["c99", "c11", "c2x"]));
        compilers.push(("clang++", "c++", vec!["c++11", "c++20"]));
    } else {
        skip("clang is not here");
    }
    let twice = crate::common::scratch("header").join("twice.c");
    fs::write(&twice, "#include <wiremark.h>\n#include <wiremark.h>\nint main(void) { return 0; }\n")
        .unwrap();
    for (compiler, language, standards) in compilers {
        for standard in standards {
            let mut command = Command::new(compiler);
            command.args(["-x", language, &format!("-std={standard}"), "-fsyntax-only"]);
            command.args(["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]);
            must(command.arg(format!("-I{}", header.parent().unwrap().display())).arg(&twice));
        }
    }
}

#[test]
fn the_probe_says_what_the_command_says() {
    if !has_pcap() {
        return;
    }
    let expected = rows_of_records(&demo());
    assert!(
        expected.iter().filter(|row| !row.contains(" - - ")).count() >= 10,
        "too few known flows: {expected:#?}"
    );
    for link in BOTH {
        let probe = Program::new("examples/probe.c", "c11", link, &["-lpcap"]).make("probe");
        let rows = rows_of_probe(Command::new(&probe).arg("-a").arg(demo()));
        assert_eq!(rows, expected, "{link:?}");
    }
}

#[test]
fn a_flow_is_printed_when_it_becomes_known() {
    if !has_pcap() {
        return;
    }
    let probe = Program::new("examples/probe.c", "c11", Link::Shared, &["-lpcap"]).make("probe-known");
    let text = must(Command::new(&probe).arg(demo()));
    let known = rows_of_records(&demo()).iter().filter(|row| !row.contains(" - - ")).count();
    let mut numbers: Vec<&str> =
        text.lines().map(|line| line.strip_prefix("flow ").unwrap().split(' ').next().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.len() >= known, "{} of {known} flows:\n{text}", numbers.len());
}

/// App and role by Community ID, for flows of known apps.
fn known(lines: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    lines.collect()
}

#[test]
fn classify_says_what_the_command_says() {
    if !has_pcap() {
        return;
    }
    let expected = known(crate::common::records(&demo()).into_iter().filter_map(|flow| {
        let app = flow["app"].as_str()?;
        Some((
            crate::common::word(&flow["community_id"]).to_owned(),
            format!("{app} {}", crate::common::word(&flow["role"])),
        ))
    }));
    for link in BOTH {
        let classify = Program::new("examples/classify.c", "c11", link, &["-lpcap"]).make("classify");
        let text = must(Command::new(&classify).arg(demo()));
        // The last line of a flow counts.
        let rows = known(text.lines().map(|line| {
            let (id, rest) = line.split_once(' ').unwrap();
            (id.to_owned(), rest.to_owned())
        }));
        for (id, verdict) in &expected {
            assert_eq!(rows.get(id), Some(verdict), "{link:?} {id}");
        }
    }
}

#[test]
fn a_cpp_program_says_what_the_command_says() {
    if !has_pcap() {
        return;
    }
    let expected: Vec<String> = rows_of_records(&demo());
    for link in BOTH {
        let user = Program::new("tests/c/user.cpp", "c++17", link, &["-lpcap"]).make("user");
        let text = must(Command::new(&user).arg(demo()));
        let mut rows: Vec<&str> = text.lines().collect();
        // "app role signature-id packets/packets", as the program prints it.
        let mut short: Vec<String> = expected
            .iter()
            .map(|row| {
                let words: Vec<&str> = row.split(' ').collect();
                format!("{} {} {} {}", words[4], words[5], words[9], words[14])
            })
            .collect();
        rows.sort_unstable();
        short.sort_unstable();
        assert_eq!(rows, short, "{link:?}");
    }
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => captures(&path, found),
            Some("pcap" | "pcapng" | "cap") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn on_real_captures_the_probe_says_what_the_command_says() {
    let Some(traces) = crate::common::traces() else { return };
    if !has_pcap() {
        return;
    }
    let mut files = Vec::new();
    captures(&traces, &mut files);
    files.sort();
    assert!(!files.is_empty());
    let probe = Program::new("examples/probe.c", "c11", Link::Shared, &["-lpcap"]).make("probe-traces");
    let halves = files.split_at(files.len() / 2);
    let look = |files: &[PathBuf]| {
        let (mut differ, mut flows) = (Vec::new(), 0);
        for file in files {
            let rows = rows_of_probe(Command::new(&probe).arg("-a").arg(file));
            flows += rows.len();
            if rows != rows_of_records(file) {
                differ.push(file.file_name().unwrap().to_owned());
            }
        }
        (differ, flows)
    };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| look(halves.0));
        (look(halves.1), first.join().unwrap())
    });
    assert!(first.0.is_empty() && second.0.is_empty(), "verdicts differ: {:?} {:?}", first.0, second.0);
    assert!(first.1 + second.1 > files.len());
}
