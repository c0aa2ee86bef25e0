//! The Suricata plugin, in a Suricata that is on the machine: what it says of every flow is what the command says.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::common::{demo, installed, is_there, must, records, repository, run, scratch, skip, traces};

/// Where its headers are: what `libsuricata-config` says, or the flags in `SURICATA_CFLAGS`.
fn headers() -> Option<String> {
    let said = std::env::var("SURICATA_CFLAGS").ok().or_else(|| {
        let output = Command::new("libsuricata-config").arg("--cflags").output().ok()?;
        String::from_utf8(output.stdout).ok()
    })?;
    said.split(' ')
        .filter_map(|word| word.strip_prefix("-I"))
        .any(|folder| Path::new(folder).join("suricata-plugin.h").exists())
        .then(|| said.trim().to_owned())
}

/// Built with its own Makefile. `None`, and a word about it, where Suricata 8 or its headers are missing.
fn plugin() -> Option<&'static Path> {
    static PLUGIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = PLUGIN.get_or_init(|| {
        let version = Command::new("suricata").arg("-V").output().map(|output| output.stdout);
        let version = String::from_utf8(version.unwrap_or_default()).unwrap();
        if !version.contains("version 8.") {
            skip("Suricata 8 is not here (Debian 13: trixie-backports), so its plugin is not run");
            return None;
        }
        let Some(headers) = headers() else {
            skip("Suricata's headers are not here (libsuricata-config, or SURICATA_CFLAGS), so its plugin is not built");
            return None;
        };
        for tool in ["make", "pkg-config"] {
            if !is_there(tool) {
                skip(&format!("{tool} is not here, so Suricata's plugin is not built"));
                return None;
            }
        }
        Some(make(&installed().join("lib/pkgconfig"), &headers, "suricata"))
    });
    built.as_deref()
}

/// The plugin, made with the wiremark that a folder of pkg-config names.
fn make(pkg_config: &Path, headers: &str, name: &str) -> PathBuf {
    let folder = scratch(name);
    for file in fs::read_dir(repository().join("plugins/suricata")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let mut make = Command::new("make");
    make.arg("-C").arg(&folder).arg("--always-make").arg("wiremark.so");
    make.arg(format!("LDFLAGS=-Wl,-rpath,{}", installed().join("lib").display()));
    make.arg(format!("SURICATA_CFLAGS={headers}"));
    make.env("CFLAGS", "-O1 -g -Werror").env("PKG_CONFIG_PATH", pkg_config);
    must(make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    folder.join("wiremark.so")
}

/// A folder with a configuration, rules and, later, `eve.json`.
struct Host {
    folder: PathBuf,
}

/// Time-outs are those of the command, so that flows are the same.
const CONFIGURATION: &str = "%YAML 1.1
---
plugins: [PLUGIN]
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [flow, alert, drop: {alerts: yes, flows: all}]}
classification-file: FOLDER/empty
reference-config-file: FOLDER/empty
threshold-file: FOLDER/empty
flow: {memcap: 64mb, hash-size: 4096, prealloc: 100, managers: 1, recyclers: 1}
flow-timeouts:
  default: {new: 1800, established: 1800, closed: 1800, bypassed: 1800}
  tcp: {new: 1800, established: 1800, closed: 1800, bypassed: 1800}
  udp: {new: 60, established: 60, bypassed: 60}
stream: {memcap: 64mb, checksum-validation: no, midstream: true, reassembly: {memcap: 64mb, depth: 1mb}}
app-layer: {protocols: {tls: {enabled: yes}, dns: {udp: {enabled: yes}, tcp: {enabled: yes}}}}
pcap-file: {poll-interval: 1}
unix-command: {enabled: no}
stats: {enabled: no}
";

impl Host {
    /// `more` is put at the end of the configuration.
    fn new(name: &str, plugin: &Path, rules: &str, more: &str) -> Self {
        let folder = scratch(&format!("suricata-{name}"));
        let configuration = CONFIGURATION
            .replace("PLUGIN", plugin.to_str().unwrap())
            .replace("FOLDER", folder.to_str().unwrap());
        fs::write(folder.join("suricata.yaml"), configuration + more).unwrap();
        fs::write(folder.join("our.rules"), rules).unwrap();
        fs::write(folder.join("empty"), "").unwrap();
        let _ = fs::remove_file(folder.join("eve.json"));
        Self { folder }
    }

    /// Its command line, but for what to read.
    fn command(&self) -> Command {
        let mut command = Command::new("suricata");
        command.arg("-c").arg(self.folder.join("suricata.yaml")).arg("-S").arg(self.folder.join("our.rules"));
        command.arg("-l").arg(&self.folder).args(["-k", "none", "--runmode", "single"]);
        command
    }

    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("eve.json")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn read(&self, capture: &Path) -> Vec<Value> {
        let output = run(self.command().arg("-r").arg(capture));
        let said = text_of(&output);
        assert!(output.status.success(), "{}: {said}", capture.display());
        self.events()
    }
}

fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn of_kind<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event_type"] == kind).collect()
}

