//! The command as its users see it: results, records, errors and exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::traces::*;
use serde_json::Value;
use wiremark_probe::record::FlowRecord;

/// A folder with the test's signatures, as an argument.
fn signatures() -> String {
    let folder = folder();
    write(&folder, "example.toml", SIGNATURES.as_bytes());
    text(&folder)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn capture(name: &str, bytes: &[u8]) -> String {
    text(&write(&folder(), name, bytes))
}

fn sample() -> String {
    capture("sample.pcap", &pcap(1, &frames()))
}

fn classify(format: &str, files: &[&str]) -> std::process::Output {
    let signatures = signatures();
    let options = ["classify", "--format", format, "--only-signatures", &signatures];
    wiremark(&[&options[..], files].concat())
}

/// Records of the flows, the first flow first.
fn records(json_lines: &str) -> Vec<Value> {
    let mut records: Vec<Value> =
        json_lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["timestamp"].as_str().unwrap_or_default().to_owned());
    records
}

#[test]
fn json_lines_hold_every_flow_with_the_promised_fields() {
    let output = classify("json", &[&sample()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    for line in stdout(&output).lines() {
        let mut rest = line;
        for field in FlowRecord::FIELDS {
            let key = format!("\"{field}\":");
            let at = rest.find(&key).unwrap_or_else(|| panic!("{field} is missing or out of order: {line}"));
            rest = &rest[at + key.len()..];
        }
    }
    let records = records(stdout(&output));
    let [known, unknown] = &records[..] else { panic!("{records:?}") };
    assert_eq!(known.as_object().unwrap().len(), FlowRecord::FIELDS.len());
    assert_eq!(known["timestamp"], "2023-02-17T10:00:00.123456+0000");
    assert_eq!(known["event_type"], "flow");
    assert_eq!((&known["src_ip"], &known["src_port"]), (&"10.0.0.1".into(), &40000.into()));
    assert_eq!((&known["dest_ip"], &known["dest_port"]), (&"198.51.100.1".into(), &443.into()));
    assert_eq!(known["proto"], "TCP");
    assert_eq!((&known["app"], &known["role"]), (&"example".into(), &"files".into()));
    assert_eq!(known["confidence"], "payload");
    assert_eq!((&known["signature"], &known["signature_id"]), (&"hello".into(), &901.into()));
    assert_eq!(known["decided_at_packet"], 3);
    assert_eq!((&known["packets_toserver"], &known["packets_toclient"]), (&2.into(), &2.into()));
    assert_eq!((&unknown["proto"], &unknown["src_port"]), (&"UDP".into(), &40001.into()));
    for field in ["app", "role", "confidence", "signature", "signature_id", "decided_at_packet"] {
        assert_eq!(unknown[field], Value::Null, "{field}");
    }
    assert_eq!((&unknown["packets_toserver"], &unknown["packets_toclient"]), (&1.into(), &0.into()));
    // What leads to the flow's place in the capture, and to `explain`.
    assert!(known["file"].as_str().unwrap().ends_with("sample.pcap"), "{known}");
    assert_eq!((&known["flow"], &known["flow_id"], &known["frame"]), (&1.into(), &1.into(), &3.into()));
    assert_eq!((&unknown["flow"], &unknown["frame"]), (&2.into(), &Value::Null));
    assert_eq!((&known["truncated"], &known["app_proto"]), (&false.into(), &"failed".into()));
    let seconds = known["duration"].as_f64().unwrap();
    let end = known["end"].as_str().unwrap();
    assert!(seconds >= 2.0 && end > known["timestamp"].as_str().unwrap(), "{known}");
}

#[test]
fn csv_holds_the_same_values_as_json() {
    let sample = sample();
    let (json, csv) = (classify("json", &[&sample]), classify("csv", &[&sample]));
    let mut reader = csv::Reader::from_reader(&csv.stdout[..]);
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), FlowRecord::FIELDS);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let lines: Vec<Value> = stdout(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        for (field, cell) in FlowRecord::FIELDS.into_iter().zip(row) {
            let value = match &line[field] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
                other => other.to_string(),
            };
            assert_eq!(cell, value, "{field}");
        }
    }
}

#[test]
fn csv_without_flows_still_has_its_header() {
    let output = classify("csv", &[&capture("none.pcap", &pcap(1, &[]))]);
    assert_eq!(stdout(&output).trim_end(), FlowRecord::FIELDS.join(","));
}

