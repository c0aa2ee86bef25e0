//! Every container and every packing gives the same frames.
#![cfg(feature = "packings")]

use std::io::{Cursor, Write};

use wiremark_capture::{Capture, CaptureError, Problem};

const SECONDS: u32 = 1_700_000_000;

fn frames() -> Vec<Vec<u8>> {
    (0..150u8).map(|n| (0..60 + n).map(|at| at.wrapping_mul(31) ^ n).collect()).collect()
}

/// A pcap file; `extra` bytes end each record's header.
fn pcap(magic: u32, big_endian: bool, extra: usize) -> Vec<u8> {
    let four = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = [magic, 0x0004_0002, 0, 0, 65_535, 1].map(four).concat();
    for (n, frame) in (0..).zip(frames()) {
        let length = frame.len() as u32;
        file.extend([SECONDS + n, 7, length, length].map(four).concat());
        file.extend(&[1, 0, 0, 0, 8, 0, 0, 0][..extra]);
        file.extend(frame);
    }
    file
}

fn snoop() -> Vec<u8> {
    let mut file = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
    for (n, frame) in (0..).zip(frames()) {
        let length = frame.len() as u32;
        let padded = length.next_multiple_of(4);
        file.extend([length, length, 24 + padded, 0, SECONDS + n, 7].map(u32::to_be_bytes).concat());
        file.extend(&frame);
        file.resize(file.len() + (padded - length) as usize, 0);
    }
    file
}

type Read = Vec<(u64, u32, Vec<u8>)>;

fn read(file: Vec<u8>) -> Result<Read, (Read, CaptureError)> {
    let mut read = Vec::new();
    let mut capture = match Capture::from_reader("test", Cursor::new(file)) {
        Ok(capture) => capture,
        Err(error) => return Err((read, error)),
    };
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => read.push((frame.time_us, frame.link_type, frame.bytes.to_vec())),
            Ok(None) => return Ok(read),
            Err(error) => return Err((read, error)),
        }
    }
}

fn expected() -> Read {
    (0..).zip(frames()).map(|(n, frame)| (u64::from(SECONDS + n) * 1_000_000 + 7, 1, frame)).collect()
}

#[test]
fn every_container() {
    for (what, file) in [
        ("pcap", pcap(0xa1b2_c3d4, false, 0)),
        ("pcap, big-endian", pcap(0xa1b2_c3d4, true, 0)),
        ("modified", pcap(0xa1b2_cd34, false, 8)),
        ("modified, big-endian", pcap(0xa1b2_cd34, true, 8)),
        ("24 bytes under the plain magic", pcap(0xa1b2_c3d4, false, 8)),
        ("24 bytes under the plain magic, big-endian", pcap(0xa1b2_c3d4, true, 8)),
        ("20 bytes under the plain magic", pcap(0xa1b2_c3d4, false, 4)),
        ("snoop", snoop()),
    ] {
        assert!(read(file).is_ok_and(|frames| frames == expected()), "{what}");
    }
}

#[test]
fn records_of_endace_are_frames_of_their_link_type() {
    let mut file = Vec::new();
    for (n, frame) in (0..).zip(frames()) {
        file.extend((u64::from(SECONDS + n) << 32).to_le_bytes());
        file.extend([2, 4]);
        file.extend(((18 + frame.len()) as u16).to_be_bytes());
        file.extend([0, 0]);
        file.extend((frame.len() as u16).to_be_bytes());
        file.extend([0, 0]);
        file.extend(frame);
    }
    let read = read(file).expect("a capture");
    assert_eq!(read.len(), frames().len());
    for ((n, frame), (time_us, link_type, bytes)) in (0..).zip(frames()).zip(read) {
        assert_eq!((time_us, link_type), (u64::from(SECONDS + n) * 1_000_000, 197));
        assert_eq!(bytes[18..], frame);
    }
}

fn packed(file: &[u8]) -> [(&'static str, Vec<u8>); 5] {
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(file).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = ruzstd::encoding::compress_to_vec(file, ruzstd::encoding::CompressionLevel::Fastest);
    let xz = {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(file).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = {
        let mut info = lz4_flex::frame::FrameInfo::new();
        info.block_size = lz4_flex::frame::BlockSize::Max64KB;
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(file).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(file).unwrap();
        encoder.finish().unwrap()
    };
    [("gzip", gzip), ("zstd", zstd), ("xz", xz), ("lz4", lz4), ("bzip2", bzip2)]
}

#[test]
fn every_packing_whole_in_two_parts_and_cut() {
    let file = pcap(0xa1b2_c3d4, false, 0);
    let (one, other) = file.split_at(file.len() / 2);
    for ((what, whole), ((_, one), (_, other))) in
        packed(&file).into_iter().zip(packed(one).into_iter().zip(packed(other)))
    {
        assert!(read(whole.clone()).is_ok_and(|frames| frames == expected()), "{what}");
        assert!(read([one, other].concat()).is_ok_and(|frames| frames == expected()), "{what} in two parts");
        let (frames, error) = read(whole[..whole.len() / 2].to_vec()).expect_err(what);
        assert!(frames == expected()[..frames.len()], "{what}: what can be unpacked");
        assert!(matches!(error.problem, Problem::Unreadable(_) | Problem::Empty), "{what}: {error}");
    }
}

/// Enough to fill more than one block of every packing, so that a cut leaves some.
/// What a tracker is made for: never less than there are.
#[test]
fn a_plain_file_tells_by_its_size_how_many_frames_it_can_hold() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let of = |name: &str, file: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, file).unwrap();
        Capture::frames_at_most(&path)
    };
    let plain = pcap(0xa1b2_c3d4, false, 0);
    assert!(of("plain", &plain).is_some_and(|frames| (150..1000).contains(&frames)));
    assert!(of("snoop", &snoop()).is_some_and(|frames| (150..1000).contains(&frames)));
    for (name, file) in packed(&plain) {
        assert_eq!(of(name, &file), None, "{name} says nothing of what is in it");
    }
    assert_eq!(Capture::frames_at_most(&folder.join("nothing there")), None);
}

#[test]
fn a_cut_file_gives_all_that_can_be_unpacked() {
    let mut file = pcap(0xa1b2_c3d4, false, 0);
    let mut state = 1_u64;
    for _ in 0..3000 {
        file.extend([SECONDS, 7, 1000, 1000].map(u32::to_le_bytes).concat());
        file.extend((0..1000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        }));
    }
    for (what, whole) in packed(&file) {
        let (frames, _) = read(whole[..whole.len() / 4 * 3].to_vec()).expect_err(what);
        assert!(frames.len() > 1000, "{what}: {} frames", frames.len());
    }
}
