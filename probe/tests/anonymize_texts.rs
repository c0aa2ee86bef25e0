//! Copies of whatever captures there are, other protocols' and those that went wrong: no text, no address of the original.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::copies::*;
use crate::packets::*;
use wiremark::{
    Address, Carrier, Classifier, Frame as Seen, LinkType, Options, Packet, Tracker, TrackerConfig,
};
use wiremark_capture::Capture;
use wiremark_capture::replay::tracker_config;
use wiremark_probe::anonymize::{Frame, Key, Settings, anonymize, is_personal};

/// Shortest text that tells something.
const TEXT_MIN: usize = 4;
/// Words of protocols, as they stay: methods, versions, header fields' names, protocols that hellos name.
const WORDS: &str = include_str!("../data/identifiers.toml");
const MORE_WORDS: [&str; 20] = [
    // A name's end and the extension behind it: 0x4469 and 0x4a4a (RFC 8701).
    "comDi",
    "comJJ",
    "http://",
    "https://",
    "POST",
    "OPTIONS",
    "HEAD",
    "CONNECT",
    "DELETE",
    "NOTIFY",
    "M-SEARCH",
    "SUBSCRIBE",
    "TRACE",
    "PATCH",
    "HTTP/1.1 ",
    "HTTP/1.0 ",
    "PROXY TCP4",
    "RTSP",
    "_tcp",
    "_udp",
];

/// All of them in lower case.
static LONGEST_FIRST: LazyLock<Vec<String>> = LazyLock::new(|| {
    let words = WORDS.split('"').chain(MORE_WORDS).map(str::to_ascii_lowercase);
    let mut words: Vec<String> = words.filter(|word| word.len() >= 3 && word.len() < 64).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
});

/// The frames of a capture; none where it cannot be read.
fn frames(path: &Path) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(mut capture) = Capture::open(path) else { return frames };
    while let Ok(Some(frame)) = capture.next_frame() {
        frames.push(Frame {
            time_ns: frame.time_ns(),
            link_type: frame.link_type,
            interface: frame.interface,
            original_length: frame.original_length,
            bytes: frame.bytes.to_vec(),
        });
    }
    frames
}

/// Every payload and the addresses around it, by the frame's time and length: what becomes of a frame has the same.
fn payloads_of(frames: &[Frame]) -> Vec<(u64, usize, Vec<u8>, [Address; 2])> {
    let read = |frame: &Frame| {
        let link_type = LinkType::from_number(frame.link_type)?;
        let packet = Packet::parse(link_type, 0, &frame.bytes).ok()?;
        let tuple = packet.five_tuple;
        Some((frame.time_ns, frame.bytes.len(), packet.payload.to_vec(), [tuple.src, tuple.dst]))
    };
    frames.iter().filter_map(read).collect()
}

/// Runs of text that stand in both at the same place, as far as they say something: `x` and `0` are what is blanked.
fn kept_texts(before: &[u8], after: &[u8]) -> Vec<String> {
    let both = before
        .iter()
        .zip(after)
        .map(|(before, after)| if before == after && (b' '..0x7f).contains(before) { *before } else { 0 });
    let both: Vec<u8> = both.collect();
    let telling = |run: &&[u8]| {
        let mut words = run.split(|sign| !sign.is_ascii_alphanumeric());
        words.any(|word| word.iter().filter(|sign| !b"xX0".contains(sign)).count() >= TEXT_MIN)
    };
    // Shorter ones have no word as long.
    let runs = both.split(|sign| *sign == 0).filter(|run| run.len() >= TEXT_MIN).filter(telling);
    runs.map(|run| String::from_utf8_lossy(run).into_owned()).collect()
}

/// Whether nothing is left of a text without the words of protocols.
fn is_words(run: &str, classifier: &Classifier) -> bool {
    let lower = run.to_ascii_lowercase();
    let carriers = [Carrier::Dns, Carrier::Http, Carrier::Tls, Carrier::Quic];
    let is_known = |name: &str| {
        carriers.into_iter().any(|carrier| classifier.by_name(name.as_bytes(), carrier).is_some())
    };
    let names = lower.split(|sign: char| !sign.is_ascii_alphanumeric() && !".-".contains(sign));
    let names: Vec<String> = names.filter(|name| is_known(name)).map(str::to_owned).collect();
    let lower = names.iter().fold(lower.clone(), |rest, name| rest.replace(name, " "));
    let rest = LONGEST_FIRST.iter().fold(lower, |rest, word| rest.replace(word, " "));
    // Numbers are lengths and ports.
    let mut left = rest.split(|sign: char| !sign.is_ascii_alphabetic());
    left.all(|word| word.chars().filter(|sign| *sign != 'x').count() < TEXT_MIN)
}

