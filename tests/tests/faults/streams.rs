//! Starts of streams, what they teach, and look-ups.

use super::{at, client, of_trace};
use std::net::SocketAddr;
use wiremark_tests::conversation::{Side, Tcp, Udp};
use wiremark_tests::protocol::tls::ClientHello;
use wiremark_tests::protocol::{dns, http, quic, stun};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

/// A head that copies the short link's in front of somebody's tunnel: no payload, and nothing for others; with a record
/// behind it, however cut, the real thing.
#[test]
fn a_copied_head_is_no_short_link() {
    let head = http::request(
        "POST",
        "/mmtls/0123abcd",
        "1.1",
        &[
            ("Host", "szshort.weixin.qq.com"),
            ("Upgrade", "mmtls"),
            ("User-Agent", "MicroMessenger Client"),
            ("Content-Length", "161"),
        ],
        b"",
    );
    let record = [&[0x19, 0xf1, 4, 0, 0x9c, 0, 0, 0, 0x98, 1, 4, 0xf1, 1, 0, 0xa8][..], &[0; 146]].concat();
    let forged =
        Tcp::new(client(50_001), at("198.51.100.1:80"), 1).client(&head).client(b"\x16\x03\x01\x00\xc8\x01");
    let other = Tcp::new(at("192.0.2.77:50002"), at("198.51.100.1:80"), 2)
        .client(b"SSH-2.0-x\r\n")
        .server(b"SSH-2.0-y\r\n");
    let own = Tcp::new(client(50_003), at("198.51.100.1:80"), 3).client([0x9c; 40]).server([0x9c; 40]);
    let real =
        Tcp::new(client(50_004), at("198.51.100.2:80"), 4).client_segments([head, record].concat(), &[50]);
    let said = of_trace(&Trace::mixed([
        forged.trace(),
        other.trace().shift(1_000_000),
        own.trace().shift(2_000_000),
        real.trace(),
    ]));
    assert!(said[&50_001].ends_with(" name"), "{}", said[&50_001]);
    assert_eq!((said[&50_002].as_str(), said[&50_003].as_str()), ("nothing", "nothing"));
    assert_eq!(said[&50_004], "wechat mmtls-short payload");
}

fn preamble(random: &mut Random) -> Vec<u8> {
    let mut hello = vec![0x12, 0xeb, 1, 0x0a, 0x20];
    hello.extend(random.bytes(32));
    hello.extend([0x12, 0x30]);
    hello.extend(random.bytes(48));
    hello.extend([0x1a, 0x96, 1]);
    hello.extend(random.bytes(150));
    [&b"WA\x06\x03\x00\x00"[..], &[hello.len() as u8], &hello].concat()
}

/// What one client shows of a server goes for others only when the server has shown it too, and never against a banner or
/// another transport.
#[test]
fn a_forged_preamble_does_not_spread() {
    let random = &mut Random::new(4);
    let answer =
        [&[0, 0, 0x36, 0x1a, 0x34, 0x0a, 0x20][..], &random.bytes(32), &[0x1a, 0x10], &random.bytes(16)]
            .concat();
    let later = |port: u16, server: SocketAddr, random: &mut Random| {
        let frame = [&[0, 0, 0x25][..], &random.bytes(37)].concat();
        Tcp::new(at(&format!("192.0.2.77:{port}")), server, u64::from(port))
            .without_handshake()
            .client(frame)
            .trace()
            .shift(5_000_000)
    };
    let (one, two) = (at("198.51.100.1:443"), at("198.51.100.2:443"));
    let forged = Tcp::new(client(50_001), one, 1).client(preamble(random)).server(random.bytes(80)).trace();
    let real = Tcp::new(client(50_002), two, 2)
        .client_segments(preamble(random), &[4, 7, 3])
        .server_segments(answer, &[5])
        .trace();
    let ssh = Tcp::new(at("192.0.2.78:50005"), two, 5).client(b"SSH-2.0-x\r\n").trace().shift(6_000_000);
    let udp = Udp::new(at("192.0.2.78:50006"), two)
        .at(wiremark_tests::trace::START_US + 7_000_000)
        .client(random.bytes(80))
        .trace();
    let trace =
        Trace::mixed([forged, real, later(50_003, one, random), later(50_004, two, random), ssh, udp]);
    let said = of_trace(&trace);
    assert_eq!(
        (said[&50_001].as_str(), said[&50_002].as_str()),
        ("whatsapp chat payload", "whatsapp chat payload")
    );
    assert_eq!(said[&50_003], "nothing", "only a client said so");
    assert_eq!(said[&50_004], "whatsapp chat related", "both sides said so, in whatever pieces");
    assert_eq!((said[&50_005].as_str(), said[&50_006].as_str()), ("nothing", "nothing"));
}

