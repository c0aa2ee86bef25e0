//! Siblings of the kinds that went wrong, each from a public description: forged starts, shared fronts, flows that are
//! decided late, and relays and proxies as they came to be.

use super::{at, client, of_trace};
use wiremark_tests::conversation::{Side, Tcp, Udp};
use wiremark_tests::protocol::mmtls;
use wiremark_tests::protocol::tls::{self, ClientHello};
use wiremark_tests::protocol::whatsapp_chat::{ik_answer, ik_hello};
use wiremark_tests::protocol::{dns, http, quic, stun, wechat_http, wechat_voip};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

const NOTHING: &str = "nothing";

fn is_no_payload(said: &str) -> bool {
    said == NOTHING || said.ends_with(" name")
}

/// Tunnels copy a known head (V2Ray's `tcp` transport with an HTTP `request`, its manual): behind it an answer that switches
/// protocols (RFC 9110, 15.2.2), a chunked body (RFC 9112, 7.1), or another head of the same kind.
#[test]
fn forged_heads_earn_nothing_by_payload() {
    let head = |length: &str| {
        let fields = [
            ("Host", "short.weixin.qq.com"),
            ("Upgrade", "mmtls"),
            ("User-Agent", "MicroMessenger Client"),
            ("Content-Length", length),
        ];
        http::request("POST", "/mmtls/00aabbcc", "1.1", &fields, b"")
    };
    let server = |number: u8| at(&format!("198.51.100.{number}:80"));
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mmtls\r\n\r\n";
    let switched = Tcp::new(client(50_001), server(1), 1).client(head("0")).server(switching);
    let chunked = Tcp::new(client(50_002), server(2), 2).client(head("400")).client(b"190\r\n\x05\x01\x00");
    let pipelined = Tcp::new(client(50_003), server(3), 3).client([head("0"), head("0")].concat());
    // The head goes to a host of nobody's, and foreign records follow it.
    let hosted = wechat_http::forged_flow(client(50_004), server(4), 4);
    // What any of them showed of its server is forgotten, also where it was believed for a while.
    let later = |port: u16, number: u8| {
        let flow = Tcp::new(at(&format!("192.0.2.77:{port}")), server(number), u64::from(port));
        flow.client([0xab; 64]).server([0xcd; 64]).trace().shift(3_000_000)
    };
    let own = Tcp::new(client(50_009), server(2), 9).client([0xab; 64]).trace().shift(4_000_000);
    let said = of_trace(&Trace::mixed([
        switched.trace(),
        chunked.trace(),
        pipelined.trace(),
        hosted,
        later(50_005, 1),
        later(50_006, 2),
        later(50_007, 3),
        later(50_008, 4),
        own,
    ]));
    for port in 50_001..=50_004 {
        assert!(is_no_payload(&said[&port]), "{port}: {}", said[&port]);
    }
    for port in 50_005..=50_009 {
        assert_eq!(said[&port], NOTHING, "{port}");
    }
}

