//! Servers out of a generated measurement: 28 nodes in pairs, 4 apps, 2 phones, 2 messages each way, noise.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use wiremark::{Classifier, Flow, Options, Packet, Tracker, TrackerConfig};
use wiremark_locality::servers::{Event, Learned, PORTS_IGNORED, Server, ServerWatch};

const START_US: u64 = 1_443_628_800_000_000;
const SECOND_US: u64 = 1_000_000;
const PHONES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)];
const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const APPS: [&str; 4] = ["signal", "threema", "wechat", "whatsapp"];

/// Raw IP packets with their times.
#[derive(Default)]
struct Capture(Vec<(u64, Vec<u8>)>);

impl Capture {
    fn push(&mut self, time_us: u64, tcp: bool, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) {
        let ports = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        let transport = if tcp {
            let sequence = (time_us as u32).to_be_bytes();
            [&ports[..], &sequence, &[0; 4], &[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]].concat()
        } else {
            [&ports[..], &(payload.len() as u16 + 8).to_be_bytes(), &[0; 2]].concat()
        };
        let length = (20 + transport.len() + payload.len()) as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, if tcp { 6 } else { 17 }, 0, 0]);
        packet.extend(from.0.octets());
        packet.extend(to.0.octets());
        packet.extend(transport);
        packet.extend(payload);
        self.0.push((time_us, packet));
    }

    /// A question and its answer.
    fn dns(&mut self, time_us: u64, phone: Ipv4Addr, name: &str, address: Ipv4Addr) {
        let mut asked = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        for label in name.split('.') {
            asked.push(label.len() as u8);
            asked.extend(label.bytes());
        }
        asked.extend([0, 0, 1, 0, 1]);
        asked.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        asked.extend(address.octets());
        self.push(time_us, false, (RESOLVER, 53), (phone, 40_053), &asked);
    }

    /// A list over HTTP.
    fn list(&mut self, time_us: u64, phone: Ipv4Addr, name: &str, address: Ipv4Addr) {
        let text = format!(
            "HTTP/1.1 200 OK\r\n\r\n<dns><domainlist><domain name=\"{name}\" timeout=\"1800\"><ip>{address}</ip></domain></domainlist></dns>"
        );
        self.push(time_us, true, (Ipv4Addr::new(203, 205, 1, 1), 80), (phone, 40_080), text.as_bytes());
    }

    fn hello(&mut self, time_us: u64, phone: (Ipv4Addr, u16), server: (Ipv4Addr, u16), name: &str) {
        let name = name.as_bytes();
        let sni = [
            &[0, 0][..],
            &(name.len() as u16 + 5).to_be_bytes(),
            &(name.len() as u16 + 3).to_be_bytes(),
            &[0],
            &(name.len() as u16).to_be_bytes(),
            name,
        ]
        .concat();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((sni.len() as u16).to_be_bytes());
        body.extend(sni);
        let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
        let record = [&[0x16, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat();
        self.push(time_us, true, phone, server, &record);
    }

    /// A message's payload, one way.
    fn data(&mut self, time_us: u64, is_up: bool, phone: (Ipv4Addr, u16), server: (Ipv4Addr, u16)) {
        let (from, to) = if is_up { (phone, server) } else { (server, phone) };
        self.push(
            time_us,
            true,
            from,
            to,
            &[0x17, 3, 3, 0, 40].iter().chain(&[9; 40]).copied().collect::<Vec<_>>(),
        );
    }

    fn take(mut self, watch: &mut ServerWatch, classifier: &Classifier, is_background: bool) {
        self.0.sort_by_key(|(time_us, _)| *time_us);
        let mut tracker =
            Tracker::new(classifier, TrackerConfig { capacity: 256, ..TrackerConfig::default() });
        for (time_us, bytes) in &self.0 {
            let packet = Packet::from_ip(*time_us, bytes).unwrap();
            let seen = tracker
                .packet_observed(&packet, bytes.len() as u32, &mut |_: &Flow| (), watch.observer())
                .unwrap();
            watch.packet(&packet, &seen, classifier.set());
        }
        watch.end_capture(is_background);
    }
}

/// What Android does by itself: the same server all day, and one that it asks each time something happens.
fn noise(capture: &mut Capture, start_us: u64, busy: &[u64]) {
    let push = (Ipv4Addr::new(64, 233, 1, 188), 5228);
    let check = (Ipv4Addr::new(142, 250, 1, 3), 443);
    for (at, phone) in PHONES.into_iter().enumerate() {
        let port = 41_000 + at as u16;
        capture.dns(start_us, phone, "mtalk.google.com", push.0);
        capture.hello(start_us + 1000, (phone, port), push, "mtalk.google.com");
        for second in (7..300).step_by(45) {
            capture.data(start_us + second * SECOND_US, true, (phone, port), push);
        }
        for time_us in busy {
            capture.hello(*time_us, (phone, port + 10), check, "connectivitycheck.gstatic.com");
            capture.data(*time_us + 1000, false, (phone, port + 10), check);
        }
        capture.push(
            start_us + 3 * SECOND_US,
            false,
            (phone, 123),
            (Ipv4Addr::new(193, 1, 1, 1), 123),
            &[0x23; 48],
        );
    }
}

/// Noise that no empty measurement shows: now and then, and all the time.
fn stray(capture: &mut Capture, start_us: u64, seed: u64) {
    for (at, phone) in PHONES.into_iter().enumerate() {
        let port = 42_000 + at as u16;
        let (now_and_then, always) =
            ((Ipv4Addr::new(31, 13, 1, 1), 443), (Ipv4Addr::new(35, 186, 1, 1), 443));
        capture.hello(start_us + 2 * SECOND_US, (phone, port), now_and_then, "graph.example.com");
        for turn in 0..6 {
            let second = (seed * 37 + turn * 53 + at as u64 * 17) % 290;
            capture.data(start_us + second * SECOND_US, turn % 2 == 0, (phone, port), now_and_then);
        }
        for second in 0..290 {
            capture.data(
                start_us + second * SECOND_US + 500_000,
                second % 2 == 0,
                (phone, port + 10),
                always,
            );
        }
        // Another app under test, idle on the same phone, but for a beat that falls upon a message.
        let idle = (Ipv4Addr::new(157, 240, 1, 60), 443);
        capture.hello(start_us + 5 * SECOND_US, (phone, port + 20), idle, "g.whatsapp.net");
        for beat in [60, 100, 150, 200, 250] {
            capture.data(start_us + beat * SECOND_US + 100_000, true, (phone, port + 20), idle);
        }
    }
}

/// A server: address, port, name, how learned; whether sent messages and received ones go over it.
type Used = (Ipv4Addr, u16, Option<&'static str>, Learned, [bool; 2]);

/// The app's servers for a node.
fn servers(app: &str, node: usize) -> Vec<Used> {
    let near = 50 + (node % 5) as u8;
    match app {
        "signal" => vec![(
            Ipv4Addr::new(34, 225, 240, 173),
            443,
            Some("textsecure-service.whispersystems.org"),
            Learned::Dns,
            [true; 2],
        )],
        "threema" => {
            vec![(Ipv4Addr::new(5, 148, 175, 201), 5222, Some("g-33.0.threema.ch"), Learned::Dns, [true; 2])]
        }
        "wechat" => vec![
            (Ipv4Addr::new(103, 7, 31, near), 80, Some("short.weixin.qq.com"), Learned::List, [true, false]),
            (Ipv4Addr::new(203, 205, 151, near), 8080, None, Learned::HardWired, [false, true]),
        ],
        _ => vec![(Ipv4Addr::new(158, 85, 1, 9), 443, Some("e7.whatsapp.net"), Learned::Dns, [true; 2])],
    }
}

/// One measurement, its events, and what it should yield.
fn measure(
    app: &str,
    pair: [usize; 2],
    start_us: u64,
    events: &mut Vec<Event>,
    wanted: &mut BTreeSet<(String, IpAddr, u16)>,
) -> Capture {
    let mut capture = Capture::default();
    let messages = [(60, 0usize), (100, 1), (150, 0), (200, 1)];
    for (second, sender) in messages {
        let time_us = start_us + second * SECOND_US;
        for (phone, is_sent, time_us) in [(sender, true, time_us), (1 - sender, false, time_us + 900_000)] {
            events.push(Event { time_us, phone: PHONES[phone].into(), is_sent, app: Some(app.into()) });
        }
    }
    for (at, (phone, node)) in PHONES.into_iter().zip(pair).enumerate() {
        for (number, (address, port, name, learned, [sends, receives])) in
            servers(app, node).into_iter().enumerate()
        {
            let (own, server) = ((phone, 43_000 + at as u16 * 10 + number as u16), (address, port));
            match (learned, name) {
                (Learned::Dns, Some(name)) => capture.dns(start_us + SECOND_US, phone, name, address),
                (Learned::List, Some(name)) => capture.list(start_us + SECOND_US, phone, name, address),
                _ => {}
            }
            if port == 443 {
                capture.hello(start_us + 4 * SECOND_US, own, server, name.unwrap());
            }
            // A keep-alive, off all messages.
            capture.data(start_us + 270 * SECOND_US, true, own, server);
            for (second, sender) in messages {
                let time_us = start_us + second * SECOND_US;
                if sender == at && sends {
                    capture.data(time_us + 200_000, true, own, server);
                } else if sender != at && receives {
                    capture.data(time_us + 600_000, false, own, server);
                }
            }
            wanted.insert((app.to_owned(), address.into(), port));
        }
    }
    let busy: Vec<u64> = messages.iter().map(|(second, _)| start_us + second * SECOND_US).collect();
    noise(&mut capture, start_us, &busy);
    // Seeing another app's idle flow in its own measurement would tell nothing.
    if app != "whatsapp" {
        stray(&mut capture, start_us, pair[0] as u64);
    }
    capture
}

fn run(with_background: bool) -> (Vec<Server>, BTreeSet<(String, IpAddr, u16)>) {
    let classifier = Classifier::new(wiremark_signatures::embedded().unwrap(), Options::default());
    let (mut events, mut wanted, mut captures) = (Vec::new(), BTreeSet::new(), Vec::new());
    for pair in 0..14 {
        for (at, app) in APPS.into_iter().enumerate() {
            let start_us = START_US + (pair * 4 + at as u64 + 1) * 600 * SECOND_US;
            let nodes = [pair as usize * 2, pair as usize * 2 + 1];
            captures.push(measure(app, nodes, start_us, &mut events, &mut wanted));
        }
    }
    let mut watch = ServerWatch::new(events, PORTS_IGNORED.to_vec());
    if with_background {
        let mut background = Capture::default();
        noise(&mut background, START_US, &[START_US + 33 * SECOND_US, START_US + 120 * SECOND_US]);
        background.take(&mut watch, &classifier, true);
    }
    captures.into_iter().for_each(|capture| capture.take(&mut watch, &classifier, false));
    assert_eq!(watch.phones_unseen(), Vec::<IpAddr>::new());
    (watch.servers(), wanted)
}

#[test]
fn a_generated_measurement_yields_exactly_its_back_ends() {
    let (found, wanted) = run(true);
    let back_ends: BTreeSet<(String, IpAddr, u16)> = found
        .iter()
        .filter(|server| server.is_back_end == Some(true))
        .map(|server| (server.app.clone().unwrap(), server.address, server.port))
        .collect();
    assert_eq!(back_ends, wanted);
    let learned = |app: &str, port: u16| {
        let server =
            found.iter().find(|server| server.app.as_deref() == Some(app) && server.port == port).unwrap();
        (server.name.as_deref(), server.learned)
    };
    assert_eq!(learned("signal", 443), (Some("textsecure-service.whispersystems.org"), Learned::Dns));
    assert_eq!(learned("threema", 5222), (Some("g-33.0.threema.ch"), Learned::Dns));
    assert_eq!(learned("wechat", 80), (Some("short.weixin.qq.com"), Learned::List));
    assert_eq!(learned("wechat", 8080), (None, Learned::HardWired));
}

#[test]
fn without_the_empty_measurement_the_background_moves_too() {
    let (found, wanted) = run(false);
    let back_ends = found.iter().filter(|server| server.is_back_end == Some(true)).count();
    assert!(back_ends > wanted.len(), "{back_ends} of {}", wanted.len());
}
