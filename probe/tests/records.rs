//! What records tell of a flow beside its verdict: names, the frame that decided, who opened it, what was cut, and nothing for a spreadsheet to run.

use serde_json::Value;

use crate::packets::{self, client_hello, dns, ethernet};
use crate::traces::*;

const CLIENT: packets::End = ("10.0.0.1", 40000);
const SERVER: packets::End = ("198.51.100.7", 443);
const RESOLVER: packets::End = ("10.0.0.53", 53);

fn classify(file: &[u8], options: &[&str]) -> std::process::Output {
    let capture = write(&folder(), "a.pcap", file);
    wiremark(&[&["classify"][..], options, &[capture.to_str().unwrap()]].concat())
}

fn records(file: &[u8], options: &[&str]) -> Vec<Value> {
    let output = classify(file, &[&["--format", "json"][..], options].concat());
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn capture(packets: &[Vec<u8>]) -> Vec<u8> {
    pcap(1, &packets.iter().map(|packet| ethernet(packet)).collect::<Vec<_>>())
}

/// A look-up of a chat server, and a TLS connection to it whose fourth packet has the name.
fn named() -> Vec<u8> {
    let answer = dns("web.whatsapp.com", &[("web.whatsapp.com", 1, vec![198, 51, 100, 7])]);
    let mut all = vec![packets::udp(RESOLVER, CLIENT, &answer)];
    let hello = client_hello("web.whatsapp.com", &[]);
    all.extend(packets::connection(CLIENT, SERVER, 1400, &[(true, &hello)]));
    capture(&all)
}

#[test]
fn the_packet_whose_bytes_decided_is_told_not_the_first_with_a_verdict() {
    let records = records(&named(), &[]);
    let tls = records.iter().find(|record| record["dest_port"] == 443).unwrap();
    assert_eq!((&tls["app"], &tls["confidence"]), (&"whatsapp".into(), &"name".into()), "{tls}");
    let packet = tls["decided_at_packet"].as_u64().unwrap();
    assert!(packet > 1, "not the SYN, which the look-up names: {tls}");
    assert_eq!(tls["frame"], packet + 1, "the look-up comes before: {tls}");
    assert_eq!(tls["names"], serde_json::json!(["web.whatsapp.com"]));
}

#[test]
fn names_are_left_out_where_that_is_asked_for() {
    for record in records(&named(), &["--no-names"]) {
        assert_eq!(record["names"], serde_json::json!([]), "{record}");
        assert_eq!(record["app"], "whatsapp");
    }
    let csv = classify(&named(), &["--format", "csv", "--no-names"]);
    assert!(!stdout(&csv).contains("web.whatsapp.com"));
}

#[test]
fn a_flow_picked_up_midway_has_its_client_first() {
    let answer = dns("g.whatsapp.net", &[("g.whatsapp.net", 1, vec![198, 51, 100, 7])]);
    let midway = [
        packets::udp(RESOLVER, CLIENT, &answer),
        packets::tcp(SERVER, ("10.0.0.1", 40001), 7, 0x18, b"later"),
        packets::tcp(("10.0.0.1", 40002), SERVER, 7, 0x18, b"later"),
    ];
    let whole = packets::connection(CLIENT, SERVER, 1400, &[(true, b"hello")]);
    let records = records(&capture(&[&midway[..], &whole].concat()), &[]);
    let ends: Vec<_> = records
        .iter()
        .map(|record| {
            let number = |field: &str| record[field].as_u64().unwrap();
            let by = record["originator_by"].as_str().unwrap();
            (
                number("src_port"),
                number("dest_port"),
                by,
                number("packets_toserver"),
                number("packets_toclient"),
            )
        })
        .collect();
    assert_eq!(
        ends[..3],
        [(40000, 53, "port", 0, 1), (40001, 443, "port", 0, 1), (40002, 443, "first", 1, 0)]
    );
    assert_eq!((ends[3].0, ends[3].1, ends[3].2), (40000, 443, "syn"));
}

#[test]
fn what_was_captured_in_part_is_told() {
    let mut file = pcap(1, &frames());
    assert!(records(&file, &[]).iter().all(|record| record["truncated"] == false));
    // The first frame was longer on the wire.
    file[24 + 12..24 + 16].copy_from_slice(&1500u32.to_le_bytes());
    let told: Vec<_> = records(&file, &[]).iter().map(|record| record["truncated"].clone()).collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn no_cell_of_a_csv_is_a_formula() {
    let folder = folder();
    write(&folder, "=1+2.pcap", &pcap(1, &frames()));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .args(["classify", "--format", "csv", "=1+2.pcap"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(text.contains(",'=1+2.pcap,") && !text.contains(",=1+2"), "{text}");
}