/// A client's hello alone, mmtls's or the chat's, answered by somebody else's server: at most the flow itself, and none of others'.
#[test]
fn a_forged_hello_does_not_spread() {
    let random = &mut Random::new(41);
    let (one, two, three) = (at("198.51.100.1:443"), at("198.51.100.2:443"), at("198.51.100.3:5222"));
    let alert = b"\x15\x03\x03\x00\x02\x02\x28";
    let hello = mmtls::full_hello(4, random);
    let mmtls = Tcp::new(client(50_001), one, 1).client(&hello).server(alert).trace();
    let chat = [&b"WA\x06\x03"[..], &[0, 0, 0], &[0x17; 60]].concat();
    let broken = Tcp::new(client(50_002), three, 2).client(chat).server(b"-ERR unknown command\r\n").trace();
    // Real: both sides; but what others do there is another protocol's by its first words or by its transport.
    let real = Tcp::new(client(50_003), two, 3).client(&hello).server(mmtls::full_answer(4, random)).trace();
    let other = |port: u16, server, first: &[u8]| {
        let flow = Tcp::new(at(&format!("192.0.2.78:{port}")), server, u64::from(port));
        flow.client(first).trace().shift(5_000_000)
    };
    let later = 5_000_000 + wiremark_tests::trace::START_US;
    let said = of_trace(&Trace::mixed([
        mmtls,
        broken,
        real,
        other(50_004, one, &[0x17; 40]),
        other(50_005, three, &[0x17; 40]),
        other(50_006, two, b"SSH-2.0-OpenSSH_9.9\r\n"),
        other(50_007, two, b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd"),
        Udp::new(at("192.0.2.78:50008"), two).at(later).client([0x17; 40]).trace(),
        other(50_009, two, &ClientHello::to("www.example.com").record(random)),
    ]));
    assert_eq!(said[&50_003], "wechat mmtls-long payload");
    assert_eq!(said[&50_002], NOTHING);
    for port in 50_004..=50_009 {
        assert_eq!(said[&port], NOTHING, "{port}");
    }
}

/// A datagram's forged head (xray-core, `header` of mKCP: "wechat-video" a1 08, "srtp", "utp", "dtls"), and the same moved by a byte.
#[test]
fn forged_datagrams_earn_nothing() {
    let heads: [&[u8]; 4] = [
        &[0xa1, 0x08, 0, 0, 0, 0, 0, 0x10, 0x11, 0x18, 0x30, 0x22, 0x30],
        &[0xb5, 0xe8, 0, 0],
        &[0x01, 0x00, 0x12, 0x34],
        &[0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40],
    ];
    for (number, head) in heads.iter().enumerate() {
        let random = &mut Random::new(number as u64);
        let mut flow = Udp::new(client(50_001), at("198.51.100.60:8080"));
        for turn in 0..40u8 {
            let mut head = head.to_vec();
            if head.len() > 5 {
                head[5] = turn;
            }
            // mKCP behind it: conversation, command, option, time stamp (its source).
            let behind = [&[0x12, 0x34, 1, 0][..], &u32::from(turn).to_be_bytes()].concat();
            let up = [&head[..], &behind, &random.bytes(77 - behind.len())].concat();
            let down = [&head[..], &behind, &random.bytes(60)].concat();
            flow = flow.client(up).server(down);
        }
        assert_eq!(of_trace(&flow.trace())[&50_001], NOTHING, "head {number}");
    }
}

/// A look-up's answer with records of its own.
fn answered(port: u16, from: &str, name: &str, kind: u16, records: &[dns::Record], after_us: i64) -> Trace {
    let from = at(&format!("{from}:{port}"));
    let flow = Udp::new(from, at("192.0.2.53:53"))
        .client(dns::query(7, name, kind))
        .server(dns::answer(7, name, kind, records));
    flow.trace().shift(after_us)
}

/// Several names at one front: of those a client asked for the last counts, whatever the record (RFC 1035, 3.4.1; RFC 3596; RFC 9460) and
/// whichever the transport (RFC 7766), and others' look-ups count for nobody who asks.
#[test]
fn the_name_asked_for_last_counts() {
    let address = |text: &str| text.parse().expect("an address");
    let a = |name: &str, ip: &str| vec![dns::Record::Address(name.into(), address(ip))];
    let aliased = |name: &str, alias: &str, ip: &str| {
        vec![dns::Record::Cname(name.into(), alias.into()), dns::Record::Address(alias.into(), address(ip))]
    };
    let flow = |port: u16, from: &str, to: &str, after_us: i64| {
        Tcp::new(at(&format!("{from}:{port}")), at(to), u64::from(port))
            .client(b"\x16\x03\x01\x02\x00\x01")
            .trace()
            .shift(after_us)
    };
    let (one, two, three) = ("192.0.2.10", "192.0.2.11", "192.0.2.12");
    let front = "198.51.100.60";
    let alias = "front.example.net";
    let message = |name: &str| dns::over_tcp(&dns::answer(7, name, 1, &a(name, front)));
    let over_tcp = Tcp::new(at("192.0.2.13:40020"), at("192.0.2.53:53"), 7)
        .client(dns::over_tcp(&dns::query(7, "web.wechat.com", 1)))
        .server(message("web.wechat.com"))
        .client(dns::over_tcp(&dns::query(8, "mmg.whatsapp.net", 1)))
        .server_segments(message("mmg.whatsapp.net"), &[9, 20]);
    let six = "2001:db8::60";
    let said = of_trace(&Trace::mixed([
        // One app's name after the other's.
        answered(40_001, one, "web.wechat.com", 1, &a("web.wechat.com", front), 0),
        answered(40_002, one, "mmg.whatsapp.net", 1, &a("mmg.whatsapp.net", front), 1_000_000),
        flow(50_001, one, "198.51.100.60:443", 2_000_000),
        // The other way round, through an alias that both share.
        answered(40_003, two, "mmg.whatsapp.net", 1, &aliased("mmg.whatsapp.net", alias, front), 100_000),
        answered(40_004, two, "web.wechat.com", 1, &aliased("web.wechat.com", alias, front), 1_100_000),
        flow(50_002, two, "198.51.100.60:443", 2_100_000),
        // IPv6, and then somebody else's name.
        answered(40_005, three, "mmg.whatsapp.net", 28, &a("mmg.whatsapp.net", six), 200_000),
        flow(50_003, three, "198.51.100.60:443", 900_000),
        answered(40_006, three, "www.example.com", 28, &a("www.example.com", six), 1_200_000),
        over_tcp.trace().shift(300_000),
        flow(50_004, "192.0.2.13", "198.51.100.60:443", 60_000_000),
    ]));
    assert_eq!(said[&50_001], "whatsapp files related");
    assert_eq!(said[&50_002], "wechat web related");
    assert_eq!(said[&50_003], NOTHING, "it asks for itself, and had another address");
    assert_eq!(said[&50_004], "whatsapp files related");
}

/// Flows that go on when something tells what they are: DNS over IPv6, a look-up list of the app, an alias' address late, over UDP too.
#[test]
fn what_goes_on_is_decided_when_something_tells() {
    let address = |text: &str| text.parse().expect("an address");
    let mut six = Udp::new(at("[2001:db8::1]:50001"), at("[2001:db8::60]:443"));
    let mut tcp = Tcp::new(client(50_002), at("198.51.100.70:8080"), 2).without_handshake();
    let mut alias = Tcp::new(client(50_003), at("198.51.100.71:443"), 3).without_handshake();
    let mut other =
        Tcp::new(client(50_004), at("198.51.100.70:25"), 4).server(b"220 mail.example.net ESMTP\r\n");
    for turn in 0..80u8 {
        six = six.client([0x40 | turn & 7; 60]).wait(100_000);
        tcp = tcp.client([0x33; 30]).wait(100_000);
        alias = alias.client([0x17; 30]).wait(100_000);
        other = other.client([0x41; 30]).wait(100_000);
    }
    let records = [dns::Record::Address("web.whatsapp.com".into(), address("2001:db8::60"))];
    let asked = Udp::new(at("[2001:db8::1]:40001"), at("[2001:db8::53]:53"))
        .client(dns::query(7, "web.whatsapp.com", 28))
        .server(dns::answer(7, "web.whatsapp.com", 28, &records));
    let list = wechat_http::newdns_flow(
        client(40_002),
        at("198.51.100.9:80"),
        2016,
        &[("long.weixin.qq.com", &[address("198.51.100.70")])],
        5,
    );
    let records = [
        dns::Record::Cname("mmg.whatsapp.net".into(), "front.example.net".into()),
        dns::Record::Address("front.example.net".into(), address("198.51.100.71")),
    ];
    let said = of_trace(&Trace::mixed([
        six.trace(),
        tcp.trace(),
        alias.trace(),
        other.trace(),
        asked.trace().shift(6_000_000),
        list.shift(6_000_000),
        answered(40_003, "192.0.2.10", "mmg.whatsapp.net", 1, &records, 6_000_000),
    ]));
    assert!(said[&50_001].starts_with("whatsapp") && said[&50_001].ends_with("related"), "{}", said[&50_001]);
    assert!(said[&50_002].starts_with("wechat") && said[&50_002].ends_with("related"), "{}", said[&50_002]);
    assert_eq!(said[&50_003], "whatsapp files related");
    assert_eq!(said[&50_004], NOTHING, "a mail server, whatever the list says");
}

/// A relay is allocated anew after long media (RFC 8656, 3.9 asks for it every ten minutes): from the other end, behind control packets, or
/// after checks that were never answered.
#[test]
fn allocations_after_long_media_are_found() {
    let allocate = stun::Message::new(0x0003, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 100])
        .unpadded()
        .with(0x4000, [5; 102])
        .bytes();
    let check = stun::Message::new(0x0001, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 101]).bytes();
    let media = |sequence: u16| {
        [&[0x80, 0x78][..], &sequence.to_be_bytes(), &[0, 0, 0, 1, 9, 9, 9, 9], &[0x5a; 50]].concat()
    };
    let control = [&[0x80, 200, 0, 6, 9, 9, 9, 9][..], &[0; 20]].concat();
    for (what, side, before) in [
        ("media", Side::Client, media(0)),
        ("control", Side::Client, control),
        ("checks", Side::Client, check),
        ("media towards", Side::Server, media(0)),
    ] {
        let mut flow = Udp::new(client(50_001), at("198.51.100.60:3478"));
        for number in 0..200u16 {
            flow = flow.say(side, if what.starts_with("media") { media(number) } else { before.clone() });
        }
        let flow = flow.client(&allocate).client(&allocate);
        assert_eq!(of_trace(&flow.trace())[&50_001], "whatsapp call payload", "{what}");
    }
}

