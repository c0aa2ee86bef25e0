//! Captures on several threads, and several captures as one stream: the records are those of one thread, of one file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::traces::*;
use wiremark_tests::recipe::{self, With};
use wiremark_tests::trace::Trace;

/// A recipe's trace, by a client of its own.
fn trace(name: &str, seed: u64, change: impl FnOnce(&mut With)) -> Trace {
    let mut with = With { seed, ..With::default() };
    change(&mut with);
    (recipe::named(name).unwrap().build)(&with)
}

/// Packets (raw IPv4) with their time: a pcap file.
fn file(packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file: Vec<u8> = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 101]
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect();
    for (time_us, packet) in packets {
        let length = packet.len() as u32;
        for field in [(time_us / 1_000_000) as u32, (time_us % 1_000_000) as u32, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// Look-ups before flows, calls with all their legs, two clients on one call, and what else the recipes have, from many clients
/// at once.
fn traffic() -> Vec<(u64, Vec<u8>)> {
    let mut packets: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut add = |trace: &Trace, client: u8, at_us: u64| {
        let start = trace.frames().map(|(time_us, ..)| time_us).min().unwrap_or_default();
        for (time_us, _, bytes) in trace.frames() {
            let mut bytes = bytes.to_vec();
            for at in [12, 16] {
                if bytes[at..at + 4] == [10, 0, 0, 1] {
                    bytes[at + 2] = client;
                }
            }
            packets.push((1_700_000_000_000_000 + at_us + time_us - start, bytes));
        }
    };
    let names = [
        "dns-then-flow",
        "whatsapp-chat",
        "wechat-newdns-then-flow",
        "tls",
        "wechat-longlink",
        "quic",
        "whatsapp-call",
        "mmtls-longlink",
        "http-get",
        "wechat-voip",
        "ice-call",
        "wechat-media",
        "dns",
        "turn",
        "wechat-mmtls-short",
    ];
    for seed in 0..90u64 {
        let name = names[seed as usize % names.len()];
        let asked = trace(name, seed, |with| {
            if name == "dns-then-flow" {
                with.host = Some("g.whatsapp.net".into());
            }
        });
        add(&asked, (seed * 7 % 23) as u8, seed * 1013 * 17);
    }
    // Two clients on one call: the same relay, streams with the same numbers.
    let call = trace("whatsapp-call", 5000, |with| with.peer = Some("reached".into()));
    add(&call, 100, 3_000_000);
    add(&call, 101, 3_000_100);
    // One client asks, the other never does.
    let asks = trace("dns-then-flow", 6000, |with| with.host = Some("g.whatsapp.net".into()));
    add(&asks, 102, 4_000_000);
    packets.sort_by_key(|(time_us, _)| *time_us);
    packets
}

/// Records of what is in these captures, in an order that does not depend on chance: those of flows that time out at the same
/// moment come as they lie in the table.
fn records(arguments: &[&str], files: &[&str]) -> Vec<String> {
    let output = wiremark(&[&["classify", "--format", "json"], arguments, files].concat());
    assert_eq!(output.status.code(), Some(0), "{files:?}: {}", stderr(&output));
    sorted(stdout(&output))
}

/// Records without the names of their files.
fn sorted(lines: &str) -> Vec<String> {
    let mut records: Vec<String> = lines
        .lines()
        .map(|line| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("file");
            record.to_string()
        })
        .collect();
    records.sort();
    records
}

fn captures_at_hand() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|ending| ending != "md" && ending != "csv") => {
                    files.push(path)
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Holds a command on several threads against itself on one, for all captures at hand and generated traffic: at least so many
/// records of a kind have the word.
fn threads_change_nothing(command: &[&str], threads: &[&str], (kind, word, least): (&str, &str, usize)) {
    let folder = folder();
    let mut files = captures_at_hand();
    files.push(write(&folder, "traffic.pcap", &file(&traffic())));
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let output = |threads: &str| {
        let output = wiremark(&[command, &["--format", "json", "--threads", threads], &files].concat());
        let mut lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
        lines.sort();
        (output.status.code(), lines, stderr(&output).to_owned())
    };
    let one = output("1");
    let kind = format!("\"event_type\":\"{kind}\"");
    let known = one.1.iter().filter(|line| line.contains(&kind) && line.contains(word)).count();
    assert!(known > least, "{command:?}: {known} records");
    for threads in threads {
        let several = output(threads);
        let differs = several.1.iter().zip(&one.1).find(|(several, one)| several != one);
        // A report is long: where it differs is enough.
        let differs = differs.map(|(several, one)| {
            let at = several.bytes().zip(one.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(80);
            [several, one].map(|line| line.chars().skip(at).take(160).collect::<String>())
        });
        assert!(several == one, "{command:?}, {threads} threads: {differs:?}");
    }
}

#[test]
fn threads_change_no_flow() {
    threads_change_nothing(&["classify", "--stats"], &["2", "3", "7"], ("flow", "\"whatsapp\"", 20));
}

#[test]
fn threads_change_no_call() {
    threads_change_nothing(&["calls"], &["3"], ("call", "\"whatsapp\"", 5));
}

#[test]
fn threads_change_no_task() {
    threads_change_nothing(&["tasks"], &["3"], ("task", "\"service\"", 20));
}

#[test]
fn a_capture_in_pieces_is_the_capture() {
    let (folder, packets) = (folder(), traffic());
    let whole_file = write(&folder, "whole.pcap", &file(&packets));
    let pieces = folder.join("pieces");
    fs::create_dir(&pieces).unwrap();
    fs::write(pieces.join("README"), "no capture").unwrap();
    for (number, piece) in packets.chunks(packets.len().div_ceil(100)).enumerate() {
        // Their names say nothing of their order.
        let name = format!("{:03}.pcap", number * 37 % 101);
        let bytes = file(piece);
        match number % 3 {
            0 => write(&pieces, &format!("{name}.gz"), &gzip(&bytes)),
            _ => write(&pieces, &name, &bytes),
        };
    }
    let count = fs::read_dir(&pieces).unwrap().count();
    assert!((60..=102).contains(&count), "{count}");
    let whole = records(&[], &[whole_file.to_str().unwrap()]);
    let folder = pieces.to_str().unwrap();
    let pattern = format!("{folder}/*.pc*");
    for given in [folder, &pattern] {
        for threads in ["1", "3"] {
            assert!(records(&["--continue", "--threads", threads], &[given]) == whole, "{given}");
        }
    }
    // Calls and tasks go on, too.
    for (command, kind) in [("calls", "call"), ("tasks", "task")] {
        let told = |arguments: &[&str]| {
            let output = wiremark(&[&[command, "--format", "json"], arguments].concat());
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let kind = format!("\"event_type\":\"{kind}\"");
            let lines: String =
                stdout(&output).split_inclusive('\n').filter(|line| line.contains(&kind)).collect();
            sorted(&lines)
        };
        let of_whole = told(&[whole_file.to_str().unwrap()]);
        assert!(of_whole.len() > 5, "{command}: {}", of_whole.len());
        for threads in ["1", "3"] {
            assert!(
                told(&["--continue", "--threads", threads, folder]) == of_whole,
                "{command}, {threads} threads"
            );
        }
    }
    // Each by itself knows less.
    assert!(records(&[], &[folder]).len() > whole.len());
}

#[test]
fn what_stands_for_no_capture_is_told() {
    let folder = folder();
    let nothing = folder.join("*.pcap");
    for (arguments, expected) in [
        (&["classify", nothing.to_str().unwrap()][..], "no file matches; check the pattern"),
        (&["classify", "--continue", "-"], "cannot take standard input"),
        (&["classify", "--watch", "a.pcap"], "--watch takes one folder"),
    ] {
        let output = wiremark(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

/// Captures that come into a folder, the last still growing, are one stream.
#[cfg(unix)]
#[test]
fn a_watched_folder_is_one_stream() {
    use std::process::{Command, Stdio};
    let (folder, packets) = (folder(), traffic());
    let whole = write(&folder, "whole.pcap", &file(&packets));
    let watched = folder.join("watched");
    fs::create_dir(&watched).unwrap();
    let out = folder.join("out.json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .args(["classify", "--watch", "--format", "json", "-o"])
        .args([&out, &watched])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    for (number, third) in packets.chunks(packets.len().div_ceil(3)).enumerate() {
        let bytes = file(third);
        let path = watched.join(format!("{number}.pcap"));
        // In two steps, the first ending within a record.
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        wait_until_read(pid, &path);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&bytes[bytes.len() / 2..]).unwrap();
        if number == 2 {
            wait_until_read(pid, &path);
        }
    }
    let killed = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let lines = sorted(&fs::read_to_string(&out).unwrap());
    assert!(lines == records(&[], &[whole.to_str().unwrap()]), "{} records", lines.len());
}

/// Until the program has read all that is in a file, and holds it open for more.
#[cfg(unix)]
fn wait_until_read(pid: u32, path: &Path) {
    let position = format!("pos:\t{}\n", fs::metadata(path).unwrap().len());
    let is_read = || {
        let mut open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.any(|fd| {
            let info = format!("/proc/{pid}/fdinfo/{}", fd.file_name().to_string_lossy());
            fs::read_link(fd.path()).is_ok_and(|target| target == path)
                && fs::read_to_string(info).is_ok_and(|text| text.contains(&position))
        })
    };
    let start = Instant::now();
    while !is_read() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}
