//! The Zeek plugin, in a Zeek that is on the machine: what it says of every connection is what the command says.

mod cluster;
mod host;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use self::host::*;
use crate::common::{demo, installed, is_there, must, records, repository, run, scratch, skip, traces};

fn end(flow: &Value, ip: &str, port: &str) -> SocketAddr {
    SocketAddr::new(
        flow[ip].as_str().unwrap().parse::<IpAddr>().unwrap(),
        flow[port].as_u64().unwrap_or(0) as u16,
    )
}

/// The same for both directions.
fn ends(proto: &str, mut both: [SocketAddr; 2]) -> String {
    both.sort_unstable();
    format!("{} {} {}", proto.to_uppercase(), both[0], both[1])
}

/// What is compared of a verdict: app, role, evidence, signature, deciding packet.
fn verdict(found: &Value, packet: &str) -> String {
    let word = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
    let number = |key: &str| found[key].as_u64().unwrap_or(0);
    format!(
        "{} {} {} {} at {}",
        word("app"),
        word("role"),
        word("confidence"),
        number("signature_id"),
        number(packet)
    )
}

type Verdicts = BTreeMap<String, Vec<String>>;

fn add(to: &mut Verdicts, ends: String, verdict: String) {
    let of_it = to.entry(ends).or_default();
    of_it.push(verdict);
    of_it.sort();
}

fn of_command(records: &[Value]) -> Verdicts {
    let mut found = Verdicts::new();
    for flow in records {
        let both = [end(flow, "src_ip", "src_port"), end(flow, "dest_ip", "dest_port")];
        add(&mut found, ends(flow["proto"].as_str().unwrap(), both), verdict(flow, "decided_at_packet"));
    }
    found
}

/// Every connection of conn.log with the last word of wiremark.log about it.
fn of_zeek(host: &Host) -> Verdicts {
    let mut last: HashMap<String, Value> = HashMap::new();
    for line in host.log("wiremark") {
        let uid = line["uid"].as_str().unwrap().to_owned();
        let is_taken_back = line["app"].is_null();
        last.insert(uid, if is_taken_back { Value::Null } else { line });
    }
    let mut found = Verdicts::new();
    for conn in host.log("conn").iter().filter(|conn| conn["proto"] == "tcp" || conn["proto"] == "udp") {
        let its = last.remove(conn["uid"].as_str().unwrap()).unwrap_or(Value::Null);
        assert_eq!((&conn["wiremark_app"], &conn["wiremark_role"]), (&its["app"], &its["role"]), "{conn}");
        let both = [end(conn, "id.orig_h", "id.orig_p"), end(conn, "id.resp_h", "id.resp_p")];
        add(&mut found, ends(conn["proto"].as_str().unwrap(), both), verdict(&its, "packet"));
    }
    assert!(last.is_empty(), "verdicts of connections that conn.log has not: {last:?}");
    found
}

/// Connections of one that the other has not, or has another verdict of: those of the command, then those of Zeek.
fn differences(ours: &Verdicts, theirs: &Verdicts) -> Vec<String> {
    let of = |who: &str, these: &Verdicts, others: &Verdicts| -> Vec<String> {
        these
            .iter()
            .filter(|(ends, verdicts)| others.get(*ends) != Some(verdicts))
            .map(|(ends, verdicts)| format!("{who}: {ends} {verdicts:?}"))
            .collect()
    };
    let mut found = of("command", ours, theirs);
    found.extend(of("zeek", theirs, ours));
    found
}

/// What the command and Zeek say differently of a capture.
fn differing(capture: &Path, script: &str) -> Vec<String> {
    let name = capture.file_stem().unwrap().to_str().unwrap();
    let Some(host) = Host::new(name, script) else { return Vec::new() };
    let output = run(&mut host.zeek(capture));
    if !output.status.success() {
        return vec![text_of(&output)];
    }
    differences(&of_command(&records(capture)), &of_zeek(&host))
}

fn compare(capture: &Path, script: &str) {
    let differing = differing(capture, script);
    assert!(differing.is_empty(), "{}: {}", capture.display(), differing.join("\n"));
}