/// Calls whose datagrams vary: transmission that pauses for silence and then sends comfort noise (RFC 3389), video frames in pieces of a
/// datagram's length beside voice, and a start that was not captured; each beside a signalled call of the same client.
#[test]
fn calls_of_other_rhythms_are_calls() {
    let random = &mut Random::new(77);
    let server = at("198.51.100.60:8080");
    let mut signalled = Udp::new(client(50_000), server);
    for count in 0..12 {
        signalled = signalled
            .client(wechat_voip::signalling(count, random.between(60, 160), random))
            .server(wechat_voip::signalling(count, random.between(50, 120), random));
    }
    let mut silent = Udp::new(client(50_001), at("203.0.113.9:33000"));
    let mut video = Udp::new(client(50_002), at("203.0.113.9:33001"));
    let mut midway = Udp::new(client(50_003), at("203.0.113.9:33002"));
    for turn in 0..40usize {
        let talks = turn % 8 < 4;
        let size = if talks { random.between(80, 180) } else { random.between(22, 30) };
        silent = silent.client(wechat_voip::content(0xa3, size, random));
        silent = silent.server(wechat_voip::content(0xa3, random.between(30, 140), random));
        let size = if turn % 5 == 4 { random.between(200, 900) } else { 1_140 };
        video = video.client(wechat_voip::content(0xd5, size, random));
        midway = midway.server(wechat_voip::content(0xd6, random.between(60, 400), random));
    }
    let said = of_trace(&Trace::mixed([
        signalled.trace(),
        silent.trace().shift(3_000_000),
        video.trace().shift(3_000_000),
        midway.trace().shift(3_000_000),
    ]));
    assert_eq!(said[&50_000], "wechat voip payload");
    for port in 50_001..=50_003 {
        assert_eq!(said[&port], "wechat voip related", "{port}");
    }
}

