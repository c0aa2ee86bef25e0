//! `wiremark anonymize` on captures written by hand: what goes, what stays, and what is classified as before.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;

use crate::copies::*;
use crate::packets::*;
use crate::traces::{folder, pcap, stderr, wiremark, write};
use wiremark::dissect::{dns, stun};

#[test]
fn addresses_go_and_lengths_times_and_ports_stay() {
    let mut packets = connection((CLIENT, 40000), (SERVER, 443), 100, &[(true, &[0xde, 0xad, 0xbe, 0xef])]);
    packets.push(udp(("fd00::abcd:1", 5000), ("2a02:1234:5678::9", 6000), b"\x01\x02"));
    let copy = anonymize(&packets);
    copy.same_flows();
    let bytes = copy.bytes();
    assert_eq!(bytes.len(), fs::read(&copy.capture).unwrap().len());
    for address in [CLIENT, SERVER, "fd00::abcd:1", "2a02:1234:5678::9"] {
        assert!(!holds(&bytes, &octets(address)), "{address}");
    }
    assert!(!holds(&bytes, &[0x00, 0x1b, 0x63]) && !holds(&bytes, &[0x00, 0x25, 0x9c]), "makers of cards");
    let ends = ends(&copy.copy);
    let (client, server) = ends[0];
    assert_eq!(ends[1], (server, client), "the same address, the same pseudonym");
    assert!(matches!(client, IpAddr::V4(v4) if v4.octets()[0] == 10), "private stays private");
    assert!(matches!(server, IpAddr::V4(v4) if !v4.is_private()));
    for frame in frames_of(&copy.copy) {
        assert!(checksums_are_right(&frame[14..]));
    }
}

#[test]
fn dns_answers_still_name_their_servers() {
    let v6 = "2a02:1234:5678::9";
    let https = [&[0, 1, 0][..], &[0, 4, 0, 4], &octets(SERVER), &[0, 6, 0, 16], &octets(v6)].concat();
    let answers = [
        ("app.example.net", 1, octets(SERVER)),
        ("app.example.net", 28, octets(v6)),
        ("app.example.net", 65, https),
        ("app.example.net", 16, b"\x07private".to_vec()),
    ];
    let mut packets = vec![
        udp((CLIENT, 4000), (RESOLVER, 53), &dns("app.example.net", &[])),
        udp((RESOLVER, 53), (CLIENT, 4000), &dns("app.example.net", &answers)),
        udp((CLIENT, 4001), (RESOLVER, 53), &dns("82.71.60.45.in-addr.arpa", &[])),
    ];
    packets.extend(connection((CLIENT, 40000), (SERVER, 443), 100, &[(true, &[0xfd; 40])]));
    packets.extend(connection(("fd00::1", 40000), (v6, 443), 100, &[(true, &[0xfd; 40])]));
    let copy = anonymize(&packets);
    let flows = copy.same_flows();
    assert_eq!(flows.iter().filter(|flow| flow["confidence"] == "related").count(), 2);
    let bytes = copy.bytes();
    assert!(!holds(&bytes, &octets(SERVER)) && !holds(&bytes, &octets(v6)));
    assert!(!holds(&bytes, b"private") && !holds(&bytes, b"71"), "other records, and addresses asked back");
    let (payloads, ends) = (payloads(&copy.copy), ends(&copy.copy));
    let answers: Vec<dns::Record<'_>> =
        dns::message(&payloads[1]).found().unwrap().answers().map(|answer| answer.record).collect();
    let [dns::Record::V4(first), dns::Record::V6(second), dns::Record::Service(service)] = answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!((IpAddr::V4(first), IpAddr::V6(second)), (ends[3].1, ends[6].1));
    assert_eq!(service.v4_hints().next(), Some(first));
    assert_eq!(service.v6_hints().next(), Some(second));
}

