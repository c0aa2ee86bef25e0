//! `wiremark classify -i` in network namespaces of its own: two ends of one cable, frames put in at one, captured at the other.
//! Where namespaces or tcpreplay are not to be had (they take root), it says so and does nothing.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::traces::*;
use serde_json::Value;

fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    run(program, arguments).is_some_and(|output| output.status.success())
}

/// A namespace with the two ends of a cable, `put` and `get`; gone when this is dropped.
struct Cable(String);

impl Cable {
    fn new(name: &str) -> Option<Self> {
        let name = format!("wm{name}{}", std::process::id());
        let has_replay = run("tcpreplay", &["--version"]).is_some();
        if !has_replay || !succeeds("ip", &["netns", "add", &name]) {
            eprintln!("skipped: no network namespaces, or no tcpreplay");
            return None;
        }
        let cable = Self(name);
        let is_made = cable.ip("link add put mtu 65000 type veth peer name get mtu 65000")
            && cable.ip("link set put up")
            && cable.ip("link set get up");
        // No frames of the ends' own.
        for end in ["put", "get"] {
            let path = format!("net.ipv6.conf.{end}.disable_ipv6=1");
            let _ = run("ip", &["netns", "exec", &cable.0, "sysctl", "-qw", &path]);
        }
        is_made.then_some(cable)
    }

    fn ip(&self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        succeeds("ip", &[&["-n", &self.0][..], &words].concat())
    }

    fn wiremark(&self, arguments: &[&str]) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &self.0, env!("CARGO_BIN_EXE_wiremark"), "classify", "--format", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Puts a capture's frames in as fast as it goes.
    fn replay(&self, file: &Path) {
        let file = file.to_str().unwrap();
        let done =
            succeeds("ip", &["netns", "exec", &self.0, "tcpreplay", "-q", "--topspeed", "-i", "put", file]);
        assert!(done, "tcpreplay {file}");
    }

    /// Waits until a packet socket captures in the namespace: it is there before it is bound to an interface, and hears
    /// nothing until then.
    fn listens(&self) {
        until(|| {
            let sockets = run("ip", &["netns", "exec", &self.0, "cat", "/proc/net/packet"]);
            let text = sockets.map(|sockets| String::from_utf8(sockets.stdout).unwrap()).unwrap_or_default();
            // sk RefCnt Type Proto Iface R Rmem User Inode
            text.lines().skip(1).any(|socket| {
                let columns: Vec<&str> = socket.split_whitespace().collect();
                columns.get(4).is_some_and(|interface| *interface != "0") && columns.get(5) == Some(&"1")
            })
        });
    }

    /// Waits until the frames put in so far have been handed over, as far as can be told from outside: the receiving end has
    /// counted as many as the other has sent, and the kernel has had time to close the block they are in.
    fn arrived(&self) {
        let count = |end: &str, way: &str| {
            let path = format!("/sys/class/net/{end}/statistics/{way}_packets");
            let counted = run("ip", &["netns", "exec", &self.0, "cat", &path])?;
            String::from_utf8(counted.stdout).ok()?.trim().parse::<u64>().ok()
        };
        until(|| count("put", "tx") == count("get", "rx"));
        std::thread::sleep(Duration::from_millis(500));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "del", &self.0]);
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    assert!(succeeds("kill", &["-s", name, &child.id().to_string()]));
}

/// Records, without those of the command's own.
fn records(output: &Output, kind: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last record is whole");
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["event_type"] == kind).collect()
}

/// What a flow is, without its times.
fn verdicts(records: &[Value]) -> Vec<String> {
    let fields = [
        "src_ip",
        "src_port",
        "dest_ip",
        "dest_port",
        "proto",
        "app",
        "role",
        "carrier",
        "signature_id",
        "final",
        "decided_at_packet",
        "packets_toserver",
        "packets_toclient",
        "bytes_toserver",
        "vlan",
    ];
    let mut rows: Vec<String> =
        records.iter().map(|record| fields.map(|field| record[field].to_string()).join(" ")).collect();
    rows.sort();
    rows
}

/// Captures on Ethernet whose flows do not depend on the clock: nothing in them waits a minute.
fn capture(folder: &Path) -> PathBuf {
    let mut frames = frames();
    // A VLAN tag, which the kernel keeps beside the frame.
    let mut tagged = udp(40_777, b"in a VLAN");
    tagged.splice(12..12, [0x81, 0, 0x20, 5]);
    frames.push(tagged);
    write(folder, "sample.pcap", &pcap(1, &frames))
}

