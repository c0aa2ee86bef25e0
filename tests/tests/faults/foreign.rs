//! Siblings of the look-alikes: other programs that say an app's word, echo a number that begins as an app's class byte does, or speak
//! its transport's protocols. All of them earn nothing.

use super::{at, client, of_trace};
use wiremark_tests::conversation::{Tcp, Udp};
use wiremark_tests::protocol::{dns, http, stun};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

fn earns_nothing(flows: Vec<Trace>) {
    for (port, said) in of_trace(&Trace::mixed(flows)) {
        assert_eq!(said, "nothing", "{port}");
    }
}

/// Crawlers and libraries that draw previews of links name several apps so that sites answer them (RFC 9110, 10.1.5: a product and its version);
/// and WeCom's browser (its developer pages), whose name stands before, behind or beside the one of the app whose engine it is.
#[test]
fn programs_that_say_the_apps_word_are_others() {
    let agents = [
        "WhatsApp/2",
        "facebookexternalhit/1.1 WhatsApp/2",
        "Mozilla/5.0 (compatible; LinkPreview/1.4; WhatsApp/2.0; +https://www.example.com/bot)",
        "WhatsApp/2.23.20.0",
        "Twitterbot/1.0 WhatsApp/2.12.4 Telegram",
        "Mozilla/5.0 (iPhone) wxwork/4.1.20 MicroMessenger/7.0.1 Language/zh",
        "Mozilla/5.0 (Linux; Android 13) MicroMessenger/7.0.1 NetType/WIFI wxwork/4.1.20",
        "Mozilla/5.0 (Windows NT 10.0) WindowsWechat MicroMessenger/7.0.1 wxwork/4.1.20 MicroMessenger/7.0.1",
    ];
    let flows = (0..).zip(agents).map(|(number, agent)| {
        let request = http::get("www.example.com", "/page", agent);
        Tcp::new(client(50_000 + number), at("198.51.100.1:80"), 1)
            .client(request)
            .server(http::ok(&[], b"x"))
            .trace()
    });
    earns_nothing(flows.collect());
}

/// Questions and answers that begin with the same bytes both ways: DNS at a port of its own (RFC 1035, 4.1.1), calls of remote procedures
/// (RFC 5531, 9) and their answers, KCP's conversations (its protocol page), RADIUS' authenticators behind an echoed id (RFC 2865, 3).
#[test]
fn echoed_numbers_are_no_class_bytes() {
    let random = &mut Random::new(6);
    let mut flows = Vec::new();
    for (number, class) in (0u16..).zip([0xa3u8, 0xd5, 0xd6, 0xd1]) {
        let port = 50_000 + number * 10;
        let mut lookups = Udp::new(client(port), at("198.51.100.1:8600"));
        let mut calls = Udp::new(client(port + 1), at("198.51.100.2:2049"));
        let mut kcp = Udp::new(client(port + 2), at("198.51.100.3:20000"));
        let mut radius = Udp::new(client(port + 3), at("198.51.100.4:1812"));
        for turn in 0..16u8 {
            let name = "a-service-of-somebodys-own.service.consul.example.net";
            let id = u16::from_be_bytes([class, turn]);
            lookups = lookups.client(dns::query(id, name, 1)).server(dns::answer(id, name, 1, &[]));
            let call =
                [&[class, 1, 2, turn, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3][..], &[0; 80]].concat();
            let reply = [&[class, 1, 2, turn, 0, 0, 0, 1, 0, 0, 0, 0][..], &[0; 84]].concat();
            calls = calls.client(call).server(reply);
            for command in [81, 82] {
                let head = [
                    class, 7, 8, 9, command, 0, 128, 0, turn, 0, 0, 0, turn, 0, 0, 0, 0, 0, 0, 0, 66, 0, 0, 0,
                ];
                let up = [&head[..], &random.bytes(72)].concat();
                kcp = kcp.client(&up).server([&head[..], &random.bytes(71)].concat());
            }
            let request = [&[1, class, 0, 95][..], &random.bytes(91)].concat();
            radius = radius.client(request).server([&[2, class, 0, 96][..], &random.bytes(92)].concat());
        }
        flows.extend([lookups.trace(), calls.trace(), kcp.trace(), radius.trace()]);
    }
    earns_nothing(flows);
}

/// ICE of others with long user names (RFC 8445, 5.3: up to 256 characters), at relays' ports, both ways; and media of payload type 71
/// (RFC 3551, 6), marked or not, extended or not (RFC 3550, 5.3.1), one way or both.
#[test]
fn long_user_names_and_media_of_type_71_are_anybodys() {
    let random = &mut Random::new(71);
    let mut flows = Vec::new();
    for (number, (name, port)) in (0u16..).zip([
        ("libp2p+webrtc+v1/", 3480),
        ("sfu:participant-", 3478),
        ("AAAAAAAA", 3480),
        ("Cqq+", 3478),
    ]) {
        let mut user = name.as_bytes().to_vec();
        user.extend(std::iter::repeat_n(b'x', 141 - user.len()));
        let check =
            stun::Message::new(0x0001, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 200, number as u8]).with(0x0006, user);
        let check = check.bytes();
        let mut flow = Udp::new(client(50_000 + number), at(&format!("198.51.100.1:{port}")));
        for _ in 0..6 {
            flow = flow.client(&check).server(&check);
        }
        flows.push(flow.trace());
    }
    for number in 0..8u8 {
        let (marked, extended, both) = (number & 1, number & 2 != 0, number & 4 != 0);
        let mut flow = Udp::new(client(50_100 + u16::from(number)), at("198.51.100.2:3478"));
        for sequence in 0..20u8 {
            let first = if extended { 0x90 } else { 0x80 };
            let extension: &[u8] = if extended { &[0xbe, 0xde, 0, 1, 0x10, 7, 0, 0] } else { &[] };
            let head = [first, marked << 7 | 71, 0, sequence, 0, 0, sequence, 0, 9, 9, 9, number];
            let packet = [&head[..], extension, &random.bytes(60)].concat();
            flow = flow.client(&packet);
            if both {
                flow = flow.server(&packet);
            }
        }
        flows.push(flow.trace());
    }
    earns_nothing(flows);
}
