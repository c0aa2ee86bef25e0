//! Siblings of look-up lists and of hellos without a name: the same answer in other pieces, packings and documents; hellos that
//! say nothing, say it late, or say somebody else's.

use super::{at, client, of_trace};
use std::net::IpAddr;
use wiremark_tests::conversation::{Side, Tcp, Udp};
use wiremark_tests::protocol::tls::ClientHello;
use wiremark_tests::protocol::{dns, http, quic, wechat_http};
use wiremark_tests::random::Random;
use wiremark_tests::trace::Trace;

const NOTHING: &str = "nothing";

/// Some unknown first bytes to a server, long after what it is to be known by.
fn later(port: u16, server: &str) -> Trace {
    Tcp::new(client(port), at(server), u64::from(port))
        .client([0x33; 40])
        .server([0x44; 40])
        .trace()
        .shift(9_000_000)
}

/// What the flows behind a look-up list are taken for: to a named long link, and to three addresses of the built-in list.
fn taught(answer: impl AsRef<[u8]>, change: impl Fn(Tcp, &[u8]) -> Tcp) -> [String; 4] {
    let request = wechat_http::newdns_request(2016, &mut Random::new(7));
    let asked = Tcp::new(client(40_001), at("198.51.100.9:80"), 7).client(request);
    let said = of_trace(&Trace::mixed([
        change(asked, answer.as_ref()).close().trace(),
        later(50_001, "203.0.113.80:8080"),
        later(50_002, "203.0.113.200:443"),
        later(50_003, "203.0.113.201:443"),
        later(50_004, "127.0.0.1:8080"),
    ]));
    [50_001, 50_002, 50_003, 50_004].map(|port| said[&port].clone())
}

/// The answer in pieces of a dozen bytes and more, out of order, sent twice, and deflated (MATAdOR, "WeChat DNS-over-HTTP"; RFC 9110, 8.4.1): it
/// teaches what it teaches in one piece, and nothing where half of it never came.
#[test]
fn a_look_up_list_in_pieces_teaches_the_same() {
    let ip: IpAddr = "203.0.113.80".parse().expect("an address");
    for year in [2016, 2023] {
        let answer = wechat_http::newdns_answer(year, &[("long.weixin.qq.com", &[ip])]);
        let whole = taught(&answer, |flow, answer| flow.server(answer));
        assert!(whole[0].starts_with("wechat") && whole[0].ends_with("related"), "{year}: {whole:?}");
        assert_eq!((whole[1].as_str(), whole[3].as_str()), ("wechat http related", NOTHING), "{year}");
        for sizes in [&[12; 900][..], &[37; 40], &[100, 3, 1], &[4, 500]] {
            let pieces = taught(&answer, |flow, answer| flow.server_segments(answer, sizes));
            assert_eq!(pieces, whole, "{year} {sizes:?}");
        }
        let late =
            taught(&answer, |flow, answer| flow.server_segments(answer, &[60; 40]).late(Side::Server, 1, 2));
        assert_eq!(late, whole, "{year}, out of order");
        let twice = taught(&answer, |flow, answer| {
            flow.server_segments(answer, &[60; 40]).retransmit(Side::Server, 1, 3)
        });
        assert_eq!(twice, whole, "{year}, sent again");
        let half = taught(&answer, |flow, answer| flow.server(&answer[..answer.len() / 4]));
        assert_eq!(half[1], NOTHING, "{year}, cut before the built-in list");
    }
}

/// A list as long as the longest that was seen (2023: 77 names of 166 addresses, the last of them within its first 2,304 packed bytes)
/// teaches to its last name, whose two addresses come behind all others.
#[test]
fn a_look_up_list_as_long_as_any_seen_is_read_whole() {
    let random = &mut Random::new(23);
    let host = |random: &mut Random| format!("{}.weixin.qq.com", random.hex(13));
    let address = |random: &mut Random| IpAddr::from(random.array::<4>());
    let others: Vec<(String, Vec<IpAddr>)> = (0..76)
        .map(|number| (host(random), (0..2 + usize::from(number < 12)).map(|_| address(random)).collect()))
        .collect();
    let own = [address(random), "203.0.113.80".parse().expect("an address")];
    let mut names: Vec<(&str, &[IpAddr])> =
        others.iter().map(|(name, ips)| (name.as_str(), ips.as_slice())).collect();
    names.push(("long.weixin.qq.com", &own));
    assert_eq!((names.len(), names.iter().map(|(_, ips)| ips.len()).sum::<usize>()), (77, 166));
    let answer = wechat_http::newdns_answer(2023, &names);
    let packed = answer.len() - answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") - 4;
    assert!((2_304..2_400).contains(&packed), "{packed} bytes");
    let said = taught(&answer, |flow, answer| flow.server(answer));
    assert!(said[0].starts_with("wechat") && said[0].ends_with("related"), "{said:?}");
}

