//! `wiremark tasks` as its users see it, on the made-up capture of the README.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::traces::*;
use serde_json::Value;

/// The account number in everything that is made up, as text and as it travels.
const ACCOUNT: u32 = 0x0bad_cafe;

fn demo() -> String {
    format!("{}/../tests/demo.pcap", env!("CARGO_MANIFEST_DIR"))
}

fn tasks(arguments: &[&str]) -> String {
    let output = wiremark(&[&["tasks"], arguments].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{arguments:?}");
    stdout(&output).to_owned()
}

fn parquet(arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let folder = folder();
    let path = folder.to_str().unwrap();
    assert_eq!(tasks(&[&["--format", "parquet", "-o", path], arguments].concat()), "");
    let file = |name: &str| (name.to_owned(), fs::read(folder.join(name)).unwrap());
    ["flows.parquet", "tasks.parquet", "users.parquet"].map(file).into()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn the_table_has_the_papers_tables_and_figures() {
    let text = tasks(&[&demo()]);
    for title in ["(Table III)", "(Table IV)", "(Table V)", "(Figures 6 and 7)"] {
        assert!(text.contains(title), "{title} is missing: {text}");
    }
    for task in ["Send texts", "W-TCP heartbeats", "Get photos", "VoIP content"] {
        assert!(text.contains(task), "{task} is missing: {text}");
    }
}

#[test]
fn json_lines_add_up_to_the_last() {
    let text = tasks(&["--format", "json", &demo()]);
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let usage = records.pop().unwrap();
    assert_eq!(usage["event_type"], "usage");
    let mut sums: BTreeMap<(String, String), [u64; 3]> = BTreeMap::new();
    for record in &records {
        assert_eq!(record["event_type"], "task");
        let word = |key: &str| record[key].as_str().unwrap().to_owned();
        let number = |key: &str| record[key].as_u64().unwrap();
        let sum = sums.entry((word("service"), word("task"))).or_default();
        *sum = [sum[0] + 1, sum[1] + number("bytes_up"), sum[2] + number("bytes_down")];
    }
    let told = usage["tasks"].as_array().unwrap();
    assert!(told.len() == sums.len() && told.len() > 10);
    for task in told {
        let name = ["service", "task"].map(|key| task[key].as_str().unwrap().to_owned());
        let numbers = ["count", "bytes_up", "bytes_down"].map(|key| task[key].as_u64().unwrap());
        assert_eq!(sums[&name.into()], numbers);
    }
}

#[test]
fn addresses_come_out_only_where_they_are_asked_for() {
    // Those of the demo's users and servers.
    let is_address =
        |text: &str| ["10.0.0.", "203.0.113.", "198.51.100."].iter().any(|net| text.contains(net));
    for format in ["table", "json", "html"] {
        assert!(!is_address(&tasks(&["--format", format, &demo()])), "{format}");
    }
    assert!(tasks(&["--format", "json", &demo()]).contains("\"user\":\"user-1\""));
    assert!(tasks(&["--format", "json", "--addresses", &demo()]).contains("\"user\":\"10.0.0.1\""));
    for (name, bytes) in parquet(&[&demo()]) {
        assert!(!is_address(&String::from_utf8_lossy(&bytes)), "{name}");
    }
    let files = parquet(&["--addresses", &demo()]);
    assert!(
        contains(&files["users.parquet"], b"10.0.0.1") && contains(&files["flows.parquet"], b"203.0.113.")
    );
}

#[test]
fn no_account_number_comes_out() {
    let capture = fs::read(demo()).unwrap();
    let forms = [ACCOUNT.to_be_bytes().to_vec(), ACCOUNT.to_string().into_bytes()];
    assert!(forms.iter().any(|form| contains(&capture, form)), "the capture has one to look for");
    let mut outputs: Vec<(String, Vec<u8>)> = parquet(&["--addresses", &demo()]).into_iter().collect();
    for format in ["table", "json", "html"] {
        outputs.push((format.into(), tasks(&["--format", format, "--addresses", &demo()]).into_bytes()));
    }
    for (name, bytes) in outputs {
        for form in
            forms.iter().chain([&format!("{ACCOUNT:x}").into_bytes(), &ACCOUNT.to_le_bytes().to_vec()])
        {
            assert!(!contains(&bytes, form), "{name}: {form:x?}");
        }
    }
}

#[test]
fn the_page_stands_alone() {
    let page = tasks(&["--format", "html", &demo()]);
    assert!(page.starts_with("<!doctype html>") && page.matches("<svg").count() == 6);
    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//", "<script ", "@import", "url("] {
        assert!(!elsewhere.contains(word), "{word}");
    }
}

#[test]
fn parquet_files_are_complete() {
    for (name, bytes) in parquet(&[&demo()]) {
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{name}");
    }
}

/// The demo's frames twice, each time in the tunnels of another subscriber: so far apart that its connections have timed
/// out, and not so far that an address's user has.
fn in_tunnels() -> Vec<u8> {
    let capture = fs::read(demo()).unwrap();
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let mut out = capture[..20].to_vec();
    out.extend(101u32.to_le_bytes());
    for (first, later_s) in [(0xa0, 0), (0xb0, 1900)] {
        let mut at = 24;
        while at < capture.len() {
            let length = word(at + 8) as usize;
            let (ether_type, packet) = capture[at + 16 + 12..at + 16 + length].split_at(2);
            assert_eq!(ether_type, [8, 0], "the demo is all IPv4");
            let up = packet[12] == 10;
            let tunnelled = gtp(packet, if up { first } else { first + 1 }, up);
            out.extend((word(at) + later_s).to_le_bytes());
            out.extend(&capture[at + 4..at + 8]);
            out.extend((tunnelled.len() as u32).to_le_bytes().repeat(2));
            out.extend(tunnelled);
            at += 16 + length;
        }
    }
    out
}

/// A packet in GTP-U (3GPP TS 29.281), UDP and IPv4.
fn gtp(packet: &[u8], tunnel: u32, up: bool) -> Vec<u8> {
    let short = |length: usize| (length as u16).to_be_bytes();
    let (near, far) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let (src, dst) = if up { (near, far) } else { (far, near) };
    let mut out = vec![0x45, 0];
    out.extend(short(20 + 8 + 8 + packet.len()));
    out.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    out.extend([src, dst].concat());
    out.extend([short(2152), short(2152), short(8 + 8 + packet.len()), [0, 0]].concat());
    out.extend([0x30, 255]);
    out.extend(short(packet.len()));
    out.extend(tunnel.to_be_bytes());
    out.extend(packet);
    out
}

#[test]
fn subscribers_are_told_apart_by_their_tunnels_on_request() {
    let file = write(&folder(), "tunnels.pcap", &in_tunnels());
    let file = file.to_str().unwrap();
    let users = |arguments: &[&str]| {
        let text = tasks(&[&["--format", "json"], arguments, &[file]].concat());
        let usage: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        (usage["users"].as_u64().unwrap(), usage["app_users"].as_u64().unwrap())
    };
    assert_eq!(users(&[]), (1, 1), "one address");
    assert_eq!(users(&["--users-by", "tunnel"]), (2, 2), "two subscribers");
    let text = tasks(&["--format", "json", "--users-by", "tunnel", "--addresses", file]);
    assert!(
        text.contains("\"user\":\"10.0.0.1@000000a0\"") && text.contains("\"user\":\"10.0.0.1@000000b0\"")
    );
    let text = tasks(&["--format", "json", "--users-by", "tunnel", file]);
    assert!(text.contains("\"user\":\"user-2\"") && !text.contains("10.0.0.1") && !text.contains("000000a0"));
}

/// A capture that comes slowly enough for a progress bar, over a pipe.
fn slowly(redirect: &str, folder: &Path) -> String {
    let capture = fs::read(demo()).unwrap();
    let (first, rest) = (&capture[..24], capture[24..].repeat(4));
    let [first, rest] = [("first", first), ("rest", &rest)].map(|(name, bytes)| write(folder, name, bytes));
    let wiremark = env!("CARGO_BIN_EXE_wiremark");
    format!(
        "(cat {}; sleep 1.2; cat {}) | {wiremark} tasks - > {}/table {redirect}",
        first.display(),
        rest.display(),
        folder.display()
    )
}

#[test]
fn a_progress_bar_shows_on_a_terminal_only() {
    let folder = folder();
    // `script` (bsdutils) gives the command a terminal.
    let log = folder.join("log");
    let (silent, shown) = std::thread::scope(|scope| {
        let silent = scope.spawn(|| {
            let folder = crate::traces::folder();
            Command::new("sh").args(["-c", &slowly("", &folder)]).output().unwrap()
        });
        let shown =
            Command::new("script").args(["-qec", &slowly("", &folder), log.to_str().unwrap()]).output();
        (silent.join().unwrap(), shown)
    });
    // The capture is the demo four times: that its clock goes back is told, once.
    assert_eq!(silent.status.code(), Some(0));
    let told = stderr(&silent);
    assert!(
        told.lines().count() <= 1 && !told.contains(['\r', '\x1b']) && !told.contains("iB/s"),
        "{told:?}"
    );
    let Ok(shown) = shown else {
        println!("SKIPPED: no script command, which gives a terminal");
        return;
    };
    assert_eq!(shown.status.code(), Some(0));
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    // The demo four times in more than a second is no gibibyte a second.
    assert!(text.contains("iB/s") && !text.contains("GiB/s") && !text.contains("TiB/s"), "{text:?}");
}