fn lookup(port: u16, from: &str, name: &str, address: &str, after_us: i64) -> Trace {
    let records = [dns::Record::Address(name.into(), address.parse().expect("an address"))];
    let from = at(&format!("{from}:{port}"));
    let flow = Udp::new(from, at("192.0.2.53:53"))
        .client(dns::query(7, name, 1))
        .server(dns::answer(7, name, 1, &records));
    flow.trace().shift(after_us)
}

/// Of several names of a front the one this client asked for last counts; who asks takes no other's answer.
#[test]
fn of_a_fronts_names_the_clients_own_counts() {
    let flow = |port: u16, from: &str, after_us: i64| {
        let from = at(&format!("{from}:{port}"));
        Tcp::new(from, at("198.51.100.60:443"), u64::from(port))
            .client(b"\x16\x03\x01\x02\x00\x01")
            .trace()
            .shift(after_us)
    };
    let trace = Trace::mixed([
        lookup(40_001, "192.0.2.10", "mmg.whatsapp.net", "198.51.100.60", 0),
        lookup(40_002, "192.0.2.11", "www.example.com", "198.51.100.61", 100_000),
        flow(50_001, "192.0.2.10", 1_000_000),
        flow(50_002, "192.0.2.11", 1_100_000),
        flow(50_003, "192.0.2.12", 1_200_000),
        lookup(40_004, "192.0.2.10", "www.example.com", "198.51.100.60", 2_000_000),
        flow(50_004, "192.0.2.10", 3_000_000),
    ]);
    let said = of_trace(&trace);
    assert_eq!(said[&50_001], "whatsapp files related");
    assert_eq!(said[&50_002], "nothing", "it asks for itself");
    assert_eq!(said[&50_003], "whatsapp files related", "it was never seen to ask");
    assert_eq!(said[&50_004], "nothing", "it asked for another name since");
}

/// A flow that goes on when DNS names its server is decided then; one that began as something else is not.
#[test]
fn a_later_answer_still_tells() {
    let mut long = Tcp::new(client(50_001), at("198.51.100.60:443"), 1).without_handshake();
    for _ in 0..60 {
        long = long.client([0x17; 30]).wait(100_000);
    }
    let mut ssh =
        Tcp::new(client(50_002), at("198.51.100.60:22"), 2).client(b"SSH-2.0-x\r\n").server(b"SSH-2.0-y\r\n");
    for _ in 0..60 {
        ssh = ssh.client([0x55; 30]).wait(100_000);
    }
    let trace = Trace::mixed([
        long.trace(),
        ssh.trace(),
        lookup(40_000, "192.0.2.10", "g.whatsapp.net", "198.51.100.60", 4_500_000),
    ]);
    let said = of_trace(&trace);
    assert_eq!(said[&50_001], "whatsapp chat related");
    assert_eq!(said[&50_002], "nothing");
}

/// Starts of up to 16 KB, in whatever pieces: TLS, HTTP, QUIC.
#[test]
fn long_starts_are_read_to_their_end() {
    let random = &mut Random::new(16);
    let message = ClientHello::to("mmg.whatsapp.net").message(random);
    let cookie = "c".repeat(7_000);
    let head = http::request("GET", "/", "1.1", &[("Cookie", &cookie), ("Host", "mmg.whatsapp.net")], b"");
    let http = Tcp::new(client(50_001), at("198.51.100.1:80"), 1).client_segments(head, &[900]).trace();
    let hello = ClientHello { ticket: 12_000, ..ClientHello::to("mmg.whatsapp.net") }.record(random);
    let tls =
        Tcp::new(client(50_002), at("198.51.100.2:443"), 2).client_segments(hello, &[700, 1_300]).trace();
    let dcid = [7u8; 8];
    let mut udp = Udp::new(client(50_003), at("198.51.100.3:443"));
    let pieces: Vec<&[u8]> = message.chunks(20).collect();
    // Every piece in a datagram of its own, the last first, each twice.
    for (index, piece) in pieces.iter().enumerate().rev() {
        for number in 0..2u32 {
            let frames = quic::crypto(index * 20, piece);
            udp = udp.client(quic::initial(
                quic::Version::V1,
                &dcid,
                &[1],
                index as u32 * 2 + number,
                &frames,
                1200,
            ));
        }
    }
    // The first segments fill a small slot to the brim, as cards that join segments make them.
    let hello = ClientHello { ticket: 6_000, ..ClientHello::to("mmg.whatsapp.net") }.record(random);
    let brim = |port: u16, sizes: &[usize]| {
        Tcp::new(client(port), at("198.51.100.4:443"), u64::from(port))
            .mss(9_000)
            .client_segments(&hello, sizes)
            .trace()
    };
    let said = of_trace(&Trace::mixed([
        http,
        tls,
        udp.trace(),
        brim(50_004, &[4096]),
        brim(50_005, &[2048]),
        brim(50_006, &[4095, 1]),
    ]));
    for port in 50_004..=50_006 {
        assert_eq!(said[&port], "whatsapp files name", "{port}");
    }
    assert_eq!(said[&50_001], "whatsapp files name");
    assert_eq!(said[&50_002], "whatsapp files name");
    assert_eq!(said[&50_003], "whatsapp files name");
}

