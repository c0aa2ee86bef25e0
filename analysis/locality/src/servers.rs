//! An app's servers, out of captures: which move with the messages, and how their addresses were learned.
//!
//! The paper's way: an app is used on phones by a script that notes when it sends and when the other phone shows the message
//! ([`Event`]). A server that has payload around these times, and hardly any else, takes part in messaging; one that an empty
//! measurement (the background) shows as well does not.

mod end_point;
mod event;
mod names;
mod tally;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use serde::Serialize;
use wiremark::{Address, Confidence, Direction, Observer, Packet, Seen, SignatureSet, Transport};

pub use end_point::EndPoint;
pub use event::{Event, events};
pub use names::Learned;
use names::{Names, Noted};
use tally::{Activity, Tally};

/// Ports whose servers carry no messages: DNS, DHCP, NTP, NetBIOS, SSDP, mDNS, LLMNR.
pub const PORTS_IGNORED: [u16; 9] = [53, 67, 68, 123, 137, 138, 1900, 5353, 5355];
/// Most servers followed.
const SERVERS: usize = 100_000;

/// A server found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// The app: the one under test, else the verdict's; none where nobody says.
    pub app: Option<String>,
    /// Its name, the most telling one there is.
    pub name: Option<String>,
    /// How its address was learned.
    pub learned: Learned,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The app by wiremark's verdict on its flows.
    pub verdict: Option<String>,
    /// In how many captures.
    pub captures: u32,
    /// Messages sent that it had payload for, of how many.
    pub sent: [u32; 2],
    /// Messages received, likewise.
    pub received: [u32; 2],
    /// Whether it moves with the messages: a back end. None without events.
    pub is_back_end: Option<bool>,
}

#[derive(Debug, Default)]
struct Known {
    /// App by verdict, and how sure.
    verdict: Option<(String, Confidence)>,
    captures: u32,
    /// By phone, in the capture under way.
    activity: HashMap<IpAddr, Activity>,
    /// By app under test.
    tallies: BTreeMap<Option<String>, Tally>,
}

/// Follows the servers of captures, one after the other.
#[derive(Debug)]
pub struct ServerWatch {
    events: Vec<Event>,
    phones: HashSet<IpAddr>,
    ports_ignored: Vec<u16>,
    names: Names,
    servers: HashMap<EndPoint, Known>,
    background: HashMap<EndPoint, Vec<String>>,
    /// First and last packet of a phone in the capture under way.
    spans: HashMap<IpAddr, (u64, u64)>,
    phones_seen: HashSet<IpAddr>,
    /// What the tracker tells of the packet under way.
    noted: Noted,
}

impl ServerWatch {
    /// With the events of all captures, in any order; without events, every server with a verdict is told.
    pub fn new(mut events: Vec<Event>, ports_ignored: Vec<u16>) -> Self {
        events.sort_by_key(|event| event.time_us);
        let phones = events.iter().map(|event| event.phone).collect();
        Self {
            events,
            phones,
            ports_ignored,
            names: Names::default(),
            servers: HashMap::new(),
            background: HashMap::new(),
            spans: HashMap::new(),
            phones_seen: HashSet::new(),
            noted: Noted::default(),
        }
    }

    /// What to hand to the tracker with the next packet.
    pub fn observer(&mut self) -> &mut (impl Observer + use<>) {
        &mut self.noted
    }

    /// Takes a packet behind the tracker.
    pub fn packet(&mut self, packet: &Packet<'_>, seen: &Seen, set: &SignatureSet) {
        let mut noted = std::mem::take(&mut self.noted);
        let tuple = &packet.five_tuple;
        let (source, destination) = (ip(tuple.src), ip(tuple.dst));
        self.names.learn(packet);
        let is_up = match (self.phones.contains(&source), self.phones.contains(&destination)) {
            (true, true) => return,
            (true, false) => true,
            (false, true) => false,
            // Without events whoever opened the flow is the phone.
            (false, false) if self.phones.is_empty() => seen.direction == Direction::Originator,
            (false, false) => return,
        };
        let (phone, address, port) =
            if is_up { (source, destination, tuple.dst_port) } else { (destination, source, tuple.src_port) };
        let time_us = packet.time_us;
        let span = self.spans.entry(phone).or_insert((time_us, time_us));
        *span = (span.0.min(time_us), span.1.max(time_us));
        let nowhere = address.is_multicast() || address.is_loopback() || address.is_unspecified();
        if nowhere || address == IpAddr::from([255; 4]) || self.ports_ignored.contains(&port) {
            return;
        }
        let end = EndPoint { address, port, is_tcp: tuple.transport == Transport::Tcp };
        self.names.note(end, &mut noted);
        if self.servers.len() >= SERVERS && !self.servers.contains_key(&end) {
            return;
        }
        let known = self.servers.entry(end).or_default();
        let verdict = seen.verdict;
        if verdict.is_match()
            && known.verdict.as_ref().is_none_or(|(_, confidence)| *confidence < verdict.confidence)
        {
            known.verdict = set.app(verdict.app).map(|app| (app.name.clone(), verdict.confidence));
        }
        let activity = known.activity.entry(phone).or_default();
        if !packet.payload.is_empty() {
            activity.add(time_us, is_up, phone, &self.events);
        }
    }

