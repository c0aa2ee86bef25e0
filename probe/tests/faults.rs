//! What the command does when the world around it fails: signals, full disks, files that grow, vanish or never end.
#![cfg(unix)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::traces::*;
use serde_json::Value;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn signatures() -> String {
    let folder = folder();
    write(&folder, "example.toml", SIGNATURES.as_bytes());
    text(&folder)
}

/// `wiremark classify` with these arguments, started and not waited for.
fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .arg("classify")
        .args(["--only-signatures", &signatures()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(run("kill", &["-s", name, &child.id().to_string()]).status.success());
}

/// Every line is a record.
fn records(json_lines: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(json_lines).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last record is whole");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Tries until it holds; a minute at most, for busy machines.
fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the program has the file open and has read this much of it (Linux; elsewhere a pause must do).
fn has_read(child: &Child, name: &str, bytes: u64) -> bool {
    let folder = format!("/proc/{}", child.id());
    let Ok(entries) = fs::read_dir(format!("{folder}/fd")) else {
        std::thread::sleep(Duration::from_secs(1));
        return true;
    };
    entries.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().contains(name))
            && fs::read_to_string(format!("{folder}/fdinfo/{}", entry.file_name().to_string_lossy()))
                .is_ok_and(|info| {
                    let position = info.lines().find_map(|line| line.strip_prefix("pos:"));
                    position.is_some_and(|text| text.trim().parse::<u64>().is_ok_and(|at| at >= bytes))
                })
    })
}

#[test]
fn a_signal_ends_waiting_for_a_pipe_and_keeps_what_was_decided() {
    // They do little but wait: all at once.
    std::thread::scope(|scope| {
        for (name, code) in [("INT", 130), ("TERM", 143)] {
            for format in ["json", "table"] {
                scope.spawn(move || is_ended_in_a_pipe((name, code), format));
            }
        }
    });
}

fn is_ended_in_a_pipe((name, code): (&str, i32), format: &str) {
    let mut child = start(&["--format", format, "-"]);
    let mut stdin = child.stdin.take().unwrap();
    let bytes = pcap(1, &frames());
    // All of it and half a frame more, so that the program waits in the middle of one.
    stdin.write_all(&bytes).and_then(|()| stdin.write_all(&bytes[24..50])).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    let said = format!("stopped by SIG{name} in file 1 of 1, after 6 frames; what they decided was written");
    assert_eq!(stderr(&output).lines().last(), Some(said.as_str()));
    match format {
        "json" => assert_eq!(records(&output.stdout).len(), 2),
        _ => assert!(stdout(&output).contains("1 file, 6 frames"), "{}", stdout(&output)),
    }
}

#[test]
fn a_signal_ends_waiting_for_somebody_to_open_a_pipe() {
    let folder = folder();
    let pipe = text(&folder.join("pipe"));
    assert!(run("mkfifo", &[&pipe]).status.success());
    let child = start(&["--format", "csv", &pipe]);
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(stdout(&output).lines().count(), 1, "the header");
}

#[test]
fn a_growing_capture_is_followed_until_a_signal() {
    let folder = folder();
    let whole = pcap(1, &frames());
    let file = write(&folder, "growing.pcap", b"");
    let mut child = start(&["--follow", "--format", "json", &text(&file)]);
    let mut writer = OpenOptions::new().append(true).open(&file).unwrap();
    // Written in pieces that know nothing of frames, the first of them shorter than the file's header.
    let cuts = [0, 10, 60, 200, whole.len()];
    for (start, end) in cuts.iter().zip(&cuts[1..]) {
        writer.write_all(&whole[*start..*end]).unwrap();
        until(|| has_read(&child, "growing.pcap", *end as u64));
    }
    assert!(child.try_wait().unwrap().is_none(), "the end of the file is not the end");
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(records(&output.stdout).len(), 2);
    assert!(stderr(&output).contains("after 6 frames"), "{}", stderr(&output));
}

