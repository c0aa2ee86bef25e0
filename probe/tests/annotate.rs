//! `wiremark annotate`: what it adds, and that nothing else changes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::packets::given_captures;
use crate::traces::*;
use wiremark_capture::Capture;

/// A call of 10.0.0.1 that a second datagram takes back.
const WITHDRAWN: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat", "files"]

[[signature]]
id = 901
name = "hello"
role = "files"
why = "opens with a number"
source = "made up for a test"
transport = "udp"
prefix = "de ad be ef"
unless = ["bye"]
hit = ["de ad be ef"]
miss = ["> de ad be ef > 00"]

[[signature]]
id = 902
name = "bye"
veto = true
why = "another app's first byte"
source = "made up for a test"
transport = "udp"
prefix = "00"
hit = ["00"]
miss = ["de"]
"#;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Time in nanoseconds, link type, interface, length on the wire, and bytes of every frame.
type Content = Vec<(u64, u32, u32, u32, Vec<u8>)>;

fn read(path: &str) -> Content {
    let mut capture = Capture::open(Path::new(path)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame().unwrap() {
        let bytes = frame.bytes.to_vec();
        frames.push((frame.time_ns(), frame.link_type, frame.interface, frame.original_length, bytes));
    }
    frames
}

/// Runs annotate on a capture. The output's path and what the command said.
fn annotate(signatures: &str, name: &str, bytes: &[u8]) -> (String, std::process::Output) {
    let folder = folder();
    let rows = folder.join("rows");
    fs::create_dir(&rows).unwrap();
    write(&rows, "example.toml", signatures.as_bytes());
    let (input, output) = (text(&write(&folder, name, bytes)), text(&folder.join("out.pcapng")));
    let said = wiremark(&["annotate", &input, &output, "--only-signatures", &text(&rows)]);
    (output, said)
}

/// Comments by number of the packet, from 1; `number` gives the file's byte order.
fn comments(path: &str, big_endian: bool) -> Vec<(usize, String)> {
    let file = fs::read(path).unwrap();
    let u32_at = |at: usize| {
        let bytes = file[at..at + 4].try_into().unwrap();
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let u16_at = |at: usize| {
        let bytes = file[at..at + 2].try_into().unwrap();
        usize::from(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let (mut found, mut packets, mut at) = (Vec::new(), 0, 0);
    while at < file.len() {
        let (kind, length) = (u32_at(at), u32_at(at + 4) as usize);
        assert_eq!(u32_at(at + length - 4) as usize, length, "the block's two lengths agree");
        if matches!(kind, 2 | 3 | 6) {
            packets += 1;
        }
        if matches!(kind, 2 | 6) {
            let mut option = at + 28 + (u32_at(at + 20) as usize).next_multiple_of(4);
            while option < at + length - 4 && u16_at(option) != 0 {
                let size = u16_at(option + 2);
                if u16_at(option) == 1 {
                    let comment = String::from_utf8(file[option + 4..option + 4 + size].to_vec()).unwrap();
                    found.push((packets, comment));
                }
                option += 4 + size.next_multiple_of(4);
            }
            assert!(option <= at + length - 4);
        }
        at += length;
    }
    found
}

#[test]
fn the_deciding_packet_carries_one_legible_line() {
    let (output, said) = annotate(SIGNATURES, "a.pcap", &pcap(1, &frames()));
    assert_eq!((said.status.code(), stdout(&said), stderr(&said)), (Some(0), "", ""));
    let expected = "wiremark: example files (payload, signature 901 hello), final";
    assert_eq!(comments(&output, false), [(3, expected.to_owned())]);
}

#[test]
fn a_verdict_that_is_taken_back_is_said_to_be() {
    let datagrams = [udp(40001, b"\xde\xad\xbe\xef"), udp(40001, b"\x00"), udp(40001, b"\x01")];
    let (output, _) = annotate(WITHDRAWN, "a.pcap", &pcap(1, &datagrams));
    let expected = [
        (1, "wiremark: example files (payload, signature 901 hello), provisional".to_owned()),
        (2, "wiremark: example files withdrawn".to_owned()),
    ];
    assert_eq!(comments(&output, false), expected);
}

#[test]
fn frames_times_lengths_and_interfaces_stay_as_they_are() {
    let (little, big) = (u32::to_le_bytes as fn(u32) -> [u8; 4], u32::to_be_bytes as fn(u32) -> [u8; 4]);
    let mut cut_short = pcap(1, &frames());
    cut_short[24 + 12..24 + 16].copy_from_slice(&9000u32.to_le_bytes());
    let nanoseconds = [9, 0, 1, 0, 9, 0, 0, 0, 14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0];
    let powers_of_two = [0, 9, 0, 1, 0x80 | 30, 0, 0, 0];
    let mut several =
        [section(little), interface(little, 1, &nanoseconds), interface(little, 113, &[])].concat();
    for (at, frame) in (1..).zip(frames()) {
        several.extend(enhanced_packet(little, 0, 1_676_628_000_123_456_789 + at, &frame));
        several.extend(enhanced_packet(little, 1, 1_676_628_000_123_456 + at, &frame));
    }
    several.extend(section(big));
    several.extend(interface(big, 1, &powers_of_two));
    for (at, frame) in (1..).zip(frames()) {
        several.extend(enhanced_packet(big, 0, (1_676_628_000 << 30) + at, &frame));
    }
    for (name, bytes) in [
        ("a.pcap", cut_short),
        ("b.pcap", pcap_with(0xa1b2_3c4d, big, 1, 123_456_789, &frames())),
        ("c.pcap.gz", gzip(&pcap(1, &frames()))),
        ("d.pcapng", several.clone()),
        ("e.pcapng.zst", zstd(&several)),
    ] {
        let (output, said) = annotate(SIGNATURES, name, &bytes);
        assert_eq!(said.status.code(), Some(0), "{name}: {}", stderr(&said));
        let input = text(&Path::new(&output).with_file_name(name));
        assert_eq!(read(&output), read(&input), "{name}");
    }
    let (output, _) = annotate(SIGNATURES, "b.pcap", &pcap_with(0xa1b2_3c4d, big, 1, 123_456_789, &frames()));
    assert_eq!(read(&output)[0].0 % 1_000_000_000, 123_456_789);
}

#[test]
fn what_else_a_pcapng_file_holds_stays() {
    for (number, big_endian) in
        [(u32::to_le_bytes as fn(u32) -> [u8; 4], false), (u32::to_be_bytes as fn(u32) -> [u8; 4], true)]
    {
        let option = |code: u16, value: &[u8]| {
            let half = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            let mut option = [half(code), half(value.len() as u16)].concat();
            option.extend(value);
            option.resize(option.len().next_multiple_of(4), 0);
            option
        };
        let own = [option(1, b"mine"), option(2, &[0, 0, 0, 1]), option(0, b"")].concat();
        let name = [option(2, b"eth7"), option(0, b"")].concat();
        let mut file = [section(number), interface(number, 1, &name)].concat();
        // A stated section length, which comments make wrong.
        file[16..24].fill(0);
        let frame = &frames()[2];
        let length = frame.len() as u32;
        let mut body: Vec<u8> = [0, 0, 0, length, length].into_iter().flat_map(number).collect();
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(own);
        file.extend(block(number, 6, &body));
        let statistics = block(number, 5, &[0; 12]);
        file.extend(&statistics);
        let (output, said) = annotate(SIGNATURES, "a.pcapng", &file);
        assert_eq!(said.status.code(), Some(0), "{}", stderr(&said));
        let comment = "wiremark: example files (payload, signature 901 hello), final";
        assert_eq!(comments(&output, big_endian), [(1, "mine".to_owned()), (1, comment.to_owned())]);
        let written = fs::read(&output).unwrap();
        assert!(written.ends_with(&statistics));
        assert!(written.windows(4).any(|window| window == b"eth7"));
        assert_eq!(written[16..24], [0xff; 8], "the section's length is left open");
    }
}

#[test]
fn a_packet_without_time_and_comments_stays_so_and_the_next_one_tells() {
    let little = u32::to_le_bytes;
    let frame = &frames()[2];
    let mut file = [section(little), interface(little, 1, &[])].concat();
    file.extend(enhanced_packet(little, 0, 1_676_628_000_000_000, &frames()[3]));
    file.extend(block(little, 3, &[&(frame.len() as u32).to_le_bytes()[..], frame].concat()));
    let (alone, said) = annotate(SIGNATURES, "alone.pcapng", &file);
    assert_eq!((comments(&alone, false), said.status.code()), (vec![], Some(0)));
    assert!(stderr(&said).contains("remarks left out: 1"), "{}", stderr(&said));
    file.extend(enhanced_packet(little, 0, 1_676_628_000_000_001, &frames()[3]));
    let (output, _) = annotate(SIGNATURES, "simple.pcapng", &file);
    let told = comments(&output, false);
    assert_eq!(told.iter().map(|(packet, _)| *packet).collect::<Vec<_>>(), [3]);
    assert!(told[0].1.starts_with("of a packet before that can have no comment: wiremark: "), "{told:?}");
    assert_eq!(read(&output), read(&text(&Path::new(&output).with_file_name("simple.pcapng"))));
}

#[test]
fn an_empty_capture_becomes_an_empty_pcapng_file() {
    let (output, said) = annotate(SIGNATURES, "none.pcap", &pcap(1, &[]));
    assert_eq!(said.status.code(), Some(0));
    assert_eq!(read(&output), []);
}

#[test]
fn a_truncated_capture_keeps_its_results() {
    for whole in [pcap(1, &frames()), pcapng(&frames())] {
        let (output, said) = annotate(SIGNATURES, "cut.capture", &whole[..whole.len() - 3]);
        assert_eq!(said.status.code(), Some(1));
        assert!(stderr(&said).contains("after frame 5"), "{}", stderr(&said));
        assert_eq!(read(&output).len(), 5);
        assert_eq!(comments(&output, false).len(), 1);
    }
}

#[test]
fn frames_of_an_unknown_link_type_are_kept_and_named() {
    let (output, said) = annotate(SIGNATURES, "usb.pcap", &pcap(220, &frames()));
    assert_eq!(said.status.code(), Some(1));
    assert!(stderr(&said).contains("link type 220"), "{}", stderr(&said));
    assert_eq!(read(&output).len(), 6);
}

#[test]
fn wrong_usage_and_unwritable_places() {
    let folder = folder();
    let input = text(&write(&folder, "a.pcapng", &pcapng(&frames())));
    let before = fs::read(&input).unwrap();
    let same = wiremark(&["annotate", &input, &input]);
    assert_eq!(same.status.code(), Some(2));
    assert!(stderr(&same).contains("choose another file"), "{}", stderr(&same));
    assert_eq!(fs::read(&input).unwrap(), before);
    let other_format = wiremark(&["annotate", &input, &text(&folder.join("out.pcap"))]);
    assert_eq!(other_format.status.code(), Some(2));
    assert!(stderr(&other_format).contains(".pcapng"));
    assert!(!folder.join("out.pcap").exists());
    let unwritable = wiremark(&["annotate", &input, "/nowhere/out.pcapng"]);
    assert_eq!(unwritable.status.code(), Some(1));
    assert!(stderr(&unwritable).starts_with("/nowhere/out.pcapng: "));
    let target = folder.join("never.pcapng");
    let missing = wiremark(&["annotate", "/nowhere/in.pcap", &text(&target)]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(!target.exists());
}

#[test]
fn standard_output_gets_the_same_bytes() {
    let (output, _) = annotate(SIGNATURES, "a.pcap", &pcap(1, &frames()));
    let rows = text(&Path::new(&output).with_file_name("rows"));
    let piped = wiremark_with(&pcap(1, &frames()), &["annotate", "-", "-", "--only-signatures", &rows]);
    assert_eq!(piped.stdout, fs::read(&output).unwrap());
}

/// `frame.comment` of every packet that has one, as tshark shows it; none where there is no tshark.
fn shown_by_tshark(path: &str) -> Option<Vec<(usize, String)>> {
    let arguments =
        ["-r", path, "-Y", "frame.comment", "-T", "fields", "-e", "frame.number", "-e", "frame.comment"];
    let output = Command::new("tshark").args(arguments).output().ok()?;
    assert!(output.status.success(), "{}", stderr(&output));
    let line = |line: &str| {
        line.split_once('\t').map(|(number, comment)| (number.parse().unwrap(), comment.to_owned()))
    };
    Some(stdout(&output).lines().map(|text| line(text).unwrap()).collect())
}

#[test]
fn wireshark_shows_the_comments() {
    let (output, _) = annotate(SIGNATURES, "a.pcap", &pcap(1, &frames()));
    let Some(shown) = shown_by_tshark(&output) else { return println!("no tshark here: nothing was shown") };
    assert_eq!(shown, comments(&output, false));
    assert_eq!(shown.len(), 1);
    let Some(call) = given_captures().map(|folder| folder.join("stun_wa_call.pcapng")) else {
        return println!("no captures in ../shared/traces/messenger: only a hand-made one was shown");
    };
    let output = text(&folder().join("call.pcapng"));
    assert_eq!(wiremark(&["annotate", &text(&call), &output]).status.code(), Some(0));
    assert_eq!(read(&output), read(&text(&call)));
    let shown = shown_by_tshark(&output).unwrap();
    assert_eq!(shown.first().map(|(packet, _)| *packet), Some(1), "the first packet decides");
    assert!(shown.iter().all(|(_, comment)| comment.starts_with("wiremark: whatsapp call (")), "{shown:?}");
}
