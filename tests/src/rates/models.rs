//! Structured foreign bytes: what protocols have in common that are not the apps' (lengths, counters, ids that come back,
//! nested messages), without being any one of them. Fields that a row looks at take the values it looks for more often
//! than chance would have it, so that the rates err on the bad side.

use crate::random::Random;
use wiremark::{Direction, Transport};

/// One flow: its responder's port, and who sends what.
#[derive(Clone)]
pub struct ForeignFlow {
    /// Over which transport.
    pub transport: Transport,
    /// The responder's port.
    pub port: u16,
    /// The packets.
    pub packets: Vec<(Direction, Vec<u8>)>,
}

/// A kind of traffic.
#[derive(Clone, Copy)]
pub struct Model {
    /// What it is called.
    pub name: &'static str,
    /// What it is made of, and whose bytes are like that.
    pub what: &'static str,
    /// Makes a flow.
    pub make: fn(&mut Random) -> ForeignFlow,
}

const UP: Direction = Direction::Originator;
const DOWN: Direction = Direction::Responder;

/// All of them.
pub const MODELS: [Model; 13] = [
    Model { name: "random", what: "random bytes over UDP, any size", make: random_datagrams },
    Model { name: "random-stream", what: "random bytes over TCP, any size", make: random_segments },
    Model {
        name: "length-type",
        what: "length u32, small u16, version 1, small counters (goim, EPICS, IPFIX, Kafka)",
        make: length_type,
    },
    Model { name: "length-24", what: "frames with a 3-byte length on 5222, both ways", make: length_24 },
    Model {
        name: "echoed-id",
        what: "an id of 4 bytes that the answer repeats, counted (RPC, tags)",
        make: echoed_id,
    },
    Model {
        name: "conversation",
        what: "an id of 4 bytes that stands in every datagram (KCP, tunnels)",
        make: conversation,
    },
    Model { name: "class-counter", what: "a class byte, an opcode, a counter", make: class_counter },
    Model {
        name: "nested-protobuf",
        what: "a class byte and a nested protobuf message, both ways",
        make: nested_protobuf,
    },
    Model {
        name: "protobuf-fields",
        what: "a class byte and protobuf fields in rising order",
        make: protobuf_fields,
    },
    Model { name: "rtcp", what: "control packets of any type with SRTCP's trailer", make: rtcp },
    Model { name: "rtp", what: "media of any type and extension profile on 3478", make: rtp },
    Model { name: "stun", what: "STUN's cookie, any type, any attributes", make: stun },
    Model {
        name: "records",
        what: "type, version, length, as TLS has them, with any version",
        make: records,
    },
];

/// Payload sizes: half of them sizes that rows speak of.
fn size(random: &mut Random) -> usize {
    const SPOKEN_OF: [usize; 16] = [16, 20, 22, 25, 26, 37, 44, 75, 90, 92, 95, 96, 103, 104, 126, 200];
    if random.chance(50) { SPOKEN_OF[random.between(0, SPOKEN_OF.len() - 1)] } else { random.between(8, 300) }
}

fn flow(transport: Transport, port: u16, packets: Vec<(Direction, Vec<u8>)>) -> ForeignFlow {
    ForeignFlow { transport, port, packets }
}

/// Requests and answers in turn; one flow in four is seen from one side only.
fn turns(
    random: &mut Random,
    mut make: impl FnMut(&mut Random, usize, Direction) -> Vec<u8>,
) -> Vec<(Direction, Vec<u8>)> {
    let turns = random.between(1, 6);
    let seen = random.between(0, 7);
    let mut packets = Vec::with_capacity(2 * turns);
    for turn in 0..turns {
        for direction in [UP, DOWN] {
            let payload = make(random, turn, direction);
            if seen > 1 || (seen == 0) == (direction == UP) {
                packets.push((direction, payload));
            }
        }
    }
    packets
}

fn random_datagrams(random: &mut Random) -> ForeignFlow {
    let packets = turns(random, |random, _, _| {
        let size = size(random);
        random.bytes(size)
    });
    flow(Transport::Udp, [3478, 8080, 443, 20_000][random.between(0, 3)], packets)
}

fn random_segments(random: &mut Random) -> ForeignFlow {
    let packets = turns(random, |random, _, _| {
        let size = size(random);
        random.bytes(size)
    });
    flow(Transport::Tcp, [80, 443, 5222, 8080][random.between(0, 3)], packets)
}

fn length_type(random: &mut Random) -> ForeignFlow {
    let header = [16u16, random.between(0, 63) as u16][random.between(0, 1)];
    let version = [1u16, random.between(0, 3) as u16][random.between(0, 1)];
    let packets = turns(random, |random, turn, direction| {
        let body = random.between(0, 40);
        let mut bytes = ((16 + body) as u32).to_be_bytes().to_vec();
        bytes.extend(header.to_be_bytes());
        bytes.extend(version.to_be_bytes());
        bytes.extend((random.between(1, 300) as u32 + u32::from(direction == DOWN)).to_be_bytes());
        bytes.extend((turn as u32 + 1).to_be_bytes());
        bytes.extend(random.bytes(body));
        bytes
    });
    flow(Transport::Tcp, [80, 443, 2243, 5064, 8080][random.between(0, 4)], packets)
}

fn length_24(random: &mut Random) -> ForeignFlow {
    let packets = turns(random, |random, _, _| {
        let body = random.between(16, 200);
        let mut bytes = (body as u32).to_be_bytes()[1..].to_vec();
        bytes.extend(random.bytes(body));
        bytes
    });
    flow(Transport::Tcp, 5222, packets)
}

