//! Pictures of generated calls: everything lies on the sheet, nothing covers what must be read, every state is marked.

use std::net::SocketAddr;

use crate::following::{classifier, follow};
use wiremark_calls::{Names, Record, picture};
use wiremark_tests::protocol::wechat_call;
use wiremark_tests::protocol::whatsapp_call::{Call, Peer, both_ends};
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::Trace;

/// An element without children: its name, its attributes and its text.
struct Element<'s> {
    name: &'s str,
    attributes: &'s str,
    text: &'s str,
}

impl Element<'_> {
    fn number(&self, attribute: &str) -> f64 {
        self.attribute(attribute).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    fn attribute(&self, attribute: &str) -> Option<&str> {
        let (_, rest) = self.attributes.split_once(&format!(" {attribute}=\""))?;
        rest.split('"').next()
    }

    fn is(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
    }

    /// Left, top, right, bottom; of text as wide as its letters are at most.
    fn extent(&self) -> [f64; 4] {
        let [x, y] = ["x", "y"].map(|name| self.number(name));
        match self.name {
            "rect" => [x, y, x + self.number("width"), y + self.number("height")],
            "line" => [self.number("x1"), self.number("y1"), self.number("x2"), self.number("y2")],
            _ if self.is("badge") => [x - 8.0, y - 10.0, x + 8.0, y],
            _ => {
                let letter = if self.is("title") {
                    9.6
                } else if self.is("small") {
                    6.0
                } else {
                    7.2
                };
                [x, y - 10.0, x + self.text.chars().count() as f64 * letter, y]
            }
        }
    }
}

fn elements(svg: &str) -> Vec<Element<'_>> {
    let lines = svg.lines().filter_map(|line| line.strip_prefix('<'));
    lines
        .filter_map(|line| {
            let name = line.split([' ', '>']).next()?;
            let (attributes, rest) = line.get(name.len()..)?.split_once('>')?;
            let text = rest.split('<').next().unwrap_or_default();
            matches!(name, "rect" | "line" | "text").then_some(Element { name, attributes, text })
        })
        .collect()
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn assert_legible(what: &str, record: &Record) {
    let svg = picture::document(&[picture::draw(record, "2024-01-01T00:00:00.000000+0000")]);
    let root = svg.split_once("viewBox=\"0 0 ").expect("a view box").1;
    let sheet: Vec<f64> =
        root.split('"').next().expect("a size").split(' ').map(|n| n.parse().expect("a number")).collect();
    let all = elements(&svg);
    for element in all.iter().filter(|element| element.attribute("width") != Some("100%")) {
        let [left, top, right, bottom] = element.extent();
        let is_on_it = left >= 0.0 && top >= 0.0 && right <= sheet[0] && bottom <= sheet[1];
        assert!(is_on_it, "{what}: off the sheet: {}{} {}", element.name, element.attributes, element.text);
    }
    // Each state has a flag on the time line and one in the table below; numbers on flags do not cover each other.
    let flags: Vec<_> = all.iter().filter(|element| element.name == "rect" && element.is("flag")).collect();
    let badges: Vec<_> = all.iter().filter(|element| element.is("badge")).collect();
    assert_eq!(badges.len(), 2 * record.states.len(), "{what}");
    assert_eq!(flags.len(), badges.len() + 1, "{what}: and one in the legend");
    for (n, flag) in flags.iter().enumerate() {
        let covered = flags[n + 1..].iter().find(|other| overlap(flag.extent(), other.extent()));
        assert!(
            covered.is_none(),
            "{what}: {} on {}",
            flag.attributes,
            covered.map_or("", |flag| flag.attributes)
        );
    }
    // No two texts cover each other.
    let texts: Vec<_> = all.iter().filter(|element| element.name == "text" && !element.is("badge")).collect();
    let extents: Vec<_> = texts.iter().map(|text| text.extent()).collect();
    for (n, extent) in extents.iter().enumerate() {
        for other in n + 1..texts.len() {
            let is_on = overlap(*extent, extents[other]);
            assert!(!is_on, "{what}: {} on {}", texts[n].text, texts[other].text);
        }
    }
    // A lane for each relay and each peer of each party, one for signalling, and a band of states.
    let named = |name: &str| {
        texts.iter().filter(|text| text.text == name || text.text == format!("{name} (silent)")).count()
    };
    for (party, end) in record.parties.iter().enumerate() {
        let state = if record.parties.len() > 1 { format!("state of {}", end.name) } else { "state".into() };
        assert_eq!(named(&state), 1, "{what}: {state}");
        for relay in record.relays.iter().filter(|relay| relay.party == party) {
            let lanes = record.relays.iter().filter(|other| other.name == relay.name).count();
            assert_eq!(named(&relay.name), lanes, "{what}: {}", relay.name);
        }
    }
    assert_eq!(named("signalling"), record.parties.len() + 1, "{what}: a lane a party, and the legend");
    for state in &record.states {
        assert!(svg.contains(&format!(">packet {}</text>", state.packet)), "{what}: {}", state.packet);
        assert!(
            svg.contains(&format!(">{:.3} s</text>", state.at_us as f64 / 1e6)),
            "{what}: {}",
            state.at_us
        );
    }
}

fn assert_all(what: &str, trace: &Trace) {
    let told = follow(trace);
    assert!(!told.records.is_empty(), "{what}");
    told.records.iter().for_each(|record| assert_legible(what, record));
    // Real addresses are longer than pseudonyms; those of IPv6 longest.
    let set = classifier().set();
    let mut names = Names::new(true);
    for call in told.calls {
        assert_legible(&format!("{what}, addresses"), &Record::new(call, set, &mut names));
    }
}

#[test]
fn every_session_is_legible() {
    let callee: SocketAddr = "10.0.0.2:35574".parse().unwrap();
    for dialect in [Dialect::Y2015, Dialect::Y2019, Dialect::Y2021, Dialect::Y2023] {
        let of = || Call::of(dialect);
        let unanswered = Call { answered: false, ring_us: 25_000_000, ..of() };
        let sessions = [
            ("1", Call { relay_us: 3_000_000, peer_us: 12_000_000, ..of() }.trace()),
            ("2", Call { caller: false, ..of() }.trace()),
            ("3", unanswered.trace()),
            ("4", Call { relay_us: 800_000, pause: Some((300_000, 2_720_000)), ..of() }.trace()),
            ("5", Call { peer: Peer::Blocked, relay_us: 15_000_000, ..of() }.trace()),
            ("6", Call { peer_us: 8_000_000, fallback_us: 10_000_000, ..of() }.trace()),
            ("7", Call { relays_answer: false, ring_us: 15_000_000, ..of() }.trace()),
            ("8", both_ends(&of(), callee, 1_000_000)),
            ("9", both_ends(&unanswered, callee, 1_500_000)),
            ("of an hour", Call { peer_us: 3_600_000_000, ..of() }.trace()),
            ("with video, over IPv6", Call { video: true, ..of() }.trace().to_ipv6()),
        ];
        for (session, trace) in &sessions {
            assert_all(&format!("session {session} of {dialect:?}"), trace);
        }
    }
}

#[test]
fn channels_are_legible() {
    let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
    let server = at("203.0.113.45:8080");
    let direct = Trace::mixed([
        wechat_call::control(at("10.0.0.9:5000"), server, 7, 40, true),
        wechat_call::data(at("10.0.0.9:5001"), at("192.0.2.77:33000"), 8, 38),
    ]);
    assert_all("peer to peer", &direct);
    assert_all("over a relay", &wechat_call::mixed(at("10.0.0.9:5000"), server));
}