/// The same for both directions.
fn ends(event: &Value) -> String {
    let end = |ip: &str, port: &str| {
        let ip: std::net::IpAddr = event[ip].as_str().unwrap().parse().unwrap();
        std::net::SocketAddr::new(ip, event[port].as_u64().unwrap_or(0) as u16)
    };
    let mut both = [end("src_ip", "src_port"), end("dest_ip", "dest_port")];
    both.sort_unstable();
    format!("{} {} {}", event["proto"].as_str().unwrap(), both[0], both[1])
}

/// What is compared of a flow's verdict: app, role, signature, deciding packet.
fn verdict(found: &Value) -> String {
    let word = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
    let number = |key: &str| found[key].as_u64().unwrap_or(0);
    format!(
        "{} {} {} {} at {}",
        word("app"),
        word("role"),
        word("confidence"),
        number("signature_id"),
        number("decided_at_packet")
    )
}

type Verdicts = BTreeMap<String, Vec<String>>;

fn gather<'e>(events: impl IntoIterator<Item = (&'e Value, &'e Value)>) -> Verdicts {
    let mut found = Verdicts::new();
    let is_looked_at = |event: &Value| event["proto"] == "TCP" || event["proto"] == "UDP";
    for (event, its) in events.into_iter().filter(|(event, _)| is_looked_at(event)) {
        found.entry(ends(event)).or_default().push(verdict(its));
    }
    found.values_mut().for_each(|verdicts| verdicts.sort());
    found
}

const EVERY_PACKET: &str = "alert ip any any -> any any (msg:\"labelled\"; wiremark.confidence:>=address; sid:1;)\n\
                            alert ip any any -> any any (msg:\"decided\"; wiremark.changed; sid:2;)\n";

fn packets(record: &Value) -> u64 {
    record["packets_toserver"].as_u64().unwrap() + record["packets_toclient"].as_u64().unwrap()
}

/// How many alerts of a rule there are.
fn count(events: &[Value], sid: u64) -> u64 {
    of_kind(events, "alert").iter().filter(|alert| alert["alert"]["signature_id"] == sid).count() as u64
}

fn compare(capture: &Path, plugin: &Path, more: &str) {
    let name = capture.file_stem().unwrap().to_str().unwrap();
    let events = Host::new(name, plugin, EVERY_PACKET, more).read(capture);
    let records = records(capture);
    let ours = gather(records.iter().map(|record| (record, record)));
    let theirs = gather(of_kind(&events, "flow").into_iter().map(|flow| (flow, &flow["wiremark"])));
    assert_eq!(theirs, ours, "{name}");

    // From the deciding packet on every packet is labelled, whatever Suricata thinks of the flow by then; some flows had
    // another verdict before.
    let decided: Vec<(u64, u64)> =
        records.iter().filter_map(|one| Some((packets(one), one["decided_at_packet"].as_u64()?))).collect();
    let labelled: u64 = decided.iter().map(|(packets, at)| packets - at + 1).sum();
    let before: u64 = decided.iter().map(|(_, at)| at - 1).sum();
    let alerts = count(&events, 1);
    assert!((labelled..=labelled + before).contains(&alerts), "{name}: {alerts} alerts, {labelled} packets");
    assert!(count(&events, 2) >= decided.len() as u64, "{name}");
    // Every event of a flow with an app has the object, alerts too.
    for alert in of_kind(&events, "alert") {
        assert!(alert["wiremark"]["app"].is_string(), "{alert}");
        if alert["alert"]["signature_id"] == 2 {
            assert_eq!(alert["wiremark"]["packets"], alert["wiremark"]["decided_at_packet"], "{alert}");
        }
    }
}

#[test]
fn every_flow_is_told_as_the_command_tells_it() {
    let Some(plugin) = plugin() else { return };
    compare(&demo(), plugin, "");
    compare(&demo(), plugin, "wiremark: {share-evidence: yes, remembered: 4096, parked-slots: 256}\n");
}

#[test]
fn flows_of_real_captures_are_told_as_the_command_tells_them() {
    let Some(plugin) = plugin() else { return };
    let Some(traces) = traces() else { return };
    for capture in fs::read_dir(traces.join("messenger")).unwrap() {
        compare(&capture.unwrap().path(), plugin, "");
    }
}

