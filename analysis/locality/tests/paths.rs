//! Path files of every format, against a second reader written apart.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use wiremark_locality::path::{PathReader, Trace};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/paths");
    let folders = ["traceroute", "mtr", "scamper", "ripe-atlas"].map(|format| folder.join(format));
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| {
            let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(files.len() >= 3, "{folder:?}");
            files
        })
        .collect();
    files.sort();
    files
}

pub(crate) fn traces(text: &str) -> Vec<Result<Trace, String>> {
    let mut reader = PathReader::new("x", text.as_bytes());
    let mut traces = Vec::new();
    while let Some(trace) = reader.next_trace().unwrap() {
        traces.push(trace.map_err(|error| error.to_string()));
    }
    traces
}

/// As the second reader prints it.
fn show(trace: &Trace) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let mut shown = String::new();
    let target = trace.target.map(|target| target.to_string());
    writeln!(shown, "trace {} {}", or_dash(trace.source.clone()), or_dash(target)).unwrap();
    for hop in &trace.hops {
        write!(shown, "{}", hop.ttl).unwrap();
        for reply in &hop.replies {
            let address = or_dash(reply.address.map(|address| address.to_string()));
            let rtt = or_dash(reply.rtt_us.map(|rtt| rtt.to_string()));
            let mark = or_dash(reply.mark.as_ref().map(|mark| mark.to_string()));
            let late = if reply.is_late { "/late" } else { "" };
            let label = if reply.is_labelled { "/label" } else { "" };
            write!(shown, " {address}/{rtt}/{mark}{late}{label}").unwrap();
        }
        writeln!(shown, " lost={}", hop.lost).unwrap();
    }
    shown
}

#[test]
fn a_second_reader_finds_the_same_hops() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_reader.py");
    let Ok(output) = Command::new("python3").arg(script).args(files()).output() else {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: locality: no python3 for the second reader\n",
        );
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = String::new();
    for file in files() {
        writeln!(found, "file {}", file.display()).unwrap();
        let mut reader = PathReader::new("x", BufReader::new(File::open(&file).unwrap()));
        while let Some(trace) = reader.next_trace().unwrap() {
            found += &show(&trace.unwrap());
        }
    }
    let wanted = String::from_utf8(output.stdout).unwrap();
    for (at, (found, wanted)) in found.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(found, wanted, "line {at}");
    }
    assert_eq!(found.lines().count(), wanted.lines().count());
    assert!(found.lines().count() > 100);
}

#[test]
fn what_a_hop_says_and_what_it_does_not() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/paths/ripe-atlas/lines.json"))
            .unwrap();
    let traces: Vec<Trace> = traces(&text).into_iter().map(Result::unwrap).collect();
    assert_eq!(traces.len(), 3, "a ping is no path");
    assert_eq!((traces[0].source.as_deref(), traces[0].time_s), (Some("6001"), Some(1_443_628_801)));
    let addresses: Vec<String> = traces[0].hops[2].addresses().map(|address| address.to_string()).collect();
    assert_eq!(addresses, ["62.40.98.1", "62.40.98.3"], "a late answer belongs to an earlier hop");
    let target = traces[0].target.unwrap();
    assert_eq!(traces[0].hops[3].least_rtt_us(target), Some(21_006));
    assert!(traces[0].is_complete() && !traces[2].is_complete() && traces[1].target.is_none());
}

/// However a file comes through a pipe, it holds the same.
#[test]
fn traces_do_not_depend_on_how_bytes_arrive() {
    struct Trickle<'t>(&'t [u8]);
    impl std::io::Read for Trickle<'_> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(7).min(space.len());
            space[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }
    for file in files() {
        let bytes = fs::read(&file).unwrap();
        let mut slow = PathReader::new("x", BufReader::with_capacity(16, Trickle(&bytes)));
        let mut fast = PathReader::new("x", bytes.as_slice());
        loop {
            let (one, other) = (slow.next_trace().unwrap(), fast.next_trace().unwrap());
            assert_eq!(one, other, "{file:?}");
            if one.is_none() {
                break;
            }
        }
        assert_eq!(fast.bytes_read(), bytes.len() as u64);
    }
}
