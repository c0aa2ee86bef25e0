//! `wiremark anonymize` as a command: which packets it keeps, formats, keys, errors, damaged input.

use std::fs;
use std::path::Path;

use crate::copies::*;
use crate::packets::*;
use crate::traces::{folder, gzip, pcap, pcap_with, stderr, wiremark, wiremark_with, write};
use wiremark::{LinkType, Packet};

#[test]
fn what_is_neither_tcp_nor_udp_is_left_out_and_counted() {
    let quoted = udp((CLIENT, 5000), (SERVER, 6000), b"");
    let icmp = ip(SERVER, CLIENT, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat());
    let arp = [&[0xff; 6][..], &[0x00, 0x1b, 0x63, 1, 2, 3, 8, 6], &[0; 28]].concat();
    let frames = [ethernet(&icmp), arp, ethernet(&udp((CLIENT, 5000), (SERVER, 6000), b"\x01"))];
    let copy = anonymize_file(&pcap(1, &frames), &[]);
    assert_eq!(frames_of(&copy.copy).len(), 1);
    assert!(copy.said.contains("1 of 3 frames kept, left out: 2 without TCP or UDP"), "{}", copy.said);
    assert_eq!(copy.said.lines().count(), 1);
}

#[test]
fn padding_options_and_fragments_hold_nothing() {
    let options = [34, 10, 0x5e, 0x5e, 0x5e, 0x5e, 0x5e, 0x5e, 0x5e, 0x5e, 2, 4, 5, 0xb4, 1, 1];
    let syn = tcp_with((CLIENT, 40000), (SERVER, 443), 999, 0x02, &options, b"");
    let mut first = udp((CLIENT, 5000), (SERVER, 6000), &[0x80; 24]);
    (first[6], first[7]) = (0x20, 0);
    let mut later = ip(CLIENT, SERVER, 17, &[0x5e; 32]);
    (later[6], later[7]) = (0, 4);
    let frames = [[ethernet(&syn), vec![0x5e; 10]].concat(), ethernet(&first), ethernet(&later)];
    let copy = anonymize_file(&pcap(1, &frames), &[]);
    copy.same_flows();
    let frames = frames_of(&copy.copy);
    assert_eq!(frames.len(), 3);
    assert!(!frames.concat().contains(&0x5e));
    assert!(holds(&frames[0], &[2, 4, 5, 0xb4]), "the segment size stays");
}

#[test]
fn fragments_stay_fragments_and_hold_what_their_packet_does() {
    let secret = b"alice says hello";
    let payload = [&[0xde, 0xad, 0xbe, 0xef][..], &[0x11; 20], &[0x2a], secret].concat();
    let whole = tcp((CLIENT, 40000), (SERVER, 7000), 5, 0x18, &payload);
    let (header, bytes) = whole.split_at(20);
    // Both headers end before the bytes that tell; the row's last byte lies in the third piece.
    let piece = |at: usize, to: usize| {
        let mut piece = ip(CLIENT, SERVER, 6, &bytes[at..to]);
        let more = if to < bytes.len() { 0x20 } else { 0 };
        (piece[6], piece[7]) = (more, (at / 8) as u8);
        (piece[4], piece[5]) = (0x12, header[5]);
        piece
    };
    let pieces = [piece(0, 24), piece(24, 40), piece(40, bytes.len())];
    let gtp = |inner: &[u8]| {
        let head = [&[0x30, 255][..], &(inner.len() as u16).to_be_bytes(), &[0, 0, 0, 7]].concat();
        udp(("10.99.1.1", 2152), ("62.40.50.60", 2152), &[&head[..], inner].concat())
    };
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let plain = order.map(|at| pieces[at].clone());
        let inside = order.map(|at| gtp(&pieces[at]));
        // What comes twice is a copy.
        let twice = [plain.clone(), plain.clone()].concat();
        for (what, packets) in [("plain", plain.to_vec()), ("tunnel", inside.to_vec()), ("twice", twice)] {
            let copy = anonymize(&packets);
            let flows = copy.same_flows();
            assert_eq!(flows[0]["signature"], "opening", "{what} {order:?}");
            let bytes = copy.bytes();
            assert!(!holds(&bytes, b"alice") && !holds(&bytes, b"hello"), "{what} {order:?}");
            assert!(!holds(&bytes, &octets(CLIENT)) && !holds(&bytes, &octets(SERVER)));
            let frames = frames_of(&copy.copy);
            assert_eq!(frames.len(), packets.len());
            let at = if what == "tunnel" { 14 + 36 } else { 14 };
            for (frame, packet) in frames.iter().zip(&packets) {
                assert_eq!(frame.len(), 14 + packet.len());
                assert_eq!(frame[at + 6..at + 8], packet[at - 14 + 6..at - 14 + 8], "offset and flag");
                assert_eq!(checksum(&frame[at..at + 20]), 0);
            }
        }
    }
}

