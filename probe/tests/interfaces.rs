//! `wiremark classify -i` in network namespaces of its own: two ends of one cable, frames put in at one, captured at the other.
//! Where namespaces or tcpreplay are not to be had (they take root), it says so and does nothing.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::cable::*;
use crate::traces::*;

/// Captures on Ethernet whose flows do not depend on the clock: nothing in them waits a minute.
pub(crate) fn capture(folder: &Path) -> PathBuf {
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
    // They wait for most of their time: all at once.
    std::thread::scope(|scope| {
        scope.spawn(|| limit_holds("b1", &["--count", "3"], 3));
        scope.spawn(|| limit_holds("b2", &["--filter", "vlan 5", "--count", "1"], 1));
        scope.spawn(|| limit_holds("b3", &["--filter", "tcp", "--count", "4"], 4));
        let output = cable.wiremark(&["-i", "get", "--duration", "1s"]).wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    });
    let output = cable.wiremark(&["-i", "get", "--filter", "nonsense ("]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("--filter 'nonsense ('") || stderr(&output).contains("libpcap"));
}

fn limit_holds(name: &str, arguments: &[&str], expected: u64) {
    let Some(cable) = Cable::new(name) else { return };
    let file = capture(&folder());
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
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(records(&output, "interface")[0]["frames"], expected, "{arguments:?}");
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
    // While they are loaded anew again and again, the capture's frames come 60 times.
    let rounds = 60;
    let per_second = (self::frames().len() * 40).to_string();
    std::thread::scope(|scope| {
        let replaying = scope.spawn(|| cable.replay_as(&file, &["--loop", "60", "--pps", &per_second]));
        let mut loads = 0;
        while !replaying.is_finished() || loads < rounds {
            write(&folder, "next.toml", forms[loads % 2].as_bytes());
            fs::rename(folder.join("next.toml"), rows.join("example.toml")).unwrap();
            signal(&child, "HUP");
            std::thread::sleep(std::time::Duration::from_millis(10));
            loads += 1;
        }
    });
    // A broken file changes nothing.
    write(&rows, "example.toml", b"[app");
    signal(&child, "HUP");
    cable.arrived();
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("the signatures loaded before stay in force"), "{}", stderr(&output));
    let [of_interface] = &records(&output, "interface")[..] else { panic!("{}", stdout(&output)) };
    let frames = (self::frames().len() as u64 + 1) * rounds as u64;
    assert_eq!((&of_interface["frames"], &of_interface["dropped"]), (&frames.into(), &0.into()));
}