#[test]
fn every_connection_is_told_as_the_command_tells_it() {
    compare(&demo(), "");
    compare(&demo(), "redef Wiremark::remembered = 4096; redef Wiremark::parked_slots = 256;");
}

/// How [`verdict`] writes that there is none.
const NO_APP: &str = "- - - 0 at 0";

#[test]
fn connections_of_real_captures_are_told_as_the_command_tells_them() {
    if plugin().is_none() {
        return;
    }
    let Some(traces) = traces() else { return };
    let mut found = Vec::new();
    for kind in ["messenger", "other"] {
        for capture in fs::read_dir(traces.join(kind)).unwrap() {
            let capture = capture.unwrap().path();
            let differing = differing(&capture, "");
            if differing.is_empty() {
                continue;
            }
            let name = capture.file_stem().unwrap().to_str().unwrap();
            let is_explained = OTHERWISE.iter().any(|(_, captures)| captures.contains(&name));
            // But for one connection that is two, none of these has an app.
            let has_app =
                differing.iter().any(|line| line.matches(" at ").count() > line.matches(NO_APP).count());
            if !is_explained || has_app && name != "whatsapp" {
                found.push(format!("{name}: {:.2000}", differing.join("\n")));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Of all packets of a connection with an app, those from the deciding one on.
fn labelled(records: &[Value]) -> u64 {
    let packets =
        |one: &Value| one["packets_toserver"].as_u64().unwrap() + one["packets_toclient"].as_u64().unwrap();
    records.iter().filter_map(|one| Some(packets(one) - one["decided_at_packet"].as_u64()? + 1)).sum()
}

/// Zeek is told to be done with each connection at its first packet; wiremark sees all of them.
#[test]
fn every_packet_is_labelled_though_zeek_is_done_with_the_connection() {
    let script = "redef Wiremark::log_packets = T;
        event new_connection(c: connection) { skip_further_processing(c$id); }";
    let Some(host) = Host::new("packets", script) else { return };
    let mut captures = vec![demo()];
    if let Some(traces) = traces() {
        captures
            .extend(["stun_wa_call.pcapng", "wa_voice.pcap"].map(|name| traces.join("messenger").join(name)));
    }
    for capture in captures {
        host.read(&capture);
        let records = records(&capture);
        let lines = host.log("wiremark");
        let mut last: HashMap<&str, u64> = HashMap::new();
        let mut decided: HashMap<&str, u64> = HashMap::new();
        for line in &lines {
            // Packets come in their order, none is left out, and each is labelled.
            let uid = line["uid"].as_str().unwrap();
            let packet = line["packet"].as_u64().unwrap();
            if let Some(before) = last.insert(uid, packet) {
                assert_eq!(packet, before + 1, "{line}");
            }
            assert!(line["app"].is_string(), "{line}");
            *decided.entry(uid).or_insert(0) += 1;
        }
        let counted: u64 = decided.values().sum();
        let expected = labelled(&records);
        // Some connections had another verdict before, whose packets are labelled, too.
        let before: u64 = records.iter().filter_map(|one| Some(one["decided_at_packet"].as_u64()? - 1)).sum();
        assert!(
            (expected..=expected + before).contains(&counted),
            "{}: {counted} lines, {expected} packets",
            capture.display()
        );
    }
}

#[test]
fn scripts_are_told() {
    let example = |name: &str| package().join("examples").join(name);
    let Some(host) = Host::new("examples", "") else { return };
    let output =
        run(host.zeek(&demo()).args(["whatsapp-calls.zeek", "wechat-bytes.zeek", "mark.zeek"].map(example)));
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    let notices = host.log("notice");
    assert!(notices.iter().any(|notice| notice["note"] == "Wiremark::WhatsApp_Call"), "{notices:?}");
    assert!(said.contains(" longlink: ") && said.contains(" bytes"), "{said}");
    let marked = |conn: &Value| conn["service"].as_str().is_some_and(|all| all.contains("whatsapp"));
    assert!(host.log("conn").iter().any(marked));

    // A line for every process, and metrics.
    let stats = host.log("wiremark_stats");
    let last = stats.last().expect("a line at the end");
    let records = records(&demo());
    assert_eq!(last["connections"].as_u64().unwrap() as usize, records.len());
    let with_app = records.iter().filter(|one| one["app"].is_string()).count();
    assert!(last["labelled"].as_u64().unwrap() as usize >= with_app);
    let script = "event zeek_done() { for ( i, m in Telemetry::collect_metrics(\"zeek\", \"wiremark*\") )
        print fmt(\"%s %s %.0f\", m$opts$name, m$label_values, m$value); }";
    let Some(host) = Host::new("metrics", script) else { return };
    let said = host.read(&demo());
    assert!(said.contains(&format!("zeek_wiremark_connections_total [] {}", records.len())), "{said}");
    assert!(said.contains("zeek_wiremark_verdicts_total [whatsapp, payload, call]"), "{said}");
}

/// What a Zeek says that does not start.
fn refusal(name: &str, script: &str) -> Option<String> {
    let host = Host::new(name, script)?;
    let output = run(&mut host.zeek(&demo()));
    assert!(!output.status.success(), "{name}: {}", text_of(&output));
    Some(text_of(&output))
}

#[test]
fn what_is_wrong_is_said_and_ends_it() {
    let folder = scratch("zeek-bad-signatures");
    fs::write(folder.join("wrong.toml"), "app = \"x\"\n").unwrap();
    let script = format!("redef Wiremark::signatures = \"{}\";", folder.display());
    let Some(said) = refusal("bad-folder", &script) else { return };
    assert!(said.contains("wrong.toml:1"), "{said}");
    let said = refusal("bad-evidence", "redef Wiremark::evidence = { \"names\" };").unwrap();
    assert!(said.contains("\"names\" is none of address, related, name, payload"), "{said}");
    let said = refusal("bad-size", "redef Wiremark::slot_bytes = 70000;").unwrap();
    assert!(said.contains("slot_bytes"), "{said}");

    // A library of another ABI version than the plugin's header.
    let header = fs::read_to_string(installed().join("include/wiremark.h")).unwrap();
    let other = scratch("zeek-other-abi");
    let changed = header.replace("#define WIREMARK_ABI_VERSION 1\n", "#define WIREMARK_ABI_VERSION 2\n");
    assert_ne!(header, changed);
    fs::write(other.join("wiremark.h"), changed).unwrap();
    let pc = fs::read_to_string(installed().join("lib/pkgconfig/wiremark.pc")).unwrap();
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
    fs::write(other.join("wiremark.pc"), pc).unwrap();
    let mut host = Host::new("bad-abi", "").unwrap();
    host.plugin = build(&host.bin, &other, "zeek-other-abi-plugin");
    let output = run(&mut host.zeek(&demo()));
    let said = text_of(&output);
    assert!(
        !output.status.success() && said.contains("ABI version 2") && said.contains("build the plugin anew"),
        "{said}"
    );
}

/// Signatures come with Zeek's configuration framework; what is wrong is refused, and those in force stay.
#[test]
fn new_signatures_come_by_configuration() {
    if plugin().is_none() {
        return;
    }
    let (few, bad) = (scratch("zeek-few-signatures"), scratch("zeek-no-signatures"));
    let shipped = repository().join("signatures");
    fs::copy(shipped.join("wechat.toml"), few.join("wechat.toml")).unwrap();
    fs::write(bad.join("whatsapp.toml"), "app = 7\n").unwrap();
    let script = format!(
        "redef Wiremark::signatures = \"{}\";
        redef Config::config_files += {{ \"options.dat\" }};
        event zeek_init() {{ suspend_processing(); }}
        event Config::log_config(rec: Config::Info) {{ if ( rec$id == \"Wiremark::signatures\" ) continue_processing(); }}
        global is_tried = F;
        event new_connection(c: connection)
            {{
            if ( ! is_tried )
                {{
                is_tried = T;
                Config::set_value(\"Wiremark::signatures\", \"{}\");
                Config::set_value(\"Wiremark::evidence\", set(\"nothing\"));
                Config::set_value(\"Wiremark::revision\", 1);
                }}
            }}
        event zeek_done() {{ print Wiremark::signatures, Wiremark::evidence, Wiremark::revision; }}",
        few.display(),
        bad.display()
    );
    let apps = |host: &Host| -> Vec<String> {
        let mut apps: Vec<String> =
            host.log("wiremark").iter().filter_map(|line| Some(line["app"].as_str()?.to_owned())).collect();
        apps.sort();
        apps.dedup();
        apps
    };
    let before =
        Host::new("before-reload", &format!("redef Wiremark::signatures = \"{}\";", few.display())).unwrap();
    before.read(&demo());
    assert_eq!(apps(&before), ["wechat"]);

    let host = Host::new("reload", &script).unwrap();
    fs::write(host.folder.join("options.dat"), format!("Wiremark::signatures\t{}\n", shipped.display()))
        .unwrap();
    let said = host.read(&demo());
    assert!(apps(&host).contains(&"whatsapp".to_owned()), "{:?}", apps(&host));
    assert!(said.contains(&format!("{}, {{", shipped.display())), "{said}");
    assert!(!said.contains("nothing\n"), "{said}");
    let reports = format!("{:?}{said}", host.log("reporter"));
    assert!(
        reports.contains("the signatures in force stay") && reports.contains("whatsapp.toml:1"),
        "{reports}"
    );
    assert!(reports.contains("is none of address, related, name, payload"), "{reports}");
}

/// The sources against nothing but headers: Zeek's own, where `ZEEK_CFLAGS` says where they are and `bifcl` is on the path, as they
/// are in a Zeek that was configured but not built.
#[test]
fn sources_compile_against_headers_alone() {
    let Ok(flags) = std::env::var("ZEEK_CFLAGS") else {
        return skip("no ZEEK_CFLAGS, so the Zeek plugin's sources are not compiled against headers alone");
    };
    let folder = scratch("zeek-headers");
    let source = package().join("src");
    fs::copy(source.join("wiremark.bif"), folder.join("wiremark.bif")).unwrap();
    must(Command::new("bifcl").args(["-p", "Wiremark::Verdicts", "wiremark.bif"]).current_dir(&folder));
    let ours = ["flows.cc", "plugin.cc", "signatures.cc", "tap.cc"].map(|name| source.join(name));
    let made =
        ["wiremark.bif.cc", "wiremark.bif.init.cc", "wiremark.bif.register.cc"].map(|name| folder.join(name));
    for file in ours.iter().chain(&made) {
        let mut compiler = Command::new("c++");
        compiler.args(["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]);
        compiler.arg(format!("-I{}", folder.display())).arg(format!("-I{}", source.display()));
        compiler.arg(format!("-I{}", installed().join("include").display()));
        // Zeek's headers are not free of warnings, nor is what bifcl makes.
        compiler.args(flags.split_whitespace().map(|flag| match flag.strip_prefix("-I") {
            Some(path) => format!("-isystem{path}"),
            None => flag.to_owned(),
        }));
        if made.contains(file) {
            compiler.arg("-w");
        }
        must(compiler.arg(file));
    }
}

/// What the plugin packs of flows, without Zeek.
#[test]
fn packed_flows_come_back_as_they_were_put() {
    if !is_there("c++") {
        return skip("c++ is not here, so the Zeek plugin's flows are not packed");
    }
    let program = scratch("zeek-flows").join("flows");
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    compiler.arg(format!("-I{}", installed().join("include").display()));
    must(compiler.arg(package().join("tests/flows.cc")).arg(package().join("src/flows.cc")));
    must(&mut Command::new(program));
}

/// The package's own tests, as Zeek's people run them.
#[test]
fn the_package_passes_its_own_tests() {
    let Some((bin, plugin)) = plugin() else { return };
    if !is_there("btest") {
        return skip("btest is not here (pip install btest), so the Zeek package's own tests are not run");
    }
    let folder = scratch("zeek-btest");
    must(Command::new("cp").arg("-r").arg(package().join("tests")).arg(&folder));
    let config = fs::read_to_string(package().join("tests/btest.cfg")).unwrap();
    let config = config
        .replace("%(testbase)s/../build", plugin.to_str().unwrap())
        .replace("%(testbase)s/../../../tests/demo.pcap", demo().to_str().unwrap());
    fs::write(folder.join("tests/btest.cfg"), config).unwrap();
    let mut btest = Command::new("btest");
    must(btest.args(["-d", "-c", "btest.cfg"]).current_dir(folder.join("tests")).env("PATH", path_with(bin)));
}
