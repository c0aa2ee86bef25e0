//! Packets between any two ends, written by hand, and looking into the ones that come out.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wiremark::{LinkType, Packet};
use wiremark_capture::Capture;

use crate::traces::wiremark;

/// What all tests draw pseudonyms with, so that they are the same every time.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff";

/// One end: an address of either version, and a port.
pub(crate) type End = (&'static str, u16);

/// Ethernet around an IP packet.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&[0x00, 0x1b, 0x63, 0x0a, 0x0b, 0x0c, 0x00, 0x25, 0x9c, 0x0d, 0x0e, 0x0f][..], &ether_type, packet]
        .concat()
}

/// An IP packet without options. Its checksum is right.
pub(crate) fn ip(src: &str, dst: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (src.parse().unwrap(), dst.parse().unwrap()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let length = (20 + payload.len()) as u16;
            let mut header =
                [&[0x45, 0][..], &length.to_be_bytes(), &[0, 7, 0, 0, 64, protocol, 0, 0]].concat();
            header.extend(src.octets());
            header.extend(dst.octets());
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            [&header, payload].concat()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let length = (payload.len() as u16).to_be_bytes();
            let fixed = [0x60, 0, 0, 0, length[0], length[1], protocol, 64];
            [&fixed[..], &src.octets(), &dst.octets(), payload].concat()
        }
        _ => panic!("two versions of IP"),
    }
}

pub(crate) fn udp(src: End, dst: End, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    ip(src.0, dst.0, 17, &[&ports[..], &length.to_be_bytes(), &[0xbe, 0xef], payload].concat())
}

/// `options` are TCP options, a multiple of four bytes.
pub(crate) fn tcp_with(
    src: End,
    dst: End,
    sequence: u32,
    flags: u8,
    options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    let offset = ((20 + options.len()) / 4) as u8;
    let rest = [0, 0, 0, 0, offset << 4, flags, 0xff, 0xff, 0xbe, 0xef, 0, 0];
    ip(src.0, dst.0, 6, &[&ports[..], &sequence.to_be_bytes(), &rest, options, payload].concat())
}

pub(crate) fn tcp(src: End, dst: End, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp_with(src, dst, sequence, flags, &[], payload)
}

/// A connection: SYNs, then payloads cut into segments of `cut` bytes; true is from the client.
pub(crate) fn connection(client: End, server: End, cut: usize, turns: &[(bool, &[u8])]) -> Vec<Vec<u8>> {
    let mut packets = vec![tcp(client, server, 999, 0x02, b""), tcp(server, client, 4999, 0x12, b"")];
    let mut next = [1000, 5000];
    for (up, payload) in turns {
        for piece in payload.chunks(cut) {
            let (src, dst, at) = if *up { (client, server, 0) } else { (server, client, 1) };
            packets.push(tcp(src, dst, next[at], 0x18, piece));
            next[at] += piece.len() as u32;
        }
    }
    packets
}

/// The checksum of RFC 1071; 0 over bytes that hold a right one.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |low| u32::from(*low))).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Whether the checksums of an IP packet and of the TCP or UDP in it are right.
pub(crate) fn checksums_are_right(packet: &[u8]) -> bool {
    let (header, addresses, protocol) = match packet[0] >> 4 {
        4 => (20, 12..20, packet[9]),
        _ => (40, 8..40, packet[6]),
    };
    let segment = &packet[header..];
    let pseudo = [&packet[addresses], &[0, protocol], &(segment.len() as u16).to_be_bytes()].concat();
    (header == 40 || checksum(&packet[..20]) == 0) && checksum(&[&pseudo, segment].concat()) == 0
}

/// A DNS message: a response with these answers (name, type, content), or a query where there are none.
pub(crate) fn dns(name: &str, answers: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
    let encoded = |name: &str| {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        labels.chain([0]).collect::<Vec<u8>>()
    };
    let flags = if answers.is_empty() { [1, 0] } else { [0x81, 0x80] };
    let counts = [0, 1, 0, answers.len() as u8, 0, 0, 0, 0];
    let mut message = [&[7, 7][..], &flags, &counts, &encoded(name), &[0, 1, 0, 1]].concat();
    for (name, kind, content) in answers {
        message.extend(encoded(name));
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 1, 0]);
        message.extend((content.len() as u16).to_be_bytes());
        message.extend(content);
    }
    message
}

/// A TLS record with a client hello: random numbers and a session id of 0x5e, and these extensions.
pub(crate) fn client_hello(name: &str, extensions: &[u8]) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let server_name = [&[0, 0][..], &long(&long(&[&[0], &long(name.as_bytes())[..]].concat()))].concat();
    let body = [&[3, 3][..], &[0x5e; 32], &[32], &[0x5e; 32], &[0, 2, 0x13, 0x01, 1, 0]].concat();
    let body = [body, long(&[&server_name, extensions].concat())].concat();
    let message = [&[1, 0][..], &long(&body)].concat();
    [&[22, 3, 1][..], &long(&message)].concat()
}

/// Every frame's bytes.
pub(crate) fn frames_of(path: &Path) -> Vec<Vec<u8>> {
    let mut capture = Capture::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame().unwrap() {
        frames.push(frame.bytes.to_vec());
    }
    frames
}

/// Every packet's payload, of an Ethernet capture.
pub(crate) fn payloads(path: &Path) -> Vec<Vec<u8>> {
    let payload = |frame: Vec<u8>| Packet::parse(LinkType::Ethernet, 0, &frame).unwrap().payload.to_vec();
    frames_of(path).into_iter().map(payload).collect()
}

/// Source and destination of every packet, of an Ethernet capture.
pub(crate) fn ends(path: &Path) -> Vec<(IpAddr, IpAddr)> {
    let ends = |frame: Vec<u8>| {
        let tuple = Packet::parse(LinkType::Ethernet, 0, &frame).unwrap().five_tuple;
        (tuple.src.ip(), tuple.dst.ip())
    };
    frames_of(path).into_iter().map(ends).collect()
}

/// What `classify` says of every flow but for its addresses, its names, the file and the frame, in the order of time.
pub(crate) fn flows(path: &Path, options: &[&str]) -> Vec<Value> {
    let output = wiremark(&[&["classify", "--format", "json", path.to_str().unwrap()], options].concat());
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let mut flows: Vec<Value> = text
        .lines()
        .map(|line| {
            let mut flow: Value = serde_json::from_str(line).unwrap();
            // What a copy has not got, a subscriber's tunnel among it.
            for other in ["src_ip", "dest_ip", "community_id", "tunnel_id", "file", "names", "frame"] {
                flow.as_object_mut().unwrap().remove(other);
            }
            flow
        })
        .collect();
    let order =
        |flow: &Value| [&flow["timestamp"], &flow["src_port"], &flow["dest_port"]].map(Value::to_string);
    flows.sort_by_key(order);
    flows
}

/// Whether the bytes hold these anywhere.
pub(crate) fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The folder with captures of others, where it is there.
pub(crate) fn given_captures() -> Option<PathBuf> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.map(|folder| folder.join("shared/traces/messenger")).find(|folder| folder.is_dir())
}