#[test]
fn look_up_lists_still_teach_packed_or_not() {
    let list = format!(
        "<dns><retcode>0</retcode><domainlist><domain name=\"app.example.net\" timeout=\"1800\"><ip>{SERVER}</ip>\
         <ip>{RESOLVER}</ip></domain></domainlist><clientip>93.184.17.23</clientip><signature>{}</signature></dns>",
        "QmFzZTY0".repeat(40)
    );
    let packed = |raw: bool| {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(list.as_bytes()).unwrap();
        let zlib = zlib.finish().unwrap();
        if raw { zlib[2..zlib.len() - 4].to_vec() } else { zlib }
    };
    let request =
        format!("GET /list?uin={ACCOUNT}&net=1 HTTP/1.1\r\nHost: {SERVER}\r\nCookie: id={ACCOUNT}\r\n\r\n");
    for (encoding, body) in
        [("identity", list.clone().into_bytes()), ("deflate", packed(false)), ("deflate", packed(true))]
    {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), &body].concat();
        // The list comes in pieces, and names the server of the connection that follows.
        let turns = [(true, request.as_bytes()), (false, &answer)];
        let mut packets = connection((CLIENT, 40000), (SERVER, 8080), 61, &turns);
        packets.extend(connection((CLIENT, 40001), (RESOLVER, 9000), 100, &[(true, &[0xfd; 40])]));
        let copy = anonymize(&packets);
        let flows = copy.same_flows();
        assert_eq!(flows[0]["signature"], "list");
        assert_eq!((&flows[1]["confidence"], &flows[1]["signature"]), (&"related".into(), &"hosts".into()));
        let bytes = copy.bytes();
        for secret in [ACCOUNT, SERVER, RESOLVER, "93.184.17.23", "QmFzZTY0"] {
            assert!(!holds(&bytes, secret.as_bytes()), "{secret} in a list {encoding}");
        }
    }
}

#[test]
fn stun_addresses_follow_their_packets() {
    // XOR-RELAYED-ADDRESS with the packet's own destination, then XOR-MAPPED and MAPPED-ADDRESS, a token, an integrity.
    let coded = |address: &str, port: u16| {
        let bytes: Vec<u8> =
            octets(address).iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b).collect();
        [&[0, 1][..], &(port ^ 0x2112).to_be_bytes(), &bytes].concat()
    };
    let attribute = |kind: u16, value: &[u8]| {
        [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    };
    let attributes = [
        attribute(0x4000, &[0x5e; 40]),
        attribute(0x0016, &coded(SERVER, 3478)),
        attribute(0x0020, &coded(CLIENT, 5000)),
        attribute(0x0001, &[&[0, 1, 0x13, 0x88][..], &octets(CLIENT)].concat()),
        attribute(0x0006, b"alice:secret"),
        attribute(0x0008, &[0x5e; 20]),
    ]
    .concat();
    let header =
        [&[0, 3][..], &(attributes.len() as u16).to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42], &[7; 12]].concat();
    let copy = anonymize(&[udp((CLIENT, 5000), (SERVER, 3478), &[header, attributes].concat())]);
    assert_eq!(copy.same_flows()[0]["signature"], "relay");
    let (payload, ends) = (payloads(&copy.copy).remove(0), ends(&copy.copy));
    let message = stun::message(&payload).found().unwrap();
    let address = |kind: u16| {
        let value = message.attribute(kind).unwrap();
        if kind == 1 { stun::mapped_address(value) } else { stun::xor_address(value, message.transaction_id) }
    };
    assert_eq!(address(0x0016), Some((ends[0].1, 3478)));
    assert_eq!(address(0x0020), Some((ends[0].0, 5000)));
    assert_eq!(address(0x0001), Some((ends[0].0, 5000)));
    assert!(!holds(&payload, &[0x5e; 8]), "tokens and integrity values");
    assert!(!holds(&payload, b"alice") && !holds(&payload, b"secret"));
}

#[test]
fn tunnels_are_rewritten_inside_and_out() {
    let inner = || udp((CLIENT, 5000), (SERVER, 6000), &[0x80; 20]);
    let (near, far) = ("10.99.1.1", "62.40.50.60");
    let gtp = [&[0x30, 255][..], &(inner().len() as u16).to_be_bytes(), &[0x7a, 0x7b, 0x7c, 0x7d], &inner()]
        .concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0][..], &ethernet(&inner())].concat();
    let mut gre = [&[0x80, 0, 8, 0, 0, 0, 0, 0][..], &inner()].concat();
    let sum = checksum(&gre);
    gre[4..6].copy_from_slice(&sum.to_be_bytes());
    let packets = [
        ip(near, far, 4, &inner()),
        ip("2a02:1234:5678::9", "2a02:1234:5678::a", 4, &inner()),
        ip(near, far, 47, &gre),
        udp((near, 2152), (far, 2152), &gtp),
        udp((near, 4789), (far, 4789), &vxlan),
    ];
    let copy = anonymize(&packets);
    copy.same_flows();
    let bytes = copy.bytes();
    for address in [CLIENT, SERVER, near, far, "2a02:1234:5678::9"] {
        assert!(!holds(&bytes, &octets(address)), "{address}");
    }
    assert!(!holds(&bytes, &[0x7a, 0x7b, 0x7c, 0x7d]), "a tunnel's id");
    assert!(!holds(&bytes, &[0x00, 0x1b, 0x63]), "a card's maker inside VXLAN");
    let ends = ends(&copy.copy);
    assert!(ends.iter().all(|pair| *pair == ends[0]), "the same ends in every tunnel: {ends:?}");
    let frames = frames_of(&copy.copy);
    assert!(frames[3..].iter().all(|frame| checksums_are_right(&frame[14..])));
    assert!(checksums_are_right(&frames[0][34..]));
    assert_eq!(checksum(&frames[2][34..]), 0, "GRE's own checksum");
}

