//! What each class of packet costs: its share of the mix, and instructions a packet of it takes in the engine.
//!
//! Each class has a function of its own through which its packets go, so that callgrind counts them apart.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::instructions::PACKETS;
use crate::pass::{Engine, OwnFlow};
use crate::source::Source;
use crate::traffic::Kind;
use wiremark::{FlowState, Packet, TcpFields, Transport};

macro_rules! classes {
    ($($class:ident $function:ident $words:literal)+) => {
        #[derive(Clone, Copy, Debug)]
        enum Class { $($class),+ }

        /// Name of each class's function, and the class in words.
        const CLASSES: &[(&str, &str)] = &[$((stringify!($function), $words)),+];

        $(#[inline(never)]
        fn $function(engine: &mut OwnFlow<'_>, state: &mut FlowState, packet: &Packet<'_>) -> bool {
            // Else the compiler would find that they are all the same.
            std::hint::black_box(Class::$class);
            engine.packet(state, packet, || &[])
        })+

        #[inline]
        fn look(class: Class, engine: &mut OwnFlow<'_>, state: &mut FlowState, packet: &Packet<'_>) -> bool {
            match class { $(Class::$class => $function(engine, state, packet)),+ }
        }
    };
}

classes! {
    Syn class_syn "SYN, SYN-ACK"
    Empty class_tcp_empty "TCP without payload"
    TlsFirst class_tls_first "TLS, first of a side"
    TlsLater class_tls_later "TLS flow, later"
    HttpFirst class_http_first "HTTP, first of a side"
    HttpLater class_http_later "HTTP flow, later"
    TcpFirst class_tcp_first "other TCP, first of a side"
    TcpLater class_tcp_later "other TCP, later"
    Dns class_dns "DNS"
    Stun class_stun "STUN"
    QuicLong class_quic_long "QUIC, long header"
    Media class_media "like RTP"
    UdpFirst class_udp_first "other UDP, 1st to 4th"
    UdpLater class_udp_later "other UDP, later"
}

/// What the classes ask of a flow's past.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// Packets with payload, saturating.
    packets: u8,
    has_sent: [bool; 2],
    /// What the first bytes of either side showed.
    shown: Shown,
}

#[derive(Clone, Copy, Debug, Default)]
enum Shown {
    #[default]
    Nothing,
    Tls,
    Http,
}

impl Past {
    fn class_of(&mut self, packet: &Packet<'_>) -> Class {
        let (tuple, payload) = (&packet.five_tuple, packet.payload);
        let is_tcp = tuple.transport == Transport::Tcp;
        if is_tcp && packet.tcp.flags & TcpFields::SYN != 0 {
            return Class::Syn;
        }
        if payload.is_empty() {
            return Class::Empty;
        }
        let earlier = self.packets;
        self.packets = self.packets.saturating_add(1);
        if is_tcp {
            let is_first = !std::mem::replace(&mut self.has_sent[usize::from(tuple.is_from_high())], true);
            if is_first {
                let http = [&b"GET "[..], b"POST ", b"HTTP/1.", b"HEAD ", b"PUT ", b"CONNECT "];
                if payload.starts_with(&[0x16, 3]) {
                    self.shown = Shown::Tls;
                } else if http.iter().any(|word| payload.starts_with(word)) {
                    self.shown = Shown::Http;
                }
            }
            return match (self.shown, is_first) {
                (Shown::Tls, true) => Class::TlsFirst,
                (Shown::Tls, false) => Class::TlsLater,
                (Shown::Http, true) => Class::HttpFirst,
                (Shown::Http, false) => Class::HttpLater,
                (Shown::Nothing, true) => Class::TcpFirst,
                (Shown::Nothing, false) => Class::TcpLater,
            };
        }
        if [tuple.src_port, tuple.dst_port].contains(&53) {
            Class::Dns
        } else if payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]) {
            Class::Stun
        } else if payload[0] & 0xc0 == 0xc0 && payload.len() >= 1000 {
            Class::QuicLong
        } else if payload[0] & 0xc0 == 0x80 {
            Class::Media
        } else if earlier < 4 {
            Class::UdpFirst
        } else {
            Class::UdpLater
        }
    }
}