#[test]
fn addresses_inside_minimal_encapsulation_and_aggregates_go() {
    let inner = udp((CLIENT, 5000), (SERVER, 6000), &[0x80; 20]);
    // RFC 2004, 3.1: protocol, the bit for the source, a checksum, destination, source.
    let header = [&[17, 0x80, 0, 0][..], &octets(SERVER), &octets(CLIENT)].concat();
    let minimal = ip("10.99.1.1", "62.40.50.60", 55, &[&header[..], &inner[20..]].concat());
    let copy = anonymize(&[minimal, inner.clone()]);
    copy.same_flows();
    let ends = ends(&copy.copy);
    assert_eq!(ends[0], ends[1], "the same pseudonyms inside");
    // 802.11 with QoS: an A-MSDU, whose packet has two addresses of its own (9.3.2.2.2).
    let body = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner].concat();
    let macs = [0x00, 0x1b, 0x63, 1, 2, 3, 0x00, 0x1b, 0x63, 4, 5, 6];
    let aggregate = [
        &[0x88, 0x01, 0, 0, 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 2, 0, 0, 0, 0, 9, 0, 0, 0x80, 0][..],
        &macs,
        &(body.len() as u16).to_be_bytes(),
        &body,
    ]
    .concat();
    let wireless = anonymize_file(&pcap(105, &[aggregate]), &[]);
    wireless.same_flows();
    for bytes in [copy.bytes(), wireless.bytes()] {
        assert!(!holds(&bytes, &octets(CLIENT)) && !holds(&bytes, &octets(SERVER)));
        assert!(!holds(&bytes, &[0x00, 0x1b, 0x63]), "a card's maker");
    }
}