#[test]
fn tls_keeps_names_and_versions_only() {
    let ticket = [&[0, 41, 0, 20][..], &[0x5e; 20]].concat();
    let versions = [0, 43, 0, 3, 2, 3, 4];
    let hello = client_hello("app.example.net", &[&ticket[..], &versions].concat());
    let stream = [&hello[..], &[23, 3, 3, 0, 40], &[0x5e; 40]].concat();
    for cut in [7, 61, 1000] {
        let copy = anonymize(&connection((CLIENT, 40000), (SERVER, 443), cut, &[(true, &stream)]));
        assert_eq!(copy.same_flows()[0]["signature"], "hosts");
        let joined = payloads(&copy.copy).concat();
        assert!(!joined.contains(&0x5e), "random numbers, session ids, tickets, contents; cut {cut}");
        assert_eq!(joined.len(), stream.len());
        assert!(holds(&joined, b"app.example.net") && holds(&joined, &versions));
        assert_eq!(joined[hello.len()..hello.len() + 5], [23, 3, 3, 0, 40]);
    }
}

#[test]
fn http_loses_what_tells_who_asks() {
    let referer = format!("Referer: http://www.example.com/a/b?version=7&uin={ACCOUNT}&x=secret");
    let lines = [
        "GET /list/alice@example.org/2718281828?imei=490154203237518&clientversion=77 HTTP/1.1",
        "Host: x.example.com",
        "User-Agent: Agent/7.1 (Phone)",
        "Cookie: session=secret",
        "authorization: Basic c2VjcmV0",
        "X-Forwarded-For: 10.20.30.40",
        &referer,
        "Content-Length: 6",
        "",
        "secret",
    ];
    let request = lines.join("\r\n");
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=secret\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret";
    let turns = [(true, request.as_bytes()), (false, answer.as_bytes()), (true, request.as_bytes())];
    let copy = anonymize(&connection((CLIENT, 40000), (SERVER, 80), 50, &turns));
    copy.same_flows();
    let text = payloads(&copy.copy).concat();
    for secret in
        ["secret", "c2VjcmV0", "alice", "2718281828", "490154203237518", ACCOUNT, CLIENT, "example.org"]
    {
        assert!(!holds(&text, secret.as_bytes()), "{secret}");
    }
    for kept in [
        "GET /list/",
        "clientversion=77 HTTP/1.1",
        "Host: x.example.com",
        "User-Agent: xxxxxx0x0 xxxxxxx",
        "Cookie: xxxx",
        "//www.example.com/a/b?version=7&uin=0000000000&x=xxxxxx",
        "Content-Length: 6",
    ] {
        assert!(holds(&text, kept.as_bytes()), "{kept}: {}", String::from_utf8_lossy(&text));
    }
    assert_eq!(text.windows(10).filter(|window| window == b"GET /list/").count(), 2, "both requests");
}

