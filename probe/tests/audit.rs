//! `wiremark audit` as its users see it: calls linked from bytes to report, and nobody named.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::traces::*;
use serde_json::Value;
use wiremark_tests::conversation::Tcp;
use wiremark_tests::protocol::{dns, linkable};
use wiremark_tests::trace::{START_US, Trace};

const CALLS: u64 = 50;

/// Calls of 40 s, both legs behind one gateway, other traffic around them: few, where it does not matter how many.
static GATEWAY: LazyLock<String> = LazyLock::new(|| gateway(12, 1));
/// As many as chance hides little of.
static BUSY_GATEWAY: LazyLock<String> = LazyLock::new(|| gateway(CALLS, 1));

fn gateway(calls: u64, seed: u64) -> String {
    let mut file = Vec::new();
    linkable::calls(calls, 40, seed).write_pcap(&mut file).expect("memory takes all");
    write(&folder(), "gateway.pcap", &file).to_str().expect("a plain name").to_owned()
}

fn audit(arguments: &[&str]) -> std::process::Output {
    wiremark(&[&["audit"][..], arguments].concat())
}

fn object(arguments: &[&str]) -> Value {
    let output = audit(&[&["--format", "json"][..], arguments].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    serde_json::from_str(stdout(&output)).expect("one object")
}

fn simulated(arguments: &[&str]) -> Value {
    let output = audit(&[&["simulate"][..], arguments, &["--format", "json"]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    serde_json::from_str(stdout(&output)).expect("one object")
}

/// The pseudonym of an address by a key, as the documentation of the key says: HMAC-SHA-256, cut off.
fn pseudonym(key: &[u8], address: std::net::IpAddr) -> String {
    let address = wiremark::Address::from(address);
    wiremark_linkage::pseudonym::Key::from_bytes(key).expect("a key").pseudonym(&address.0).to_string()
}

#[test]
fn every_call_is_linked_and_no_wrong_pair() {
    let key = b"sixteen bytes or more, of a test";
    let key_file = write(&folder(), "key", key);
    // 7 has calls whose codecs say so little that an initial burst is seen on one leg late and on the other never.
    for capture in [&*BUSY_GATEWAY, &gateway(CALLS, 7)] {
        assert_all_linked(key, key_file.to_str().expect("a plain name"), capture);
    }
}

fn assert_all_linked(key: &[u8], key_file: &str, capture: &str) {
    let found = object(&["--key-file", key_file, capture]);
    let pair = |a: String, b: String| if a < b { (a, b) } else { (b, a) };
    let of = |link: &Value, end: &str| link[end].as_str().expect("a pseudonym").to_owned();
    let links: BTreeSet<_> = found["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|link| pair(of(link, "a"), of(link, "b")))
        .collect();
    let right: BTreeSet<_> = (0..CALLS)
        .map(|call| {
            let [a, b] = linkable::ends(call).map(|end| pseudonym(key, end.ip()));
            pair(a, b)
        })
        .collect();
    assert_eq!(links, right, "{} of {CALLS}", links.intersection(&right).count());
    assert_eq!((&found["ends"], &found["linked"]), (&Value::from(2 * CALLS), &Value::from(CALLS)));
}

#[test]
fn nobody_is_named_anywhere() {
    for format in ["table", "json", "html"] {
        let output = audit(&["--format", format, &GATEWAY]);
        assert_eq!(output.status.code(), Some(0));
        let text = format!("{}{}", stdout(&output), stderr(&output));
        let digits = |of: &str| text.match_indices(of).count();
        for call in 0..CALLS {
            for end in linkable::ends(call) {
                assert_eq!(digits(&format!("{}", end.ip())), 0, "{format}");
            }
        }
        for server in ["203.0.113.45", "198.51.100.7", "10.9.", "example.net", ":3478", "gateway.pcap"] {
            assert_eq!(digits(server), 0, "{server} in {format}");
        }
    }
}

/// Peer-to-peer calls whose control channels go over TCP: start and end alone tell who belongs together.
#[test]
fn control_channels_over_tcp_are_linked_by_start_and_end() {
    let at = |text: &str| text.parse::<std::net::SocketAddr>().expect("an address");
    let (server, resolver) = (at("203.0.113.46:80"), at("203.0.113.53:53"));
    let asked = dns::flow(at("10.4.0.9:5353"), resolver, "voip.weixin.qq.com", &[], &[server.ip()]);
    let channel = |last: u64, answer_ms: u64, end_ms: u64| {
        let client = std::net::SocketAddr::from(([10, 4, 0, last as u8], 45_000));
        let mut link = Tcp::new(client, server, last).at(START_US + 1_000_000);
        for n in 0..10 {
            link = link.at(START_US + 1_500_000 + n * 200_000).client([9; 60]).server([8; 40]);
        }
        for n in 0..100 {
            link = link.at(START_US + answer_ms * 1_000 + n * 40_000).client([7; 90]).server([6; 90]);
        }
        link.at(START_US + end_ms * 1_000).client([5; 40]).trace()
    };
    let calls = [
        channel(1, 7_000, 40_000),
        channel(2, 7_060, 40_040),
        channel(3, 9_000, 30_000),
        channel(4, 9_030, 30_090),
    ];
    let mut file = Vec::new();
    Trace::mixed(calls.into_iter().chain([asked])).write_pcap(&mut file).expect("memory takes all");
    let capture = write(&folder(), "tcp.pcap", &file);
    let found = object(&[capture.to_str().expect("a plain name")]);
    let links: Vec<_> = found["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|link| (&link["by"], link["start_s"].as_f64()))
        .collect();
    assert_eq!((&found["ends"], links.len()), (&Value::from(4), 2), "{found}");
    assert!(links.iter().all(|(by, _)| *by == "control"), "{found}");
    assert!(
        links[1].1.zip(links[0].1).is_some_and(|(later, start)| (1.9..2.1).contains(&(later - start))),
        "{found}"
    );
}

#[test]
fn where_nothing_is_linked_no_time_is_told() {
    let mut file = Vec::new();
    linkable::calls(0, 40, 1).write_pcap(&mut file).expect("memory takes all");
    let capture = write(&folder(), "nothing.pcap", &file);
    let output = audit(&[capture.to_str().expect("a plain name")]);
    let first = stdout(&output).lines().next().unwrap_or_default();
    assert_eq!(
        first,
        "0 ends of calls in view; 0 calls linked by size and time alone, at a false-link rate of 0.1 %."
    );
}

/// What tells an end point, a server or somebody else of the capture.
fn names_somebody(text: &str) -> Option<String> {
    let ends = (0..CALLS).flat_map(linkable::ends).map(|end| end.ip().to_string());
    let others = ["203.0.113.45", "198.51.100.7", "10.9.", "example.net", ":3478"].map(str::to_owned);
    ends.chain(others).find(|name| text.contains(name))
}

/// Files are left nowhere, the one asked for names nobody, and neither does what is said of damage; nothing panics by it.
#[test]
fn nothing_is_left_behind_and_damage_names_nobody() {
    let place = folder().join("audit");
    std::fs::create_dir_all(&place).expect("a folder");
    let whole = std::fs::read(&*GATEWAY).expect("the capture");
    for damage in 0..6_usize {
        // Headers of frames and packets, lengths and bytes, each time others; cut off at the end.
        let mut bytes = whole[..whole.len() / 4 + damage * 1_000].to_vec();
        for at in (24 + damage * 7..bytes.len()).step_by(if damage == 0 { usize::MAX } else { 9_973 }) {
            bytes[at] ^= 1 << damage;
        }
        let capture = write(&folder(), "damaged.pcap", &bytes);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wiremark"));
        command.current_dir(&place).env("TMPDIR", &place).env("RUST_BACKTRACE", "full");
        command
            .args(["audit", "--defend", "delay:200ms", "--format", "html", "-o", "audit.html"])
            .arg(&capture);
        let output = command.output().expect("it runs");
        let page = std::fs::read_to_string(place.join("audit.html")).unwrap_or_default();
        let said = [stdout(&output), stderr(&output)].concat();
        assert!(!said.contains("panicked") && output.status.code().is_some_and(|code| code <= 1), "{said}");
        assert_eq!(names_somebody(&(said + &page)), None);
        let left: Vec<_> = std::fs::read_dir(&place).expect("the folder").flatten().collect();
        assert!(left.iter().all(|file| file.file_name() == "audit.html"), "{left:?}");
        std::fs::remove_file(place.join("audit.html")).expect("a page, whatever was damaged");
    }
}

/// A panic prints what the code formats: nothing that an audit keeps holds more than pseudonyms.
#[test]
fn what_is_kept_of_a_channel_names_nobody_in_any_form() {
    use wiremark_linkage::channel::Kind;
    use wiremark_linkage::collect::{ChannelPacket, Collector, KnownChannel, Onset};
    let [end, _] = linkable::ends(7);
    let address = wiremark::Address::from(end.ip());
    let key = wiremark_linkage::pseudonym::Key::random().expect("a key");
    let mut collector = Collector::new(100_000, 5).with_packets();
    let onset = Onset::Burst;
    collector.packet(&ChannelPacket { flow: 1, is_up: true, time_us: 5, bytes: 90, onset, has_media: false });
    let end_point = key.pseudonym(&address.0);
    let (kind, role) = (Kind::Voice, None);
    collector.tell(&KnownChannel { flow: 1, end_point, is_reversed: false, end: 1, kind, role });
    let channels = collector.finish();
    let audit = wiremark_linkage::audit::audit(&channels, &Default::default());
    let text = format!("{channels:?} {audit:?}");
    let octets = format!("{:?}", address.0);
    assert!(
        text.contains(&format!("{end_point:?}"))
            && !text.contains(&octets)
            && names_somebody(&text).is_none()
    );
}

#[test]
fn counter_measures_of_a_capture_are_told_with_their_price() {
    let found = object(&[
        "--defend",
        "constant:160,20",
        "--defend",
        "padding:64,128",
        "--defend",
        "dummy:0.3",
        &BUSY_GATEWAY,
    ]);
    let rows = found["defences"].as_array().expect("rows");
    let of = |name: &str| {
        rows.iter().find(|row| row["defence"].as_str().is_some_and(|of| of.starts_with(name))).expect("a row")
    };
    let number = |row: &Value, field: &str| row[field].as_f64().expect("a number");
    assert!(number(of("none"), "best_attack") > 0.95, "{rows:?}");
    assert_eq!(of("constant")["verdict"], "hides all", "{rows:?}");
    assert!(number(of("constant"), "bytes_added") > 0.2);
    for name in ["padding", "dummy"] {
        assert_ne!(of(name)["verdict"], "hides all", "{rows:?}");
        assert!(number(of(name), "bytes_added") > 0.0);
    }
    let relay = object(&["--defend", "constant:160,20", "--defend-at", "relay", &BUSY_GATEWAY]);
    assert_eq!(relay["defences"][1]["place"], "relay");
    assert_eq!(relay["defences"][1]["verdict"], "hides all", "{relay}");
    assert_eq!(found["linked"], relay["linked"]);
    assert!(object(&[&GATEWAY]).get("defences").is_none());
}

#[test]
fn every_simulation_has_a_page_with_its_figures() {
    for (what, figures) in [
        (&["control", "--calls", "200"][..], &["Figure 6", "Table II"][..]),
        (&["data", "--calls", "20", "--seconds", "10"], &["Figure 5", "Figure 10"]),
        (&["threshold", "--calls", "20", "--seconds", "10"], &["Figure 5", "Figure 10"]),
        (
            &["defences", "--calls", "20", "--seconds", "10", "--defend", "constant:128,20"],
            &["by counter-measure"],
        ),
        (&["warping"], &["Table I)"]),
        (&["day", "--calls", "60", "--hours", "0.1"], &["Figure 5", "Figure 6", "Figure 10", "Figure 11"]),
    ] {
        let output = audit(&[&["simulate"][..], what, &["--format", "html"]].concat());
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{what:?}");
        for figure in figures {
            assert!(stdout(&output).contains(figure), "{figure}: {what:?}");
        }
        assert!(!stdout(&output).contains("no values"), "{what:?}");
    }
}

#[test]
fn without_the_key_two_runs_cannot_be_joined() {
    let names = || -> BTreeSet<String> {
        let found = object(&[&GATEWAY]);
        let links = found["links"].as_array().expect("links").iter();
        links
            .flat_map(|link| ["a", "b"].map(|end| link[end].as_str().expect("a pseudonym").to_owned()))
            .collect()
    };
    let (one, other) = (names(), names());
    assert!(!one.is_empty() && one.len() == other.len(), "the same links, under other names");
    assert!(one.is_disjoint(&other));
}

#[test]
fn the_fields_that_others_script_against() {
    let control =
        simulated(&["control", "--density", "318.1", "--calls", "2500", "--delay", "0.17", "--seed", "9"]);
    let share = |of: &Value| of.as_f64().expect("a share");
    assert!((share(&control["greedy"]) - 0.872).abs() <= 0.04, "{control}");
    assert!(
        share(&control["assignment"]) >= 0.935 && share(&control["assignment_roles"]) >= 0.96,
        "{control}"
    );
    let data = simulated(&["data", "--calls", "200", "--seconds", "20", "--setting", "hard", "--seed", "9"]);
    for method in ["dtw", "windowed_dtw", "dfw", "l1", "pearson", "lagged_correlation"] {
        assert!((0.0..=1.0).contains(&share(&data["top1"][method])), "{method}: {data}");
    }
    assert!(share(&data["best"]) >= 0.93 && share(&data["assignment"]) >= 0.93, "{data}");
}

#[test]
fn the_same_seed_gives_the_same() {
    let of = |seed: &str| simulated(&["data", "--calls", "50", "--seconds", "10", "--seed", seed]);
    assert_eq!(of("3"), of("3"));
    assert_ne!(of("3"), of("4"));
}

#[test]
fn mistakes_are_named() {
    let short = write(&folder(), "short", b"too short");
    for (arguments, said) in [
        (vec!["--key-file", short.to_str().expect("a plain name"), "x.pcap"], "16 at least"),
        (vec!["--bin", "5", "x.pcap"], "10..=1000"),
        (vec!["simulate", "defences", "--defend", "magic:1"], "no such counter-measure"),
        (vec!["simulate", "control", "--delay", "0"], "--delay"),
    ] {
        let output = audit(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{said}: {}", stderr(&output));
    }
    let output = audit(&["there-is-none.pcap"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("there-is-none.pcap"));
}
