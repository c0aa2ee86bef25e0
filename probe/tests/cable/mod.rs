//! A virtual cable in a network namespace, with tcpreplay at one end and wiremark at the other.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()
}

pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    run(program, arguments).is_some_and(|output| output.status.success())
}

/// A namespace with the two ends of a cable, `put` and `get`; gone when this is dropped.
pub(crate) struct Cable(pub(crate) String);

impl Cable {
    pub(crate) fn new(name: &str) -> Option<Self> {
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

    pub(crate) fn ip(&self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        succeeds("ip", &[&["-n", &self.0][..], &words].concat())
    }

    /// `wiremark classify --format json` with these arguments.
    pub(crate) fn wiremark(&self, arguments: &[&str]) -> Child {
        self.start("classify", arguments)
    }

    /// A command of wiremark's that writes JSON.
    pub(crate) fn start(&self, command: &str, arguments: &[&str]) -> Child {
        self.start_as(command, "json", arguments)
    }

    /// A command of wiremark's that writes in this format.
    pub(crate) fn start_as(&self, command: &str, format: &str, arguments: &[&str]) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &self.0, env!("CARGO_BIN_EXE_wiremark"), command, "--format", format])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Puts a capture's frames in as fast as it goes.
    pub(crate) fn replay(&self, file: &Path) {
        self.replay_as(file, &["--topspeed"]);
    }

    /// Puts a capture's frames in as tcpreplay is told.
    pub(crate) fn replay_as(&self, file: &Path, how: &[&str]) {
        let file = file.to_str().unwrap();
        let replay = ["netns", "exec", &self.0, "tcpreplay", "-q", "-i", "put"];
        assert!(succeeds("ip", &[&replay[..], how, &[file]].concat()), "tcpreplay {how:?} {file}");
    }

    /// Waits until a packet socket captures in the namespace: it is there before it is bound to an interface, and hears
    /// nothing until then.
    pub(crate) fn listens(&self) {
        self.listen(1);
    }

    /// The same of so many packet sockets.
    pub(crate) fn listen(&self, count: usize) {
        until(|| {
            let sockets = run("ip", &["netns", "exec", &self.0, "cat", "/proc/net/packet"]);
            let text = sockets.map(|sockets| String::from_utf8(sockets.stdout).unwrap()).unwrap_or_default();
            // sk RefCnt Type Proto Iface R Rmem User Inode
            let captures = |socket: &&str| {
                let columns: Vec<&str> = socket.split_whitespace().collect();
                columns.get(4).is_some_and(|interface| *interface != "0") && columns.get(5) == Some(&"1")
            };
            text.lines().skip(1).filter(captures).count() >= count
        });
    }

    /// Frames that an end has sent (tx) or received (rx).
    pub(crate) fn counted(&self, end: &str, way: &str) -> Option<u64> {
        let path = format!("/sys/class/net/{end}/statistics/{way}_packets");
        let counted = run("ip", &["netns", "exec", &self.0, "cat", &path])?;
        String::from_utf8(counted.stdout).ok()?.trim().parse().ok()
    }

    /// Waits until the frames put in so far have been handed over, as far as can be told from outside: the receiving end has
    /// counted as many as the other has sent, and the kernel has had time to close the block they are in: four times what it
    /// waits for a block to fill.
    pub(crate) fn arrived(&self) {
        until(|| self.counted("put", "tx") == self.counted("get", "rx"));
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "del", &self.0]);
    }
}

pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    assert!(succeeds("kill", &["-s", name, &child.id().to_string()]));
}

/// Records, without those of the command's own.
pub(crate) fn records(output: &Output, kind: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last record is whole");
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["event_type"] == kind).collect()
}

/// What a flow is, without its times.
pub(crate) fn verdicts(records: &[Value]) -> Vec<String> {
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