#[test]
fn chats_and_media_of_known_apps_lose_their_accounts() {
    // The built-in signatures; frames as they opened chats in 2015, with a made-up account.
    let frame = |content: &[u8]| [&[0, 0, content.len() as u8][..], content].concat();
    let resource = frame(b"\xf8\x05\x01\xa5\x91\x89\xfc\x10Android-2.0-5222");
    let auth = frame(&[b"\xf8\x06\x0c\x56\xbf\xb5\xfc\x0a", ACCOUNT.as_bytes(), b"\xfc\x04abcd"].concat());
    let chat = [&b"WA\x01\x05"[..], &resource, &auth].concat();
    let number = u32::try_from(ACCOUNT.parse::<u64>().unwrap()).unwrap().to_be_bytes();
    let fields = [&b"\0\0\0\x03ver\0\0\0\x011\0\0\0\x09weixinnum\0\0\0\x0a"[..], ACCOUNT.as_bytes()].concat();
    let size = fields.len() as u32;
    let media = [
        &[0xab][..],
        &(size + 25).to_be_bytes(),
        &[0x4e, 0x20],
        &number,
        &[0; 10],
        &size.to_be_bytes(),
        &fields,
    ]
    .concat();
    // Long-link: header, then a business header without cookie, and a body.
    let body = [&[0xbf, 13 << 2 | 2, 0x50, 0x24, 0, 0, 1][..], &number, &[2, 8, 8], &[0x5e; 8]].concat();
    let length = 16 + body.len() as u32;
    let longlink = [&length.to_be_bytes()[..], &[0, 16, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9], &body].concat();
    let mut packets = connection((CLIENT, 40001), (SERVER, 5222), 40, &[(true, &chat)]);
    packets.extend(connection((CLIENT, 40002), (SERVER, 443), 40, &[(true, &media)]));
    // The answer: its command is the request's and 1000000000.
    let answer = [&[0, 0, 0, 24, 0, 16, 0, 1, 0x3b, 0x9a, 0xca, 2, 0, 0, 0, 9][..], &[0x5e; 8]].concat();
    packets.extend(connection((CLIENT, 40003), (SERVER, 80), 1000, &[(true, &longlink), (false, &answer)]));
    // The same, picked up midway.
    packets.push(tcp((CLIENT, 40004), (SERVER, 80), 5, 0x18, &[0x77; 30]));
    packets.push(tcp((CLIENT, 40004), (SERVER, 80), 35, 0x18, &longlink));
    packets.push(tcp((SERVER, 80), (CLIENT, 40004), 5, 0x18, &[0x77; 30]));
    packets.push(tcp((SERVER, 80), (CLIENT, 40004), 35, 0x18, &answer));
    let frames: Vec<Vec<u8>> = packets.iter().map(|packet| ethernet(packet)).collect();
    let folder = folder();
    let (capture, copy) = (write(&folder, "in.pcap", &pcap(1, &frames)), folder.join("out.pcapng"));
    let output = wiremark(&["anonymize", capture.to_str().unwrap(), copy.to_str().unwrap(), "--key", KEY]);
    assert!(stderr(&output).contains("as before: all 4"), "{}", stderr(&output));
    let (before, after) = (flows(&capture, &[]), flows(&copy, &[]));
    assert_eq!(before, after);
    assert!(before.iter().all(|flow| flow["app"] != serde_json::Value::Null), "{before:?}");
    let bytes = fs::read(&copy).unwrap();
    assert!(!holds(&bytes, ACCOUNT.as_bytes()) && !holds(&bytes, &number));
    assert!(!payloads(&copy).concat().contains(&0x5e), "a message's body");
    let header = [0xbf, 13 << 2 | 2, 0x50, 0x24, 0, 0, 1, 0, 0, 0, 0, 2, 8, 8];
    assert_eq!(
        bytes.windows(header.len()).filter(|window| *window == header).count(),
        2,
        "what is asked for stays"
    );
}

#[test]
fn unknown_contents_keep_their_length_and_nothing_else_unless_asked_for() {
    let text = b"USER alice\r\nPASS secret-of-alice\r\n";
    let binary: Vec<u8> = (128..=255).collect();
    let mut packets = connection((CLIENT, 40000), (SERVER, 21), 100, &[(true, text)]);
    packets.push(udp((CLIENT, 5000), (SERVER, 6000), &binary[64..]));
    packets.extend(connection((CLIENT, 40001), (SERVER, 7000), 100, &[(true, &binary)]));
    let copy = anonymize(&packets);
    copy.same_flows();
    let of = |copy: &Copy| {
        payloads(&copy.copy).into_iter().filter(|payload| !payload.is_empty()).collect::<Vec<_>>()
    };
    assert!(of(&copy).iter().flatten().all(|byte| *byte == 0));
    let kept = of(&anonymize_with(&packets, &["--keep-payload", "16"]));
    assert_eq!(kept[0], [&b"xxxx xxxxx\r\nxxxx"[..], &[0; 18]].concat());
    assert_eq!(kept[1], [&binary[64..80], &[0; 48]].concat());
    assert_eq!(kept[2].iter().filter(|byte| **byte != 0).count(), 16);
    let more = of(&anonymize_with(&packets, &["--keep-payload", "40"]));
    assert_eq!(more[1][..40], binary[64..104]);
}