/// The flow of each frame that holds a packet, and the flows with a verdict.
fn flows_of(frames: &[Frame], classifier: &Classifier) -> (Vec<u64>, HashSet<u64>) {
    let mut tracker = Tracker::new(classifier, TrackerConfig::default().for_frames(frames.len()));
    let (mut flows, mut decided) = (Vec::new(), HashSet::new());
    for frame in frames {
        let Some(link_type) = LinkType::from_number(frame.link_type) else { continue };
        let (time_us, bytes) = (frame.time_ns / 1000, &frame.bytes[..]);
        if Packet::parse(link_type, 0, bytes).is_err() {
            continue;
        }
        let seen = Seen { link_type, time_us, bytes, wire_bytes: frame.original_length };
        let seen = tracker.frame(&seen, &mut |_| {}).ok();
        decided.extend(seen.filter(|seen| seen.verdict.is_match()).map(|seen| seen.flow_number));
        flows.push(seen.map_or(0, |seen| seen.flow_number));
    }
    (flows, decided)
}

/// What of a capture is left in its copy although it should not be; None where no frame of it can be read.
fn leaks(path: &Path, classifier: &Classifier) -> Option<Vec<String>> {
    let frames = frames(path);
    let before = payloads_of(&frames);
    if before.is_empty() {
        return None;
    }
    let (flows, decided) = flows_of(&frames, classifier);
    let key = Some(Key::from_hex(KEY).unwrap());
    let tracker = tracker_config(TrackerConfig::default().capacity).for_frames(frames.len());
    let settings = Settings { key, keep_bytes: 0, names: true, tracker };
    let anonymized = anonymize(frames, classifier, settings).unwrap();
    let mut leaks = Vec::new();
    // Interfaces whose clocks differ by hours: which flows time out is the tracker's matter.
    let has_two_clocks = path.ends_with("14-two-clocks-udp.pcap");
    if !anonymized.changed.is_empty() && !has_two_clocks {
        leaks.push(format!("flows classified otherwise: {:?}", anonymized.changed));
    }
    let after = payloads_of(&anonymized.frames);
    let mut place = 0;
    let personal: HashSet<Vec<u8>> = before
        .iter()
        .flat_map(|(.., addresses)| addresses)
        .filter(|address| is_personal(address.ip()))
        .map(|address| octets(&address.ip().to_string()))
        .collect();
    for (time_ns, length, payload, _) in &after {
        // Frames that are left out are passed over.
        while before.get(place).is_some_and(|(at, bytes, ..)| (at, bytes) != (time_ns, length)) {
            place += 1;
        }
        let Some((.., original, _)) = before.get(place) else { break };
        place += 1;
        // What tells the app, and what is asked for, stays where there is a verdict.
        let flow = flows[place - 1];
        if !decided.contains(&flow) && !anonymized.needed.contains(&flow) {
            let runs = kept_texts(original, payload).into_iter().filter(|run| !is_words(run, classifier));
            leaks.extend(runs.map(|run| format!("text {run:?} in frame {place}")));
        }
        for width in [4, 16] {
            for (at, window) in payload.windows(width).enumerate() {
                // The original's bytes at the same place: what came about by chance is no leak.
                if original.get(at..at + width) == Some(window) && personal.contains(window) {
                    leaks.push(format!("address {window:?} at {at} in frame {place}"));
                }
            }
        }
    }
    Some(leaks)
}

/// The captures of a folder beside the repository; empty where there is none.
fn given(folder: &str) -> Vec<PathBuf> {
    let Some(messenger) = given_captures() else { return Vec::new() };
    let folder = messenger.ancestors().nth(2).unwrap().join(folder);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind != "md"));
    paths.sort();
    paths
}

/// What is left in the copies of all captures at hand although it should not be, a capture's name before each.
static LEAKS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let set = wiremark_signatures::embedded().unwrap();
    let classifier = Classifier::new(set, Options::default());
    let folders = ["faults", "faults/lookalikes", "traces/messenger", "traces/other"];
    let paths: Vec<PathBuf> = folders.into_iter().flat_map(given).collect();
    let look = |path: &PathBuf| {
        Some((path.file_name().unwrap().to_str().unwrap().to_owned(), leaks(path, &classifier)?))
    };
    // The tests that ask for it wait meanwhile: their cores are taken.
    let places = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        let share = |at: usize| paths.iter().skip(at).step_by(places).filter_map(look).collect::<Vec<_>>();
        let threads: Vec<_> = (0..places).map(|at| scope.spawn(move || share(at))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
});

/// What is wrong with the copies of all captures at hand: of their verdicts, or else of what is left in them.
fn complaints(of_verdicts: bool) -> Vec<String> {
    if LEAKS.is_empty() {
        wiremark_tests::skipped("no captures in ../shared");
    }
    let told = LEAKS.iter().flat_map(|(name, leaks)| {
        let is_asked = |leak: &&String| leak.starts_with("flows classified otherwise") == of_verdicts;
        leaks.iter().filter(is_asked).take(3).map(move |leak| format!("{name}: {leak}"))
    });
    told.collect()
}

