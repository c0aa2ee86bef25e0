//! Flows nobody would send: what rows and protocols look like, put together, edited, cut and shuffled at random.

use proptest::prelude::*;
use proptest::sample::Index;
use std::fmt;
use wiremark::signature::model::Trial;
use wiremark::{Address, Direction, FiveTuple, Fragment, Packet, SignatureSet, Source, TcpFields, Transport};
use wiremark_tests::protocol::tls::{ClientHello, records, server_flight};
use wiremark_tests::protocol::{dns, http, proxy, quic};
use wiremark_tests::random::Random;

/// One packet, with bytes of its own.
#[derive(Clone)]
pub(crate) struct SentPacket {
    five_tuple: FiveTuple,
    tcp: TcpFields,
    payload: Vec<u8>,
}

/// In a line: `TCP 10.0.0.1:40000 > 198.51.100.1:443 seq 7 flags 10: 16 03 01`.
impl fmt::Debug for SentPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FiveTuple { src, dst, src_port, dst_port, transport } = self.five_tuple;
        let TcpFields { sequence, flags } = self.tcp;
        write!(f, "{transport:?} {src}:{src_port} > {dst}:{dst_port} seq {sequence} flags {flags:02x}: ")?;
        self.payload.iter().try_for_each(|byte| write!(f, "{byte:02x} "))
    }
}

impl SentPacket {
    pub(crate) fn packet(&self) -> Packet<'_> {
        let Self { five_tuple, tcp, ref payload } = *self;
        Packet { five_tuple, tcp, time_us: 1_700_000_000_000_000, payload, fragment: Fragment::Whole }
    }
}

/// A short conversation.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    transport: Transport,
    port: u16,
    packets: Vec<(Direction, Vec<u8>)>,
}

/// Every example of every row, and what else travels on the networks.
pub(crate) fn corpus(set: &SignatureSet) -> Vec<Talk> {
    let mut talks = Vec::new();
    for row in set.signatures() {
        let is_udp = row.conditions.stun.is_some() || row.conditions.rtp.is_some();
        let other = if is_udp { Transport::Udp } else { Transport::Tcp };
        let transport = row.conditions.transport.unwrap_or(other);
        for example in row.hits.iter().chain(&row.misses) {
            match &example.trial {
                Trial::Packets { port, packets } => {
                    talks.push(Talk { transport, port: *port, packets: packets.clone() });
                }
                Trial::Name(name) => talks.extend(asks_for(name)),
                Trial::Address(_) => {}
            }
        }
    }
    talks.extend(asks_for("www.example.org"));
    talks.extend(asks_for("192.0.2.1"));
    let mut random = Random::new(1);
    for bytes in
        [random.bytes(100), b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), vec![0; 20], vec![0x16, 3, 1, 0, 5, 9]]
    {
        for transport in [Transport::Tcp, Transport::Udp] {
            talks.push(Talk { transport, port: 22, packets: vec![(Direction::Originator, bytes.clone())] });
        }
    }
    talks
}

/// The ways to ask for a name.
fn asks_for(name: &str) -> Vec<Talk> {
    let random = &mut Random::new(name.len() as u64);
    let hello = ClientHello { ticket: 200, ..ClientHello::to(name) };
    let handshake = [hello.record(random), records(&hello.message(random), 60)];
    let get = http::get(name, "/a", "client/1");
    let query = dns::query(7, name, 1);
    let up = |bytes: Vec<u8>| (Direction::Originator, bytes);
    let tcp = |port, packets| Talk { transport: Transport::Tcp, port, packets };
    let udp = |port, packets| Talk { transport: Transport::Udp, port, packets };
    let mut talks = vec![
        tcp(80, vec![up(get.clone()), (Direction::Responder, http::ok(&[("Content-Length", "2")], b"ok"))]),
        tcp(53, vec![up(dns::over_tcp(&query))]),
        udp(53, vec![up(query), (Direction::Responder, dns::answer(7, name, 1, &[]))]),
    ];
    for hello in handshake {
        talks.push(tcp(443, vec![up(hello), (Direction::Responder, server_flight(random, 300))]));
    }
    for proxy in
        [proxy::socks5(name, 443), proxy::socks4a(name, 80), proxy::connect(name, 80), proxy::proxy_line()]
    {
        let told: Vec<u8> = proxy.0.iter().flat_map(|(up, _)| up.clone()).collect();
        talks.push(tcp(8080, vec![up([told, get.clone()].concat())]));
    }
    let message = ClientHello { transport_parameters: vec![1, 2], ..hello }.message(random);
    for layout in [quic::Layout::InOrder, quic::Layout::Shuffled] {
        let datagrams = quic::client_datagrams(quic::Version::V1, b"12345678", &message, layout);
        talks.push(udp(443, datagrams.into_iter().map(up).collect()));
    }
    talks
}

