//! The nDPI probe: both engines on the same packets, and who decides.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{
    demo, has_library, has_pcap, installed, is_there, must, repository, scratch, skip, traces,
};

/// Built with its own Makefile, by pkg-config. `None`, and a word about it, where something is missing.
fn probe() -> Option<PathBuf> {
    if !has_pcap() || !has_library("ndpi", "ndpi/ndpi_config.h", "libndpi-dev") {
        return None;
    }
    for tool in ["make", "pkg-config"] {
        if !is_there(tool) {
            skip(&format!("{tool} is not here, so the nDPI probe is not built"));
            return None;
        }
    }
    let folder = scratch(&format!("ndpi-{:?}", std::thread::current().id()));
    for file in ["Makefile", "ndpi_probe.c", "ndpi_versions.h"] {
        fs::copy(repository().join("plugins/ndpi").join(file), folder.join(file)).unwrap();
    }
    let library = installed().join("lib");
    let mut make = Command::new("make");
    make.arg("-C").arg(&folder).arg("--always-make").arg(format!("LDFLAGS=-Wl,-rpath,{}", library.display()));
    make.env("CFLAGS", "-O1 -g -Werror").env("PKG_CONFIG_PATH", library.join("pkgconfig"));
    must(make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    Some(folder.join("ndpi_probe"))
}

/// The words of a line: `key=value` and, for the ends, `first` and `second`.
fn flows(probe: &Path, capture: &Path) -> Vec<HashMap<String, String>> {
    let text = must(Command::new(probe).arg(capture));
    let flow = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut found: HashMap<String, String> = words
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        found.insert("ends".to_owned(), ends(words[2], words[3], words[5]));
        found
    };
    text.lines().map(flow).collect()
}

/// The same for both directions.
fn ends(transport: &str, one: &str, other: &str) -> String {
    let mut ends = [one, other];
    ends.sort_unstable();
    format!("{} {} {}", transport.to_lowercase(), ends[0], ends[1])
}

#[test]
fn both_engines_are_asked_about_every_flow() {
    let Some(probe) = probe() else { return };
    let flows = flows(&probe, &demo());
    assert!(flows.len() > 10);
    for flow in &flows {
        for key in ["ndpi", "wiremark", "verdict", "decided"] {
            assert!(flow.contains_key(key), "{key} is missing: {flow:?}");
        }
        // nDPI is done after some packets, wiremark never is.
        let number = |key: &str| flow[key].parse::<u64>().unwrap();
        assert!(
            number("ndpi_packets") >= 1 && number("ndpi_packets") <= number("packets").min(80),
            "{flow:?}"
        );
        let decided = flow["decided"].as_str();
        let app = flow["wiremark"].split('/').next().unwrap();
        match decided {
            "wiremark" | "both" => assert_eq!(flow["verdict"], app, "{flow:?}"),
            "ndpi" => assert!(flow["ndpi"].ends_with(&flow["verdict"]), "{flow:?}"),
            _ => assert_eq!((decided, app), ("nobody", "-"), "{flow:?}"),
        }
    }
    for who in ["wiremark", "both", "ndpi"] {
        assert!(flows.iter().any(|flow| flow["decided"] == who), "no flow is decided by {who}");
    }
    assert!(
        flows
            .iter()
            .any(|flow| flow["packets"].parse::<u64>().unwrap() > flow["ndpi_packets"].parse().unwrap())
    );
}

#[test]
fn flows_that_ndpi_takes_for_others_come_out_as_wechats() {
    let Some(traces) = traces() else { return };
    let capture = traces.join("messenger/wechat_mmtls_2023.pcap");
    if !capture.exists() {
        return skip("wechat_mmtls_2023.pcap is not among the real captures");
    }
    let Some(probe) = probe() else { return };
    let flows = flows(&probe, &capture);
    // capture,proto,client_ip,client_port,server_ip,server_port,packets,payload_packets,app,role,confidence,decidable,...
    let labels = fs::read_to_string(traces.join("labels.csv")).unwrap();
    let mut rescued = Vec::new();
    let mut looked_at = 0;
    for label in labels.lines().filter_map(|line| line.strip_prefix("wechat_mmtls_2023.pcap,")) {
        let fields: Vec<&str> = label.split(',').collect();
        let [proto, client, client_port, server, server_port, _, _, app, _, _, decidable, ..] = fields[..]
        else {
            panic!("{label}");
        };
        let end = |ip: &str, port: &str| {
            let brackets = if ip.contains(':') { ("[", "]") } else { ("", "") };
            format!("{}{ip}{}:{port}", brackets.0, brackets.1)
        };
        let wanted = ends(proto, &end(client, client_port), &end(server, server_port));
        let Some(flow) = flows.iter().find(|flow| flow["ends"] == wanted) else { continue };
        if app == "wechat" && decidable == "payload" {
            looked_at += 1;
            assert_eq!(flow["verdict"], "wechat", "{flow:?}");
            if !flow["ndpi"].contains("WeChat") {
                assert_eq!(flow["decided"], "wiremark", "{flow:?}");
                rescued.push(flow["ndpi"].clone());
            }
        } else if app == "none" {
            assert_ne!(flow["verdict"], "wechat", "{flow:?}");
        }
    }
    assert!(looked_at >= 30, "{looked_at} flows");
    assert!(rescued.iter().any(|name| name.contains("QQ")), "{rescued:?}");
    assert!(rescued.iter().any(|name| name.contains("HTTP") && !name.contains("QQ")), "{rescued:?}");
}