#[test]
fn copies_hold_no_text_and_no_address() {
    let leaks = complaints(false);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn copies_have_the_verdicts_of_the_captures() {
    let changed = complaints(true);
    assert!(changed.is_empty(), "{} captures:\n{}", changed.len(), changed.join("\n"));
}

/// Datagrams of public formats that nothing here understands, each with somebody's name, number or address in its first bytes.
fn strangers() -> Vec<(&'static str, u16, Vec<u8>)> {
    let inner = ip("10.20.30.41", "45.60.71.99", 17, &[0, 7, 0, 7, 0, 9, 0, 0, 1]);
    let netbios = [
        &[0x12, 0x34, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0x20][..],
        b"EBEMEJEDEFCNFAEDCACACACACACACAAA\0\0\x20\0\x01",
    ];
    let llmnr = [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8][..], b"alice-pc\0\0\x01\0\x01"];
    let account = 3_141_592_653u32.to_be_bytes();
    let utf16: Vec<u8> = "ALICE-PHONE".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        // RFC 8926, 3.4: a tunnel, whether it is entered or not.
        ("Geneve", 6081, [&[0, 0, 0x08, 0, 0, 0, 7, 0][..], &inner].concat()),
        // RFC 5905, 7.3: the reference is the server's own server.
        (
            "NTP",
            123,
            [&[0x24, 2, 6, 0xe9, 0, 0, 1, 2, 0, 0, 3, 4][..], &octets("45.60.71.98"), &[9; 32]].concat(),
        ),
        // RFC 1928, 7.
        ("SOCKS", 1080, [&[0, 0, 0, 1][..], &octets("45.60.71.97"), &[0, 53, 7, 7]].concat()),
        ("account number", 8000, [&[2, 0x37, 0x05, 0, 0x17, 1, 2][..], &account, &[9; 20], &[3]].concat()),
        ("NetBIOS", 137, netbios.concat()),
        ("LLMNR", 5355, llmnr.concat()),
        // RFC 8949: maps of two pairs begin with the two bits of RTP.
        ("CBOR", 9999, b"\xa2\x64name\x6bALICE-PHONE\x62id\x1a\xbb\x40\xe6\x4d".to_vec()),
        (
            "MessagePack",
            9998,
            [&b"\x82\xa4name\xabALICE-PHONE\xa2ip\xc4\x04"[..], &octets("10.20.30.41")].concat(),
        ),
        ("UTF-16", 9997, [&[0x80, 0x60, 0, 1][..], &utf16].concat()),
        // RFC 7252, 3, and RFC 3164: texts behind a few bytes.
        ("CoAP", 5683, b"\x40\x01\x12\x34\xb5alice\x05house".to_vec()),
        ("syslog", 514, b"<34>Oct 11 22:14:15 alices-phone su: failed".to_vec()),
    ]
}

#[test]
fn formats_that_nobody_understands_keep_their_length_and_nothing_else() {
    for (what, port, payload) in strangers() {
        let client = (CLIENT, 40_000);
        for options in [&[][..], &["--names"], &["--names", "--keep-payload", "0"]] {
            let packets = [
                udp(client, (SERVER, port), &payload),
                udp((SERVER, port), client, &payload),
                udp(client, (SERVER, port), &payload),
            ];
            let copy = anonymize_with(&packets, options);
            copy.same_flows();
            // By the outermost datagram: a tunnel may be entered.
            for frame in frames_of(&copy.copy) {
                assert_eq!(frame.len(), 14 + 28 + payload.len(), "{what}");
                let kept = kept_texts(&payload, &frame[42..]);
                assert!(kept.is_empty(), "{what}: {kept:?}");
                for address in ["10.20.30.41", "45.60.71.99", "45.60.71.98", "45.60.71.97"] {
                    assert!(!holds(&frame, &octets(address)), "{what}: {address}");
                }
                assert!(!holds(&frame, &3_141_592_653u32.to_be_bytes()), "{what}: account");
                if what != "Geneve" {
                    assert!(frame[42..].iter().all(|byte| *byte == 0), "{what}: {:02x?}", &frame[42..]);
                }
            }
        }
    }
    // The same over TCP, in the middle of a connection.
    for (what, port, payload) in strangers() {
        let packets = [tcp((CLIENT, 40_000), (SERVER, port), 5, 0x18, &payload)];
        let copy = anonymize_with(&packets, &["--names"]);
        copy.same_flows();
        let payload = payloads(&copy.copy).remove(0);
        assert!(payload.iter().all(|byte| *byte == 0), "{what}: {payload:02x?}");
    }
}
