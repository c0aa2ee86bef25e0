//! `wiremark classify -i` when something is not as it should be: no rights, no room, an interface that goes, a reader that is slow.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use crate::cable::*;
use crate::interfaces::capture;
use crate::traces::*;
use serde_json::Value;

#[test]
fn what_fails_is_told_in_a_sentence() {
    let output = wiremark(&["classify", "-i", "no-such-interface"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "no-such-interface: no such interface; `ip link` lists them\n");
    let Some(cable) = Cable::new("c") else { return };
    let output = cable.wiremark(&["-i", "get", "--user", "nobody-at-all"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--user nobody-at-all: no such user"), "{}", stderr(&output));
    // Without rights.
    let program = env!("CARGO_BIN_EXE_wiremark");
    let arguments = ["netns", "exec", &cable.0, "setpriv", "--bounding-set=-all", "--inh-caps=-all", program];
    let output =
        run("ip", &[&arguments[..], &["classify", "-i", "get", "--duration", "1s"]].concat()).unwrap();
    if run("setpriv", &["--version"]).is_some() {
        let said = stderr(&output);
        assert!(said.starts_with("get: no permission to capture; run as root"), "{said}");
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1));
    } else {
        eprintln!("skipped: no setpriv, to take rights away");
    }
    // Down, up again, gone.
    let child = cable.wiremark(&["-i", "get"]);
    cable.listens();
    assert!(cable.ip("link set get down"));
    std::thread::sleep(Duration::from_millis(300));
    assert!(cable.ip("link set get up"));
    cable.replay(&capture(&folder()));
    cable.arrived();
    assert!(cable.ip("link del get"));
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    // One that goes is down first.
    for (expected, times) in [("get: is down; bring it up", 2), ("get: is up again", 1), ("get: is gone", 1)]
    {
        assert_eq!(said.matches(expected).count(), times, "{expected}: {said}");
    }
    assert!(!records(&output, "flow").is_empty());
}

/// Who is killed, whatever the moment, has written whole records.
#[test]
fn sigkill_leaves_whole_lines() {
    let Some(cable) = Cable::new("e") else { return };
    let folder = folder();
    let (file, out) = (capture(&folder), folder.join("out.json"));
    let rows = write(&folder, "example.toml", SIGNATURES.as_bytes());
    let rows = rows.parent().unwrap().to_str().unwrap();
    let mut child = cable.wiremark(&[
        "-i",
        "get",
        "--only-signatures",
        rows,
        "--events",
        "verdict",
        "-o",
        out.to_str().unwrap(),
    ]);
    cable.listens();
    // In the middle of it: the frames go on coming.
    until(|| {
        cable.replay(&file);
        fs::metadata(&out).is_ok_and(|out| out.len() > 0)
    });
    signal(&child, "KILL");
    child.wait().unwrap();
    let text = fs::read_to_string(&out).unwrap();
    assert!(text.ends_with('\n'), "the last record is whole: {text}");
    text.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
}

#[test]
fn a_full_disk_is_told_in_a_sentence() {
    let Some(cable) = Cable::new("f") else { return };
    let file = capture(&folder());
    let signatures = write(&folder(), "example.toml", SIGNATURES.as_bytes());
    let signatures = ["--only-signatures", signatures.parent().unwrap().to_str().unwrap()];
    for arguments in [["--events", "verdict", "-o", "/dev/full"], ["--count", "4", "-w", "/dev/full"]] {
        let mut child = cable.wiremark(&[&["-i", "get"], &signatures[..], &arguments[..]].concat());
        until(|| {
            cable.replay(&file);
            child.try_wait().unwrap().is_some()
        });
        let output = child.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{arguments:?}: {said}");
        assert!(said.starts_with("/dev/full") && said.contains("cannot be written"), "{said}");
        assert!(said.contains("choose another place for the output"), "{said}");
    }
}

/// A reader that does not come by loses what the ring has no room for, and says how much that was, to the frame.
#[test]
fn what_a_slow_reader_lost_is_counted() {
    let Some(cable) = Cable::new("g") else { return };
    let folder = folder();
    let frames: Vec<Vec<u8>> = (0..4000).map(|port| udp(1024 + port, &[0xfd; 1400])).collect();
    let file = write(&folder, "many.pcap", &pcap(1, &frames));
    let child = cable.wiremark(&["-i", "get", "--ring", "2M", "--stats-every", "1s"]);
    cable.listens();
    let before = cable.counted("put", "tx").unwrap();
    signal(&child, "STOP");
    cable.replay(&file);
    signal(&child, "CONT");
    cable.arrived();
    // What comes now finds room again.
    cable.replay(&file);
    cable.arrived();
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let told = records(&output, "interface");
    let last = told.last().unwrap();
    let number = |name: &str| last[name].as_u64().unwrap();
    let sent = cable.counted("put", "tx").unwrap() - before;
    assert_eq!((number("received"), sent), (sent, 8000), "{last}");
    assert_eq!(number("frames") + number("dropped"), sent, "{last}");
    // More than the ring ever holds: it was emptied and filled again, however slow the machine.
    let most_at_once = (2 << 20) / 1400;
    assert!(number("dropped") > 1000 && number("ring_full") > 0, "{last}");
    assert!(number("frames") > most_at_once, "{last}");
}