#[test]
fn every_way_to_hand_over_a_capture_gives_the_same_records() {
    let plain = pcap(1, &frames());
    // The file's name is another one each time.
    let records = |output: &std::process::Output| -> Vec<Value> {
        let nameless = |line: &str| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            record["file"] = Value::Null;
            record
        };
        stdout(output).lines().map(nameless).collect()
    };
    let expected = records(&classify("json", &[&sample()]));
    assert!(!expected.is_empty());
    for (name, bytes) in [
        ("a.pcap.gz", gzip(&plain)),
        ("a.pcap.zst", zstd(&plain)),
        ("name-does-not-matter", gzip(&plain)),
        ("a.pcapng", pcapng(&frames())),
        ("a.pcapng.zst", zstd(&pcapng(&frames()))),
    ] {
        let output = classify("json", &[&capture(name, &bytes)]);
        assert_eq!((output.status.code(), records(&output)), (Some(0), expected.clone()), "{name}");
    }
    let signatures = signatures();
    let arguments = ["classify", "-", "--format", "json", "--only-signatures", &signatures];
    for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
        let output = wiremark_with(&bytes, &arguments);
        assert_eq!((output.status.code(), records(&output)), (Some(0), expected.clone()));
    }
}

#[test]
fn the_table_sums_up_all_files_and_shows_what_it_leaves_out() {
    let output = classify("table", &[&sample(), &sample()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let rows: Vec<Vec<&str>> =
        stdout(&output).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["app", "role", "flows", "packets", "bytes", "share", "of", "bytes"]);
    assert_eq!(rows[1][..4], ["example", "files", "2", "8"]);
    assert_eq!(rows[2][..3], ["(unclassified)", "2", "2"]);
    assert_eq!(rows[3][..3], ["total", "4", "10"]);
    assert!(stdout(&output).contains("2 files, 12 frames, 2 without TCP or UDP"));
    assert!(!stdout(&output).contains('\u{1b}'), "escape codes have no place in a file");
}

#[test]
fn flows_gives_a_row_a_flow() {
    let (signatures, sample) = (signatures(), sample());
    let output = wiremark(&["classify", "--flows", "--only-signatures", &signatures, &sample]);
    let known = stdout(&output).lines().find(|line| line.contains("198.51.100.1:443")).unwrap();
    for word in ["1", "TCP", "10.0.0.1:40000", "example", "files", "payload", "hello", "4"] {
        assert!(known.split_whitespace().any(|cell| cell == word), "{word}: {known}");
    }
    assert!(stdout(&output).contains("198.51.100.2:9999"));
}

#[test]
fn flows_that_had_to_make_room_are_counted() {
    let many: Vec<Vec<u8>> = (1024..1124).map(|port| udp(port, &[0xfd; 30])).collect();
    let mut file = pcap_with(0xa1b2_c3d4, u32::to_le_bytes, 1, 0, &[]);
    for frame in &many {
        let length = frame.len() as u32;
        file.extend([START_SECONDS, 0, length, length].into_iter().flat_map(u32::to_le_bytes));
        file.extend(frame);
    }
    let (signatures, file) = (signatures(), capture("many.pcap", &file));
    let arguments = ["classify", "--only-signatures", &signatures, "--max-flows", "16", &file];
    assert!(stdout(&wiremark(&arguments)).contains("84 flows ended early to make room (see --max-flows)"));
}

#[test]
fn each_kind_of_evidence_can_be_switched_off() {
    let (signatures, sample) = (signatures(), sample());
    let output =
        wiremark(&["classify", "--without", "payload,name", "--only-signatures", &signatures, &sample]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!stdout(&output).contains("example"));
}

/// Runs classify over a good, a bad and another good file: what the bad one's line says, and the records.
fn with_one_bad(bad: &str, said: &[&str], flows: usize) {
    let output = classify("json", &[&sample(), bad, &sample()]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<&str> = stderr(&output).lines().collect();
    let [line] = lines[..] else { panic!("one line expected: {lines:?}") };
    assert!(line.starts_with(bad), "{line}");
    for word in said {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert_eq!(records(stdout(&output)).len(), 4 + flows);
}

#[test]
fn a_truncated_capture_keeps_its_results() {
    let whole = pcap(1, &frames());
    let cut = whole.len() - 3;
    let last_record = whole.len() - frames().last().unwrap().len() - 16;
    let place = format!("after frame 5, at byte {last_record}:");
    with_one_bad(&capture("cut.pcap", &whole[..cut]), &[&place, "copy it again"], 2);
}

#[test]
fn what_is_no_capture_is_named_and_the_others_are_read() {
    let folder = text(&folder());
    with_one_bad(&capture("notes.txt", b"Dear colleague,"), &["not a capture", "pcap, pcapng"], 0);
    with_one_bad(&capture("empty.pcap", b""), &["is empty"], 0);
    with_one_bad(&format!("{folder}/nowhere.pcap"), &["no such file", "check the path"], 0);
    with_one_bad(&folder, &["is a directory"], 0);
}

#[test]
fn an_unknown_link_type_is_named() {
    let file = capture("usb.pcap", &pcap(220, &frames()));
    with_one_bad(&file, &["frame 1:", "interface 0", "link type 220", "frames skipped: 6"], 0);
}

#[test]
fn frames_of_other_interfaces_are_used_beside_an_unknown_link_type() {
    let little = u32::to_le_bytes;
    let mut file = [section(little), interface(little, 1, &[]), interface(little, 220, &[])].concat();
    for frame in frames() {
        file.extend(enhanced_packet(little, 1, 0, &frame));
        file.extend(enhanced_packet(little, 0, 0, &frame));
    }
    with_one_bad(&capture("two.pcapng", &file), &["interface 1", "link type 220"], 2);
}

#[test]
fn explain_gives_reason_and_source_and_never_payload() {
    let (signatures, sample) = (signatures(), sample());
    let output = wiremark(&["explain", &sample, "--only-signatures", &signatures]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let blocks: Vec<&str> = stdout(&output).trim_end().split("\n\n").collect();
    let [known, unknown, without] = blocks[..] else { panic!("{blocks:?}") };
    assert!(without.starts_with("Frames without a flow"), "{without}");
    assert!(known.starts_with("flow 1: TCP 10.0.0.1:40000 -> 198.51.100.1:443\n"));
    for words in [
        "example, role files, by payload",
        "901 hello",
        "opens with a number",
        "made up for a test",
        "at packet 3, frame #3",
    ] {
        assert!(known.contains(words), "{words}: {known}");
    }
    let third = known.lines().find(|line| line.trim_start().starts_with("3 ")).unwrap();
    assert!(third.contains("#3      2.000000 ->    11 bytes"), "{third}");
    assert!(unknown.starts_with("flow 2: UDP"));
    assert!(unknown.contains("no app found") && unknown.contains("missing"), "{unknown}");
    assert!(!stdout(&output).contains("secret") && !stdout(&output).contains("dead"));

    let output = wiremark(&["explain", &sample, "--flow", "2", "--only-signatures", &signatures]);
    assert_eq!(stdout(&output).trim_end(), unknown, "one flow alone");
    let output = wiremark(&["explain", &sample, "--flow", "3", "--only-signatures", &signatures]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("has no flow 3"));
}

#[test]
fn explain_says_once_what_happens_again_and_again() {
    let rows = SIGNATURES.replace("\"tcp\"", "\"udp\"");
    let folder = folder();
    write(&folder, "example.toml", rows.as_bytes());
    let file = capture("again.pcap", &pcap(1, &vec![udp(40001, b"\xde\xad\xbe\xef"); 20]));
    let output = wiremark(&["explain", &file, "--only-signatures", &text(&folder)]);
    let lines = stdout(&output).lines().filter(|line| line.contains("hello matches")).count();
    assert!((1..=2).contains(&lines), "{}", stdout(&output));
}

#[test]
fn output_goes_to_the_file_asked_for() {
    let sample = sample();
    let expected = classify("json", &[&sample]).stdout;
    let target = text(&folder().join("flows.json"));
    let output = classify("json", &[&sample, "-o", &target]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""));
    assert_eq!(fs::read(&target).unwrap(), expected);
    for (more, code) in [(None, 2), (Some("--force"), 0)] {
        fs::write(&target, "precious").unwrap();
        // Also where nothing comes of the input.
        let missing = classify("json", &["missing.pcap", "-o", &target]);
        let arguments: Vec<&str> = [sample.as_str(), "-o", &target].into_iter().chain(more).collect();
        let output = classify("json", &arguments);
        assert_eq!((missing.status.code(), output.status.code()), (Some(2), Some(code)));
        let kept = fs::read(&target).unwrap() == b"precious";
        assert_eq!(
            (kept, stderr(&output).contains("--force")),
            (code == 2, code == 2),
            "{}",
            stderr(&output)
        );
    }
    let output = classify("json", &[&sample, "-o", "/nowhere/flows.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("/nowhere/flows.json: "), "{}", stderr(&output));
}

#[test]
fn wrong_usage_is_told_by_its_code() {
    assert_eq!(wiremark(&["classify"]).status.code(), Some(2));
    assert_eq!(wiremark(&["classify", "--format", "xml", "a.pcap"]).status.code(), Some(2));
    assert_eq!(wiremark(&[]).status.code(), Some(2));
    assert_eq!(wiremark(&["classify", "--help"]).status.code(), Some(0));
}

#[test]
fn a_capture_is_never_overwritten_by_its_own_results() {
    let sample = sample();
    let before = fs::read(&sample).unwrap();
    let output = classify("json", &[&sample, "-o", &sample]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(&sample).unwrap(), before);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let many: Vec<Vec<u8>> = (1024..9024).map(|port| udp(port, &[0xfd; 30])).collect();
    let file = capture("many.pcap", &pcap(1, &many));
    for format in ["json", "csv"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wiremark"))
            .args(["classify", "--format", format, "--only-signatures", &signatures(), &file])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(141), ""), "{format}");
    }
}

#[test]
fn a_version_says_what_was_built() {
    let (short, long) = (wiremark(&["-V"]), wiremark(&["--version"]));
    assert_eq!(stdout(&short), format!("wiremark {}\n", env!("CARGO_PKG_VERSION")));
    let said = stdout(&long);
    for part in ["commit: ", "features: ", "signatures: ", " apps"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