#[test]
fn records_of_a_followed_capture_come_as_flows_end() {
    let folder = folder();
    let file = write(&folder, "growing.pcap", b"");
    let mut child = start(&["--follow", "--format", "json", "--max-flows", "16", &text(&file)]);
    let many: Vec<Vec<u8>> = (1024..1024 + 17).map(|port| udp(port, &[0xfd; 30])).collect();
    OpenOptions::new().append(true).open(&file).unwrap().write_all(&pcap(1, &many)).unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"{", "the flow that made room is told at once");
    signal(&child, "INT");
    child.wait().unwrap();
}

#[test]
fn a_followed_capture_that_is_removed_or_cut_ends() {
    let folder = folder();
    for (what, code) in [("removed", 0), ("cut", 1)] {
        let file = write(&folder, &format!("{what}.pcap"), &pcap(1, &frames()));
        let length = fs::metadata(&file).unwrap().len();
        let child = start(&["--follow", "--format", "json", &text(&file)]);
        until(|| has_read(&child, what, length));
        if what == "removed" {
            fs::remove_file(&file).unwrap();
        } else {
            File::create(&file).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert_eq!(records(&output.stdout).len(), 2, "{what}");
        assert_eq!(stderr(&output).contains("became shorter"), what == "cut", "{}", stderr(&output));
    }
}

#[test]
fn only_one_file_can_be_followed() {
    for files in [["a", "b"].as_slice(), &["-"]] {
        let output = start(&[&["--follow"], files].concat()).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--follow takes one file"), "{}", stderr(&output));
    }
}

/// Many flows, more than fit into one batch of output.
fn many_flows() -> Vec<u8> {
    pcap(1, &(1024..9024).map(|port| udp(port, &[0xfd; 30])).collect::<Vec<_>>())
}

#[test]
fn on_a_full_disk_the_file_ends_with_a_whole_record() {
    let folder = folder();
    let (capture, signatures) = (text(&write(&folder, "many.pcap", &many_flows())), signatures());
    let out = text(&folder.join("out"));
    for format in ["json", "csv"] {
        for to in [format!("-o '{out}'"), format!("> '{out}'"), format!(">> '{out}'")] {
            fs::write(&out, "").unwrap();
            // A limit on the size of files fails the write that reaches it half-way, as a full disk does.
            let script = format!(
                "trap '' XFSZ; ulimit -f 200; exec '{}' classify --format {format} --only-signatures '{signatures}' '{capture}' {to}",
                env!("CARGO_BIN_EXE_wiremark")
            );
            let output = run("sh", &["-c", &script]);
            assert_eq!(output.status.code(), Some(1), "{to}: {}", stderr(&output));
            let last = stderr(&output).lines().last().unwrap_or_default();
            assert!(last.contains("cannot be written"), "{to}: {last}");
            let written = fs::read(&out).unwrap();
            assert!(written.len() > 60_000, "{to}: all that fitted: {}", written.len());
            if format == "json" {
                records(&written);
            } else {
                assert!(written.ends_with(b"\n"));
                let mut rows = csv::Reader::from_reader(&written[..]);
                assert!(rows.records().all(|row| row.is_ok()), "{to}: every row is whole");
            }
        }
    }
}

#[test]
fn a_device_without_room_is_named() {
    if !Path::new("/dev/full").exists() {
        return wiremark_tests::skipped("no /dev/full here");
    }
    let capture = text(&write(&folder(), "sample.pcap", &pcap(1, &frames())));
    let output = start(&["--format", "json", "-o", "/dev/full", &capture]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("/dev/full: cannot be written"), "{}", stderr(&output));
}

#[test]
fn files_that_vanish_while_others_are_read_are_named_and_the_rest_is_complete() {
    let folder = folder();
    let [pipe, gone, there] = ["pipe", "gone.pcap", "there.pcap"].map(|name| text(&folder.join(name)));
    assert!(run("mkfifo", &[&pipe]).status.success());
    fs::write(&gone, pcap(1, &frames())).unwrap();
    fs::write(&there, pcap(1, &frames())).unwrap();
    let child = start(&["--format", "json", &pipe, &gone, &there]);
    let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    let bytes = pcap(1, &frames());
    writer.write_all(&bytes[..100]).unwrap();
    // The one being read too: whoever has a file open keeps it.
    fs::remove_file(&pipe).unwrap();
    fs::remove_file(&gone).unwrap();
    writer.write_all(&bytes[100..]).unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(records(&output.stdout).len(), 4);
    let [line] = stderr(&output).lines().collect::<Vec<_>>()[..] else { panic!("{}", stderr(&output)) };
    assert!(line.starts_with(&gone) && line.contains("no such file"), "{line}");
}

/// `MANY_FILES=10000 cargo test --release -p wiremark-probe --test all -- faults::many_files --nocapture`
#[test]
fn many_files_on_one_command_line() {
    let count: usize = std::env::var("MANY_FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let folder = folder();
    let bytes = pcap(1, &frames());
    let files: Vec<String> =
        (0..count).map(|n| text(&write(&folder, &format!("{n}.pcap"), &bytes))).collect();
    let begun = Instant::now();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let output = start(&[&["--format", "json"], &files[..]].concat()).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(records(&output.stdout).len(), 2 * count);
    println!("{count} files in {:.1} s", begun.elapsed().as_secs_f64());
    fs::remove_dir_all(folder).unwrap();
}

/// Most memory the program had resident so far, in bytes (Linux).
fn peak_bytes(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// `PIPE_MB=20000 cargo test --release -p wiremark-probe --test all -- faults::a_capture_through_a_pipe --nocapture`
#[test]
fn a_capture_through_a_pipe_takes_constant_memory() {
    let megabytes: u64 = std::env::var("PIPE_MB").ok().and_then(|count| count.parse().ok()).unwrap_or(128);
    let begun = Instant::now();
    let mut child = start(&["--format", "json", "-"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let lines = std::thread::spawn(move || {
        let (mut lines, mut piece) = (0, vec![0; 1 << 16]);
        while let Ok(length @ 1..) = stdout.read(&mut piece) {
            lines += piece[..length].iter().filter(|byte| **byte == b'\n').count();
        }
        lines
    });
    stdin.write_all(&pcap(1, &[])).unwrap();
    // Frames of 1,000 payload bytes, each of a flow of its own that comes again after 40,000 others.
    let mut second = START_SECONDS;
    let (mut written, mut early, mut at_the_end) = (0u64, None, None);
    while written < megabytes << 20 {
        let mut piece = Vec::with_capacity(1 << 20);
        for port in (1024..=u16::MAX).step_by(64) {
            let frame = udp(port.wrapping_add(second as u16), &[0xfd; 1000]);
            let length = frame.len() as u32;
            piece.extend([second, 0, length, length].into_iter().flat_map(u32::to_le_bytes));
            piece.extend(frame);
        }
        second += 1;
        stdin.write_all(&piece).unwrap();
        written += piece.len() as u64;
        // By then every place of the flow table has been used.
        if early.is_none() && written > (megabytes << 20) / 2 {
            early = peak_bytes(&child);
        }
        at_the_end = peak_bytes(&child).or(at_the_end);
    }
    drop(stdin);
    let lines = lines.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(lines > 10_000, "flows come out while it goes on");
    let (Some(early), Some(late)) = (early, at_the_end) else {
        return wiremark_tests::skipped("this system does not tell peak memory");
    };
    println!(
        "{written} bytes, {lines} flows in {:.1} s: at most {} KB after half of them, {} KB at the end",
        begun.elapsed().as_secs_f64(),
        early / 1024,
        late / 1024
    );
    assert!(late < early + (2 << 20), "grew from {early} to {late} bytes");
}
