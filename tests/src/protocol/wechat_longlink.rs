//! WeChat's long link in clear (facts/wechat.md 3.2 and 4), and the business header that also opens a POST's body.

use std::net::SocketAddr;

use super::{hex, varint};
use crate::conversation::Tcp;
use crate::random::Random;

/// What a response's command id has more than its request's.
pub const RESPONSE: u32 = 1_000_000_000;
/// Command id of a heartbeat.
pub const NOOP: u32 = 6;
/// Command id of the first request on a link.
pub const IDENTIFY: u32 = 205;
/// The account number in everything built here: a number to look for where none may be printed.
pub const MADE_UP_UIN: u32 = 0x0bad_cafe;

/// A message: the 16-byte header, then the body.
pub fn message(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = 16 + body.len() as u32;
    [&length.to_be_bytes(), &hex("0010 0001")[..], &command.to_be_bytes(), &sequence.to_be_bytes(), body]
        .concat()
}

/// The header of a request to, or an answer from, one of the app's services.
#[derive(Clone, Copy, Debug)]
pub struct Business {
    /// Begins with 0xBF, as from about 2016 on.
    pub marked: bool,
    /// Client version word; 0 in responses.
    pub version: u32,
    /// Request type.
    pub function: u32,
}

impl Business {
    /// The header and `bytes` of ciphertext.
    pub fn with_body(&self, random: &mut Random, bytes: usize) -> Vec<u8> {
        let request = self.version != 0;
        let mut rest = vec![0x5f]; // AES, a cookie of 15 bytes
        rest.extend_from_slice(&self.version.to_be_bytes());
        rest.extend_from_slice(&MADE_UP_UIN.to_be_bytes());
        rest.extend(random.bytes(15));
        rest.extend(varint(u64::from(self.function)));
        rest.extend(varint(bytes as u64 + 200));
        rest.extend(varint(bytes as u64));
        if request {
            rest.extend(random.bytes(4));
        }
        let length = 1 + rest.len() as u8;
        let compression = if request { 1 } else { 2 };
        let marker: &[u8] = if self.marked { &[0xbf] } else { &[] };
        [marker, &[length << 2 | compression], &rest, &random.bytes(bytes)].concat()
    }
}

/// One exchange on a long link.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Command id of the request.
    pub command: u32,
    /// Request type in the business header; 0 for a body without one.
    pub function: u32,
    /// Body bytes up, behind the business header.
    pub up_bytes: usize,
    /// Body bytes down; 0 for a request that is not answered.
    pub down_bytes: usize,
}

/// A link that opens with the connection test of the 4.5 client or, in `marked` form, with identify.
pub fn flow(client: SocketAddr, server: SocketAddr, marked: bool, tasks: &[Task], seed: u64) -> Tcp {
    let mut random = Random::new(seed);
    let version = if marked { 0x2603_1c38 } else { 0x2405_00fd };
    let mut flow = Tcp::new(client, server, seed);
    flow = if marked {
        let identify = message(IDENTIFY, 0xffff_fffe, &random.bytes(80));
        flow.client(identify).server(message(RESPONSE + IDENTIFY, 0xffff_fffe, &random.bytes(40)))
    } else {
        flow.client(message(NOOP, 0x7fff_ffff, &[])).server(message(RESPONSE + NOOP, 0x7fff_ffff, &[]))
    };
    for (task, sequence) in tasks.iter().zip(10u32..) {
        let mut body = |version, bytes| match task.function {
            0 => random.bytes(bytes),
            function => Business { marked, version, function }.with_body(&mut random, bytes),
        };
        flow = flow.client(message(task.command, sequence, &body(version, task.up_bytes)));
        if task.down_bytes > 0 {
            let answer = message(RESPONSE + task.command, sequence, &body(0, task.down_bytes));
            flow = flow.wait(20_000).server(answer);
        }
        flow = flow.wait(1_000_000);
    }
    // A push has a command of its own and no request; then a heartbeat.
    flow.server(message(24, 0, &hex("00000002")))
        .wait(270_000_000)
        .client(message(NOOP, 0xffff_ffff, &[]))
        .server(message(RESPONSE + NOOP, 0xffff_ffff, &[]))
}

/// Text sent and answered, a picture fetched, a voice message sent (sizes of ChatDissect's Table V).
pub const EVERYDAY: [Task; 4] = [
    Task { command: 2, function: 104, up_bytes: 340, down_bytes: 221 },
    Task { command: 10, function: 109, up_bytes: 256, down_bytes: 9_000 },
    Task { command: 19, function: 127, up_bytes: 2_191, down_bytes: 183 },
    Task { command: 121, function: 138, up_bytes: 160, down_bytes: 700 },
];

/// The 20-byte header of open-source Mars' sample, which other apps built on it use.
pub fn mars_sample(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let words = [20, 200, command, sequence, body.len() as u32];
    [&words.map(u32::to_be_bytes).concat(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_facts() {
        assert_eq!(message(NOOP, 0x7fff_ffff, &[]), hex("00000010 00100001 00000006 7fffffff"));
        assert_eq!(message(RESPONSE + NOOP, 0x7fff_ffff, &[]), hex("00000010 00100001 3b9aca06 7fffffff"));
        let push = hex("00000014 00100001 00000018 00000000 00000002");
        assert_eq!(message(24, 0, &hex("00000002")), push);
    }

    #[test]
    fn the_business_header_states_its_length_and_type() {
        let mut random = Random::new(1);
        let header = Business { marked: false, version: 0x2601_0041, function: 214 };
        let bytes = header.with_body(&mut random, 236);
        // As in the 2015 capture: 35 bytes, compressed; AES and a cookie of 15; the version.
        assert_eq!(bytes[..6], hex("8d 5f 26010041"));
        assert_eq!(bytes[25..27], hex("d6 01"));
        assert_eq!(bytes.len(), 35 + 236);
        let marked = Business { marked: true, version: 0, function: 214 }.with_body(&mut random, 236);
        assert_eq!(marked[..7], hex("bf 7e 5f 00000000"));
    }

    #[test]
    fn every_message_of_a_flow_states_its_length() {
        let at = |text: &str| text.parse().unwrap();
        let trace = flow(at("10.0.0.1:4000"), at("198.51.100.1:443"), true, &EVERYDAY, 1).trace();
        for stream in crate::recut::streams(&trace.frames).into_values() {
            let mut rest = &stream[..];
            while !rest.is_empty() {
                assert_eq!(rest[4..8], hex("0010 0001"));
                let length = u32::from_be_bytes(rest[..4].try_into().unwrap());
                rest = &rest[length as usize..];
            }
        }
    }
}