/// The same bytes and lengths at a port where another protocol answers (IANA's list): a VPN or a directory with a byte in front.
#[test]
fn content_at_other_protocols_ports_is_no_call() {
    for (port, is_call) in [(4500u16, false), (500, false), (1194, false), (51_820, false), (16_285, true)] {
        for (class, up, down) in [(0xd5, 90, 104), (0xa3, 95, 96), (0xd6, 200, 200)] {
            let random = &mut Random::new(u64::from(port));
            let mut flow = Udp::new(client(50_001), at(&format!("198.51.100.60:{port}")));
            let mut one_sided = Udp::new(client(50_002), at(&format!("198.51.100.61:{port}")));
            for _ in 0..12 {
                flow = flow.client(wechat_voip::content(class, up, random));
                flow = flow.server(wechat_voip::content(class, down, random));
                one_sided = one_sided.client(wechat_voip::content(class, up, random));
            }
            for (client, said) in of_trace(&Trace::mixed([flow.trace(), one_sided.trace()])) {
                assert_eq!(
                    said,
                    if is_call { "wechat voip related" } else { NOTHING },
                    "{client} {port} {class}"
                );
            }
        }
    }
}

/// Signalling over TCP before any datagram (UVP, II-A): the long link in clear, the long link inside mmtls, and one to a server that only a
/// look-up names.
#[test]
fn signalling_over_tcp_is_the_apps() {
    let random = &mut Random::new(78);
    let number = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    // Invite 63, answered 10^9 above; then a push 61 (facts/wechat.md 2 and 4).
    let message = |command: u32, sequence: u32, body: usize, random: &mut Random| {
        [number(&[16 + body as u32, 0x0010_0001, command, sequence]), random.bytes(body)].concat()
    };
    let clear = Tcp::new(client(50_001), at("198.51.100.1:8080"), 1)
        .client(message(63, 9, 300, random))
        .server(message(1_000_000_063, 9, 40, random))
        .server(message(61, 0, 200, random));
    let sealed = mmtls::longlink(client(50_002), at("198.51.100.2:443"), 4, 9);
    let asked =
        [dns::Record::Address("long.weixin.qq.com".into(), "198.51.100.3".parse().expect("an address"))];
    let named = Tcp::new(client(50_003), at("198.51.100.3:80"), 3).client([9; 60]).server([8; 40]);
    let said = of_trace(&Trace::mixed([
        clear.trace(),
        sealed.trace(),
        answered(40_003, "192.0.2.10", "long.weixin.qq.com", 1, &asked, 0),
        named.trace().shift(1_000_000),
    ]));
    assert_eq!(said[&50_001], "wechat longlink payload");
    assert_eq!(said[&50_002], "wechat mmtls-long payload");
    assert!(said[&50_003].starts_with("wechat") && said[&50_003].ends_with("related"), "{}", said[&50_003]);
}