#[test]
fn signatures_that_look_far_in_find_what_they_look_for() {
    let opening = [&[0xde, 0xad, 0xbe, 0xef][..], &[0x91; 20], &[0x2a], &[0x92; 200]].concat();
    let copy = anonymize(&connection((CLIENT, 40000), (SERVER, 7000), 9, &[(true, &opening)]));
    assert_eq!(copy.same_flows()[0]["signature"], "opening");
}

#[test]
fn proxies_are_looked_through() {
    let opening = [&[0xde, 0xad, 0xbe, 0xef][..], &[0x91; 20], &[0x2a], &[0x92; 200]].concat();
    let padding = "z".repeat(90);
    let connect = format!(
        "CONNECT {SERVER}:7000 HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0\r\nX-Padding: {padding}\r\n\r\n"
    );
    let logged_in = [&[5, 1, 2, 1, 5][..], b"alice", &[6], b"secret"].concat();
    let socks5 = [&logged_in[..], &[5, 1, 0, 1], &octets(SERVER), &[0x1b, 0x58]].concat();
    let socks4 = [&[4, 1, 0x1b, 0x58][..], &octets(SERVER), b"alice\0"].concat();
    let proxy_1 = format!("PROXY TCP4 {RESOLVER} {SERVER} 40000 7000\r\n");
    let proxy_2 =
        [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &octets(RESOLVER)[..], &octets(SERVER), &[1, 2, 3, 4]]
            .concat();
    for preamble in [connect.as_bytes(), &socks5, &socks4, proxy_1.as_bytes(), &proxy_2] {
        let stream = [preamble, &opening].concat();
        let mut packets = connection((CLIENT, 40000), ("62.40.50.60", 1080), 50, &[(true, &stream)]);
        packets.push(udp((SERVER, 7000), (RESOLVER, 53), b"\x01"));
        let copy = anonymize(&packets);
        assert_eq!(copy.same_flows()[0]["signature"], "opening", "{preamble:?}");
        let bytes = copy.bytes();
        for secret in [SERVER, RESOLVER, "alice", "secret", "c2VjcmV0"] {
            assert!(!holds(&bytes, secret.as_bytes()), "{secret} in {preamble:?}");
        }
        assert!(!holds(&bytes, &octets(SERVER)) && !holds(&bytes, &octets(RESOLVER)), "{preamble:?}");
        if preamble[0] < 6 {
            // The address asked for is the server's pseudonym.
            let (server, _) = *ends(&copy.copy).last().unwrap();
            assert!(holds(&payloads(&copy.copy).concat(), &octets(&server.to_string())), "{preamble:?}");
        }
    }
}

#[test]
fn names_get_pseudonyms_where_that_is_wanted() {
    let answers = [
        ("www.alice.example.com", 5, b"\x05alice\x03cdn\x03net\0".to_vec()),
        ("alice.cdn.net", 1, octets(SERVER)),
    ];
    let request = b"GET / HTTP/1.1\r\nHost: www.alice.example.com:8080\r\n\r\n";
    let mut packets = vec![
        udp((RESOLVER, 53), (CLIENT, 4000), &dns("www.alice.example.com", &answers)),
        udp(
            (RESOLVER, 53),
            (CLIENT, 4001),
            &dns("app.example.net", &[("app.example.net", 1, octets(SERVER))]),
        ),
    ];
    packets.extend(connection((CLIENT, 40000), (SERVER, 8080), 100, &[(true, request)]));
    packets.extend(connection(
        (CLIENT, 40001),
        (SERVER, 443),
        1000,
        &[(true, &client_hello("www.alice.example.com", &[]))],
    ));
    let plain = anonymize(&packets);
    plain.same_flows();
    assert!(holds(&plain.bytes(), b"www.alice.example.com"));
    let copy = anonymize_with(&packets, &["--names"]);
    copy.same_flows();
    let bytes = copy.bytes();
    assert!(!holds(&bytes, b"alice") && holds(&bytes, b"example\x03net"), "a known app's name stays");
    let payloads = payloads(&copy.copy);
    let mut buffer = dns::NameBuffer::new();
    let asked = dns::message(&payloads[0]).found().unwrap().questions().next().unwrap().name;
    let asked = asked.read(&mut buffer).to_owned();
    assert!(asked.ends_with(".com") && asked.len() == "www.alice.example.com".len(), "{asked}");
    assert_eq!(
        payloads.iter().filter(|payload| holds(payload, asked.as_bytes())).count(),
        2,
        "Host and server name"
    );
}
