//! Reading captures: formats, times, interfaces, and what happens to broken ones.

use std::io::Cursor;

use crate::traces::*;
use wiremark_capture::{Capture, CaptureError, Problem};

/// Time, link type, interface and bytes of every frame, and the error at the end, if any.
type Content = (Vec<(u64, u32, u32, Vec<u8>)>, Option<CaptureError>);

fn read(file: Vec<u8>) -> Content {
    let mut frames = Vec::new();
    let mut capture = match Capture::from_reader("test", Cursor::new(file)) {
        Ok(capture) => capture,
        Err(error) => return (frames, Some(error)),
    };
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => {
                frames.push((frame.time_us, frame.link_type, frame.interface, frame.bytes.to_vec()));
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn read_whole(file: Vec<u8>) -> Vec<(u64, u32, u32, Vec<u8>)> {
    let (frames, error) = read(file);
    assert!(error.is_none(), "{}", error.unwrap());
    frames
}

const START_US: u64 = START_SECONDS as u64 * 1_000_000;

#[test]
fn pcap_in_both_byte_orders_and_resolutions() {
    let one = vec![vec![1, 2, 3]];
    let expected = vec![(START_US + 123_456, 113, 0, vec![1, 2, 3])];
    for number in [u32::to_le_bytes, u32::to_be_bytes] {
        assert_eq!(read_whole(pcap_with(0xa1b2_c3d4, number, 113, 123_456, &one)), expected);
        assert_eq!(read_whole(pcap_with(0xa1b2_3c4d, number, 113, 123_456_789, &one)), expected);
    }
}

#[test]
fn frame_check_sequence_length_is_no_part_of_the_link_type() {
    let file = pcap(0x2400_0001, &[vec![1]]);
    assert_eq!(read_whole(file)[0].1, 1);
}

#[test]
fn pcapng_times_follow_the_interface() {
    let little = u32::to_le_bytes;
    let big = u32::to_be_bytes;
    let nanoseconds = [9, 0, 1, 0, 9, 0, 0, 0];
    let powers_of_two = [9, 0, 1, 0, 0x80 | 20, 0, 0, 0];
    let offset_little = [14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0];
    let offset_big = [0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100];
    let file = [
        section(little),
        interface(little, 1, &[]),
        interface(little, 101, &nanoseconds),
        interface(little, 1, &powers_of_two),
        interface(little, 1, &offset_little),
        enhanced_packet(little, 0, 5_000_007, b"a"),
        enhanced_packet(little, 1, 5_000_007_999, b"b"),
        enhanced_packet(little, 2, (5 << 20) + (1 << 19), b"c"),
        enhanced_packet(little, 3, 5_000_007, b"d"),
        section(big),
        interface(big, 276, &offset_big),
        enhanced_packet(big, 0, 5_000_007, b"e"),
    ]
    .concat();
    let expected = vec![
        (5_000_007, 1, 0, b"a".to_vec()),
        (5_000_007, 101, 1, b"b".to_vec()),
        (5_500_000, 1, 2, b"c".to_vec()),
        (105_000_007, 1, 3, b"d".to_vec()),
        (105_000_007, 276, 4, b"e".to_vec()),
    ];
    assert_eq!(read_whole(file), expected);
}

#[test]
fn simple_and_obsolete_packet_blocks() {
    let little = u32::to_le_bytes;
    let simple = [&3u32.to_le_bytes()[..], b"abc"].concat();
    let fields = [0, 0, 7_000_000, 2, 2];
    let mut obsolete: Vec<u8> = fields.into_iter().flat_map(little).collect();
    obsolete.extend(b"xy");
    let file = [
        section(little),
        interface(little, 1, &[]),
        block(little, 2, &obsolete),
        block(little, 3, &simple),
        block(little, 5, b"statistics that make no sense"),
    ]
    .concat();
    // A simple packet has no time of its own.
    assert_eq!(read_whole(file), vec![(7_000_000, 1, 0, b"xy".to_vec()), (7_000_000, 1, 0, b"abc".to_vec())]);
}

#[test]
fn packed_captures_hold_the_same_frames() {
    let plain = pcap(1, &frames());
    let expected = read_whole(plain.clone());
    assert_eq!(read_whole(gzip(&plain)), expected);
    assert_eq!(read_whole(zstd(&plain)), expected);
    // Both formats may be made of several pieces; zstd also of pieces to skip.
    let (head, tail) = plain.split_at(100);
    let skippable = [&0x184d_2a50u32.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
    assert_eq!(read_whole([gzip(head), gzip(tail)].concat()), expected);
    assert_eq!(read_whole([zstd(head), skippable, zstd(tail)].concat()), expected);
}

#[test]
fn a_cut_at_any_place_is_noticed_and_the_frames_before_stay() {
    for whole in [pcap(1, &frames()), pcapng(&frames())] {
        let all = read_whole(whole.clone());
        let mut regular_ends = 0;
        for length in 1..whole.len() {
            let (frames, error) = read(whole[..length].to_vec());
            assert_eq!(frames, all[..frames.len()]);
            match error {
                None => regular_ends += 1,
                Some(CaptureError { problem: Problem::Truncated, frames: number, offset, .. }) => {
                    assert_eq!(number as usize, frames.len());
                    assert!(offset < length as u64);
                }
                // Shorter than any magic number.
                Some(CaptureError { problem: Problem::NotACapture(_), .. }) => assert!(length < 4),
                Some(other) => panic!("{length}: {other}"),
            }
        }
        // Between two records a file may end: after the header and after every frame but the last; a pcapng file also
        // after the description of its interface.
        assert!((frames().len()..=frames().len() + 1).contains(&regular_ends), "{regular_ends}");
    }
}

#[test]
fn a_cut_packed_capture_is_an_error() {
    let plain = pcap(1, &vec![(0..=255).collect(); 2000]);
    for packed in [gzip(&plain), zstd(&plain)] {
        let cut = packed[..packed.len() / 2].to_vec();
        let (_, error) = read(cut);
        assert!(error.unwrap().to_string().contains("ends too early"));
    }
}

/// A window of 2 MiB, and the bytes as they are, a thousand a block (RFC 8878, 3.1.1).
fn zstd_of_raw_blocks(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    let last = bytes.len().div_ceil(1000);
    for (number, block) in (1..).zip(bytes.chunks(1000)) {
        let header = (block.len() as u32) << 3 | u32::from(number == last);
        file.extend(&header.to_le_bytes()[..3]);
        file.extend(block);
    }
    file
}

/// A decoder keeps what later blocks may refer to: of a file that was cut, that comes out, too.
#[test]
fn a_cut_zstd_capture_gives_every_whole_block() {
    let plain = pcap(1, &vec![(0..=255).collect(); 30]);
    let (all, packed) = (read_whole(plain.clone()), zstd_of_raw_blocks(&plain));
    assert_eq!(read_whole(packed.clone()), all);
    for length in (6 + 1003..packed.len()).step_by(97) {
        let (frames, error) = read(packed[..length].to_vec());
        let unpacked = (length - 6) / 1003 * 1000;
        assert_eq!(frames, all[..(unpacked - 24) / 272], "{length}");
        assert!(error.unwrap().to_string().contains("ends too early"), "{length}");
    }
}

#[test]
fn a_length_field_claims_no_memory() {
    let mut file = pcap(1, &[]);
    for field in [0, 0, u32::MAX - 20, 60] {
        file.extend(u32::to_le_bytes(field));
    }
    let (_, error) = read(file);
    assert!(matches!(error.unwrap().problem, Problem::TooLong(_)));
}

#[test]
fn an_impossible_length_on_the_wire_is_not_believed() {
    for (claimed, expected) in [(u32::MAX, 3), (0, 3), (1500, 1500)] {
        let mut file = pcap(1, &[]);
        file.extend([0, 0, 3, claimed].into_iter().flat_map(u32::to_le_bytes));
        file.extend(b"abc");
        let mut capture = Capture::from_reader("test", Cursor::new(file)).unwrap();
        assert_eq!(capture.next_frame().unwrap().unwrap().original_length, expected);
    }
}

#[test]
fn impossible_pcapng_blocks_are_errors() {
    let little = u32::to_le_bytes;
    let unknown_interface = [section(little), enhanced_packet(little, 0, 0, b"a")].concat();
    let mut odd_length = section(little);
    odd_length.extend([6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0]);
    for file in [unknown_interface, odd_length] {
        let (_, error) = read(file);
        assert!(matches!(error.unwrap().problem, Problem::Malformed(_)));
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let plain = [pcap(1, &frames()), pcapng(&frames())];
    let files = [plain[0].clone(), plain[1].clone(), gzip(&plain[0]), zstd(&plain[1])];
    for round in 0..20_000 {
        let mut file = files[round % files.len()].clone();
        for _ in 0..=random(4) {
            let at = random(file.len());
            file[at] = random(256) as u8;
        }
        file.truncate(1 + random(file.len()));
        let _ = read(file);
    }
}

#[test]
fn bytes_read_reach_the_size_of_the_file() {
    let path = write(&folder(), "a.pcap.gz", &gzip(&pcap(1, &frames())));
    let mut capture = Capture::open(&path).unwrap();
    while capture.next_frame().unwrap().is_some() {}
    assert_eq!(Some(capture.bytes_read()), capture.file_bytes());
    assert_eq!(capture.bytes_read(), std::fs::metadata(&path).unwrap().len());
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_no_file_of_a_size() {
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/demo.pcap");
    let pipe = crate::traces::folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let (demo, pipe) = (demo.clone(), pipe.clone());
        move || std::fs::copy(demo, pipe)
    });
    let mut capture = Capture::open(&pipe).unwrap();
    assert_eq!(capture.file_bytes(), None, "what is read may come slowly");
    let mut frames = 0;
    while capture.next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert!(frames > 0);
    let _ = writer.join();
    assert_eq!(Capture::open(&demo).unwrap().file_bytes(), Some(demo.metadata().unwrap().len()));
}
