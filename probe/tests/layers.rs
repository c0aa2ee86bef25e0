//! What carries a packet, as people meet it: odd captures, frames that are not looked into, and what is told of them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wiremark_tests::carriers::{self, Carrier};
use wiremark_tests::conversation::end_point;
use wiremark_tests::packet;

use crate::traces::*;

/// What a network without keys sees of IPsec.
fn esp() -> Vec<u8> {
    packet::ip([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), 50, &[7; 40])
}

/// From port 40,000 and so many.
fn datagram(number: u16) -> Vec<u8> {
    let port = 40_000 + number;
    packet::udp(end_point(&format!("10.0.0.1:{port}")), end_point("198.51.100.2:9999"), b"hello")
}

fn carrier(name: &str) -> Carrier {
    carriers::all().find(|carrier| carrier.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn path(file: &Path) -> String {
    file.to_str().unwrap().to_owned()
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every link type with a carrier, each a capture of its own: nothing to complain about, and not a word.
#[test]
fn a_folder_of_every_link_layer_is_read_without_a_word() {
    let folder = folder();
    let files: Vec<String> = carriers::all()
        .map(|carrier| {
            let frame = (carrier.frame)(&datagram(0));
            path(&write(&folder, carrier.name, &pcap(carrier.link.into(), &[frame])))
        })
        .collect();
    let arguments: Vec<&str> =
        ["classify", "--format", "json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = wiremark(&arguments);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let records = records(stdout(&output));
    assert_eq!(records.len(), files.len());
    for (record, file) in records.iter().zip(&files) {
        assert_eq!(record["src_port"], 40_000, "{file}");
    }
}

#[test]
fn a_folder_of_odd_captures_ends_with_one_line_a_file_at_most() {
    let folder = folder();
    let little = u32::to_le_bytes;
    let vlan = |bytes: &[u8]| [&[2; 12], &[0x81, 0, 0, 9, 8, 0][..], bytes].concat();
    let good = pcap(101, &[datagram(1), datagram(2)]);
    let mut twice_unknown = section(little);
    for link_type in [220, 189, 1] {
        twice_unknown.extend(interface(little, link_type, &[]));
    }
    for number in [0, 1, 2, 0] {
        twice_unknown.extend(enhanced_packet(little, number, 1_700_000_000_000_000, &vlan(&datagram(3))));
    }
    twice_unknown.truncate(twice_unknown.len() - 3);
    // Name, bytes, whether something of it was not read.
    let cases: [(&str, Vec<u8>, bool); 8] = [
        ("a-good.pcap", good.clone(), false),
        ("b-empty.pcap", Vec::new(), true),
        ("c-text.pcap", b"no capture at all, but a note".to_vec(), true),
        ("d-cut.pcap", good[..good.len() - 5].to_vec(), true),
        ("e-cut.pcap.gz", gzip(&good)[..30].to_vec(), true),
        ("f-unknown-links-and-cut.pcapng", twice_unknown, true),
        ("g-esp.pcap", pcap(101, &[esp(), datagram(4), datagram(5)[..18].to_vec(), vec![0x45; 40]]), false),
        ("h-usb.pcap", pcap(220, &[vec![0; 64]]), true),
    ];
    let mut files: Vec<PathBuf> = cases.iter().map(|(name, bytes, _)| write(&folder, name, bytes)).collect();
    let inner = folder.join("i-folder");
    std::fs::create_dir(&inner).unwrap();
    files.extend([inner, folder.join("j-missing.pcap")]);
    let files: Vec<String> = files.iter().map(|file| path(file)).collect();
    let run = |files: &[&String]| {
        let arguments: Vec<&str> = ["classify", "--format", "json"]
            .into_iter()
            .chain(files.iter().map(|file| file.as_str()))
            .collect();
        wiremark(&arguments)
    };
    let output = run(&files.iter().collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<&str> = stderr(&output).lines().collect();
    assert_eq!(lines.len(), files.len() - 1, "all but the good one: {lines:#?}");
    for (line, file) in lines.iter().zip(&files[1..]) {
        assert!(line.contains(file.as_str()), "{file}: {line}");
    }
    let ports: Vec<u64> =
        records(stdout(&output)).iter().map(|record| record["src_port"].as_u64().unwrap()).collect();
    assert_eq!(ports, [1, 2, 1, 3, 4].map(|number| 40_000 + number), "what can be read is read");
    // One by one: what could not be read fails, what is merely not looked into does not.
    for (file, (name, _, fails)) in files.iter().zip(&cases) {
        let output = run(&[file]);
        assert_eq!(output.status.code(), Some(i32::from(*fails)), "{name}: {}", stderr(&output));
        assert!(stderr(&output).lines().count() <= 1, "{name}");
    }
}

#[test]
fn explain_says_where_in_the_layers_it_stopped() {
    let carried = |name: &str, packet: &[u8]| {
        let carrier = carrier(name);
        (u32::from(carrier.link), (carrier.frame)(packet))
    };
    let vlan_and_spanning_tree = [&[1; 12], &[0x81, 0, 0, 9, 0, 3][..], &[0x42, 0x42, 3]].concat();
    let (geneve, frame) = carried("tunnel-geneve", &esp());
    let (trill, tagged) = carried("tag-trill", &esp());
    let (_, cut) = carried("tunnel-l2tp", &datagram(1));
    for (what, link_type, frame, expected) in [
        (
            "in a tunnel",
            geneve,
            frame,
            "raw IP > IPv4 > UDP > Geneve > Ethernet > IPv4 > ESP: stopped at byte 70, not looked into",
        ),
        (
            "behind a tag",
            trill,
            tagged,
            "Ethernet > TRILL > Ethernet > IPv4 > ESP: stopped at byte 54, not looked into",
        ),
        (
            "no network's packet",
            1,
            vlan_and_spanning_tree,
            "Ethernet > VLAN > LLC > spanning tree: stopped at byte 18, not looked into",
        ),
        (
            "cut",
            101,
            cut[..50].to_vec(),
            "raw IP > IPv4 > UDP > L2TP > IPv4: stopped at byte 40, the capture ends within it",
        ),
    ] {
        let mut file = pcap(link_type, std::slice::from_ref(&frame));
        // As long on the wire as nobody captured it.
        file[36..40].copy_from_slice(&200_u32.to_le_bytes());
        let file = write(&folder(), "stopped.pcap", &file);
        let output = wiremark(&["explain", &path(&file)]);
        assert_eq!(output.status.code(), Some(0), "{what}");
        let told = stdout(&output);
        assert!(told.contains(&format!("1 (first: frame 1): {expected}")), "{what}: {told}");
    }
}

/// No command is silent about frames that it passed over.
#[test]
fn every_command_says_what_it_did_not_look_into() {
    let frames = [esp(), datagram(1), esp(), esp()];
    let file = path(&write(&folder(), "esp.pcap", &pcap(101, &frames)));
    let annotated = path(&folder().join("out.pcapng"));
    let copy = path(&folder().join("copy.pcap"));
    for arguments in [
        &["classify"][..],
        &["explain"],
        &["tasks"],
        &["calls"],
        &["audit"],
        &["infer", "--transport", "udp"],
        &["locality"],
        &["annotate", &annotated],
        &["anonymize", &copy],
    ] {
        let (command, options) = arguments.split_first().unwrap();
        let all: Vec<&str> = [*command, &file].into_iter().chain(options.iter().copied()).collect();
        let output = wiremark(&all);
        let said = stderr(&output);
        let names_them = said.contains("3 frames of ESP, not looked into");
        assert!(names_them && said.starts_with(&format!("{file}: ")), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

/// A network whose two directions come with different tags.
#[test]
fn every_command_takes_directions_with_different_tags_for_one_flow_on_request() {
    let tagged = |tag: u8, packet: Vec<u8>| [&[2; 12], &[0x81, 0, 0, tag, 8, 0][..], &packet].concat();
    let (near, far) = (end_point("10.0.0.1:40000"), end_point("198.51.100.2:9999"));
    let frames =
        [tagged(10, packet::udp(near, far, b"question")), tagged(20, packet::udp(far, near, b"answer"))];
    let file = path(&write(&folder(), "tags.pcap", &pcap(1, &frames)));
    let flows = |options: &[&str]| {
        let output = wiremark(&[&["explain", &file], options].concat());
        stdout(&output).lines().filter(|line| line.starts_with("flow ")).count()
    };
    assert_eq!((flows(&[]), flows(&["--ignore-tags"])), (2, 1));
    let annotated = path(&folder().join("out.pcapng"));
    let copy = path(&folder().join("copy.pcap"));
    for arguments in [
        &["classify"][..],
        &["tasks"],
        &["calls"],
        &["audit"],
        &["infer", "--transport", "udp"],
        &["locality"],
        &["annotate", &annotated],
        &["anonymize", &copy],
    ] {
        let (command, options) = arguments.split_first().unwrap();
        let output = wiremark(&[&[*command, &file, "--ignore-tags"], options].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_packet_tap_tells_the_program_and_who_opened_the_flow() {
    let tapped = |is_outgoing: bool, packet: Vec<u8>| {
        let mut frame = (carrier("link-pktap").frame)(&packet);
        frame[36] = if is_outgoing { 2 } else { 1 };
        frame
    };
    let (near, far) = (end_point("10.0.0.1:40000"), end_point("198.51.100.2:9999"));
    let out = [tapped(true, packet::udp(near, far, b"?")), tapped(false, packet::udp(far, near, b"!"))];
    let into = [tapped(false, packet::udp(far, near, b"?")), tapped(true, packet::udp(near, far, b"!"))];
    for (link_type, frames, direction) in [(258, &out, "outbound"), (149, &into, "inbound")] {
        let file = path(&write(&folder(), "tap.pcap", &pcap(link_type, frames)));
        let output = wiremark(&["classify", "--format", "json", &file]);
        let [record] = &records(stdout(&output))[..] else { panic!("{}", stdout(&output)) };
        assert_eq!((&record["process"], &record["direction"]), (&"Example".into(), &direction.into()));
    }
}

/// PCAPdroid puts the program behind the frame: it is told, and its bytes are nobody's.
#[test]
fn a_trailer_tells_the_program() {
    let frame = udp(40_001, b"what the program sent");
    let length = frame.len() as u64;
    let mut name = [0; 20];
    name[..7].copy_from_slice(b"Example");
    let trailed = [&frame[..], &[1, 7, 0x20, 0x21], &[0; 4], &name, &[0; 4]].concat();
    let file = path(&write(&folder(), "trailer.pcap", &pcap(1, &[trailed, frame])));
    let output = wiremark(&["classify", "--format", "json", &file]);
    let [record] = &records(stdout(&output))[..] else { panic!("{}", stdout(&output)) };
    assert_eq!((&record["process"], &record["bytes_toserver"]), (&"Example".into(), &(2 * length).into()));
}

/// Several packets in one frame of 802.11.
#[test]
fn every_packet_of_an_aggregate_is_counted() {
    let packets = [datagram(1), datagram(2), datagram(3)];
    let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let frame = carriers::aggregate_of(&packets);
    let length = frame.len() as u64;
    let file = path(&write(&folder(), "aggregate.pcap", &pcap(105, &[frame])));
    let output = wiremark(&["classify", "--format", "json", "--stats", &file]);
    let records = records(stdout(&output));
    let ports: Vec<&Value> = records[..3].iter().map(|record| &record["src_port"]).collect();
    assert_eq!(ports, [40_001, 40_002, 40_003]);
    let bytes: u64 = records[..3].iter().map(|record| record["bytes_toserver"].as_u64().unwrap()).sum();
    assert_eq!(bytes, length, "each byte once");
    assert_eq!((&records[3]["frames"], &records[3]["packets"]), (&1.into(), &3.into()));
}
