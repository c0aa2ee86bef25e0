//! Why a flow is taken for an app's, or is not: `signatures check --against` other traffic, and `explain`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::packets::*;
use crate::traces::{folder, pcap, stderr, stdout, wiremark, write};

const CLIENT: (&str, u16) = ("10.20.30.40", 40_000);
const SERVER: (&str, u16) = ("45.60.71.82", 7000);

/// A row by payload, one that says of itself that it is weak, and a name.
const ROWS: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat"]

[[signature]]
id = 901
name = "opening"
role = "chat"
why = "opens with a number"
source = "made up for a test"
transport = "tcp"
prefix = "de ad be ef"
hit = ["de ad be ef 00"]
miss = ["de ad be ee 00"]

[[signature]]
id = 902
name = "short"
role = "chat"
why = "a byte is no proof: other protocols' ids begin so"
source = "made up for a test"
transport = "udp"
prefix = "a3"
confidence = "related"
hit = ["a3 00"]
miss = ["a4 00"]
"#;

fn check(folder: &Path, captures: &Path) -> Output {
    wiremark(&["signatures", "check", folder.to_str().unwrap(), "--against", captures.to_str().unwrap()])
}

/// A folder of signatures, and one of captures with a capture in it and one in a folder below.
fn folders(first: &[Vec<u8>], second: &[Vec<u8>]) -> (PathBuf, PathBuf) {
    let (rows, captures) = (folder(), folder());
    write(&rows, "example.toml", ROWS.as_bytes());
    fs::create_dir(captures.join("below")).unwrap();
    let capture = |packets: &[Vec<u8>]| {
        let frames: Vec<Vec<u8>> = packets.iter().map(|packet| ethernet(packet)).collect();
        pcap(1, &frames)
    };
    write(&captures, "first.pcap", &capture(first));
    write(&captures.join("below"), "second.pcap", &capture(second));
    write(&captures, "notes.txt", b"where these come from");
    (rows, captures)
}

#[test]
fn foreign_traffic_that_no_row_takes_passes() {
    let (rows, captures) = folders(
        &[udp(CLIENT, SERVER, b"\xa4\x01")],
        &connection(CLIENT, SERVER, 100, &[(true, b"SSH-2.0-x")]),
    );
    let output = check(&rows, &captures);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("0 verdicts on 2 flows of 2 captures, 1 other files left aside"), "{said}");
}

#[test]
fn a_verdict_by_payload_fails_and_a_weaker_one_is_told() {
    let opening = connection(CLIENT, SERVER, 100, &[(true, b"\xde\xad\xbe\xef\x01")]);
    let (rows, captures) = folders(&[udp(CLIENT, SERVER, b"\xa3\x01")], &opening);
    let output = check(&rows, &captures);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stdout(&output);
    let line = |word: &str| said.lines().find(|line| line.starts_with(word)).unwrap_or_default().to_owned();
    let failed = line("failed");
    assert!(failed.contains("901 opening (payload): 1 flows") && failed.ends_with("second.pcap"), "{said}");
    assert!(line("weak").contains("902 short (related): 1 flows, first in"), "{said}");

    let (rows, captures) = folders(&[udp(CLIENT, SERVER, b"\xa3\x01")], &[udp(CLIENT, SERVER, b"\x01")]);
    assert_eq!(check(&rows, &captures).status.code(), Some(0), "a weak verdict is no failure");
}

#[test]
fn a_folder_without_captures_is_an_error() {
    let (rows, _) = folders(&[], &[]);
    let output = check(&rows, &folder());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no capture in it"), "{}", stderr(&output));
    let output = check(&rows, Path::new("/no/such/folder"));
    assert!(stderr(&output).contains("/no/such/folder: cannot be read"), "{}", stderr(&output));
}

#[test]
fn the_built_in_rows_take_no_foreign_capture_at_hand_by_payload() {
    let Some(messenger) = given_captures() else {
        wiremark_tests::skipped("no captures in ../shared");
        return;
    };
    let shared = messenger.ancestors().nth(2).unwrap();
    let rows = Path::new(env!("CARGO_MANIFEST_DIR")).join("../signatures");
    for captures in ["traces/other", "faults/lookalikes"] {
        let output = check(&rows, &shared.join(captures));
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        // What is left is names that are the apps' own.
        let weak = stdout(&output).lines().filter(|line| line.starts_with("weak"));
        weak.for_each(|line| assert!(line.contains("(name)"), "{line}"));
    }
}

/// What `explain` says of datagrams of one client, by the built-in rows.
fn explained(datagrams: &[Vec<u8>]) -> String {
    let frames: Vec<Vec<u8>> =
        datagrams.iter().map(|payload| ethernet(&udp(CLIENT, (SERVER.0, 23_000), payload))).collect();
    let folder = folder();
    let capture = write(&folder, "in.pcap", &pcap(1, &frames));
    let output = wiremark(&["explain", capture.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).to_owned()
}

#[test]
fn explain_says_what_a_row_still_waits_for() {
    let datagram = |counter: u8, length: usize| {
        [&[0xd5, 1, 0, counter][..], &(0..length).map(|at| at as u8).collect::<Vec<u8>>()].concat()
    };
    // A first datagram of a length that no row begins with.
    let said = explained(&(1..=6).map(|counter| datagram(counter, 40)).collect::<Vec<_>>());
    assert!(said.contains("266 content-in-call matches, but its client is in no call of the app"), "{said}");
    assert!(
        said.contains(
            "264 one-sided-content matches, but none of those it counts after has matched in its direction"
        ),
        "{said}"
    );
    // One of a known length: a verdict, which says what else looks so.
    let said = explained(&(1..=6).map(|counter| datagram(counter, 86)).collect::<Vec<_>>());
    assert!(said.contains("signature  264 one-sided-content"), "{said}");
    assert!(said.contains("ONC RPC, SNMP, RADIUS"), "{said}");
}
