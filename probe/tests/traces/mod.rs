//! Captures, signature files and command runs for the tests, written by hand.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// 2023-02-17T10:00:00Z.
pub(crate) const START_SECONDS: u32 = 1_676_628_000;

/// A folder of its own for each call.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Ethernet, IPv4 without options, and the given transport segment.
fn ethernet(protocol: u8, up: bool, host: u8, segment: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let length = (20 + segment.len()) as u16;
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    let (near, far) = ([10, 0, 0, 1], [198, 51, 100, host]);
    let (src, dst) = if up { (near, far) } else { (far, near) };
    frame.extend(src);
    frame.extend(dst);
    frame.extend(segment);
    frame
}

fn ports(near: u16, far: u16, up: bool) -> Vec<u8> {
    let (src, dst) = if up { (near, far) } else { (far, near) };
    [src.to_be_bytes(), dst.to_be_bytes()].concat()
}

/// TCP between 10.0.0.1:40000 and 198.51.100.1:443.
pub(crate) fn tcp(up: bool, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(40000, 443, up);
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ethernet(6, up, 1, &segment)
}

/// UDP from 10.0.0.1:`port` to 198.51.100.2:9999.
pub(crate) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(port, 9999, true);
    segment.extend((8 + payload.len() as u16).to_be_bytes());
    segment.extend([0, 0]);
    segment.extend(payload);
    ethernet(17, true, 2, &segment)
}

/// A TCP flow that the signature of [`SIGNATURES`] knows, a UDP flow it does not, and an ARP frame.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let arp = [[0xff; 6].as_slice(), &[2, 0, 0, 0, 0, 1, 8, 6], &[0; 28]].concat();
    vec![
        tcp(true, 99, 0x02, b""),
        tcp(false, 499, 0x12, b""),
        tcp(true, 100, 0x18, b"\xde\xad\xbe\xef secret"),
        udp(40001, &[0xfd; 30]),
        arp,
        tcp(false, 500, 0x18, b"whatever"),
    ]
}

/// What the frames above are classified with.
pub(crate) const SIGNATURES: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat", "files"]

[[signature]]
id = 901
name = "hello"
role = "files"
why = "opens with a number that nobody else uses"
source = "made up for a test"
transport = "tcp"
prefix = "de ad be ef"
hit = ["de ad be ef 20"]
miss = ["de ad be ee 20"]
"#;

/// pcap, little-endian, microseconds; a frame a second.
pub(crate) fn pcap(link_type: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    pcap_with(0xa1b2_c3d4, u32::to_le_bytes, link_type, 123_456, frames)
}

/// pcap of any kind; `u32::to_be_bytes` makes it big-endian.
pub(crate) fn pcap_with(
    magic: u32,
    number: fn(u32) -> [u8; 4],
    link_type: u32,
    fraction: u32,
    frames: &[Vec<u8>],
) -> Vec<u8> {
    let mut file = Vec::new();
    let version = if number(1) == 1u32.to_le_bytes() { 0x0004_0002 } else { 0x0002_0004 };
    for field in [magic, version, 0, 0, 65535, link_type] {
        file.extend(number(field));
    }
    for (second, frame) in (0..).zip(frames) {
        let length = frame.len() as u32;
        for field in [START_SECONDS + second, fraction, length, length] {
            file.extend(number(field));
        }
        file.extend(frame);
    }
    file
}

/// A pcapng block; `number` gives the byte order, as above.
pub(crate) fn block(number: fn(u32) -> [u8; 4], kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = (12 + body.len() + padding) as u32;
    let mut block = [number(kind), number(length)].concat();
    block.extend(body);
    block.resize(block.len() + padding, 0);
    block.extend(number(length));
    block
}

pub(crate) fn section(number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let version = if number(1) == 1u32.to_le_bytes() { 1 } else { 0x0001_0000 };
    let body = [number(0x1a2b_3c4d), number(version), [0xff; 4], [0xff; 4]].concat();
    block(number, 0x0a0d_0d0a, &body)
}

/// Interface description; options as they stand in the file.
pub(crate) fn interface(number: fn(u32) -> [u8; 4], link_type: u16, options: &[u8]) -> Vec<u8> {
    let little = number(1) == 1u32.to_le_bytes();
    let link = if little { u32::from(link_type) } else { u32::from(link_type) << 16 };
    block(number, 1, &[&number(link), &number(0), options].concat())
}

pub(crate) fn enhanced_packet(
    number: fn(u32) -> [u8; 4],
    interface: u32,
    ticks: u64,
    frame: &[u8],
) -> Vec<u8> {
    let length = frame.len() as u32;
    let fields = [interface, (ticks >> 32) as u32, ticks as u32, length, length];
    let mut body: Vec<u8> = fields.into_iter().flat_map(number).collect();
    body.extend(frame);
    block(number, 6, &body)
}

/// The same times and frames as [`pcap`] has.
pub(crate) fn pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    let little = u32::to_le_bytes;
    let mut file = [section(little), interface(little, 1, &[])].concat();
    for (second, frame) in (0..).zip(frames) {
        let ticks = u64::from(START_SECONDS + second) * 1_000_000 + 123_456;
        file.extend(enhanced_packet(little, 0, ticks, frame));
    }
    file
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Runs the command, giving it `input` on standard input.
pub(crate) fn wiremark_with(input: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wiremark"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub(crate) fn wiremark(arguments: &[&str]) -> Output {
    wiremark_with(b"", arguments)
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