/// A change to one packet of a talk.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    Insert(Index, u8),
}

/// What happens to packets on their way.
#[derive(Clone, Debug)]
enum Fault {
    Swap(Index),
    Repeat(Index, Index),
    Lose(Index),
    /// A segment that begins so many bytes earlier.
    Overlap(Index, u8),
}

/// How one flow is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    is_tcp: bool,
    talks: Vec<(Index, Vec<(Index, Edit)>)>,
    originator_is_high: bool,
    /// Which of the handshake's packets were captured: bit 0 the SYN, bit 1 the SYN-ACK, bit 2 both late.
    handshake: u8,
    sequence: [u32; 2],
    port: Option<u16>,
    /// Over UDP: so many datagrams that fit nothing come before.
    misfits: u8,
    cuts: Vec<u16>,
    faults: Vec<Fault>,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Edit::Set(at, value)),
        any::<Index>().prop_map(Edit::Cut),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Edit::Append),
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Edit::Insert(at, value)),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        any::<Index>().prop_map(Fault::Swap),
        (any::<Index>(), any::<Index>()).prop_map(|(at, to)| Fault::Repeat(at, to)),
        any::<Index>().prop_map(Fault::Lose),
        (any::<Index>(), 1..8u8).prop_map(|(at, by)| Fault::Overlap(at, by)),
    ]
}

/// A flow of one to three talks, most of them unedited, most streams cut.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let edits = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec((any::<Index>(), edit()), 1..3),
    ];
    let sequence = prop_oneof![any::<u32>(), Just(u32::MAX - 5), Just(0)];
    (
        any::<bool>(),
        prop::collection::vec((any::<Index>(), edits), 1..4),
        any::<bool>(),
        0..8u8,
        [sequence.clone(), sequence],
        prop::option::weighted(0.2, prop_oneof![Just(53u16), Just(5222), Just(443), Just(3478)]),
        prop_oneof![4 => Just(0u8), 1 => 6..10u8],
        prop::collection::vec(prop_oneof![1..20u16, 20..2000u16], 0..6),
        prop::collection::vec(fault(), 0..3),
    )
        .prop_map(
            |(is_tcp, talks, originator_is_high, handshake, sequence, port, misfits, cuts, faults)| Plan {
                is_tcp,
                talks,
                originator_is_high,
                handshake,
                sequence,
                port,
                misfits,
                cuts,
                faults,
            },
        )
}

fn apply(edit: &Edit, bytes: &mut Vec<u8>) {
    match edit {
        Edit::Append(more) => bytes.extend(more),
        _ if bytes.is_empty() => {}
        Edit::Set(at, value) => *at.get_mut(bytes) = *value,
        Edit::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Edit::Insert(at, value) => bytes.insert(at.index(bytes.len()), *value),
    }
}

impl Plan {
    /// The flow's packets. `number` gives it end points of its own.
    fn packets(&self, corpus: &[Talk], number: u16) -> Vec<SentPacket> {
        let transport = if self.is_tcp { Transport::Tcp } else { Transport::Udp };
        let corpus: Vec<&Talk> = corpus.iter().filter(|talk| talk.transport == transport).collect();
        let (client, server) = match self.originator_is_high {
            true => ([203, 0, 113, 9], [198, 51, 100, 1]),
            false => ([10, 0, 0, 1], [198, 51, 100, 1]),
        };
        let first = self.talks.first().map(|(index, _)| *index.get(&corpus));
        let up = FiveTuple {
            src: Address::v4(client),
            dst: Address::v4(server),
            src_port: 40_000 + number,
            dst_port: self.port.or(first.map(|talk| talk.port)).unwrap_or(443),
            transport,
        };
        let mut sequence = self.sequence;
        let mut sent = Vec::new();
        for number in 0..self.misfits * u8::from(!self.is_tcp) {
            let direction = if number % 3 == 2 { Direction::Responder } else { Direction::Originator };
            self.send(up, direction, &[0x2a, number, 0xd5, 0x11, 0x93], &mut sequence, &mut sent);
        }
        for (index, edits) in &self.talks {
            let talk = index.get(&corpus);
            let mut packets = talk.packets.clone();
            for (which, edit) in edits {
                apply(edit, &mut which.get_mut(&mut packets).1);
            }
            for (direction, payload) in &packets {
                self.send(up, *direction, payload, &mut sequence, &mut sent);
            }
        }
        for fault in &self.faults {
            happen(fault, &mut sent);
        }
        self.open(up, sent)
    }