fn echoed_id(random: &mut Random) -> ForeignFlow {
    let (first, sizes) = (random.word() as u32, [size(random), size(random)]);
    let packets = turns(random, |random, turn, direction| {
        let size = sizes[usize::from(direction == DOWN)].max(8);
        let mut bytes = first.wrapping_add(turn as u32).to_be_bytes().to_vec();
        bytes.extend(random.bytes(size - 4));
        bytes
    });
    flow(Transport::Udp, 2049, packets)
}

fn conversation(random: &mut Random) -> ForeignFlow {
    let (id, sizes) = (random.array::<4>(), [size(random), size(random)]);
    let packets = turns(random, |random, _, direction| {
        let size = sizes[usize::from(direction == DOWN)].max(8);
        [&id[..], &random.bytes(size - 4)].concat()
    });
    flow(Transport::Udp, 20_000, packets)
}

fn class_counter(random: &mut Random) -> ForeignFlow {
    let (class, opcode, sizes) = (random.word() as u8, random.word() as u8, [size(random), size(random)]);
    let packets = turns(random, |random, turn, direction| {
        let size = sizes[usize::from(direction == DOWN)].max(8);
        let mut bytes = vec![class, opcode.wrapping_add(u8::from(direction == DOWN))];
        bytes.extend((turn as u16).to_be_bytes());
        bytes.push(1);
        bytes.extend(random.bytes(size - 5));
        bytes
    });
    flow(Transport::Udp, 8080, packets)
}

fn nested_protobuf(random: &mut Random) -> ForeignFlow {
    let class = random.word() as u8;
    let packets = turns(random, |random, _, _| {
        let inner = random.between(2, 60);
        let mut bytes = vec![class, 0x0a, inner as u8 + 2, 0x0a, inner as u8];
        bytes.extend(random.bytes(inner));
        bytes
    });
    flow(Transport::Udp, 8080, packets)
}

fn protobuf_fields(random: &mut Random) -> ForeignFlow {
    let class = random.word() as u8;
    let kinds: Vec<(u8, bool)> = (1..=4).map(|number| (number, random.chance(40))).collect();
    let packets = turns(random, |random, turn, _| {
        let mut bytes = vec![class];
        for (number, is_bytes) in &kinds {
            if *is_bytes {
                let length = random.between(0, 40);
                bytes.extend([number << 3 | 2, length as u8]);
                bytes.extend(random.bytes(length));
            } else {
                bytes.extend([number << 3, (turn + random.between(0, 60)) as u8 & 0x7f]);
            }
        }
        bytes
    });
    flow(Transport::Udp, 8080, packets)
}

fn rtcp(random: &mut Random) -> ForeignFlow {
    let ids = random.array::<8>();
    let kind = random.between(192, 223) as u8;
    let packets = turns(random, |random, turn, _| {
        let words = random.between(1, 4) as u8;
        let mut bytes = vec![0x80 | random.between(0, 2) as u8, kind, 0, words];
        bytes.extend(ids.iter().cycle().take(usize::from(words) * 4));
        bytes.extend([0x80, 0, 0, turn as u8 + 1]);
        bytes.extend(random.bytes(10));
        bytes
    });
    flow(Transport::Udp, 3478, packets)
}

fn rtp(random: &mut Random) -> ForeignFlow {
    let (kind, ssrc, profile) = (random.word() as u8, random.array::<4>(), random.array::<2>());
    let extended = random.chance(50);
    let first = random.word() as u16;
    let packets = turns(random, |random, turn, _| {
        let mut bytes = vec![if extended { 0x90 } else { 0x80 }, kind];
        bytes.extend(first.wrapping_add(turn as u16).to_be_bytes());
        bytes.extend((turn as u32 * 960).to_be_bytes());
        bytes.extend(ssrc);
        if extended {
            bytes.extend(profile);
            bytes.extend([0, 1]);
            bytes.extend(random.bytes(4));
        }
        let size = size(random);
        bytes.extend(random.bytes(size));
        bytes
    });
    flow(Transport::Udp, 3478, packets)
}

fn stun(random: &mut Random) -> ForeignFlow {
    let kind = random.between(0, 0x3fff) as u16;
    let packets = turns(random, |random, _, _| {
        let mut attributes = Vec::new();
        for _ in 0..random.between(0, 4) {
            let length = 4 * random.between(0, 8);
            attributes.extend((random.word() as u16).to_be_bytes());
            attributes.extend((length as u16).to_be_bytes());
            attributes.extend(random.bytes(length));
        }
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((attributes.len() as u16).to_be_bytes());
        bytes.extend([0x21, 0x12, 0xa4, 0x42]);
        bytes.extend(random.bytes(12));
        bytes.extend(attributes);
        bytes
    });
    flow(Transport::Udp, [3478, 3480][random.between(0, 1)], packets)
}

fn records(random: &mut Random) -> ForeignFlow {
    let version = random.array::<2>();
    let packets = turns(random, |random, turn, _| {
        let length = random.between(17, 200);
        let mut bytes = vec![if turn == 0 { 0x16 } else { 0x17 }];
        bytes.extend(version);
        bytes.extend((length as u16).to_be_bytes());
        if turn == 0 {
            bytes.extend([1, 0, ((length - 4) >> 8) as u8, (length - 4) as u8]);
            bytes.extend(version);
            bytes.extend(random.bytes(length - 6));
        } else {
            bytes.extend(random.bytes(length));
        }
        // A second record right behind, whole or as far as the segment goes.
        if random.chance(30) {
            bytes.push(0x17);
            bytes.extend(version);
            let length = random.between(17, 200);
            bytes.extend((length as u16).to_be_bytes());
            let there = if random.chance(50) { length } else { random.between(0, length) };
            bytes.extend(random.bytes(there));
        }
        bytes
    });
    flow(Transport::Tcp, [443, 8080][random.between(0, 1)], packets)
}
