//! `wiremark calls` as its users see it: stories, records, pictures, and numbers of packets as Wireshark counts them.

use std::path::PathBuf;

use crate::packets::given_captures;
use crate::traces::*;
use serde_json::Value;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A STUN message with the token of a call in the dialect of 2015, padding left out as there.
fn with_token(kind: [u8; 2], port: u16) -> Vec<u8> {
    let id = [[0; 2], port.to_be_bytes(), [7; 2], [8; 2], [9; 2], [10; 2]].concat();
    let token = [&[0x40, 0, 0, 102, 1, 0][..], &[0x5a; 100]].concat();
    udp(port, &[&kind[..], &[0, 106], &COOKIE, &id, &token].concat())
}

/// A call that no relay answers: asked again and again, given up a second later. Asked twice only, it might be one way of a call.
fn unheard(port: u16) -> Vec<Vec<u8>> {
    [[0, 3], [0, 3], [0, 3], [8, 0]].map(|kind| with_token(kind, port)).to_vec()
}

fn capture(name: &str, bytes: &[u8]) -> String {
    write(&folder(), name, bytes).to_str().unwrap().to_owned()
}

fn calls(arguments: &[&str]) -> std::process::Output {
    wiremark(&[&["calls"][..], arguments].concat())
}

/// States of each call, with the numbers of their packets.
fn states(json: &str) -> Vec<Vec<(String, u64)>> {
    let records = json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let records = records.filter(|record| record["event_type"] == "call");
    let state = |state: &Value| (state["state"].as_str().unwrap().into(), state["packet"].as_u64().unwrap());
    records.map(|record| record["states"].as_array().unwrap().iter().map(state).collect()).collect()
}

#[test]
fn packets_have_the_numbers_of_the_capture_whatever_lies_between() {
    // An interface that is not read here (USB), frames that are no IP, and a call.
    let little = u32::to_le_bytes;
    let mut file = [section(little), interface(little, 1, &[]), interface(little, 220, &[])].concat();
    let [first, again, more, last] = unheard(40_000).try_into().unwrap();
    let arp = frames().remove(4);
    let packets =
        [(1, vec![0; 80]), (0, arp), (0, first), (1, vec![1; 80]), (0, again), (0, more), (0, last)];
    for (n, (interface, frame)) in (0..).zip(packets) {
        let ticks = u64::from(START_SECONDS) * 1_000_000 + n * 100_000;
        file.extend(enhanced_packet(little, interface, ticks, &frame));
    }
    let output = calls(&["--format", "json", &capture("mixed.pcapng", &file)]);
    assert_eq!(states(stdout(&output)), [[("allocating".into(), 3), ("ending".into(), 7)]]);
    assert_eq!(output.status.code(), Some(1), "an interface could not be read");
    assert!(stderr(&output).contains("link type 220"), "{}", stderr(&output));
}

#[test]
fn every_format_tells_every_call_and_none_an_address() {
    let [one, two] = [40_000, 40_001].map(|port| capture(&format!("{port}.pcap"), &pcap(1, &unheard(port))));
    let tell = |options: &[&str]| {
        let output = calls(&[options, &[&one, &two]].concat());
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        stdout(&output).to_owned()
    };
    let story = tell(&[]);
    assert!(story.contains("call 1: whatsapp, dialect of 2015, blocked"), "{story}");
    assert!(story.contains("call 2: whatsapp, dialect of 2015, blocked"), "numbers go on: {story}");
    assert!(story.contains("0.000        1  allocating  -> relay A: allocation, STUN 0x0003"), "{story}");
    assert!(story.contains("2 calls; 1 different relays asked in 2 of them"), "both captures count: {story}");
    assert!(story.contains("MOS: E-model"), "{story}");
    let json = tell(&["--format", "json"]);
    // The two calls, and what they tell of all relays.
    assert_eq!(json.lines().count(), 3);
    let estimate: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&estimate["event_type"], &estimate["relays"]), (&"relay_estimate".into(), &1.into()));
    assert_eq!(
        (&estimate["marked"], &estimate["captured"], &estimate["recaptured"]),
        (&1.into(), &1.into(), &1.into())
    );
    let record: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    for field in
        ["timestamp", "event_type", "call_id", "app", "parties", "relays", "legs", "states", "streams"]
    {
        assert!(record.get(field).is_some(), "{field}: {record}");
    }
    let svg = tell(&["--format", "svg"]);
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.matches("class=\"title\"").count() == 2
    );
    let html = tell(&["--format", "html"]);
    assert_eq!(
        (html.matches("<svg ").count(), html.matches("<pre>").count()),
        (2, 3),
        "and words on all calls"
    );
    for told in [&story, &json, &svg, &html] {
        assert!(!told.contains("10.0.0.1") && !told.contains("198.51.100"), "{told}");
    }
    assert!(tell(&["--addresses"]).contains("198.51.100.2:9999"));
}