    /// The capture is over; `is_background` where it is an empty measurement.
    pub fn end_capture(&mut self, is_background: bool) {
        for (end, known) in &mut self.servers {
            let activity = std::mem::take(&mut known.activity);
            if activity.is_empty() {
                continue;
            }
            if is_background {
                let names = self.names.of(*end);
                self.background.entry(*end).or_default().extend(names);
                continue;
            }
            known.captures += 1;
            for (phone, activity) in activity {
                let Some(span) = self.spans.get(&phone) else { continue };
                for (app, tally) in activity.tallies(phone, *span, &self.events) {
                    known.tallies.entry(app).or_default().add(&tally);
                }
            }
        }
        self.phones_seen.extend(self.spans.drain().map(|(phone, _)| phone));
    }

    /// Phones with events, but without a packet in the captures so far.
    pub fn phones_unseen(&self) -> Vec<IpAddr> {
        let mut phones: Vec<IpAddr> = self.phones.difference(&self.phones_seen).copied().collect();
        phones.sort();
        phones
    }

    /// The servers: with events those that any app under test was seen to use, back ends first.
    pub fn servers(&self) -> Vec<Server> {
        let apps: HashSet<String> = self
            .events
            .iter()
            .filter_map(|event| event.app.as_deref())
            .map(str::to_ascii_lowercase)
            .collect();
        let mut found = Vec::new();
        for (end, known) in self.servers.iter().filter(|(_, known)| known.captures > 0) {
            let verdict = known.verdict.as_ref();
            let server = |app: Option<String>, tally: &Tally, is_back_end| {
                let (name, learned) = self.names.best(*end);
                Server {
                    app: app.or_else(|| verdict.map(|(app, _)| app.clone())),
                    name,
                    learned,
                    transport: if end.is_tcp { "tcp" } else { "udp" },
                    address: end.address,
                    port: end.port,
                    verdict: verdict.map(|(app, _)| app.clone()),
                    captures: known.captures,
                    sent: tally.sent,
                    received: tally.received,
                    is_back_end,
                }
            };
            if self.events.is_empty() {
                if verdict.is_some() {
                    found.push(server(None, &Tally::default(), None));
                }
                continue;
            }
            for (app, tally) in &known.tallies {
                // Another app under test, by its own bytes or name, is not this one.
                let own = app.as_deref().map(str::to_ascii_lowercase);
                let is_others = verdict.is_some_and(|(by_verdict, confidence)| {
                    let is_tested = apps.contains(by_verdict) && own.is_some();
                    *confidence >= Confidence::Name && is_tested && own.as_deref() != Some(by_verdict)
                });
                let moves = tally.moves() && !is_others && !self.is_background(*end);
                let is_own = verdict.is_some_and(|(by_verdict, _)| own.as_deref() == Some(by_verdict));
                if moves || is_own || own.is_none() && verdict.is_some() {
                    found.push(server(app.clone(), tally, Some(moves)));
                }
            }
        }
        let order = |server: &Server| {
            (
                server.app.clone(),
                server.is_back_end != Some(true),
                server.name.clone(),
                server.address,
                server.port,
            )
        };
        found.sort_by_key(order);
        found
    }

    /// Whether the empty measurement shows the same server. A shared address under other names there is another server.
    fn is_background(&self, end: EndPoint) -> bool {
        let Some(theirs) = self.background.get(&end) else { return false };
        let ours: Vec<String> = self.names.of(end).collect();
        // Names of the background are among ours: what is left over is the app's own.
        ours.is_empty() || theirs.is_empty() || ours.iter().all(|name| theirs.contains(name))
    }
}

fn ip(address: Address) -> IpAddr {
    address.ip()
}