/// [`OwnFlow`], each class of packet by a function of its own.
#[derive(Debug)]
pub(crate) struct ByClass<'c>(pub(crate) OwnFlow<'c>);

impl Engine for ByClass<'_> {
    type State = (FlowState, Past);

    fn packet<'p>(
        &mut self,
        (state, past): &mut Self::State,
        packet: &Packet<'_>,
        _ip: impl FnOnce() -> &'p [u8],
    ) -> bool {
        look(past.class_of(packet), &mut self.0, state, packet)
    }

    fn is_match((state, _): &Self::State) -> bool {
        state.verdict().is_match()
    }
}

/// One class of packet.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    class: &'static str,
    /// Of all packets of the mix, in percent.
    percent: f64,
    /// Instructions a packet of the class.
    instructions: f64,
    /// The same spread over all packets of the mix.
    of_all: f64,
}

/// Counts each class over one pass.
pub(crate) fn count(kind: Kind, source: &Source) -> Result<Vec<Line>, Box<dyn Error>> {
    let packets = source.packets.min(PACKETS);
    let out = std::env::temp_dir().join(format!("wiremark-classes-{}", std::process::id()));
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*_pass*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["loop", "by-class", "--mix", &kind.to_string(), "--packets", &packets.to_string(), "--traces"])
        .arg(&source.traces)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it to count instructions"))?;
    let profile = fs::read_to_string(&out)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&ended.stderr)))?;
    fs::remove_file(&out)?;
    let calls = calls_of(&profile);
    let of_all = |count: u64| count as f64 / packets as f64;
    Ok(CLASSES
        .iter()
        .filter_map(|(function, class)| {
            let (_, (calls, cost)) = calls.iter().find(|(name, _)| name.contains(function))?;
            Some(Line {
                class,
                percent: 100.0 * of_all(*calls),
                instructions: *cost as f64 / *calls as f64,
                of_all: of_all(*cost),
            })
        })
        .collect())
}

/// For each function called: how often, and the cost of these calls with all they called. (Callgrind's format: `fn=` and
/// `cfn=` give a function a number, with its name the first time; behind `calls=` comes a line of position and cost.)
fn calls_of(profile: &str) -> HashMap<&str, (u64, u64)> {
    let mut names = HashMap::new();
    let mut calls: HashMap<&str, (u64, u64)> = HashMap::new();
    let (mut called, mut times) = ("", None::<u64>);
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            let name = *names.entry(number).or_insert(name);
            if line.starts_with('c') {
                called = name;
            }
        } else if let Some(count) = line.strip_prefix("calls=") {
            times = count.split(' ').next().and_then(|count| count.parse().ok());
        } else if let Some(times) = times.take() {
            let cost: u64 = line.rsplit(' ').next().and_then(|cost| cost.parse().ok()).unwrap_or_default();
            let sum = calls.entry(called).or_default();
            *sum = (sum.0 + times, sum.1 + cost);
        }
    }
    calls
}

/// Prints them.
pub(crate) fn print(lines: &[Line]) {
    println!("  {:<28} {:>7} {:>12} {:>8}", "", "% of all", "instr. each", "of all");
    for Line { class, percent, instructions, of_all } in lines {
        println!("  {class:<28} {percent:>8.2} {instructions:>12.0} {of_all:>8.1}");
    }
    let sum = |of: fn(&Line) -> f64| lines.iter().map(of).sum::<f64>();
    println!(
        "  {:<28} {:>8.2} {:>12} {:>8.1}",
        "handed to the engine",
        sum(|line| line.percent),
        "",
        sum(|line| line.of_all)
    );
}

/// Prints what the classes of both mixes cost.
pub(crate) fn run(source: &Source) -> Result<(), Box<dyn Error>> {
    for kind in [Kind::Mixed, Kind::Messenger] {
        println!("{kind}:");
        print(&count(kind, source)?);
    }
    Ok(())
}
