//! `wiremark infer` as its users see it: fields of messages and of captures, a draft that loads, what is no input.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::traces::*;
use serde_json::Value;
use wiremark_tests::network::{is_wechat, network};
use wiremark_tests::population;
use wiremark_tests::protocol::wechat_longlink::{self, EVERYDAY, NOOP, RESPONSE, message};
use wiremark_tests::protocol::{dns, ordinary};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

fn infer(input: &str, arguments: &[&str]) -> std::process::Output {
    wiremark_with(input.as_bytes(), &[&["infer"][..], arguments].concat())
}

fn hex(messages: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for message in messages {
        message.iter().for_each(|byte| write!(text, "{byte:02x}").expect("memory takes all"));
        text.push('\n');
    }
    text
}

/// Requests and answers of a long link with ids of one byte.
fn long_link(count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(11);
    let ids = [2, 9, 10, 19, 25, 121, 138, NOOP];
    (0..count / 2)
        .flat_map(|at| {
            let id = ids[random.between(0, 7)];
            let mut body = || if id == NOOP { Vec::new() } else { vec![0; 4 + random.between(0, 300)] };
            let (up, down) = (body(), body());
            let sequence = if id == NOOP { u32::MAX } else { 10 + at as u32 };
            let mut fill = |body: Vec<u8>| random.bytes(body.len());
            [message(id, sequence, &fill(up)), message(RESPONSE + id, sequence, &fill(down))]
        })
        .collect()
}