    fn send(
        &self,
        up: FiveTuple,
        direction: Direction,
        payload: &[u8],
        sequence: &mut [u32; 2],
        sent: &mut Vec<SentPacket>,
    ) {
        let (five_tuple, side) = match direction {
            Direction::Originator => (up, 0),
            Direction::Responder => (up.reversed(), 1),
        };
        let mut rest = payload;
        let cuts = if self.is_tcp { &self.cuts[..] } else { &[] };
        let mut cuts = cuts.iter().map(|cut| usize::from(*cut));
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cuts.next().unwrap_or(usize::MAX).min(rest.len()));
            let tcp = match self.is_tcp {
                true => TcpFields { sequence: sequence[side], flags: TcpFields::ACK },
                false => TcpFields::default(),
            };
            sent.push(SentPacket { five_tuple, tcp, payload: now.to_vec() });
            sequence[side] = sequence[side].wrapping_add(now.len() as u32);
            rest = later;
        }
    }

    /// Puts what was captured of the handshake in front, or behind the first packet.
    fn open(&self, up: FiveTuple, mut sent: Vec<SentPacket>) -> Vec<SentPacket> {
        if !self.is_tcp {
            return sent;
        }
        let at = if self.handshake & 4 != 0 { sent.len().min(1) } else { 0 };
        let parts = [(up, TcpFields::SYN, 0), (up.reversed(), TcpFields::SYN | TcpFields::ACK, 1)];
        for (five_tuple, flags, side) in parts.into_iter().rev() {
            if self.handshake & 1 << side != 0 {
                let tcp = TcpFields { sequence: self.sequence[side].wrapping_sub(1), flags };
                sent.insert(at, SentPacket { five_tuple, tcp, payload: Vec::new() });
            }
        }
        sent
    }
}

fn happen(fault: &Fault, sent: &mut Vec<SentPacket>) {
    if sent.len() < 2 {
        return;
    }
    match fault {
        Fault::Swap(at) => {
            let at = at.index(sent.len() - 1);
            sent.swap(at, at + 1);
        }
        Fault::Repeat(at, to) => {
            let again = at.get(sent).clone();
            sent.insert(to.index(sent.len()), again);
        }
        Fault::Lose(at) => _ = sent.remove(at.index(sent.len())),
        Fault::Overlap(at, by) => {
            let at = at.index(sent.len());
            let same = |one: &&SentPacket| {
                one.five_tuple == sent[at].five_tuple && one.five_tuple.transport == Transport::Tcp
            };
            let Some(before) = sent[..at].iter().rev().find(same) else { return };
            let kept = before.payload.len().saturating_sub(usize::from(*by));
            let again = before.payload[kept..].to_vec();
            sent[at].tcp.sequence = sent[at].tcp.sequence.wrapping_sub(again.len() as u32);
            sent[at].payload.splice(0..0, again);
        }
    }
}

/// The flows' packets, in an order that keeps each flow's own.
pub(crate) fn interleave(corpus: &[Talk], plans: &[Plan], order: &[u8]) -> Vec<SentPacket> {
    let mut flows: Vec<_> =
        (0..).zip(plans).map(|(number, plan)| plan.packets(corpus, number).into_iter()).collect();
    let mut order = order.iter().cycle();
    let mut sent = Vec::new();
    while !flows.is_empty() {
        let at = order.next().map_or(0, |pick| usize::from(*pick) % flows.len());
        match flows[at].next() {
            Some(packet) => sent.push(packet),
            None => drop(flows.remove(at)),
        }
    }
    sent
}

/// Rows that use every word of the language, in combinations the shipped rows do not have.
pub(crate) fn synthetic() -> SignatureSet {
    let source = Source { file: "synthetic.toml", text: SYNTHETIC };
    SignatureSet::load(&[source]).unwrap_or_else(|error| panic!("{error}"))
}

const SYNTHETIC: &str = include_str!("synthetic.toml");
