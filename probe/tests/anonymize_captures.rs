//! Anonymized copies of captures that others made: the same verdicts, none of the addresses and account numbers.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::packets::*;
use crate::traces::*;
use wiremark::{LinkType, Packet};
use wiremark_capture::Capture;
use wiremark_probe::anonymize::is_personal;

/// The captures; says so where there are none.
fn captures() -> Vec<PathBuf> {
    let Some(folder) = given_captures() else {
        wiremark_tests::skipped("no captures in ../shared/traces/messenger");
        return Vec::new();
    };
    let mut captures: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    captures.sort();
    captures
}

fn anonymized(capture: &Path) -> PathBuf {
    let copy = folder().join(capture.file_name().unwrap());
    let (capture, to) = (capture.to_str().unwrap(), copy.to_str().unwrap());
    let output = wiremark(&["anonymize", capture, to, "--key", KEY]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("classified"), "{}", stderr(&output));
    copy
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Every address of an IP header, also of frames without TCP or UDP where the header comes first.
fn addresses(capture: &Path) -> HashSet<IpAddr> {
    let mut addresses = HashSet::new();
    let mut capture = Capture::open(capture).unwrap();
    while let Some(frame) = capture.next_frame().unwrap() {
        let link_type = LinkType::from_number(frame.link_type).unwrap();
        if let Ok(packet) = Packet::parse(link_type, 0, frame.bytes) {
            addresses.extend([packet.five_tuple.src.ip(), packet.five_tuple.dst.ip()]);
        }
        let header = if link_type == LinkType::LinuxSll { 16 } else { 14 };
        let ip = frame.bytes.get(header..).unwrap_or_default();
        match frame.bytes.get(header - 2..header) {
            Some([0x08, 0x00]) if ip.len() >= 20 => {
                let ip =
                    |at: usize| IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap()));
                addresses.extend([ip(12), ip(16)]);
            }
            Some([0x86, 0xdd]) if ip.len() >= 40 => {
                let ip =
                    |at: usize| IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap()));
                addresses.extend([ip(8), ip(24)]);
            }
            _ => {}
        }
    }
    addresses
}

/// The TCP payloads of a capture, by packet.
fn tcp_payloads(capture: &Path) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut capture = Capture::open(capture).unwrap();
    while let Some(frame) = capture.next_frame().unwrap() {
        let link_type = LinkType::from_number(frame.link_type).unwrap();
        if let Ok(packet) = Packet::parse(link_type, 0, frame.bytes) {
            payloads.push(packet.payload.to_vec());
        }
    }
    payloads
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn digits(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).copied().collect()
}

#[test]
fn copies_are_classified_as_the_captures_are() {
    for capture in captures() {
        let copy = anonymized(&capture);
        let (before, after) = (flows(&capture, &[]), flows(&copy, &[]));
        assert_eq!(before.len(), after.len(), "{}", name(&capture));
        for (before, after) in before.iter().zip(&after) {
            if before["app"].is_null() {
                // When it was clear that nothing would be found is nobody's concern.
                let of = |flow: &serde_json::Value| {
                    [&flow["app"], &flow["packets_toserver"]].map(ToString::to_string)
                };
                assert_eq!(of(before), of(after), "{}", name(&capture));
            } else {
                assert_eq!(before, after, "{}", name(&capture));
            }
        }
    }
}

#[test]
fn copies_hold_none_of_the_addresses() {
    for capture in captures() {
        let copy = fs::read(anonymized(&capture)).unwrap();
        let addresses = addresses(&capture);
        assert!(!addresses.is_empty());
        for address in addresses.into_iter().filter(|address| is_personal(*address)) {
            let raw = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            assert!(!holds(&copy, &raw), "{address} as bytes in the copy of {}", name(&capture));
            let text = address.to_string();
            assert!(!holds(&copy, text.as_bytes()), "{address} as text in the copy of {}", name(&capture));
        }
    }
}

/// Account numbers in clear, by capture; the numbers themselves are never printed.
fn account_numbers(capture: &Path) -> Vec<Vec<u8>> {
    let mut numbers = Vec::new();
    for payload in tcp_payloads(capture) {
        // `uin=` of look-ups over HTTP.
        if find(&payload, b"newgetdns").is_some()
            && let Some(at) = find(&payload, b"uin=")
        {
            let text = digits(&payload[at + 4..]);
            let number: u32 = std::str::from_utf8(&text).unwrap().parse().unwrap();
            numbers.extend([text, number.to_be_bytes().to_vec()]);
        }
        // Bytes 6 to 9 of the business header that begins a body.
        let is_business = payload.starts_with(b"POST ") && find(&payload, b"micromsg-bin/").is_some();
        let body = find(&payload, b"\r\n\r\n").and_then(|end| payload.get(end + 4..)).unwrap_or_default();
        if is_business && let Some(raw) = body.get(6..10) {
            let number = u32::from_be_bytes(raw.try_into().unwrap());
            numbers.extend([raw.to_vec(), number.to_string().into_bytes()]);
        }
        // The account in the frame that opens a chat of 2015: digits behind their count.
        if payload.starts_with(b"WA\x01")
            && let Some(at) = find(&payload, b"\xf8\x06\x0c").or(find(&payload, b"\xf8\x08\x0c"))
        {
            let frame = &payload[at..];
            let text = frame.windows(2).position(|window| window[0] == 0xfc && window[1] >= 7);
            let text = digits(&frame[text.unwrap() + 2..]);
            let packed = text.chunks(2).map(|two| (two[0] & 15) << 4 | two.get(1).map_or(15, |low| low & 15));
            numbers.extend([packed.collect(), text]);
        }
    }
    numbers.retain(|number| number.iter().any(|byte| *byte != 0 && *byte != b'0'));
    numbers
}

#[test]
fn copies_hold_none_of_the_account_numbers() {
    let captures = captures();
    let mut with_numbers = Vec::new();
    for capture in &captures {
        let numbers = account_numbers(capture);
        if numbers.is_empty() {
            continue;
        }
        with_numbers.push(name(capture));
        let copy = fs::read(anonymized(capture)).unwrap();
        assert!(numbers.iter().all(|number| number.len() >= 4));
        let found = numbers.iter().filter(|number| holds(&copy, number)).count();
        assert_eq!(found, 0, "account numbers in the copy of {}", name(capture));
    }
    if !captures.is_empty() {
        let expected = ["quickplay.pcap", "wechat_mmtls_2023.pcap", "whatsapp_login_chat.pcap"];
        assert!(expected.iter().all(|name| with_numbers.contains(name)), "{with_numbers:?}");
    }
}
