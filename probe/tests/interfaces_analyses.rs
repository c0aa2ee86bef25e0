//! `wiremark calls -i` and `tasks -i`: what an interface gives is what the capture of it gives.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::cable::*;
use crate::traces::*;
use serde_json::Value;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/demo.pcap")
}

/// Records of a kind, without what names the source.
fn told(output: &std::process::Output, kind: &str) -> Vec<Value> {
    let mut records = records(output, kind);
    for record in &mut records {
        record.as_object_mut().unwrap().remove("file");
    }
    records
}

#[test]
fn calls_and_tasks_of_an_interface_are_those_of_its_capture() {
    let Some(cable) = Cable::new("h") else { return };
    let start = |command: &str, sockets| {
        let written = folder().join("written.pcapng");
        let child = cable.start(command, &["-i", "get", "-w", written.to_str().unwrap()]);
        cable.listen(sockets);
        (child, written)
    };
    let children = [("calls", "call", start("calls", 1)), ("tasks", "task", start("tasks", 2))];
    cable.replay(&demo());
    cable.arrived();
    for (command, kind, (child, written)) in children {
        signal(&child, "INT");
        let live = child.wait_with_output().unwrap();
        assert_eq!(live.status.code(), Some(130), "{}", stderr(&live));
        let [of_interface] = &records(&live, "interface")[..] else { panic!("{}", stdout(&live)) };
        let (frames, dropped) = (of_interface["frames"].as_u64(), of_interface["dropped"].as_u64());
        assert_eq!((frames, dropped), (Some(1013), Some(0)));
        // The times are those of the cable: the capture that was written has them, the one that was played has not.
        let again = wiremark(&[command, "--format", "json", written.to_str().unwrap()]);
        assert_eq!(told(&live, kind), told(&again, kind));
        let played = wiremark(&[command, "--format", "json", demo().to_str().unwrap()]);
        let names = |output| {
            let field = if kind == "call" { "app" } else { "task" };
            let mut names: Vec<String> =
                told(output, kind).iter().map(|record| record[field].to_string()).collect();
            names.sort();
            names.dedup();
            names
        };
        assert_eq!(names(&live), names(&played));
        assert!(!told(&live, kind).is_empty());
        if kind == "task" {
            let last = stdout(&live).lines().last().unwrap();
            assert!(last.contains(r#""event_type":"usage""#), "the report comes last: {last}");
        }
    }
}

#[test]
fn reports_for_people_come_at_the_end_and_losses_on_standard_error() {
    let Some(cable) = Cable::new("i") else { return };
    for (command, format, expected) in
        [("calls", "story", "call 1: "), ("tasks", "table", "(Table III)"), ("tasks", "html", "<html")]
    {
        let child = cable.start_as(command, format, &["-i", "get", "--count", "1013"]);
        cable.listens();
        cable.replay(&demo());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains(expected), "{command}: {}", stdout(&output));
        assert!(stderr(&output).contains("get: 1013 frames; of 1013 that came 0 were dropped"));
    }
}

#[test]
fn their_signatures_are_loaded_anew() {
    let Some(cable) = Cable::new("j") else { return };
    let folder = folder();
    let rows = folder.join("rows");
    fs::create_dir(&rows).unwrap();
    // At first nothing is known but an app of this test's; then what is shipped, too.
    write(&rows, "example.toml", SIGNATURES.as_bytes());
    let start = |command: &str, sockets| {
        let child = cable.start(command, &["-i", "get", "--only-signatures", rows.to_str().unwrap()]);
        cable.listen(sockets);
        child
    };
    let children = [("call", start("calls", 1)), ("task", start("tasks", 2))];
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../signatures");
    for file in ["whatsapp.toml", "wechat.toml", "meta.toml"] {
        fs::copy(shipped.join(file), rows.join(file)).unwrap();
    }
    children.iter().for_each(|(_, child)| signal(child, "HUP"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    cable.replay(&demo());
    cable.arrived();
    for (record, child) in children {
        signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        assert!(!records(&output, record).is_empty(), "{record}: {}", stdout(&output));
    }
}