/// DNS over TCP: every message, cut anywhere, in both directions; a search suffix behind a known name.
#[test]
fn every_look_up_is_read() {
    let query = |name: &str| dns::over_tcp(&dns::query(7, name, 1));
    let answer = |name: &str| {
        let records = [dns::Record::Address(name.into(), "198.51.100.60".parse().expect("an address"))];
        dns::over_tcp(&dns::answer(7, name, 1, &records))
    };
    let up = [query("www.example.com"), query("www.example.net"), query("mmg.whatsapp.net")].concat();
    let down = [answer("www.example.com"), answer("mmg.whatsapp.net")].concat();
    for sizes in [&[1][..], &[3, 40], &[1000]] {
        let lookups = Tcp::new(client(40_001), at("192.0.2.53:53"), 1)
            .client_segments(&up, sizes)
            .server_segments(&down, sizes);
        let media = Tcp::new(client(50_001), at("198.51.100.60:443"), 2).client(b"\x16\x03\x01\x02\x00\x01");
        let said = of_trace(&Trace::mixed([lookups.trace(), media.trace().shift(60_000_000)]));
        assert_eq!(said[&40_001], "whatsapp dns name", "{sizes:?}");
        assert_eq!(said[&50_001], "whatsapp files related", "{sizes:?}");
    }
    let names = [
        ("g.whatsapp.net.lan", true),
        ("web.wechat.com.home.arpa", true),
        ("mmg.whatsapp.net.local", true),
        ("g.whatsapp.net.example.org", false),
    ];
    for (name, known) in names {
        let flow = Udp::new(client(40_002), at("192.0.2.53:53")).client(dns::query(7, name, 1)).trace();
        assert_eq!(of_trace(&flow)[&40_002] != "nothing", known, "{name}");
    }
    // Of a company's domain the resolver says that it has no such name.
    let mut refused = dns::answer(7, "g.whatsapp.net.corp.example.org", 1, &[]);
    refused[3] |= 3;
    let flow = Udp::new(client(40_003), at("192.0.2.53:53"))
        .client(dns::query(7, "g.whatsapp.net.corp.example.org", 1))
        .server(refused);
    assert_eq!(of_trace(&flow.trace())[&40_003], "whatsapp dns name");
}

/// An alias counts where the name asked for has no row.
#[test]
fn an_alias_tells_what_its_addresses_are() {
    let (name, alias) = ("www.example.com", "mmg.whatsapp.net");
    let records = [
        dns::Record::Cname(name.into(), alias.into()),
        dns::Record::Address(alias.into(), "198.51.100.60".parse().expect("an address")),
    ];
    let lookup = Udp::new(client(40_001), at("192.0.2.53:53"))
        .client(dns::query(7, name, 1))
        .server(dns::answer(7, name, 1, &records));
    let media = Tcp::new(client(50_001), at("198.51.100.60:443"), 2).client(b"\x16\x03\x01\x02\x00\x01");
    let said = of_trace(&Trace::mixed([lookup.trace(), media.trace().shift(1_000_000)]));
    assert_eq!(said[&40_001], "nothing");
    assert_eq!(said[&50_001], "whatsapp files related");
}

/// A resolver whose own address some name stands for is a resolver still.
#[test]
fn look_ups_are_no_app_whatever_their_resolver_is_called() {
    let mut lookups = Udp::new(client(40_001), at("198.51.100.60:53"));
    for id in 0..12 {
        lookups = lookups.client(dns::query(id, "www.example.com", 1)).wait(100_000);
    }
    let named = lookup(40_000, "192.0.2.10", "mmg.whatsapp.net", "198.51.100.60", 650_000);
    let said = of_trace(&Trace::mixed([lookups.trace(), named]));
    assert_eq!(said[&40_001], "nothing");
}

/// A relay's dialect over TCP, bare or with lengths in front, also through 443.
#[test]
fn stun_over_tcp_is_read() {
    let allocate = stun::Message::new(0x0003, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 100])
        .unpadded()
        .with(0x4000, [5; 102])
        .bytes();
    let ordinary = stun::Message::new(0x0001, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 100]).bytes();
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    for (stream, sizes) in [
        ([ordinary.clone(), allocate.clone()].concat(), &[1000][..]),
        ([framed(&ordinary), framed(&allocate)].concat(), &[7]),
        ([framed(&allocate), framed(&ordinary)].concat(), &[128, 3]),
    ] {
        let flow =
            Tcp::new(client(50_001), at("198.51.100.1:443"), 1).say(Side::Client, &stream, sizes).trace();
        assert_eq!(of_trace(&flow)[&50_001], "whatsapp call payload");
    }
    let plain = Tcp::new(client(50_001), at("198.51.100.1:443"), 1).client(framed(&ordinary)).trace();
    assert_eq!(of_trace(&plain)[&50_001], "nothing");
}
