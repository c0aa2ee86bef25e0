//! Packets made to be dear are given a bounded look each, and after some of them the flow is given none.
//!
//! What they cost is for `cargo run --release -p wiremark-tests --features tools --bin hostile-work` to measure; here it is counted.

use wiremark::dissect::dns;
use wiremark::{Carrier, Classifier, Event, Frame, LinkType, Observer, Options, Packet, Tracker, Transport};
use wiremark_tests::conversation::{Tcp, Udp, end_point};
use wiremark_tests::hostile::work;
use wiremark_tests::protocol::dns as dns_protocol;
use wiremark_tests::trace::Trace;

/// What happened while a packet was looked at.
#[derive(Default)]
struct Counts {
    events: usize,
    names: usize,
}

impl Observer for Counts {
    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        self.names += usize::from(matches!(event, Event::Name { .. }));
    }
}

#[test]
fn dear_packets_are_looked_at_so_far_and_no_further() {
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    for work::Case { name, trace } in work::cases() {
        let mut tracker = Tracker::new(&classifier, work::config());
        let mut with_payload = 0;
        for (number, (time_us, link, bytes)) in (1..).zip(trace.frames()) {
            let link_type = LinkType::from_number(link).expect("a link type that the builder writes");
            let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
            let mut counts = Counts::default();
            let Ok(seen) = tracker.frame_observed(&frame, &mut |_| {}, &mut counts) else { continue };
            // Eight of a DNS message; of a stream three proxies' and one more.
            assert!(counts.names <= 8, "{name}, packet {number}: {} names looked up", counts.names);
            // A packet of a datagram takes eight bytes at least, and each may be recognised.
            assert!(
                counts.events <= 32 + bytes.len() / 8,
                "{name}, packet {number}: {} events",
                counts.events
            );
            with_payload += usize::from(seen.payload_bytes > 0);
            let is_tcp = Packet::parse(link_type, 0, bytes)
                .is_ok_and(|packet| packet.five_tuple.transport == Transport::Tcp);
            // DNS flows are never final: each message may ask for another name.
            // A start in pieces is put together to its end, or to the 255th.
            let most = if is_tcp { 255 } else { 32 };
            if with_payload >= most && seen.verdict.carrier != Carrier::Dns {
                // Other flows may still tell of one without a verdict; its own bytes are looked at for STUN alone.
                assert!(seen.verdict.is_final() || !seen.verdict.is_match(), "{name}, packet {number}");
                let is_stun = bytes.windows(4).any(|four| four == [0x21, 0x12, 0xa4, 0x42]);
                assert!(
                    with_payload == most || is_stun || counts.events == 0,
                    "{name}, packet {number}: a look too many"
                );
            }
        }
    }
}

/// Other flows teach all the time: that is no reason to look at the bytes of a flow that was looked at for long.
#[test]
fn what_others_teach_brings_no_more_looks_at_a_flows_bytes() {
    let classifier =
        Classifier::new(wiremark_signatures::embedded().expect("the shipped set"), Options::default());
    let mut tracker = Tracker::new(&classifier, work::config());
    let server = end_point("198.51.100.1:8080");
    let mut stream = Tcp::new(end_point("192.0.2.10:50001"), server, 1).without_handshake();
    let mut datagrams = Udp::new(end_point("192.0.2.10:50002"), server);
    for _ in 0..40 {
        stream = stream.client([0x99; 30]).wait(100_000);
        datagrams = datagrams.client([0x99; 30]).wait(100_000);
    }
    // From here on a row about single segments, a carrier, and a row about single datagrams would match.
    let record = [&[0x17, 0xf1, 4, 0, 0x20][..], &[0x5a; 32]].concat();
    let keep = [0, 0, 0, 0x10, 0, 0x10, 0, 1, 0, 0, 0, 0xf3, 0, 0, 0, 1];
    let mut lookups = Trace::new();
    for number in 0..20u16 {
        stream = stream.client(&record).wait(100_000);
        datagrams = datagrams.client(keep).wait(100_000);
        let name = "mmg.whatsapp.net";
        let address = std::net::IpAddr::from([198, 51, 100, 100 + number as u8]);
        let answer =
            dns_protocol::answer(number, name, 1, &[dns_protocol::Record::Address(name.into(), address)]);
        let lookup =
            Udp::new(end_point(&format!("192.0.2.10:{}", 40_000 + number)), end_point("192.0.2.53:53"))
                .client(dns_protocol::query(number, name, 1))
                .server(answer);
        lookups = Trace::mixed([lookups, lookup.trace().shift(4_000_000 + i64::from(number) * 100_000)]);
    }
    for (time_us, link, bytes) in Trace::mixed([stream.trace(), datagrams.trace(), lookups]).frames() {
        let link_type = LinkType::from_number(link).expect("a link type that the builder writes");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let seen = tracker.frame(&frame, &mut |_| {}).expect("a packet");
        assert!(seen.verdict.carrier == Carrier::Dns || !seen.verdict.is_match(), "{:?}", seen.verdict);
    }
}

#[test]
fn a_name_that_points_to_itself_is_no_name() {
    let looped = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
    let names = dns::message(looped).found().map(|message| message.questions().count());
    assert_eq!(names.unwrap_or(0), 0);
}