/// A relay that is known may carry QUIC (calls of browsers over WebTransport): the client's Initial to it belongs to the call; one with a
/// foreign name does not, nor does one to another server, nor another client's.
#[test]
fn quic_to_a_known_relay_is_the_calls() {
    let random = &mut Random::new(79);
    let allocate = stun::Message::new(0x0003, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, 100])
        .unpadded()
        .with(0x4000, [5; 102])
        .bytes();
    let relay = "198.51.100.60:3478";
    let call = Udp::new(client(50_001), at(relay)).client(&allocate).client(&allocate).trace();
    let initial = |name: Option<&str>, random: &mut Random| {
        let hello = match name {
            Some(name) => ClientHello::to(name),
            None => ClientHello { name: None, ..ClientHello::to("x") },
        };
        quic::initial(quic::Version::V1, &[7; 8], &[1], 0, &quic::crypto(0, &hello.message(random)), 1200)
    };
    let later = wiremark_tests::trace::START_US + 1_000_000;
    let flow =
        |from: &str, to: &str, first: Vec<u8>| Udp::new(at(from), at(to)).at(later).client(first).trace();
    let said = of_trace(&Trace::mixed([
        call,
        flow("192.0.2.10:50002", relay, initial(None, random)),
        flow("192.0.2.10:50003", relay, initial(Some("www.example.com"), random)),
        flow("192.0.2.10:50004", "198.51.100.61:3478", initial(None, random)),
        flow("192.0.2.77:50005", relay, initial(None, random)),
    ]));
    assert_eq!(said[&50_001], "whatsapp call payload");
    assert_eq!(said[&50_002], "whatsapp call related");
    for port in 50_003..=50_005 {
        assert_eq!(said[&port], NOTHING, "{port}");
    }
}

/// The chat behind PROXY version 2 (HAProxy's proxy-protocol.txt, 2.2): IPv4, IPv6, with options behind the addresses, local, in segments, and
/// one version after the other.
#[test]
fn the_chat_behind_proxy_version_2_is_found() {
    let random = &mut Random::new(80);
    let header = |command: u8, family: u8, body: &[u8]| {
        let fixed = [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[0x20 | command, family]].concat();
        [&fixed[..], &(body.len() as u16).to_be_bytes(), body].concat()
    };
    let four = [&[10, 0, 0, 1, 198, 51, 100, 1][..], &[0x9c, 0x40, 1, 0xbb]].concat();
    let six = [&[0x20; 32][..], &[0x9c, 0x40, 1, 0xbb]].concat();
    // PP2_TYPE_ALPN and PP2_TYPE_NOOP.
    let options = [&four[..], &[1, 0, 2, b'h', b'2', 4, 0, 3, 0, 0, 0]].concat();
    let line = b"PROXY TCP4 10.0.0.1 198.51.100.1 40000 443\r\n".to_vec();
    let cases = [
        ("IPv4", header(1, 0x11, &four)),
        ("IPv6", header(1, 0x21, &six)),
        ("options", header(1, 0x11, &options)),
        ("local", header(0, 0x00, &[])),
        ("both versions", [line, header(1, 0x11, &four)].concat()),
    ];
    for (what, proxy) in cases {
        for sizes in [&[2000][..], &[5, 3, 11], &[16, 12, 1]] {
            let hello = [&b"WA\x06\x03"[..], &ik_hello(random, 300)].concat();
            let flow = Tcp::new(client(50_001), at("198.51.100.1:7777"), 1)
                .client_segments([&proxy[..], &hello].concat(), sizes)
                .server(ik_answer(random));
            assert_eq!(of_trace(&flow.trace())[&50_001], "whatsapp chat payload", "{what} {sizes:?}");
        }
        let tls = [&proxy[..], &ClientHello::to("www.example.com").record(random)].concat();
        let flow = Tcp::new(client(50_002), at("198.51.100.1:443"), 2)
            .client(tls)
            .server(tls::server_hello(random, &[]));
        assert_eq!(of_trace(&flow.trace())[&50_002], NOTHING, "{what}");
    }
}
