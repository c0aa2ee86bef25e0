//! `wiremark shard`: what is in the shards is what was in the captures.

use std::path::{Path, PathBuf};

use wiremark_capture::Capture;

use crate::captures::at_hand;
use crate::traces::{
    block, enhanced_packet, folder, frames, interface, pcap_with, section, stderr, stdout, wiremark, write,
};

fn shards(captures: &[&Path], count: usize) -> (Vec<PathBuf>, String, Option<i32>) {
    let folder = folder().join("shards");
    let (count_word, out) = (count.to_string(), folder.to_str().unwrap().to_owned());
    let captures = captures.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> = ["shard", "-n", &count_word, "-o", &out].into_iter().chain(captures).collect();
    let output = wiremark(&arguments);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), count);
    (files, stderr(&output).to_owned(), output.status.code())
}

/// Records of captures, in any order, without what counts within a file.
fn records(files: &[PathBuf], options: &[&str]) -> Vec<String> {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let arguments: Vec<&str> =
        ["classify", "--format", "json"].into_iter().chain(options.iter().copied()).chain(files).collect();
    let output = wiremark(&arguments);
    let record = |line: &str| {
        let mut record: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        record.retain(|name, _| !["file", "flow", "flow_id", "frame"].contains(&name.as_str()));
        serde_json::to_string(&record).unwrap()
    };
    let mut lines: Vec<String> = stdout(&output).lines().map(record).collect();
    lines.sort_unstable();
    lines
}

/// Times in nanoseconds, link types, interfaces, lengths on the wire and bytes of every frame.
fn contents(files: &[PathBuf]) -> Vec<(u64, u32, u32, u32, Vec<u8>)> {
    let mut contents = Vec::new();
    for file in files {
        let mut capture = Capture::open(file).unwrap();
        while let Ok(Some(frame)) = capture.next_frame() {
            let (link_type, length) = (frame.link_type, frame.original_length);
            contents.push((frame.time_ns(), frame.interface, link_type, length, frame.bytes.to_vec()));
        }
    }
    contents.sort_unstable();
    contents
}

#[test]
fn frames_keep_nanoseconds_link_types_and_interfaces() {
    let folder = folder();
    let nanoseconds = pcap_with(0xa1b2_3c4d, u32::to_be_bytes, 1, 123_456_789, &frames());
    let nanoseconds = write(&folder, "nanoseconds.pcap", &nanoseconds);
    let little = u32::to_le_bytes;
    let mut sections = [section(little), interface(little, 1, &[9, 0, 1, 0, 9, 0, 0, 0])].concat();
    for (number, frame) in (0..).zip(frames()) {
        if number == 2 {
            // Described late, with its own resolution; names of hosts in between.
            sections.extend(interface(little, 101, &[9, 0, 1, 0, 6, 0, 0, 0]));
            sections.extend(block(little, 4, &[0; 4]));
        }
        let is_late = number > 2;
        let frame = if is_late { &frame[14..] } else { &frame[..] };
        sections.extend(enhanced_packet(little, is_late.into(), 1_676_628_000_123_456 + number, frame));
    }
    let sections = write(&folder, "sections.pcapng", &sections);
    for capture in [&nanoseconds, &sections] {
        for count in [1, 5] {
            let (files, said, code) = shards(&[capture], count);
            assert_eq!((said.as_str(), code), ("", Some(0)));
            assert_eq!(contents(&files), contents(std::slice::from_ref(capture)), "{}", capture.display());
        }
    }
    // Both in the same shards: the interfaces of the second come behind those of the first.
    let (files, ..) = shards(&[&nanoseconds, &sections], 3);
    assert_eq!(contents(&files).len(), 2 * frames().len());
}

#[test]
fn a_damaged_capture_is_told_and_the_others_are_cut() {
    let folder = folder();
    let file = pcap_with(0xa1b2_c3d4, u32::to_le_bytes, 1, 0, &frames());
    let cut = write(&folder, "cut.pcap", &file[..file.len() - 3]);
    let whole = write(&folder, "whole.pcap", &file);
    let (files, said, code) = shards(&[&cut, &whole], 2);
    assert_eq!(code, Some(1));
    assert!(said.starts_with(cut.to_str().unwrap()) && said.lines().count() == 1, "{said}");
    assert_eq!(contents(&files).len(), 2 * frames().len() - 1);
}

/// What servers showed one client is not known in another's shard; where only a client's own flows count, the shards' records
/// are the whole's, one for one.
#[test]
fn shards_together_are_the_whole() {
    let (mut told_by_others, mut related) = (0, 0);
    // Those of other apps have one client each, and say little here.
    let is_messengers = |capture: &PathBuf| !capture.to_string_lossy().contains("/other/");
    for capture in at_hand().into_iter().filter(is_messengers) {
        let whole = [capture.clone()];
        let name = capture.display();
        let own = records(&whole, &["--per-client"]);
        related += own.iter().filter(|record| record.contains(r#""confidence":"related""#)).count();
        let (files, ..) = shards(&[&capture], 4);
        assert_eq!(records(&files, &["--per-client"]), own, "{name}");
        if records(&files, &[]) != records(&whole, &[]) {
            told_by_others += 1;
            println!("{name}: some records rest on what another client's flows showed");
        }
    }
    assert!(related > 0, "a client's own flows tell of each other");
    println!("captures with records that rest on another client's flows: {told_by_others}");
}
