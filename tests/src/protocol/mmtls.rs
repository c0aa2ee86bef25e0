//! mmtls, WeChat's own TLS (facts/wechat.md 5): hellos of the exact sizes, records, the long link.

use std::net::SocketAddr;

use super::{hex, len16, len32};
use crate::conversation::Tcp;
use crate::random::Random;

/// Record type of a handshake.
pub const HANDSHAKE: u8 = 0x16;
/// Record type of encrypted bytes.
pub const APPLICATION: u8 = 0x17;
/// Record type of an alert.
pub const ALERT: u8 = 0x15;
/// Record type of a hello that 0-RTT bytes follow.
pub const EARLY: u8 = 0x19;

/// A record of minor version 3 (2016 to 2021) or 4 (2023).
pub fn record(kind: u8, minor: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0xf1, minor], &len16(payload)[..]].concat()
}

/// A record of `bytes` encrypted bytes.
pub fn encrypted(kind: u8, minor: u8, random: &mut Random, bytes: usize) -> Vec<u8> {
    record(kind, minor, &random.bytes(bytes))
}

/// Seconds since 1970 in every hello built here.
const HELLO_TIME: u32 = 1_704_067_200;

fn hello(minor: u8, suites: &str, extensions: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let list: Vec<u8> =
        [vec![extensions.len() as u8], extensions.iter().flat_map(|e| len32(e)).collect()].concat();
    let suites = hex(suites);
    let body = [
        &[1, minor, 0xf1, suites.len() as u8 / 2][..],
        &suites,
        &random.bytes(32),
        &HELLO_TIME.to_be_bytes(),
        &len32(&list),
    ];
    len32(&body.concat())
}

/// The ticket extension: type (1 access, 2 refresh), lifetime in seconds, nonce, ticket.
fn ticket(kind: u8, lifetime: u32, bytes: usize, random: &mut Random) -> Vec<u8> {
    let block = [
        &[kind][..],
        &lifetime.to_be_bytes(),
        &hex("0000"),
        &(bytes as u32).to_be_bytes(),
        &len16(&random.bytes(12)),
        &len16(&random.bytes(bytes)),
    ];
    [&hex("000f 01")[..], &len32(&block.concat())].concat()
}

/// The key share extension: two P-256 points and what follows them.
fn key_share(minor: u8, random: &mut Random) -> Vec<u8> {
    let (numbers, tail) = if minor == 3 {
        ([1u32, 2], hex("00000001"))
    } else {
        ([5, 6], hex("00000000 02 00000003 00000004"))
    };
    let mut out = hex("0010 02");
    for number in numbers {
        let point = [&[4][..], &random.bytes(64)].concat();
        out.extend(len32(&[&number.to_be_bytes(), &len16(&point)[..]].concat()));
    }
    [out, tail].concat()
}

/// A resumption hello, 166 bytes; `kind` is [`HANDSHAKE`] or [`EARLY`].
pub fn psk_hello(kind: u8, minor: u8, random: &mut Random) -> Vec<u8> {
    let access = ticket(1, 604_800, 0x48, random);
    record(kind, minor, &hello(minor, "00a8", &[access], random))
}

/// A full hello with refresh ticket and keys: 371 bytes, 362 in the older version.
pub fn full_hello(minor: u8, random: &mut Random) -> Vec<u8> {
    let extensions = [ticket(2, 2_592_000, 0x69, random), key_share(minor, random)];
    record(HANDSHAKE, minor, &hello(minor, "c02b 00a8", &extensions, random))
}

/// The server's side of a resumption: hello (51 bytes) and finished (60 bytes), 111 in all.
pub fn psk_answer(minor: u8, random: &mut Random) -> Vec<u8> {
    let body = [&[2, minor, 0xf1, 0x00, 0xa8][..], &random.bytes(32), &hex("00000001 00")].concat();
    [record(HANDSHAKE, minor, &len32(&body)), encrypted(HANDSHAKE, minor, random, 55)].concat()
}

/// The server's side of a full handshake.
pub fn full_answer(minor: u8, random: &mut Random) -> Vec<u8> {
    let point = [&[4][..], &random.bytes(64)].concat();
    let share = [&hex("0011 00000005")[..], &len16(&point)].concat();
    let list = [&[2][..], &len32(&share), &len32(&hex("0013 00000001 00000003"))].concat();
    let body = [&[2, minor, 0xf1, 0xc0, 0x2b][..], &random.bytes(32), &len32(&list)].concat();
    let rest = [95, 293, 55].map(|n| encrypted(HANDSHAKE, minor, random, n)).concat();
    [record(HANDSHAKE, minor, &len32(&body)), rest].concat()
}