#[test]
fn what_comes_by_is_what_the_file_says() {
    let Some(cable) = Cable::new("a") else { return };
    let folder = folder();
    let file = capture(&folder);
    let signatures = write(&folder, "example.toml", SIGNATURES.as_bytes());
    let signatures = signatures.parent().unwrap().to_str().unwrap();
    let written = folder.join("written.pcapng");
    let child = cable.wiremark(&[
        "-i",
        "get",
        "--only-signatures",
        signatures,
        "--events",
        "verdict",
        "-w",
        written.to_str().unwrap(),
    ]);
    cable.listens();
    cable.replay(&file);
    cable.arrived();
    // `ip netns exec` becomes the program: the signal is for it.
    signal(&child, "INT");
    let live = child.wait_with_output().unwrap();
    assert_eq!(live.status.code(), Some(130), "{}", stderr(&live));
    let of_file =
        wiremark(&["classify", "--format", "json", "--only-signatures", signatures, file.to_str().unwrap()]);
    assert_eq!(verdicts(&records(&live, "flow")), verdicts(&records(&of_file, "flow")), "{}", stdout(&live));
    // The moment the app is known, and before the flow's end.
    let told = records(&live, "verdict");
    assert!(
        told.iter().any(|record| record["app"] == "example" && record["packets_toserver"] == 2),
        "{told:?}"
    );
    let [of_interface] = &records(&live, "interface")[..] else { panic!("{}", stdout(&live)) };
    assert_eq!((&of_interface["interface"], &of_interface["dropped"]), (&"get".into(), &0.into()));
    assert_eq!(of_interface["received"], of_interface["frames"]);
    // What was written reads as what was captured.
    let again = wiremark(&[
        "classify",
        "--format",
        "json",
        "--only-signatures",
        signatures,
        written.to_str().unwrap(),
    ]);
    assert_eq!(verdicts(&records(&again, "flow")), verdicts(&records(&live, "flow")));
}

#[test]
fn filters_and_limits_hold() {
    let Some(cable) = Cable::new("b") else { return };
    let folder = folder();
    let file = capture(&folder);
    for (arguments, expected) in [
        (&["--count", "3"][..], 3),
        (&["--filter", "vlan 5", "--count", "1"], 1),
        (&["--filter", "tcp", "--count", "4"], 4),
    ] {
        let mut child = cable.wiremark(&[&["-i", "get"], arguments].concat());
        cable.listens();
        // Compiling a filter listens for a moment, too: what came then is sent again.
        for _ in 0..50 {
            cable.replay(&file);
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if stderr(&output).contains("libpcap") {
            assert!(stderr(&output).contains("install it"), "{}", stderr(&output));
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(records(&output, "interface")[0]["frames"], expected, "{arguments:?}");
    }
    let output = cable.wiremark(&["-i", "get", "--duration", "1s"]).wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let output = cable.wiremark(&["-i", "get", "--filter", "nonsense ("]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("--filter 'nonsense ('") || stderr(&output).contains("libpcap"));
}

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
    if output.status.code() == Some(1) {
        assert!(
            stderr(&output).starts_with("get: no permission to capture; run as root"),
            "{}",
            stderr(&output)
        );
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

#[test]
fn signatures_are_loaded_anew_without_a_lost_frame() {
    let Some(cable) = Cable::new("d") else { return };
    let folder = folder();
    let file = capture(&folder);
    let rows = folder.join("rows");
    fs::create_dir(&rows).unwrap();
    let forms = [SIGNATURES.to_owned(), SIGNATURES.replace("\"files\"", "\"things\"")];
    write(&rows, "example.toml", forms[0].as_bytes());
    let child = cable.wiremark(&["-i", "get", "--only-signatures", rows.to_str().unwrap()]);
    cable.listens();
    let mut rounds = 0;
    for number in 0..60usize {
        write(&folder, "next.toml", forms[number % 2].as_bytes());
        fs::rename(folder.join("next.toml"), rows.join("example.toml")).unwrap();
        signal(&child, "HUP");
        cable.replay(&file);
        rounds += 1;
    }
    // A broken file changes nothing.
    write(&rows, "example.toml", b"[app");
    signal(&child, "HUP");
    cable.arrived();
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("the signatures loaded before stay in force"), "{}", stderr(&output));
    let [of_interface] = &records(&output, "interface")[..] else { panic!("{}", stdout(&output)) };
    let frames = u64::try_from(self::frames().len() + 1).unwrap() * rounds;
    assert_eq!((&of_interface["frames"], &of_interface["dropped"]), (&frames.into(), &0.into()));
}

/// Who is killed, whatever the moment, has written whole records.
#[test]
fn sigkill_leaves_whole_lines() {
    let Some(cable) = Cable::new("e") else { return };
    let folder = folder();
    let (file, out) = (capture(&folder), folder.join("out.json"));
    let mut child = cable.wiremark(&["-i", "get", "--events", "verdict", "-o", out.to_str().unwrap()]);
    cable.listens();
    for _ in 0..5 {
        cable.replay(&file);
    }
    until(|| fs::metadata(&out).is_ok_and(|out| out.len() > 0) || fs::read(&out).is_ok());
    signal(&child, "KILL");
    child.wait().unwrap();
    let text = fs::read_to_string(&out).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
}