#[test]
fn one_key_gives_one_pseudonym_in_every_capture() {
    let of = |packets: &[Vec<u8>], key: &str| {
        let frames: Vec<Vec<u8>> = packets.iter().map(|packet| ethernet(packet)).collect();
        let folder = folder();
        let (capture, copy) = (write(&folder, "in.pcap", &pcap(1, &frames)), folder.join("out.pcap"));
        let (capture, to) = (capture.to_str().unwrap(), copy.to_str().unwrap());
        let options: &[&str] = if key.is_empty() { &[] } else { &["--key", key] };
        let output = wiremark(&[&["anonymize", capture, to][..], options].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        ends(&copy)[0].1
    };
    let one = [udp((CLIENT, 5000), (SERVER, 6000), b"\x01")];
    let other = [udp(("10.1.1.1", 7000), (SERVER, 53), b"\x01")];
    assert_eq!(of(&one, KEY), of(&other, KEY));
    assert_ne!(of(&one, KEY), of(&one, &"ab".repeat(32)));
    assert_ne!(of(&one, ""), of(&one, ""), "without a key they are random");
}

#[test]
fn the_output_has_the_format_of_its_name() {
    let frames = [ethernet(&udp((CLIENT, 5000), (SERVER, 6000), b"\x01"))];
    let nanoseconds = pcap_with(0xa1b2_3c4d, u32::to_be_bytes, 1, 123_456_789, &frames);
    let folder = folder();
    let capture = write(&folder, "in.pcap.gz", &gzip(&nanoseconds));
    let mut times = Vec::new();
    for (name, magic) in [("a.pcap", [0x4d, 0x3c, 0xb2, 0xa1]), ("b.pcapng", [0x0a, 0x0d, 0x0d, 0x0a])] {
        let copy = folder.join(name);
        let output =
            wiremark(&["anonymize", capture.to_str().unwrap(), copy.to_str().unwrap(), "--key", KEY]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(fs::read(&copy).unwrap()[..4], magic);
        let mut copy = wiremark_capture::Capture::open(&copy).unwrap();
        times.push(copy.next_frame().unwrap().unwrap().time_ns());
    }
    assert_eq!(times[0], times[1]);
    assert_eq!(times[0] % 1_000_000_000, 123_456_789);
    let piped = wiremark_with(
        &nanoseconds,
        &["anonymize", "-", folder.join("c.pcap").to_str().unwrap(), "--key", KEY],
    );
    assert_eq!(piped.status.code(), Some(0));
    assert_eq!(fs::read(folder.join("c.pcap")).unwrap(), fs::read(folder.join("a.pcap")).unwrap());
}

#[test]
fn several_interfaces_need_pcapng() {
    let little = u32::to_le_bytes;
    let packet = udp((CLIENT, 5000), (SERVER, 6000), b"\x01");
    let mut file = [
        crate::traces::section(little),
        crate::traces::interface(little, 101, &[]),
        crate::traces::interface(little, 1, &[]),
    ]
    .concat();
    file.extend(crate::traces::enhanced_packet(little, 1, 7, &ethernet(&packet)));
    file.extend(crate::traces::enhanced_packet(little, 0, 8, &packet));
    let folder = folder();
    let capture = write(&folder, "in.pcapng", &file);
    let run =
        |name: &str| wiremark(&["anonymize", capture.to_str().unwrap(), folder.join(name).to_str().unwrap()]);
    let refused = run("out.pcap");
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains(".pcapng"), "{}", stderr(&refused));
    assert_eq!(run("out.pcapng").status.code(), Some(0));
    let mut copy = wiremark_capture::Capture::open(&folder.join("out.pcapng")).unwrap();
    let mut link_types = Vec::new();
    while let Some(frame) = copy.next_frame().unwrap() {
        let link_type = LinkType::from_number(frame.link_type).unwrap();
        assert!(Packet::parse(link_type, 0, frame.bytes).is_ok());
        link_types.push(frame.link_type);
    }
    assert_eq!(link_types, [1, 101]);
}

#[test]
fn errors_have_their_codes() {
    let frames = [
        ethernet(&udp((CLIENT, 5000), (SERVER, 6000), b"\x01")),
        ethernet(&udp((CLIENT, 5001), (SERVER, 6000), b"\x01")),
    ];
    let file = pcap(1, &frames);
    let folder = folder();
    let capture = write(&folder, "in.pcap", &file);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let run = |input: &Path, output: &str, options: &[&str]| {
        wiremark(&[&["anonymize", input.to_str().unwrap(), output][..], options].concat())
    };
    let same = run(&capture, &path("in.pcap"), &[]);
    assert_eq!(same.status.code(), Some(2));
    assert!(stderr(&same).contains("choose another file"));
    assert_eq!(fs::read(&capture).unwrap(), file, "the capture is as it was");
    assert_eq!(run(&capture, &path("out.txt"), &[]).status.code(), Some(2));
    assert_eq!(run(&capture, "/nowhere/out.pcap", &[]).status.code(), Some(1));
    assert_eq!(run(Path::new("/nowhere/in.pcap"), &path("never.pcap"), &[]).status.code(), Some(1));
    assert!(!folder.join("never.pcap").exists());
    assert_eq!(run(&capture, &path("out.pcap"), &["--key", "abc"]).status.code(), Some(2));
    let cut = write(&folder, "cut.pcap", &file[..file.len() - 2]);
    let output = run(&cut, &path("kept.pcap"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("after frame 1"), "{}", stderr(&output));
    assert_eq!(frames_of(&folder.join("kept.pcap")).len(), 1);
}

#[test]
fn damaged_packets_do_no_harm() {
    let list = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n<dns><domain name=\"a.example.net\"><ip>45.60.71.82</ip></dns>";
    let socks = [&[5, 1, 0, 5, 1, 0, 1][..], &octets(SERVER), &[1, 187]].concat();
    let answer = dns(
        "app.example.net",
        &[("app.example.net", 1, octets(SERVER)), ("a.b", 5, b"\x01c\xc0\x0c".to_vec())],
    );
    let mut packets = vec![
        udp((RESOLVER, 53), (CLIENT, 4000), &answer),
        udp((CLIENT, 5000), (SERVER, 443), &[&[0xc3, 0, 0, 0, 1, 8][..], &[7; 60]].concat()),
        udp(
            (CLIENT, 5000),
            (SERVER, 5004),
            &[&[0x90, 0x78, 0, 1][..], &[7; 8], &[0xbe, 0xde, 0, 1, 7, 7, 7, 7]].concat(),
        ),
        udp(
            (CLIENT, 2152),
            (SERVER, 2152),
            &[&[0x30, 255, 0, 29, 0, 0, 0, 1][..], &udp((CLIENT, 1), (SERVER, 2), b"x")].concat(),
        ),
        ip(
            "fd00::1",
            "fd00::2",
            43,
            &[&[17, 2, 0, 0, 0, 0, 0, 0][..], &[7; 16], &[0, 1, 0, 2, 0, 9, 0, 0, 1]].concat(),
        ),
        tcp_with(
            (CLIENT, 40009),
            (SERVER, 443),
            7,
            0x10,
            &[34, 4, 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            b"WA",
        ),
    ];
    for (port, stream) in [(443, &client_hello("app.example.net", &[])[..]), (80, list), (1080, &socks)] {
        packets.extend(connection(
            (CLIENT, 40000 + port),
            (SERVER, port),
            30,
            &[(true, stream), (false, stream)],
        ));
    }
    let frames: Vec<Vec<u8>> = packets.iter().map(|packet| ethernet(packet)).collect();
    // xorshift (Marsaglia 2003), so that the damage is the same every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut damaged = Vec::new();
    for _ in 0..400 {
        for frame in &frames {
            let mut frame = frame.clone();
            for _ in 0..draw(4) {
                let at = draw(frame.len());
                frame[at] = draw(256) as u8;
            }
            frame.truncate(if draw(4) == 0 { draw(frame.len()) } else { frame.len() });
            damaged.push(frame);
        }
    }
    let folder = folder();
    let (capture, copy) = (write(&folder, "in.pcap", &pcap(1, &damaged)), folder.join("out.pcap"));
    let output =
        wiremark(&["anonymize", capture.to_str().unwrap(), copy.to_str().unwrap(), "--key", KEY, "--names"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(frames_of(&copy).len() > damaged.len() / 4);
}
