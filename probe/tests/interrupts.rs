//! SIGINT and SIGTERM lose nothing, in any command: what was read until then is told, whole, with a line that says so.
#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::traces::*;

fn demo() -> Vec<u8> {
    fs::read(format!("{}/../tests/demo.pcap", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Until the program has not used the processor for a while (Linux; elsewhere a pause must do).
fn wait_until_idle(pid: u32) {
    let used = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<String> = stat.split(' ').map(str::to_owned).collect();
        // User and system time, and whether it runs or waits for a turn.
        let running = fields.get(2).is_some_and(|state| state == "R" || state == "D");
        (fields.get(13).cloned(), fields.get(14).cloned(), running)
    };
    let mut before = used();
    let mut quiet = 0;
    while quiet < 7 {
        std::thread::sleep(Duration::from_millis(50));
        let now = used();
        quiet = if now == before && !now.2 { quiet + 1 } else { 0 };
        before = now;
    }
}

/// Gives the command the whole demo through a pipe that stays open, then two signals within milliseconds, as `timeout` does.
fn interrupted(name: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&demo()).unwrap();
    // More may come than a pipe holds.
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes).unwrap()
    });
    wait_until_idle(child.id());
    let pid = child.id().to_string();
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    Output { stdout: reader.join().unwrap(), ..output }
}

#[test]
fn every_command_tells_what_it_has_until_a_signal() {
    let commands: [&[&str]; 12] = [
        &["classify", "-"],
        &["classify", "--flows", "-"],
        &["classify", "--format", "csv", "-"],
        &["explain", "-"],
        &["calls", "-"],
        &["calls", "--format", "json", "-"],
        &["calls", "--format", "svg", "-"],
        &["calls", "--format", "html", "-"],
        &["tasks", "-"],
        &["tasks", "--format", "json", "-"],
        &["tasks", "--format", "html", "-"],
        &["annotate", "-", "-"],
    ];
    // All at once: they do little but wait.
    std::thread::scope(|scope| {
        for (arguments, signal) in commands.iter().zip([("INT", 130), ("TERM", 143)].into_iter().cycle()) {
            scope.spawn(move || tells_what_it_has(signal, arguments));
        }
    });
}

fn tells_what_it_has((name, code): (&str, i32), arguments: &[&str]) {
    let output = interrupted(name, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    let said = stderr(&output).lines().last().unwrap_or_default();
    assert!(said.starts_with(&format!("stopped by SIG{name} ")), "{arguments:?}: {said}");
    let whole = wiremark_with(&demo(), arguments);
    let sorted = |output: &Output| {
        let mut lines: Vec<Vec<u8>> =
            output.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    assert!(!whole.stdout.is_empty() && sorted(&whole) == sorted(&output), "{arguments:?}");
}

#[test]
fn files_are_whole_after_a_signal() {
    let folder = folder();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (output, copied) = std::thread::scope(|scope| {
        let copied = scope.spawn(|| interrupted("INT", &["anonymize", "-", &path("copy.pcap")]));
        let output = interrupted("TERM", &["tasks", "--format", "parquet", "-o", &path("usage"), "-"]);
        (output, copied.join().unwrap())
    });
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    for name in ["flows", "tasks", "users"] {
        let bytes = fs::read(folder.join(format!("usage/{name}.parquet"))).unwrap();
        assert!(bytes.len() > 200 && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{name}");
    }
    assert_eq!(copied.status.code(), Some(130), "{}", stderr(&copied));
    let frames = |capture: &str| {
        let said = stdout(&wiremark(&["classify", capture])).to_owned();
        said.lines().last().unwrap().to_owned()
    };
    let demo = format!("{}/../tests/demo.pcap", env!("CARGO_MANIFEST_DIR"));
    let count = |line: String| line.split(", ").nth(1).unwrap().to_owned();
    assert_eq!(count(frames(&path("copy.pcap"))), count(frames(&demo)));
}

#[test]
fn a_second_signal_later_ends_at_once() {
    // Nothing reads the output: writing it waits for ever.
    let mut child = Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .args(["classify", "--follow", "--format", "json"])
        .arg(write(&folder(), "growing.pcap", &demo()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    wait_until_idle(child.id());
    for pause_ms in [1100, 0] {
        // The first may have ended it already.
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).stderr(Stdio::null()).status();
        std::thread::sleep(Duration::from_millis(pause_ms));
    }
    assert!(child.wait().unwrap().code() == Some(143));
}