#[test]
fn one_call_is_told_alone_and_a_missing_one_is_an_error() {
    let both = [unheard(40_000), unheard(40_001)].concat();
    let capture = capture("both.pcap", &pcap(1, &both));
    let output = calls(&["--call", "2", &capture]);
    assert!(stdout(&output).starts_with("call 2:") && !stdout(&output).contains("call 1:"));
    let output = calls(&["--call", "3", &capture]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("there is no call 3: the captures hold 2"), "{}", stderr(&output));
}

fn given(name: &str) -> Option<PathBuf> {
    let path = given_captures().map(|folder| folder.join(name)).filter(|path| path.exists());
    if path.is_none() {
        wiremark_tests::skipped(format_args!("no {name} in ../shared/traces/messenger"));
    }
    path
}

/// The states of a real capture as the command's story has them: packet, state, way and other end.
fn told(name: &str) -> Option<Vec<(u64, String)>> {
    let path = given(name)?;
    let output = calls(&[path.to_str().unwrap()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let lines = stdout(&output).lines().map(str::to_owned).collect::<Vec<_>>();
    let state = |line: &String| {
        let mut words = line.strip_prefix("  ")?.split_whitespace();
        let (time, packet) = (words.next()?.parse::<f64>().ok(), words.next()?.parse::<u64>().ok());
        let rest = words.collect::<Vec<_>>().join(" ");
        time.zip(packet).map(|(_, packet)| (packet, rest.split(':').next().unwrap_or_default().to_owned()))
    };
    Some(lines.iter().filter_map(state).collect())
}

fn assert_told(name: &str, wanted: &[(u64, &str)]) {
    let Some(told) = told(name) else { return };
    let told: Vec<_> = told.iter().map(|(packet, state)| (*packet, state.as_str())).collect();
    assert_eq!(told, wanted, "{name}");
}

/// Frames as the facts about this capture cite them: allocations 215 to 224, the first answer 225, the first report 464,
/// the check answered 504, three last reports 705 to 707.
#[test]
fn the_call_of_2019_is_told_frame_by_frame() {
    let wanted = [
        (215, "allocating -> relay A"),
        (225, "ringing <- relay A"),
        (464, "handshake <- relay A"),
        (465, "checking <- peer A"),
        (467, "relayed <- relay A"),
        (489, "handshake -> relay A"),
        (504, "reached -> peer A"),
        (506, "relayed -> relay A"),
        (511, "direct <- peer A"),
        (512, "direct -> peer A"),
        (705, "ending -> peer A"),
    ];
    assert_told("wa_voice.pcap", &wanted);
}

/// Call A, frames 1 to 413, stays on the relay; call B, 414 to 591, moves to the peer with frame 549, 135 ms after the
/// check answered by frame 540.
#[test]
fn the_calls_of_2023_are_told_frame_by_frame() {
    let wanted = [
        (1, "allocating -> relay A"),
        (11, "ringing <- relay A"),
        (21, "handshake <- relay A"),
        (38, "handshake -> relay A"),
        (49, "relayed -> relay A"),
        (56, "relayed <- relay A"),
        (406, "ending -> relay A"),
        (414, "allocating -> relay B"),
        (424, "ringing <- relay B"),
        (504, "handshake -> relay B"),
        (506, "handshake <- relay B"),
        (508, "relayed -> relay B"),
        (509, "relayed <- relay B"),
        (531, "checking -> peer A"),
        (540, "reached <- peer B"),
        (549, "direct -> peer B"),
        (550, "direct <- peer B"),
        (587, "ending -> relay B"),
    ];
    assert_told("stun_wa_call.pcapng", &wanted);
}

/// Asked from frame 26 on, never answered, given up in frames 88 to 96.
#[test]
fn the_call_of_2015_is_told_frame_by_frame() {
    let wanted = [(26, "allocating -> relay A"), (27, "ringing <- relay A"), (88, "ending -> relay A")];
    assert_told("whatsapp_voice_and_message.pcap", &wanted);
}