/// A built-in list of its own shapes: several addresses, among them the host itself and a broken one, behind spaces and lines; an
/// empty one; one whose end was cut; and an address outside of it.
#[test]
fn built_in_lists_teach_their_addresses_and_no_others() {
    let document = |list: &str| {
        let body = format!(
            "<?xml version=\"1.0\"?><dns><retcode>0</retcode><domainlist><domain name=\"long.weixin.qq.com\" timeout=\"1800\">\
             <ip>203.0.113.80</ip></domain></domainlist>{list}<clientip>203.0.113.200</clientip></dns>"
        );
        http::ok(&[("Connection", "close"), ("Content-Type", "text/xml")], body.as_bytes())
    };
    let plain = |flow: Tcp, answer: &[u8]| flow.server(answer);
    let related = "wechat http related";
    let several = "<builtiniplist>\n <ip>203.0.113.200</ip>\r\n\t<ip>203.0.113.201</ip><ip>127.0.0.1</ip><ip>300.1.1</ip></builtiniplist>";
    for (what, list, first, second) in [
        ("several", several, related, related),
        ("one", "<builtiniplist><ip>203.0.113.200</ip></builtiniplist>", related, NOTHING),
        ("cut", "<builtiniplist><ip>203.0.113.200</ip><ip>203.0.113.20", related, NOTHING),
        ("empty", "<builtiniplist></builtiniplist>", NOTHING, NOTHING),
        ("none, but the client's own address", "", NOTHING, NOTHING),
    ] {
        let said = taught(document(list), plain);
        assert!(said[0].ends_with("related"), "{what}: {said:?}");
        assert_eq!(
            [said[1].as_str(), said[2].as_str(), said[3].as_str()],
            [first, second, NOTHING],
            "{what}"
        );
    }
}

/// DNS named the server; then a hello without a name (RFC 6066, 3: it may be left out): of TLS whole, in segments, in records, with a ticket as of
/// RFC 5077, of QUIC; and an HTTP request without Host (RFC 1945, 5.1.2). What was known stays. A foreign name takes it back.
#[test]
fn a_start_without_a_name_takes_nothing_back() {
    let server = "198.51.100.60";
    let records = [dns::Record::Address("mmg.whatsapp.net".into(), server.parse().expect("an address"))];
    let asked = Udp::new(client(40_001), at("192.0.2.53:53"))
        .client(dns::query(7, "mmg.whatsapp.net", 1))
        .server(dns::answer(7, "mmg.whatsapp.net", 1, &records))
        .trace();
    let random = &mut Random::new(5);
    let nameless = || ClientHello { name: None, ..ClientHello::to("x") };
    let tls = |port: u16, stream: Vec<u8>, sizes: &[usize]| {
        Tcp::new(client(port), at("198.51.100.60:443"), u64::from(port)).client_segments(stream, sizes)
    };
    let initial = |port: u16, hello: &ClientHello, random: &mut Random| {
        let crypto = quic::crypto(0, &hello.message(random));
        let datagram = quic::initial(quic::Version::V1, &[7; 8], &[1], 0, &crypto, 1200);
        Udp::new(client(port), at("198.51.100.60:443")).client(datagram).trace()
    };
    let flows = [
        asked,
        tls(50_001, nameless().record(random), &[2000]).trace().shift(1_000_000),
        tls(50_002, nameless().record(random), &[5, 60]).trace().shift(1_000_000),
        tls(50_003, ClientHello { ticket: 5_000, ..nameless() }.record(random), &[900])
            .trace()
            .shift(1_000_000),
        initial(50_004, &nameless(), random).shift(1_000_000),
        tls(50_005, b"GET /a HTTP/1.0\r\nAccept: */*\r\n\r\n".to_vec(), &[2000]).trace().shift(1_000_000),
        tls(50_006, ClientHello::to("www.example.com").record(random), &[2000]).trace().shift(1_000_000),
        tls(50_007, ClientHello::to("www.example.com").record(random), &[5, 60]).trace().shift(1_000_000),
        initial(50_008, &ClientHello::to("www.example.com"), random).shift(1_000_000),
    ];
    let said = of_trace(&Trace::mixed(flows));
    for port in 50_001..=50_005 {
        assert_eq!(said[&port], "whatsapp files related", "{port}");
    }
    for port in 50_006..=50_008 {
        assert_eq!(said[&port], NOTHING, "{port}");
    }
}
