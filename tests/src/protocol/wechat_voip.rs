//! WeChat's calls and walkie-talkie on UDP, 2013 to 2018 (facts/wechat.md 7.2).

use std::net::SocketAddr;

use super::protobuf;
use crate::conversation::Udp;
use crate::random::Random;
use crate::trace::Trace;

/// A heartbeat: 0xD1, then field 1 with `length` bytes that begin with a field 1 of their own.
pub fn heartbeat(length: u8, random: &mut Random) -> Vec<u8> {
    let inner = [protobuf(1, &random.bytes(8)), random.bytes(usize::from(length) - 10)].concat();
    [vec![0xd1], protobuf(1, &inner), protobuf(2, &random.bytes(6))].concat()
}

/// Signalling: 0xA1, then a varint in field 1 that counts, a constant, a length and a field of that length; `bytes` long.
pub fn signalling(count: u32, bytes: usize, random: &mut Random) -> Vec<u8> {
    let count = count | 0x4000; // three bytes as a varint
    let head = [&[0xa1, 0x08][..], &super::varint(u64::from(count)), &[0x10, 0x11]].concat();
    // Lengths of 128 and more take two bytes, twice.
    let rest = bytes - head.len() - 4;
    let length = if rest < 128 { rest } else { rest - 2 };
    let length_field = [&[0x18][..], &super::varint(length as u64)].concat();
    [head, length_field, protobuf(4, &random.bytes(length))].concat()
}

/// Content: a class byte (0xA3, 0xD5, 0xD6) and ciphertext, `bytes` long.
pub fn content(class: u8, bytes: usize, random: &mut Random) -> Vec<u8> {
    [&[class][..], &random.bytes(bytes - 1)].concat()
}

/// Heartbeats of both sides, their lengths among those seen.
pub fn heartbeat_flow(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let mut flow = Udp::new(client, server).gap(40_000);
    for (up, down) in [(0x2e, 0x2b), (0x2d, 0x2a), (0x2c, 0x29), (0x1e, 0x2d), (0x1d, 0x2b)] {
        flow = flow.client(heartbeat(up, &mut random)).server(heartbeat(down, &mut random)).wait(2_000_000);
    }
    flow.trace()
}

/// Signalling of both sides: 92 bytes one way, 75 the other.
pub fn signalling_flow(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let mut flow = Udp::new(client, server);
    for n in 0..8 {
        flow =
            flow.client(signalling(n, 92, &mut random)).server(signalling(n, 75, &mut random)).wait(500_000);
    }
    flow.trace()
}

/// Content both ways: class and sizes up and down.
pub fn content_flow(
    client: SocketAddr,
    server: SocketAddr,
    class: u8,
    sizes: (&[usize], &[usize]),
    seed: u64,
) -> Trace {
    let mut random = Random::new(seed);
    let mut flow = Udp::new(client, server);
    for n in 0..30 {
        flow = flow.client(content(class, sizes.0[n % sizes.0.len()], &mut random));
        flow = flow.server(content(class, sizes.1[n % sizes.1.len()], &mut random));
    }
    flow.trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_nest_field_one_twice() {
        for length in [0x2e, 0x1d, 0x29] {
            let bytes = heartbeat(length, &mut Random::new(1));
            assert_eq!(bytes[..4], [0xd1, 0x0a, length, 0x0a]);
            assert!(usize::from(length) <= bytes.len() - 3);
        }
    }

    #[test]
    fn signalling_has_its_sizes() {
        let bytes = signalling(3, 92, &mut Random::new(1));
        assert_eq!((bytes.len(), &bytes[..5]), (92, &[0xa1, 0x08, 0x83, 0x80, 0x01][..]));
    }
}
