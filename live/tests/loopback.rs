//! Frames of the loopback interface through the ring, round and round. Where packet sockets may not be opened it says so and
//! does nothing. Under AddressSanitizer (it needs a nightly compiler):
//! `RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p wiremark-live --target x86_64-unknown-linux-gnu --target-dir target/asan`
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use wiremark_live::{LiveError, Ring, RingOptions};

/// What the frames of this test begin with, behind their headers (Ethernet, IPv4, UDP).
const MARK: &[u8] = b"wiremark's loopback test ";
const HEADER_BYTES: usize = 14 + 20 + 8;

/// Reads what is there; gives back how many frames that were, and notes the numbers of this test's.
fn read(ring: &mut Ring, seen: &mut BTreeSet<u32>) -> u64 {
    let mut frames = 0;
    while let Some(block) = ring.next_block(Duration::from_millis(30)).unwrap() {
        for frame in block.frames() {
            frames += 1;
            assert!(frame.bytes.len() <= frame.wire_bytes as usize && frame.time_ns > 0);
            let payload = frame.bytes.get(HEADER_BYTES..).unwrap_or_default();
            if let Some(rest) = payload.strip_prefix(MARK) {
                let number = u32::from_le_bytes(*rest.first_chunk().unwrap());
                assert!(rest[4..].iter().all(|byte| *byte == number as u8), "frame {number} is whole");
                seen.insert(number);
            }
        }
    }
    frames
}

#[test]
fn every_frame_is_read_or_counted_as_dropped() {
    let (ring_bytes, block_bytes) = (2 << 20, 64 << 10);
    let patience = Duration::from_millis(10);
    let options = RingOptions { ring_bytes, block_bytes, patience, ..RingOptions::default() };
    let mut ring = match Ring::open("lo", &options) {
        Ok(ring) => ring,
        Err(error @ (LiveError::NoRights(_) | LiveError::NoInterface(_))) => {
            eprintln!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(ring.link_type(), 1);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut seen, mut frames, mut sent) = (BTreeSet::new(), 0, 0u32);
    // Several times round the ring.
    for _ in 0..20 {
        for _ in 0..200 {
            let filling = vec![sent as u8; 1000];
            let datagram = [MARK, &sent.to_le_bytes(), &filling].concat();
            socket.send_to(&datagram, socket.local_addr().unwrap()).unwrap();
            sent += 1;
        }
        frames += read(&mut ring, &mut seen);
    }
    // On a machine so busy that this was not read in time, it was counted.
    let is_whole = seen.len() as u32 == sent;
    assert!(is_whole || ring.counters().unwrap().dropped > 0, "{} of {sent}", seen.len());
    // Nobody reads: what finds no room is dropped, and counted. What was stopped counts no more.
    for number in 0..4000u32 {
        let datagram = [MARK, &number.to_le_bytes(), &vec![number as u8; 1000]].concat();
        socket.send_to(&datagram, socket.local_addr().unwrap()).unwrap();
    }
    ring.stop().unwrap();
    socket.send_to(b"too late", socket.local_addr().unwrap()).unwrap();
    frames += read(&mut ring, &mut seen);
    let (counters, started) = (ring.counters().unwrap(), Instant::now());
    assert!(counters.dropped > 0 && counters.freezes > 0, "{counters:?}");
    assert_eq!(frames + counters.dropped, counters.received, "{counters:?}");
    // An empty ring waits as long as it is told.
    assert!(ring.next_block(Duration::from_millis(20)).unwrap().is_none());
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let error = Ring::open("no-such-interface", &RingOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "no-such-interface: no such interface; `ip link` lists them");
}