#[test]
fn boundaries_are_one_line_of_json_a_message() {
    let output = infer(&hex(&long_link(600)), &["--messages", "-", "--boundaries", "--format", "json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 600);
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(line["message"], at);
        let offsets = line["boundaries"].as_array().expect("offsets");
        let first: Vec<u64> =
            offsets.iter().filter_map(Value::as_u64).filter(|offset| *offset < 16).collect();
        assert_eq!(first, [4, 8, 11, 12], "message {at}");
    }
}

#[test]
fn what_has_no_structure_is_an_answer() {
    let mut random = Random::new(5);
    let noise: Vec<Vec<u8>> = (0..200).map(|_| random.bytes(48)).collect();
    for (messages, sentence) in [
        (noise, "no structure found"),
        (vec![vec![1, 2, 3, 4]; 50], "all messages are identical"),
        (long_link(10), "fewer than 20 messages"),
    ] {
        let output = infer(&hex(&messages), &["--messages", "-", "--boundaries", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{sentence}");
        assert!(stderr(&output).contains(sentence), "{}", stderr(&output));
        assert_eq!(stdout(&output).lines().count(), messages.len());
    }
}

#[test]
fn bad_hex_is_told_with_file_line_and_column() {
    let file = write(&folder(), "bad.hex", b"00112233\n0011x233\n");
    let output = infer("", &["--messages", file.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("bad.hex: line 2, column 5: 'x' is no hexadecimal digit"), "{told}");
}

/// Ten clients of a long link, and traffic of others.
fn office(seed: u64) -> Trace {
    let at = |text: String| text.parse::<SocketAddr>().expect("an address");
    let server = at("203.0.113.80:8080".to_owned());
    let links = (0..10u64).map(|client| {
        let near = at(format!("10.0.{seed}.{}:{}", client + 1, 41_000 + client));
        wechat_longlink::flow(near, server, false, &EVERYDAY, seed * 100 + client).trace()
    });
    let others = (0..10u64).flat_map(|client| {
        let near = |port: u16| at(format!("10.1.{seed}.{}:{port}", client + 1));
        let of = seed * 1000 + client;
        [
            ordinary::ntp(near(123), at("198.51.100.1:123".to_owned()), of),
            ordinary::ssh(near(50_022), at("198.51.100.2:22".to_owned()), of),
            ordinary::xmpp(near(50_222), at("198.51.100.3:5222".to_owned()), of),
            dns::flow(near(5353), at("198.51.100.53:53".to_owned()), "example.org", &[], &[]),
        ]
    });
    Trace::mixed(links.chain(others).collect::<Vec<_>>())
}

/// The way of ChatDissect, III: rows drafted from one capture find the protocol's flows of another, and nobody else's.
#[test]
fn a_draft_is_checked_and_finds_the_flows_of_another_capture() {
    let folder = folder();
    let capture = |name: &str, seed: u64| {
        let mut file = Vec::new();
        office(seed).write_pcap(&mut file).expect("memory takes all");
        write(&folder, name, &file).to_str().expect("a plain name").to_owned()
    };
    let (seen, unseen) = (capture("seen.pcap", 1), capture("unseen.pcap", 2));
    let signatures = folder.join("signatures");
    std::fs::create_dir(&signatures).expect("a folder");
    let draft = signatures.join("draft.toml");
    let draft = draft.to_str().expect("a plain name");
    let output = infer("", &[&seen, "--server", "203.0.113.80:8080", "--draft", draft]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(draft).expect("the draft");
    assert!(text.contains("prefix") && text.contains("why = \"draft by wiremark infer"), "{text}");

    let signatures = signatures.to_str().expect("a plain name");
    let check = wiremark(&["signatures", "check", signatures]);
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
    let records = |file: &str| {
        let output = wiremark(&["classify", "--only-signatures", signatures, "--format", "json", file]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let lines = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect::<Vec<Value>>()
    };
    for file in [&seen, &unseen] {
        for record in records(file) {
            let is_link = record["dest_port"] == 8080;
            assert_eq!(record["app"] == "draft", is_link, "{record}");
            // And why: the draft's own row and words.
            let flow = record["flow"].to_string();
            if is_link {
                let told = wiremark(&["explain", "--only-signatures", signatures, "--flow", &flow, file]);
                assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
                let row = record["signature"].as_str().expect("a row");
                assert!(
                    stdout(&told).contains(row) && stdout(&told).contains("draft by wiremark infer"),
                    "{}",
                    stdout(&told)
                );
            }
        }
    }
}

/// WeChat's flows among twenty protocols of others, nobody saying which they are: the roles drafted from them find theirs in
/// another capture, and none of the others'.
#[test]
fn drafts_of_unclassified_flows_keep_protocols_apart() {
    let folder = folder();
    let capture = |name: &str, seed: u64| {
        let mut file = Vec::new();
        network(20, seed).write_pcap(&mut file).expect("memory takes all");
        write(&folder, name, &file).to_str().expect("a plain name").to_owned()
    };
    let (seen, unseen) = (capture("seen.pcap", 1), capture("unseen.pcap", 2));
    // WeChat's signatures are switched off: another app's stand alone.
    let others = folder.join("others");
    std::fs::create_dir(&others).expect("a folder");
    std::fs::copy("../signatures/threema.toml", others.join("threema.toml")).expect("a copy");
    let drafts = folder.join("drafts");
    std::fs::create_dir(&drafts).expect("a folder");
    let draft = drafts.join("draft.toml");
    let (others, draft) = (others.to_str().expect("a plain name"), draft.to_str().expect("a plain name"));
    let output = infer("", &[&seen, "--only-signatures", others, "--unclassified", "--draft", draft]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let drafts = drafts.to_str().expect("a plain name");
    let check = wiremark(&["signatures", "check", drafts]);
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));

    let output = wiremark(&["classify", "--only-signatures", drafts, "--format", "json", &unseen]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // A role's flows of WeChat, and of others: each protocol has one.
    let mut roles: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut missed = 0;
    for line in stdout(&output).lines() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        let server: IpAddr = record["dest_ip"].as_str().expect("an address").parse().expect("an address");
        let is_ours = is_wechat(server);
        match record["role"].as_str() {
            Some(role) => roles.entry(role.to_owned()).or_default()[usize::from(!is_ours)] += 1,
            None => missed += usize::from(is_ours),
        }
    }
    let found: usize = roles.values().map(|[ours, _]| ours).sum();
    assert!(found * 100 >= 95 * (found + missed), "{found} found, {missed} missed: {roles:?}");
    assert!(roles.values().all(|[ours, theirs]| *ours == 0 || *theirs == 0), "{roles:?}");
}

/// ChatDissect III-A4: of a day's long links the heartbeat comes by the clock and the sync follows the login, and nothing else does.
#[test]
fn the_heartbeat_is_periodic_and_the_sync_triggered() {
    let config = population::Config {
        users: 40,
        other_users: 4,
        hours: 8,
        size_percent: 30,
        syncs_on_login: true,
        ..population::Config::default()
    };
    let mut file = Vec::new();
    population::play(&config).trace.write_pcap(&mut file).expect("memory takes all");
    let capture = write(&folder(), "day.pcap", &file);
    let capture = capture.to_str().expect("a plain name");
    let output = infer("", &[capture, "--port", "8080", "--transport", "tcp", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let records: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| records.iter().filter(|record| record["event_type"] == kind).collect::<Vec<_>>();
    let [heartbeat] = &of("periodic")[..] else { panic!("{records:?}") };
    assert_eq!(heartbeat["opcode"], "06");
    assert_eq!((heartbeat["period_us"].as_f64().expect("a number") / 1e6).round(), 300.0);
    let [sync] = &of("triggered")[..] else { panic!("{records:?}") };
    assert_eq!((&sync["by"], &sync["opcode"]), (&"cd".into(), &"79".into()));
}
