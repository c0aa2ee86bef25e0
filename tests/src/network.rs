//! A network's traffic: WeChat's long links and datagrams beside twenty protocols of others. What `wiremark infer` has to
//! make its way through where nobody tells it which flows to look at.

use std::net::{IpAddr, SocketAddr};

use crate::conversation::{Tcp, Udp};
use crate::protocol::wechat_longlink::{self, EVERYDAY, mars_sample};
use crate::protocol::{dns, http, ordinary, quic, stun, tls, wechat_voip};
use crate::random::Random;
use crate::rates::models::{MODELS, Model};
use crate::trace::Trace;
use wiremark::{Direction, Transport};

/// The others that are built from their own descriptions.
const OF_OTHERS: [&str; 11] = [
    "dns",
    "http",
    "tls",
    "quic",
    "ssh",
    "xmpp",
    "smpp",
    "ntp",
    "turn",
    "ice and rtp",
    "mars of another app",
];
/// Models of structured bytes that stand for the rest.
const MODELLED: [&str; 9] = [
    "random-stream",
    "length-24",
    "echoed-id",
    "conversation",
    "class-counter",
    "rtcp",
    "rtp",
    "stun",
    "records",
];

/// Protocols beside WeChat's.
pub const OTHERS: usize = OF_OTHERS.len() + MODELLED.len();

/// WeChat's servers are in 203.0.113.0/24; the others' in 198.51.100.0/24, the last number being the protocol's.
pub fn is_wechat(server: IpAddr) -> bool {
    matches!(server, IpAddr::V4(address) if address.octets()[..3] == [203, 0, 113])
}

/// `clients` clients, each with a long link, three channels of WeChat's calls and one flow of each of the others. What
/// networks of different seeds share is the protocols alone.
pub fn network(clients: u16, seed: u64) -> Trace {
    let flows = (0..clients).flat_map(|client| {
        let mut random = Random::new(seed * 100_000 + u64::from(client));
        let own = [10, (seed % 250) as u8, (client >> 8) as u8, client as u8];
        let mut near = move |port: u16| SocketAddr::from((own, port));
        let begins = i64::from(client) * 700_000;
        let wechat = of_wechat(&mut random, &mut near);
        let others = of_others(&mut random, &mut near).into_iter();
        let modelled = MODELLED.iter().enumerate().map(|(at, name)| {
            let model = MODELS.iter().find(|model| model.name == *name).expect("a model of this name");
            modelled(model, &mut random, own, (OF_OTHERS.len() + at) as u8)
        });
        wechat.into_iter().chain(others).chain(modelled).map(|trace| trace.shift(begins)).collect::<Vec<_>>()
    });
    Trace::mixed(flows.collect::<Vec<_>>())
}

fn of_wechat(random: &mut Random, near: &mut impl FnMut(u16) -> SocketAddr) -> Vec<Trace> {
    let far = |last: u8, port: u16| SocketAddr::from(([203, 0, 113, last], port));
    let size = |random: &mut Random| [random.between(40, 200), random.between(40, 200)];
    let (up, down) = (size(random), size(random));
    vec![
        wechat_longlink::flow(near(41_000), far(1, 8080), false, &EVERYDAY, random.word()).trace(),
        wechat_voip::heartbeat_flow(near(41_001), far(2, 8000), random.word()),
        wechat_voip::signalling_flow(near(41_002), far(3, 8000), random.word()),
        wechat_voip::content_flow(near(41_003), far(4, 8000), 0xa3, (&up, &down), random.word()),
    ]
}

fn of_others(random: &mut Random, near: &mut impl FnMut(u16) -> SocketAddr) -> Vec<Trace> {
    let far = |last: u8, port: u16| SocketAddr::from(([198, 51, 100, last], port));
    let name = format!("{}.example.net", random.text(8));
    let hello = tls::ClientHello::to(&name);
    let seed = random.word();
    let answer = [IpAddr::from([198, 51, 100, 200])];
    let request = http::get(&name, &format!("/{}", random.text(12)), "curl/8.5.0");
    let page = http::ok(&[("Content-Type", "text/html")], &random.bytes(2_000));
    let mut mars = Tcp::new(near(42_010), far(10, 8081), seed);
    for sequence in 1..8u32 {
        let body = random.bytes(20 + 30 * sequence as usize);
        mars = mars.client(mars_sample(3, sequence, &body)).server(mars_sample(3, sequence, &body[..10]));
    }
    vec![
        dns::flow(near(42_000), far(0, 53), &name, &[], &answer),
        Tcp::new(near(42_001), far(1, 80), seed).client(request).server(page).close().trace(),
        tls::flow(near(42_002), far(2, 443), &hello, 9_000, seed),
        quic::flow(near(42_003), far(3, 443), quic::Version::V1, &hello, quic::Layout::Shuffled, seed),
        ordinary::ssh(near(42_004), far(4, 22), seed),
        ordinary::xmpp(near(42_005), far(5, 5222), seed),
        ordinary::smpp(near(42_006), far(6, 2775), seed),
        ordinary::ntp(near(42_007), far(7, 123), seed),
        stun::turn_flow(near(42_008), far(8, 3478), seed),
        ordinary::ice_call(near(42_009), far(9, 20_000), 111, seed),
        mars.trace(),
    ]
}

fn modelled(model: &Model, random: &mut Random, own: [u8; 4], number: u8) -> Trace {
    let flow = (model.make)(random);
    let near = SocketAddr::from((own, 43_000 + u16::from(number)));
    let far = SocketAddr::from(([198, 51, 100, number], flow.port));
    let is_up = |direction: &Direction| *direction == Direction::Originator;
    if flow.transport == Transport::Udp {
        let say = |udp: Udp, (direction, bytes): &(Direction, Vec<u8>)| {
            if is_up(direction) { udp.client(bytes) } else { udp.server(bytes) }
        };
        flow.packets.iter().fold(Udp::new(near, far), say).trace()
    } else {
        let say = |tcp: Tcp, (direction, bytes): &(Direction, Vec<u8>)| {
            if is_up(direction) { tcp.client(bytes) } else { tcp.server(bytes) }
        };
        flow.packets.iter().fold(Tcp::new(near, far, random.word()), say).close().trace()
    }
}
