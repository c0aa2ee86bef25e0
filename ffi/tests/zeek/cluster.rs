//! The cluster of the package, without zeekctl.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::host::*;
use crate::common::{demo, is_there, must, scratch, skip, traces};

/// The start script, and what its logger has put away.
struct Cluster<'h> {
    host: &'h Host,
    state: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl<'h> Cluster<'h> {
    fn new(host: &'h Host, name: &str) -> Self {
        // Its ports are fixed.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let state = scratch(name);
        let _ = fs::remove_dir_all(&state);
        Self { host, state, _alone }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(package().join("cluster/wiremark-cluster"));
        command.args(arguments).env("STATE", &self.state).env("PATH", path_with(&self.host.bin));
        must(command.env("ZEEK_PLUGIN_PATH", &self.host.plugin))
    }

    fn log(&self, name: &str) -> Vec<Value> {
        let logs = fs::read_dir(self.state.join("logs")).unwrap().map(|entry| entry.unwrap().path());
        logs.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name))
            .flat_map(|path| lines_of(&path))
            .collect()
    }
}

/// The rows of wiremark.log without what differs from process to process, in order.
fn rows(lines: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = lines
        .iter()
        .map(|line| {
            let mut line = line.as_object().unwrap().clone();
            line.remove("uid");
            serde_json::to_string(&line).unwrap()
        })
        .collect();
    rows.sort();
    rows
}

/// Two workers that share a capture by its clients say together what one says, and nothing is lost or written over when the
/// cluster is started again.
#[test]
fn two_workers_tell_what_one_tells() {
    let Some(host) = Host::new("one", "") else { return };
    if !is_there("seq") {
        return skip("seq is not here, so the cluster is not started");
    }
    let cluster = Cluster::new(&host, "zeek-cluster");
    let mut captures = vec![demo()];
    if let Some(traces) = traces() {
        // More than one client each.
        captures.extend(["wechat.pcap", "wa_voice.pcap"].map(|name| traces.join("messenger").join(name)));
    }
    let mut expected = Vec::new();
    for capture in &captures {
        host.read(capture);
        expected.extend(host.log("wiremark"));
        let script = host.folder.join("script.zeek");
        cluster.run(&["start", "-r", capture.to_str().unwrap(), script.to_str().unwrap()]);
        cluster.run(&["wait"]);
        cluster.run(&["stop"]);
        let status = cluster.run(&["status"]);
        assert_eq!(status.matches("does not run").count(), 5, "{status}");
    }
    assert_eq!(rows(&cluster.log("wiremark.")), rows(&expected));
    let peers: BTreeSet<String> =
        cluster.log("wiremark_stats.").iter().map(|line| line["peer"].as_str().unwrap().to_owned()).collect();
    assert_eq!(Vec::from_iter(peers), ["worker-1", "worker-2"]);
}

/// The made capture many times over, each time later.
fn long_capture() -> PathBuf {
    let bytes = fs::read(demo()).unwrap();
    let (head, records) = bytes.split_at(24);
    let mut long = head.to_vec();
    for round in 0..100u32 {
        let mut at = 0;
        while at < records.len() {
            let word = |place: usize| u32::from_le_bytes(records[place..place + 4].try_into().unwrap());
            let end = at + 16 + word(at + 8) as usize;
            long.extend((word(at) + round * 7200).to_le_bytes());
            long.extend(&records[at + 4..end]);
            at = end;
        }
    }
    let path = scratch("zeek-captures").join("long.pcap");
    fs::write(&path, long).unwrap();
    path
}

/// What workers told before they were stopped in the middle of it is in the logs.
#[test]
fn a_stop_loses_nothing_that_was_told() {
    let Some(host) = Host::new("stopped", "") else { return };
    let cluster = Cluster::new(&host, "zeek-cluster-stopped");
    let script = host.folder.join("script.zeek");
    cluster.run(&["start", "-r", long_capture().to_str().unwrap(), script.to_str().unwrap()]);
    // On a busy machine nothing has been told yet.
    let log = cluster.state.join("logger/wiremark.log");
    for _ in 0..600 {
        if log.exists() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    cluster.run(&["stop"]);
    let mut told = BTreeMap::new();
    for line in cluster.log("wiremark_stats.") {
        let most = told.entry(line["peer"].as_str().unwrap().to_owned()).or_insert(0);
        *most = line["verdicts"].as_u64().unwrap().max(*most);
    }
    assert!(told.values().sum::<u64>() > 0, "{told:?}");
    assert_eq!(cluster.log("wiremark.").len() as u64, told.values().sum::<u64>(), "{told:?}");
}
