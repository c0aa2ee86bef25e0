//! Packets made to cost as much as they can, and what each costs beside an ordinary one.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use wiremark::{Classifier, ContextConfig, Frame, LinkType, Tracker, TrackerConfig};

use crate::conversation::Tcp;
use crate::protocol::quic::{self, Version};
use crate::protocol::stun::Message;
use crate::protocol::tls::ClientHello;
use crate::protocol::whatsapp_chat::Chat;
use crate::protocol::{dns, len16, proxy, wechat_http};
use crate::random::Random;
use crate::trace::Trace;
use crate::{demo, packet, trace};

/// Longest payload of a packet here: a frame of 9,000 bytes, the longest usual one ("jumbo").
const JUMBO: usize = 8900;
/// Longest payload of an ordinary segment.
const SEGMENT: usize = 1400;

/// A flow, or some, made to be dear.
#[derive(Clone, Debug)]
pub struct Case {
    /// In a few words.
    pub name: &'static str,
    /// Its packets.
    pub trace: Trace,
}

/// What a case costs, in nanoseconds a packet.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// On average over its packets.
    pub mean: f64,
    /// Its dearest packet.
    pub worst: f64,
}

fn client() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 40_000))
}

fn server(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn datagrams(port: u16, payloads: impl IntoIterator<Item = Vec<u8>>) -> Trace {
    let mut trace = Trace::new();
    for (number, payload) in (0..).zip(payloads) {
        trace.push_udp(trace::START_US + number * 1000, client(), server(port), &payload);
    }
    trace
}

fn packets(packets: impl IntoIterator<Item = Vec<u8>>) -> Trace {
    let mut trace = Trace::new();
    for (number, packet) in (0..).zip(packets) {
        trace.push_ip(trace::START_US + number * 1000, packet);
    }
    trace
}

/// What the client sends on one connection, in segments of this size.
fn stream(port: u16, bytes: &[u8], segment: usize) -> Trace {
    Tcp::new(client(), server(port), 1).mss(segment).client(bytes).trace()
}

/// The same with every two segments exchanged, so that each other one leaves a gap behind.
fn swapped(mut trace: Trace) -> Trace {
    let first = trace.frames.len().min(3);
    trace.frames[first..].chunks_exact_mut(2).for_each(|two| two.swap(0, 1));
    trace
}

/// An Initial of the client in a datagram of `bytes`.
fn initial(number: u32, frames: &[u8], bytes: usize) -> Vec<u8> {
    quic::initial(Version::V1, &[7; 8], &[], number, frames, bytes)
}

/// The start of a hello that says it has 16,000 bytes.
fn endless_hello(bytes: usize) -> Vec<u8> {
    let mut hello =
        ClientHello { ticket: 15_600, ..ClientHello::to("a.example.net") }.message(&mut Random::new(1));
    hello.truncate(bytes);
    hello
}

/// A DNS message of this many questions and answers, all of them chains of pointers as long as is followed.
fn pointers(response: bool, questions: u16, answers: u16, bytes: usize) -> Vec<u8> {
    let mut message = vec![0, 7, if response { 0x81 } else { 1 }, 0];
    for count in [questions, answers, 0, 0] {
        message.extend_from_slice(&count.to_be_bytes());
    }
    // The first name is as long as may be; behind it stands a pointer to it, then one to that, and so on.
    for _ in 0..62 {
        message.extend_from_slice(b"\x01a\x01b");
    }
    message.push(0);
    message.extend_from_slice(&[0, 1, 0, 1]);
    let mut target = 12u16;
    let mut depth = 0;
    while message.len() + 18 < bytes {
        let here = message.len() as u16;
        message.extend_from_slice(&(0xc000 | target.min(0x3fff)).to_be_bytes());
        if depth < 30 && here < 0x3fff {
            (target, depth) = (here, depth + 1);
        }
        message.extend_from_slice(&[0, 5, 0, 1]);
        if message.len() > usize::from(questions) * 6 + 260 {
            message.extend_from_slice(&[0, 0, 0, 60, 0, 2]);
            message.extend_from_slice(&(0xc000 | target).to_be_bytes());
        }
    }
    message
}

/// An answer that says `count` addresses of one name of an app.
fn addresses(count: u8) -> Vec<u8> {
    let records: Vec<_> = (0..count)
        .map(|last| dns::Record::Address("g.whatsapp.net".into(), [198, 51, 100, last].into()))
        .collect();
    dns::answer(7, "g.whatsapp.net", dns::A, &records)
}

/// A look-up list's request and its answer, in segments: `body` of `kind`, of no stated length.
fn look_up_list(body: &[u8], encoding: &str, segment: usize) -> Trace {
    let request = wechat_http::newdns_request(2023, &mut Random::new(2));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
    let answer = [head.as_bytes(), body].concat();
    let sizes = vec![segment; answer.len().div_ceil(segment)];
    Tcp::new(client(), server(80), 1).client(request).server_segments(answer, &sizes).trace()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("written to memory")
}

/// A list of one name and as many elements as fit, made of their numbers.
fn list(bytes: usize, element: impl Fn(u32) -> String) -> Vec<u8> {
    let mut list = b"<dns><domainlist><domain name=\"szlong.weixin.qq.com\" timeout=\"1\">".to_vec();
    (0..)
        .map_while(|number| (list.len() < bytes).then(|| list.extend_from_slice(element(number).as_bytes())))
        .for_each(drop);
    list
}

/// A list in as many packed blocks as fit, each of which brings its own codes.
fn in_blocks(list: &[u8], bytes: usize) -> Vec<u8> {
    let mut random = Random::new(3);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(list).expect("written to memory");
    while encoder.get_ref().len() < bytes {
        let text: Vec<u8> = random.bytes(60).iter().map(|byte| b'a' + byte % 3).collect();
        encoder.write_all(&text).and_then(|()| encoder.flush()).expect("written to memory");
    }
    encoder.finish().expect("written to memory")
}

/// The same bytes deflated letter by letter, with no repetition: rarely the shortest, but the most to do.
fn by_letter(bytes: &[u8]) -> Vec<u8> {
    let mut counts = [0usize; 257];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    counts[256] = 1;
    // Huffman: the two rarest groups become one, and all in it a bit longer.
    let mut groups: Vec<(usize, Vec<usize>)> =
        (0..257).filter(|symbol| counts[*symbol] > 0).map(|symbol| (counts[symbol], vec![symbol])).collect();
    let mut lengths = [0usize; 257];
    while groups.len() > 1 {
        groups.sort_by_key(|group| std::cmp::Reverse(group.0));
        let (one, other) = (groups.remove(groups.len() - 1), groups.remove(groups.len() - 1));
        let both = [one.1, other.1].concat();
        both.iter().for_each(|symbol| lengths[*symbol] += 1);
        groups.push((one.0 + other.0, both));
    }
    let mut bits: Vec<bool> = Vec::new();
    let put = |bits: &mut Vec<bool>, value: usize, count: usize| {
        bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
    };
    // The last block, with codes of its own: of 257 letters, of no distance. Their lengths, none shorter than there are, have codes of
    // three bits and, most of them, four.
    let shortest = lengths.iter().copied().filter(|length| *length > 0).min().unwrap_or(1);
    let said: Vec<usize> = [0].into_iter().chain(shortest..16).collect();
    let short = 16 - said.len();
    for (value, count) in [(1, 1), (2, 2), (0, 5), (0, 5), (15, 4)] {
        put(&mut bits, value, count);
    }
    for length in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
        let at = said.iter().position(|said| *said == length);
        put(&mut bits, at.map_or(0, |at| if at < short { 3 } else { 4 }), 3);
    }
    let code = |bits: &mut Vec<bool>, value: usize, count: usize| {
        bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    };
    for length in lengths.iter().chain(&[0]) {
        let at = said.iter().position(|said| said == length).unwrap_or(0);
        if at < short { code(&mut bits, at, 3) } else { code(&mut bits, short + at, 4) }
    }
    let mut order: Vec<usize> = (0..257).filter(|symbol| lengths[*symbol] > 0).collect();
    order.sort_by_key(|symbol| (lengths[*symbol], *symbol));
    let (mut codes, mut next, mut last) = ([0usize; 257], 0, 0);
    for symbol in order {
        next <<= lengths[symbol] - last;
        (codes[symbol], last, next) = (next, lengths[symbol], next + 1);
    }
    let letters = bytes.iter().map(|byte| usize::from(*byte)).chain([256]);
    letters.for_each(|symbol| code(&mut bits, codes[symbol], lengths[symbol]));
    bits.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

/// Everything that was thought of.
pub fn cases() -> Vec<Case> {
    let mut random = Random::new(9);
    let mut cases = Vec::new();
    let mut case = |name, trace: Trace| cases.push(Case { name, trace });

    let gaps = (0..40).map(|n| initial(n, &quic::crypto(usize::from(n as u16) * 900 + 900, &[1; 800]), 1200));
    case("QUIC: Initials whose hello never begins", datagrams(443, gaps));
    let hello = endless_hello(16_000);
    let pieces = (0..40usize).map(|n| {
        let piece = hello.chunks(1000).nth(n % 16).unwrap_or_default();
        initial(n as u32, &quic::crypto(n % 16 * 1000, piece), 1200)
    });
    case("QUIC: Initials whose hello never ends", datagrams(443, pieces));
    let crumbs = (0..40usize).map(|n| {
        let frames: Vec<u8> =
            (0..180).flat_map(|i| quic::crypto(n * 180 + i, &hello[n * 180 + i..n * 180 + i + 1])).collect();
        initial(n as u32, &frames, 1200)
    });
    case("QUIC: Initials of CRYPTO frames of one byte", datagrams(443, crumbs));
    let gone = (0..40usize).map(|n| {
        let frames: Vec<u8> = (0..180).flat_map(|i| quic::crypto(n * 360 + 2 * i, &hello[..1])).collect();
        initial(n as u32, &frames, 1200)
    });
    case("QUIC: CRYPTO frames of one byte with gaps", datagrams(443, gone));
    let coalesced = (0..40u32).map(|n| {
        let piece = |part: u32| initial(n * 8 + part, &quic::crypto(0, &hello[..900]), 1100);
        (0..8).flat_map(piece).collect()
    });
    case("QUIC: eight Initials in a datagram of 8,800 bytes", datagrams(443, coalesced));
    let crumbs = (0..40u32).map(|n| {
        let frames: Vec<u8> = (0..1450).flat_map(|i| quic::crypto(i, &hello[i..=i])).collect();
        initial(n, &frames, JUMBO)
    });
    case("QUIC: 1,450 CRYPTO frames in one Initial", datagrams(443, crumbs));
    let spoilt = (0..40u32).map(|n| {
        let mut packet = initial(n, &quic::crypto(0, &hello[..1000]), 1200);
        packet[1100] ^= 1;
        packet
    });
    case("QUIC: Initials that do not open", datagrams(443, spoilt));
    let small = [0xe0, 0, 0, 0, 1, 0, 0, 0].repeat(JUMBO / 8);
    case("QUIC: 1,112 packets in a datagram", datagrams(443, (0..40).map(|_| small.clone())));

    case(
        "DNS: 64 questions of pointers, 8,900 bytes",
        datagrams(53, (0..40).map(|_| pointers(false, 64, 0, JUMBO))),
    );
    case(
        "DNS: an answer of pointers, 8,900 bytes",
        datagrams(53, (0..40).map(|_| pointers(true, 1, 1000, JUMBO))),
    );
    case(
        "DNS: 64 questions and answers of pointers",
        datagrams(53, (0..40).map(|_| pointers(true, 64, 1000, JUMBO))),
    );
    case("DNS: the same in 512 bytes", datagrams(53, (0..40).map(|_| pointers(true, 8, 60, 512))));
    let mut looped = pointers(true, 1, 1000, JUMBO);
    looped[12..14].copy_from_slice(&[0xc0, 12]);
    case("DNS: a pointer to itself", datagrams(53, (0..40).map(|_| looped.clone())));
    case("DNS: 250 addresses of an app's name", datagrams(53, (0..40).map(|_| addresses(250))));
    let long = len16(&pointers(true, 64, 1000, 65_000));
    case("DNS over TCP: a message that never ends", stream(53, &long, SEGMENT));
    case(
        "DNS over TCP: in segments of one byte",
        stream(53, &len16(&pointers(true, 64, 500, 4000))[..200], 1),
    );

    let fields = b"GET / HTTP/1.1\r\n".iter().copied().chain(b"A: b\r\n".repeat(10_000)).collect::<Vec<u8>>();
    case("HTTP: a head of short lines that never ends", stream(80, &fields, SEGMENT));
    case("HTTP: in segments of one byte", stream(80, &fields[..200], 1));
    case("HTTP: in segments of 120 bytes", stream(80, &fields[..40_000], 120));
    let line = [&b"GET /"[..], &[b'a'; 60_000]].concat();
    case("HTTP: a first line that never ends", stream(80, &line, SEGMENT));
    let folded = [&b"GET / HTTP/1.1\r\n"[..], &b"\n ".repeat(100)[2..], &[b'a'; 40_000]].concat();
    case("HTTP: a field that never ends", stream(80, &folded, SEGMENT));
    case("HTTP: a head of 8,900 bytes in one segment", stream(80, &fields[..40 * JUMBO.min(1500)], JUMBO));

    let storm = |kind: u16, length: usize| {
        let mut message = Message::new(1, [7; 12]);
        for _ in 0..length / 4 {
            message = message.with(kind, b"");
        }
        message.bytes()
    };
    case("STUN: 2,200 empty attributes", datagrams(3478, (0..40).map(|_| storm(0x8000, JUMBO - 20))));
    case("STUN: 2,200 of an app's attributes", datagrams(3478, (0..40).map(|_| storm(0x4000, JUMBO - 20))));
    case("STUN: 300 of an app's attributes", datagrams(3478, (0..40).map(|_| storm(0x4000, 1200))));
    let mut allocate = Message::new(3, random.array());
    for _ in 0..300 {
        allocate = allocate.with(0x4000, []);
    }
    case("STUN: an allocate of 300 tokens", datagrams(3478, (0..40).map(|_| allocate.bytes())));

    let record = [&[22, 3, 1][..], &len16(&hello[..15_000])].concat();
    case("TLS: a hello that never ends", stream(443, &record, SEGMENT));
    case("TLS: in segments of one byte", stream(443, &record[..200], 1));
    case("TLS: in segments of one byte, out of order", swapped(stream(443, &record[..200], 1)));
    let records: Vec<u8> = hello[..4000].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
    case("TLS: in records of one byte", stream(443, &records, SEGMENT));
    let name = "a.".repeat(126) + "a";
    case("TLS: a name of 127 labels", stream(443, &ClientHello::to(&name).record(&mut random), SEGMENT));
    let chat = Chat::of((6, 3)).opening(&mut random);
    case("a chat's opening in segments of one byte", stream(5222, &chat[..200], 1));
    let noise = random.bytes(200);
    case("bytes without meaning, one a segment", stream(5222, &noise, 1));
    case("bytes without meaning, 8,900 a segment", stream(5222, &random.bytes(40 * JUMBO), JUMBO));
    let said = |preamble: proxy::Preamble| preamble.0.into_iter().flat_map(|(said, _)| said);
    let several =
        (0..3).flat_map(|_| said(proxy::connect("a.example.net", 443)).chain(said(proxy::proxy_line())));
    let preamble: Vec<u8> = several.collect();
    case("proxies behind proxies", stream(1080, &[preamble, vec![b'P'; 20_000]].concat(), SEGMENT));

    let inner = packet::udp(client(), server(443), &[1; 100]);
    let nested = |layers: usize| {
        (0..layers).fold(inner.clone(), |inner, _| packet::ip(client().ip(), server(0).ip(), 4, &inner))
    };
    case("IP in IP, 16 deep", packets((0..40).map(|_| nested(15))));
    case("IP in IP, 400 deep", packets((0..40).map(|_| nested(400))));
    let v6 = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
    let options = packet::ip(v6(1), v6(2), 0, &[0; 8].repeat(JUMBO / 8));
    case("IPv6: 1,112 headers of options", packets((0..40).map(|_| options.clone())));

    let datagram = |number: u8| packet::udp(client(), server(443), &[number; 60_000]);
    let first = |number: u8| packet::fragments(&datagram(number), 1480).swap_remove(0);
    case("fragments: the first of a packet, 200 times", packets((0..200).map(first)));
    case("fragments: one packet in pieces of eight bytes", packets(packet::fragments(&datagram(1), 8)));
    let copies: Vec<Vec<u8>> = packet::fragments(&ip_in_pieces(), 8);
    case("fragments: copies of a whole packet's", packets(copies.iter().chain(&copies).cloned()));

    let one = |_| String::from("<ip>1.2.3.4</ip>");
    let v4 =
        |n: u32| format!("<ip>{}.{}.{}.{}</ip>", n * 7 % 220 + 1, n * 31 % 256, n / 3 % 256, n * 13 % 256);
    let v6 = |n: u32| format!("<ipv6>2001:db8:{:x}:{:x}::{n:x}:9</ipv6>", n * 7 + 4096, n * 911 % 65_536);
    let names = |n: u32| {
        format!("</domain><domain name=\"{}{n}.weixin.qq.com\"><ip>1.2.3.{}</ip>", n * 7919 % 1000, n % 256)
    };
    case("look-up list: in segments", look_up_list(&list(40_000, one), "identity", 120));
    case("look-up list: deflated, 30,000 bytes", look_up_list(&deflated(&list(30_000, one)), "deflate", 8));
    case(
        "look-up list: deflated, IPv4 addresses",
        look_up_list(&deflated(&list(30_000, v4)), "deflate", SEGMENT),
    );
    case(
        "look-up list: deflated, IPv6 addresses",
        look_up_list(&deflated(&list(30_000, v6)), "deflate", SEGMENT),
    );
    case("look-up list: deflated, names", look_up_list(&deflated(&list(30_000, names)), "deflate", SEGMENT));
    case(
        "look-up list: deflated, tags",
        look_up_list(&deflated(&list(30_000, |_| String::from("<"))), "deflate", SEGMENT),
    );
    let blocks = in_blocks(&list(1000, one), JUMBO - 100);
    case("look-up list: deflated, 8,800 bytes of short blocks", look_up_list(&blocks, "deflate", JUMBO));
    let long = [list(1000, v6), vec![b'0'; 27_000]].concat();
    case("look-up list: letter by letter, a bit each", look_up_list(&by_letter(&long), "deflate", JUMBO));
    let long = by_letter(&list(30_000, v6));
    case("look-up list: letter by letter, IPv6 addresses", look_up_list(&long, "deflate", JUMBO));
    let long = by_letter(&list(30_000, names));
    case("look-up list: letter by letter, names", look_up_list(&long, "deflate", JUMBO));
    let short = |n: u32| format!("<ip>{}.{}.{}.{}</ip>", n % 9 + 1, n / 9 % 9, n / 81 % 9, n / 729);
    let short = by_letter(&list(30_000, short));
    case("look-up list: letter by letter, short addresses", look_up_list(&short, "deflate", JUMBO));
    let zeros = |n: u32| format!("<ip>1.1.1.{}</ip>{:0100}", n % 256, 0);
    let zeros = by_letter(&list(30_000, zeros));
    case("look-up list: letter by letter, zeros between addresses", look_up_list(&zeros, "deflate", JUMBO));
    let even = |n: u32| format!("<ip>1.1.1.1</ip>{}", "</i.p1>".repeat(if n < 30 { 9 } else { 4 }));
    let even = by_letter(&list(30_000, even));
    case("look-up list: letter by letter, three bits each", look_up_list(&even, "deflate", JUMBO));
    let all = |n: u32| if n.is_multiple_of(2) { names(n) } else { v6(n) };
    case(
        "look-up list: deflated, names and addresses",
        look_up_list(&deflated(&list(30_000, all)), "deflate", JUMBO),
    );
    case("look-up list: deflated, a bomb", look_up_list(&deflated(&vec![b' '; 1 << 22]), "deflate", 120));
    cases
}

/// A packet of a protocol that is not looked into.
fn ip_in_pieces() -> Vec<u8> {
    packet::ip(client().ip(), server(0).ip(), 50, &[7; 8000])
}

/// So little memory that making a tracker costs little, and enough for one flow.
pub fn config() -> TrackerConfig {
    let context = ContextConfig { parked_slots: 16, remembered: 64, ..ContextConfig::default() };
    TrackerConfig { capacity: 64, context, fragmented_packets: 16, ..TrackerConfig::default() }
}

/// What the case's packets cost: each at its best of as many plays as `budget_ms` allows, but at least three, each play
/// into a tracker of its own.
pub fn cost(classifier: &Classifier, trace: &Trace, budget_ms: u64) -> Cost {
    let mut best = vec![u64::MAX; trace.frames.len()];
    let begun = Instant::now();
    for play in 0.. {
        if play >= 3 && begun.elapsed().as_millis() as u64 >= budget_ms {
            break;
        }
        let mut tracker = Tracker::new(classifier, config());
        for (frame, best) in trace.frames.iter().zip(&mut best) {
            let Some(link_type) = LinkType::from_number(frame.link) else { continue };
            let wire_bytes = frame.bytes.len() as u32;
            let frame = Frame { link_type, time_us: frame.time_us, bytes: &frame.bytes, wire_bytes };
            let start = Instant::now();
            let _ = std::hint::black_box(tracker.frame(&frame, &mut |_| {}));
            *best = (*best).min(start.elapsed().as_nanos() as u64);
        }
    }
    let clock = (0..1000).map(|_| Instant::now().elapsed().as_nanos() as u64).min().unwrap_or(0);
    let of = |ns: &u64| ns.saturating_sub(clock) as f64;
    let worst = best.iter().map(of).fold(0.0, f64::max);
    Cost { mean: best.iter().map(of).sum::<f64>() / best.len().max(1) as f64, worst }
}

/// What an ordinary packet costs: the mean over the demo capture.
pub fn ordinary(classifier: &Classifier) -> f64 {
    cost(classifier, &demo::trace(), 500).mean
}