/// The clear alert of 12 bytes that refuses a ticket.
pub fn refusal(minor: u8) -> Vec<u8> {
    record(ALERT, minor, &hex("00000003 00 73 02"))
}

/// A 0-RTT request: hello, its encrypted extension, `bytes` encrypted bytes, end of early bytes.
pub fn early_request(minor: u8, random: &mut Random, bytes: usize) -> Vec<u8> {
    [
        psk_hello(EARLY, minor, random),
        encrypted(EARLY, minor, random, 36),
        encrypted(APPLICATION, minor, random, bytes),
        encrypted(ALERT, minor, random, 23),
    ]
    .concat()
}

/// The answer to a 0-RTT request.
pub fn early_answer(minor: u8, random: &mut Random, bytes: usize) -> Vec<u8> {
    [
        psk_answer(minor, random),
        encrypted(APPLICATION, minor, random, bytes),
        encrypted(ALERT, minor, random, 23),
    ]
    .concat()
}

/// A long link under mmtls: resumption, identify, tasks, noops.
pub fn longlink(client: SocketAddr, server: SocketAddr, minor: u8, seed: u64) -> Tcp {
    let mut random = Random::new(seed);
    let r = &mut random;
    let mut flow =
        Tcp::new(client, server, seed).client(psk_hello(HANDSHAKE, minor, r)).server(psk_answer(minor, r));
    let identify = [encrypted(HANDSHAKE, minor, r, 55), encrypted(APPLICATION, minor, r, 546)].concat();
    flow = flow.client(identify).server(encrypted(APPLICATION, minor, r, 150));
    for (up, down) in [(360, 369), (420, 2600), (240, 180)] {
        flow = flow.wait(800_000).client(encrypted(APPLICATION, minor, r, up));
        flow = flow.server(encrypted(APPLICATION, minor, r, down));
    }
    // A noop: 16 bytes and the tag, 37 bytes on the wire.
    flow.wait(60_000_000).client(encrypted(APPLICATION, minor, r, 32)).server(encrypted(
        APPLICATION,
        minor,
        r,
        32,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hellos_have_the_sizes_and_first_bytes_seen() {
        let mut r = Random::new(1);
        let psk = psk_hello(HANDSHAKE, 4, &mut r);
        assert_eq!((psk.len(), &psk[..15]), (166, &hex("16f1 0400 a100 0000 9d01 04f1 0100 a8")[..]));
        let answer = psk_answer(4, &mut r);
        assert_eq!((answer.len(), &answer[..14]), (111, &hex("16f1 0400 2e00 0000 2a02 04f1 00a8")[..]));
        let full = full_hello(4, &mut r);
        assert_eq!((full.len(), &full[..17]), (371, &hex("16f1 0401 6e00 0001 6a01 04f1 02c0 2b00 a8")[..]));
        let older = full_hello(3, &mut r);
        assert_eq!((older.len(), &older[..16]), (362, &hex("16f1 0301 6500 0001 6101 03f1 02c0 2b00")[..]));
        let answer = full_answer(4, &mut r);
        assert_eq!(answer[..14], hex("16f1 0400 8900 0000 8502 04f1 c02b"));
        assert_eq!(answer.len(), (5 + 137) + (5 + 95) + (5 + 293) + (5 + 55));
        assert_eq!(refusal(4), hex("15f1 0400 0700 0000 0300 7302"));
    }

    #[test]
    fn a_short_request_is_240_bytes_and_its_payload() {
        assert_eq!(early_request(4, &mut Random::new(1), 143).len(), 383);
    }

    #[test]
    fn the_links_first_packets_are_166_111_611_155() {
        let at = |text: &str| text.parse().unwrap();
        let trace = longlink(at("10.0.0.1:4000"), at("198.51.100.1:8080"), 4, 1).trace();
        let sizes: Vec<usize> = trace.payloads().map(|(_, _, p)| p.len()).take(4).collect();
        assert_eq!(sizes, [166, 111, 611, 155]);
    }
}