/// Captures some of whose flows are not Suricata's; README.md says why.
#[rustfmt::skip]
const OTHERWISE: [&str; 14] = [
    "capwap", "capwap_data", "false_positives", "fuzz-2020-02-16-11740", "fuzz-2021-06-07-c6c72a0a56",
    "ip_fragmented_garbage", "ipsec_isakmp_esp", "ja3_lots_of_cipher_suites_2_anon", "reasm_crash_anon", "rtsp",
    "teredo", "tls_multiple_synack_different_seq", "vxlan", "zoom",
];

/// Where the host sees other flows, none of them has an app, and the captures are those of the table.
#[test]
fn flows_of_all_other_captures_are_told_as_the_command_tells_them() {
    let Some(plugin) = plugin() else { return };
    let Some(traces) = traces() else { return };
    let mut found = Vec::new();
    for capture in fs::read_dir(traces.join("other")).unwrap() {
        let capture = capture.unwrap().path();
        let name = capture.file_stem().unwrap().to_str().unwrap();
        if name == "someip_sd_sample" {
            continue; // A link type that Suricata refuses, after a minute.
        }
        let is_explained = OTHERWISE.contains(&name);
        let events = Host::new(name, plugin, EVERY_PACKET, "").read(&capture);
        let records = records(&capture);
        let ours = gather(records.iter().map(|record| (record, record)));
        let theirs = gather(of_kind(&events, "flow").into_iter().map(|flow| (flow, &flow["wiremark"])));
        let with_app = |these: &Verdicts| -> Vec<String> {
            these.values().flatten().filter(|verdict| !verdict.starts_with("- ")).cloned().collect()
        };
        if ours != theirs && !is_explained || with_app(&ours) != with_app(&theirs) {
            found.push(name.to_owned());
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn keywords_work_together_with_others() {
    let Some(plugin) = plugin() else { return };
    let rules = "\
        alert udp any any -> any any (msg:\"a call\"; wiremark.app:whatsapp; wiremark.role:call; wiremark.changed; sid:1;)\n\
        alert ip any any -> any any (msg:\"mark\"; wiremark.app:wechat; flowbits:set,messenger; noalert; sid:2;)\n\
        alert ip any any -> any any (msg:\"marked\"; flowbits:isset,messenger; sid:3;)\n\
        alert ip any any -> any any (msg:\"the same\"; wiremark.app:wechat; sid:4;)\n\
        alert ip any any -> any any (msg:\"others\"; wiremark.app:!wechat,whatsapp; sid:5;)\n\
        alert ip any any -> any any (msg:\"weak\"; wiremark.confidence:<payload; sid:6;)\n";
    let events = Host::new("keywords", plugin, rules, "").read(&demo());
    let of = |sid: u64| -> Vec<&Value> {
        of_kind(&events, "alert").into_iter().filter(|alert| alert["alert"]["signature_id"] == sid).collect()
    };
    assert!(of(1).len() > 1);
    for alert in of(1) {
        assert_eq!(
            (&alert["wiremark"]["role"], &alert["wiremark"]["app"]),
            (&"call".into(), &"whatsapp".into())
        );
        assert_eq!(alert["wiremark"]["packets"], alert["wiremark"]["decided_at_packet"], "{alert}");
    }
    assert_eq!(of(2).len(), 0);
    assert!(!of(4).is_empty());
    assert_eq!(of(3).len(), of(4).len());
    assert!(of(5).iter().any(|alert| alert["wiremark"].is_null()));
    assert!(
        of(5)
            .iter()
            .all(|alert| alert["wiremark"]["app"] != "wechat" && alert["wiremark"]["app"] != "whatsapp")
    );
    assert!(of(6).iter().all(|alert| alert["wiremark"]["confidence"] != "payload"));
    assert!(!of(6).is_empty());
}

#[test]
fn packets_are_dropped_and_passed_by_app() {
    let Some(plugin) = plugin() else { return };
    let rules = "drop udp any any -> any any (msg:\"no calls\"; wiremark.role:call,voip; sid:1;)\n\
                 pass ip any any -> any any (wiremark.app:wechat; sid:2;)\n\
                 alert ip any any -> any any (msg:\"labelled\"; wiremark.confidence:>=address; sid:3;)\n";
    let host = Host::new("actions", plugin, rules, "");
    must(host.command().arg("--simulate-ips").arg("-r").arg(demo()));
    let events = host.events();
    let dropped = of_kind(&events, "drop");
    assert!(dropped.len() > 100, "{} packets dropped", dropped.len());
    for drop in dropped {
        assert!(drop["wiremark"]["role"] == "call", "{drop}");
    }
    let alerts = of_kind(&events, "alert");
    assert!(alerts.iter().any(|alert| alert["alert"]["signature_id"] == 3));
    assert!(alerts.iter().all(|alert| alert["wiremark"]["app"] != "wechat"));
}

/// What a Suricata says that does not start.
fn refusal(host: &Host) -> String {
    let output = run(host.command().arg("-T"));
    assert!(!output.status.success());
    text_of(&output)
}

#[test]
fn what_is_wrong_is_said_and_ends_it() {
    let Some(plugin) = plugin() else { return };
    let bad = "alert ip any any -> any any (wiremark.app:telegram; sid:1;)\n";
    let said = refusal(&Host::new("bad-rule", plugin, bad, ""));
    assert!(
        said.contains("wiremark.app: no signature says \"telegram\"; there are whatsapp, wechat"),
        "{said}"
    );

    let folder = scratch("suricata-bad-signatures");
    fs::write(folder.join("wrong.toml"), "app = \"x\"\n").unwrap();
    let more = format!("wiremark: {{signatures: {}}}\n", folder.display());
    let said = refusal(&Host::new("bad-folder", plugin, EVERY_PACKET, &more));
    assert!(said.contains("wrong.toml:1"), "{said}");

    // A library of another ABI version than the plugin's header.
    let header = fs::read_to_string(installed().join("include/wiremark.h")).unwrap();
    let other = scratch("suricata-other-abi/include");
    let changed = header.replace("#define WIREMARK_ABI_VERSION 1\n", "#define WIREMARK_ABI_VERSION 2\n");
    assert_ne!(header, changed);
    fs::write(other.join("wiremark.h"), changed).unwrap();
    let pc = fs::read_to_string(installed().join("lib/pkgconfig/wiremark.pc")).unwrap();
    let include = installed().join("include");
    assert!(pc.contains("includedir"), "{pc}");
    let pc: String = pc
        .lines()
        .map(|line| {
            if line.starts_with("includedir=") {
                format!("includedir={}\n", other.display())
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    assert!(!pc.contains(&format!("includedir={}", include.display())));
    fs::write(other.join("wiremark.pc"), pc).unwrap();
    let misfit = make(&other, &headers().unwrap(), "suricata-other-abi");
    let said = refusal(&Host::new("bad-abi", &misfit, EVERY_PACKET, ""));
    assert!(said.contains("ABI version 2") && said.contains("build the plugin anew"), "{said}");
}

/// Suricata, running until it is dropped.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        must(Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn new_signatures_come_with_the_rules() {
    let Some(plugin) = plugin() else { return };
    let signatures = scratch("suricata-signatures");
    let captures = scratch("suricata-captures");
    for folder in [&signatures, &captures] {
        fs::read_dir(folder).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
    }
    let shipped = |name: &str| repository().join("signatures").join(name);
    let show = |name: &str, age_s: u64| {
        let (hidden, shown) = (scratch("suricata-hidden").join(name), captures.join(name));
        fs::copy(demo(), &hidden).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age_s);
        File::options().write(true).open(&hidden).unwrap().set_modified(time).unwrap();
        fs::rename(hidden, shown).unwrap();
    };
    fs::copy(shipped("wechat.toml"), signatures.join("wechat.toml")).unwrap();
    let more = format!("wiremark: {{signatures: {}}}\n", signatures.display());
    let host = Host::new("reload", plugin, EVERY_PACKET, &more);
    let log = host.folder.join("said");
    let output = File::create(&log).unwrap();
    let mut command = host.command();
    command
        .arg("-r")
        .arg(&captures)
        .arg("--pcap-file-continuous")
        .stderr(output.try_clone().unwrap())
        .stdout(output);
    show("1.pcap", 7200);
    let running = Running(command.spawn().unwrap());
    let labelled = |app: &str| host.events().iter().filter(|event| event["wiremark"]["app"] == app).count();
    let said = |what: &str| fs::read_to_string(&log).unwrap().contains(what);
    wait_for("the first capture", || said("1.pcap end of file") && labelled("wechat") > 200);
    assert_eq!(labelled("whatsapp"), 0);

    fs::copy(shipped("whatsapp.toml"), signatures.join("whatsapp.toml")).unwrap();
    running.signal("USR2");
    wait_for("the reload", || said("signatures in force"));
    show("2.pcap", 3600);
    wait_for("the second capture", || {
        said("2.pcap end of file") && said("rule reload complete") && labelled("whatsapp") > 200
    });

    fs::write(signatures.join("whatsapp.toml"), "app = 7\n").unwrap();
    running.signal("USR2");
    wait_for("the complaint", || said("the signatures in force stay"));
    let before = labelled("whatsapp");
    show("3.pcap", 1800);
    wait_for("the third capture", || said("3.pcap end of file") && labelled("whatsapp") > before);
}
