//! `wiremark audit` as its users see it: calls linked from bytes to report, and nobody named.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::traces::*;
use serde_json::Value;
use wiremark_tests::protocol::linkable;

const CALLS: u64 = 50;

/// Fifty calls of 40 s, both legs behind one gateway, other traffic around them.
static GATEWAY: LazyLock<String> = LazyLock::new(|| {
    let mut file = Vec::new();
    linkable::calls(CALLS, 40, 1).write_pcap(&mut file).expect("memory takes all");
    write(&folder(), "gateway.pcap", &file).to_str().expect("a plain name").to_owned()
});

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
    let found = object(&["--key-file", key_file.to_str().expect("a plain name"), &GATEWAY]);
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
