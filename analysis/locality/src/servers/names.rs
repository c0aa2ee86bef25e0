//! Names of servers: in their flows, and in what named their addresses before.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::Serialize;
use wiremark::dissect::{dns, name_list};
use wiremark::{Carrier, Event, Observer, Packet, Relation, Transport};

use super::end_point::EndPoint;

/// Most names remembered of an address, and addresses of all.
const NAMES: usize = 8;
const ADDRESSES: usize = 200_000;

/// How an address came to be known, most telling first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learned {
    /// A DNS answer gave it.
    Dns,
    /// A look-up list over HTTP gave it.
    List,
    /// Nothing gave it; TLS or QUIC names the server.
    Sni,
    /// Nothing gave it; HTTP names the server.
    Host,
    /// Nothing gave it, and nothing names the server.
    #[default]
    HardWired,
}

impl Learned {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::List => "list over HTTP",
            Self::Sni => "server name",
            Self::Host => "HTTP host",
            Self::HardWired => "hard-wired",
        }
    }
}

/// What the tracker told of a packet.
#[derive(Debug, Default)]
pub(super) struct Noted {
    name: Option<(String, Learned)>,
    by_list: bool,
}

impl Observer for Noted {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Name {
                name, carrier: carrier @ (Carrier::Tls | Carrier::Quic | Carrier::Http), ..
            } => {
                let learned = if carrier == Carrier::Http { Learned::Host } else { Learned::Sni };
                let name = host(name);
                // An address for a name says nothing.
                if !name.is_empty() && name.parse::<IpAddr>().is_err() {
                    self.name = Some((name, learned));
                }
            }
            Event::Related { relation: Relation::NameList, .. } => self.by_list = true,
            _ => {}
        }
    }
}

/// Lower case, without a port and the last dot.
fn host(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let name = name
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(name.as_str(), |(name, _)| name);
    name.trim_end_matches('.').to_owned()
}

/// Names by address, and by server.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: HashMap<IpAddr, Vec<(String, Learned)>>,
    in_flow: HashMap<EndPoint, Vec<(String, Learned)>>,
    by_list: HashMap<EndPoint, ()>,
}

impl Names {
    /// Reads what gives names to addresses: DNS answers, and lists that begin in this packet.
    pub(super) fn learn(&mut self, packet: &Packet<'_>) {
        let tuple = &packet.five_tuple;
        let is_dns = tuple.src_port == 53;
        if is_dns {
            let message = match tuple.transport {
                Transport::Udp => dns::message(packet.payload),
                _ => dns::tcp_message(packet.payload),
            };
            let Some(message) = message.found().filter(|message| message.response) else { return };
            // The name asked for, not the aliases on the way: it is what the app knows.
            let mut buffer = dns::NameBuffer::default();
            let Some(question) = message.questions().next() else { return };
            let name = host(question.name.read(&mut buffer).as_bytes());
            for answer in message.answers() {
                match answer.record {
                    dns::Record::V4(address) => self.give(address.into(), &name, Learned::Dns),
                    dns::Record::V6(address) => self.give(address.into(), &name, Learned::Dns),
                    dns::Record::Service(service) => {
                        let v4 = service.v4_hints().map(IpAddr::from);
                        for address in v4.chain(service.v6_hints().map(IpAddr::from)) {
                            self.give(address, &name, Learned::Dns);
                        }
                    }
                    dns::Record::Alias(_) => {}
                }
            }
        } else if tuple.transport == Transport::Tcp && tuple.src_port == 80 {
            let body = memchr::memmem::find(packet.payload, b"\r\n\r\n").map_or(0, |at| at + 4);
            let body = packet.payload.get(body..).unwrap_or_default();
            if name_list::is_list(body) {
                let pairs: Vec<(String, IpAddr)> =
                    name_list::pairs(body).map(|(name, address)| (host(name), address)).collect();
                for (name, address) in pairs {
                    self.give(address, &name, Learned::List);
                }
            }
        }
    }

    fn give(&mut self, address: IpAddr, name: &str, learned: Learned) {
        if name.is_empty() || self.given.len() >= ADDRESSES && !self.given.contains_key(&address) {
            return;
        }
        let names = self.given.entry(address).or_default();
        if names.len() < NAMES && !names.iter().any(|(known, _)| known == name) {
            names.push((name.to_owned(), learned));
        }
    }

    /// Takes what the tracker told of a packet with this server.
    pub(super) fn note(&mut self, end: EndPoint, noted: &mut Noted) {
        if std::mem::take(&mut noted.by_list) {
            self.by_list.insert(end, ());
        }
        let Some(name) = noted.name.take() else { return };
        let names = self.in_flow.entry(end).or_default();
        if names.len() < NAMES && !names.contains(&name) {
            names.push(name);
        }
    }

    /// The names of a server: those in its flows, or else those its address was given.
    pub(super) fn of(&self, end: EndPoint) -> impl Iterator<Item = String> {
        let names = self.in_flow.get(&end).or_else(|| self.given.get(&end.address));
        names.into_iter().flatten().map(|(name, _)| name.clone())
    }

    /// Its name, and how it was learned.
    pub(super) fn best(&self, end: EndPoint) -> (Option<String>, Learned) {
        let in_flow = self.in_flow.get(&end).and_then(|names| names.first());
        let given = self.given.get(&end.address);
        let same = given
            .and_then(|given| given.iter().find(|(name, _)| in_flow.is_none_or(|(known, _)| known == name)));
        let name = in_flow.or(same).map(|(name, _)| name.clone());
        let learned = same.or_else(|| given.and_then(|given| given.first())).map(|(_, learned)| *learned);
        let by_list = || self.by_list.contains_key(&end).then_some(Learned::List);
        (name, learned.or_else(by_list).or(in_flow.map(|(_, learned)| *learned)).unwrap_or_default())
    }
}
