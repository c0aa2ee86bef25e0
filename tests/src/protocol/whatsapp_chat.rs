//! WhatsApp's chat connection (facts/whatsapp.md 2): preambles, Noise frames, and the clear form of 2015.

use std::net::SocketAddr;

use super::{hex, len24, protobuf};
use crate::conversation::Tcp;
use crate::random::Random;
use crate::trace::Trace;

/// Protocol generation and dictionary version of every preamble known.
pub const VERSIONS: [(u8, u8); 11] =
    [(1, 2), (1, 5), (2, 0), (2, 1), (4, 0), (5, 2), (5, 3), (6, 2), (6, 3), (6, 4), (6, 5)];

/// How a client greets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// Noise XX: a first log-in.
    Xx,
    /// Noise IK: a client that knows the server's key; the number is the frame's length.
    Ik(usize),
    /// The clear form of protocol generation 1.
    Clear,
}

/// One chat connection.
#[derive(Clone, Debug)]
pub struct Chat {
    /// The two bytes behind `WA`.
    pub version: (u8, u8),
    /// The opaque bytes of the `ED` block, if there is one.
    pub routing: Option<Vec<u8>>,
    /// The first frame.
    pub hello: Hello,
    /// Sizes of the client's first segments; empty for as few as the MSS allows.
    pub segments: Vec<usize>,
}

impl Chat {
    /// A connection as that version's clients open it.
    pub fn of(version: (u8, u8)) -> Self {
        let (routing, hello) = match version {
            (1, _) => (None, Hello::Clear),
            (2, 0) => (Some(hex("08 00")), Hello::Xx),
            (2, _) => (Some(hex("08 05 08 02")), Hello::Ik(238)),
            _ => (Some(hex("08 0b 08 09")), Hello::Ik(276)),
        };
        Self { version, routing, hello, segments: Vec::new() }
    }

    /// What the client sends before it hears anything.
    pub fn opening(&self, random: &mut Random) -> Vec<u8> {
        let routing =
            self.routing.as_ref().map_or(Vec::new(), |r| [&hex("45 44 00 01")[..], &len24(r)].concat());
        let preamble = [b'W', b'A', self.version.0, self.version.1];
        let first = match self.hello {
            Hello::Xx => xx_hello(random),
            Hello::Ik(length) => ik_hello(random, length),
            Hello::Clear => clear_hello("Android-2.12.84"),
        };
        [&routing[..], &preamble, &first].concat()
    }

    /// What the server answers first.
    pub fn answer(&self, random: &mut Random) -> Vec<u8> {
        match self.hello {
            Hello::Xx => xx_answer(random),
            Hello::Ik(_) => ik_answer(random),
            Hello::Clear => clear_answer(random),
        }
    }

    /// The connection, with some messages in both directions.
    pub fn flow(&self, client: SocketAddr, server: SocketAddr, seed: u64) -> Tcp {
        let mut random = Random::new(seed);
        let mut flow =
            Tcp::new(client, server, seed).client_segments(self.opening(&mut random), &self.segments);
        flow = flow.server(self.answer(&mut random));
        if self.hello == Hello::Xx {
            flow = flow.client(xx_finish(&mut random));
        }
        for n in 0..4 {
            flow = flow.client(self.message(&mut random, 37 + 11 * n)).wait(400_000);
            flow = flow.server(self.message(&mut random, 30 + 150 * n));
        }
        flow
    }

    /// An encrypted frame of either side.
    pub fn message(&self, random: &mut Random, bytes: usize) -> Vec<u8> {
        let mut frame = len24(&random.bytes(bytes.max(16)));
        if self.hello == Hello::Clear {
            frame[0] |= 0x80;
        }
        frame
    }
}

/// ClientHello of Noise XX: an ephemeral key, a frame of 36 bytes.
pub fn xx_hello(random: &mut Random) -> Vec<u8> {
    len24(&protobuf(2, &protobuf(1, &random.bytes(32))))
}

/// ClientHello of Noise IK whose frame has `length` bytes (238 in 2019, 259 and more in 2022).
pub fn ik_hello(random: &mut Random, length: usize) -> Vec<u8> {
    let payload = random.bytes(length - 90);
    let fields =
        [protobuf(1, &random.bytes(32)), protobuf(2, &random.bytes(48)), protobuf(3, &payload)].concat();
    let frame = protobuf(2, &fields);
    assert_eq!(frame.len(), length, "a payload needs 128 bytes or more");
    len24(&frame)
}

/// ServerHello to an IK hello: a frame of 54 bytes.
pub fn ik_answer(random: &mut Random) -> Vec<u8> {
    let fields = [protobuf(1, &random.bytes(32)), protobuf(3, &random.bytes(16))].concat();
    len24(&protobuf(3, &fields))
}

/// ServerHello to an XX hello, with key and certificate.
pub fn xx_answer(random: &mut Random) -> Vec<u8> {
    let fields =
        [protobuf(1, &random.bytes(32)), protobuf(2, &random.bytes(48)), protobuf(3, &random.bytes(250))];
    len24(&protobuf(3, &fields.concat()))
}

/// ClientFinish of XX.
pub fn xx_finish(random: &mut Random) -> Vec<u8> {
    len24(&protobuf(4, &[protobuf(1, &random.bytes(48)), protobuf(2, &random.bytes(180))].concat()))
}

/// Header, features and log-in of 2015; the log-in's account bytes are zero.
pub fn clear_hello(resource: &str) -> Vec<u8> {
    let header = [&hex("f8 05 01 a5 91 89 fc")[..], &[resource.len() as u8], resource.as_bytes()].concat();
    let features =
        [&hex("f8 02 9c f8 04 f8 01 fc 07")[..], b"privacy", &hex("f8 01 7d f8 01 7e f8 01 7f")].concat();
    let log_in = [&hex("f8 06 0c")[..], &[0; 0x66 - 3]].concat();
    [len24(&header), len24(&features), len24(&log_in)].concat()
}

/// The server's first segment of 2015: 78 bytes.
pub fn clear_answer(random: &mut Random) -> Vec<u8> {
    let encrypted = [&hex("80 00 3d")[..], &random.bytes(0x3d)].concat();
    [hex("00 00 05 f8 03 01 3a 91 00 00 03 f8 01 9c"), encrypted].concat()
}

/// Text that begins like the preamble and is none.
pub fn twin(client: SocketAddr, server: SocketAddr, opening: &[u8], seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let bytes = [opening, &random.bytes(200)].concat();
    Tcp::new(client, server, seed).client(bytes).server(random.bytes(90)).close().trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_lengths_seen() {
        let mut random = Random::new(1);
        assert_eq!(xx_hello(&mut random)[..7], hex("00 00 24 12 22 0a 20"));
        assert_eq!(xx_hello(&mut random).len(), 39);
        let ik = ik_hello(&mut random, 238);
        assert_eq!((ik.len(), &ik[..8]), (241, &hex("00 00 ee 12 eb 01 0a 20")[..]));
        assert_eq!(ik[40..42], hex("12 30"));
        let answer = ik_answer(&mut random);
        assert_eq!((answer.len(), &answer[..7]), (57, &hex("00 00 36 1a 34 0a 20")[..]));
        assert_eq!(answer[39..41], hex("1a 10"));
    }

    #[test]
    fn the_clear_form_has_the_lengths_seen() {
        let hello = clear_hello("iPhone-2.12.2-5222");
        assert_eq!(hello[..11], hex("00 00 1a f8 05 01 a5 91 89 fc 12"));
        assert_eq!(hello[29..37], hex("00 00 19 f8 02 9c f8 04"));
        assert_eq!(clear_answer(&mut Random::new(1)).len(), 78);
        assert!(hello[63..].iter().all(|b| *b == 0), "no account in the log-in");
    }

    #[test]
    fn a_connection_of_2022_opens_with_4_7_4_bytes() {
        let (client, server) = ("10.0.0.1:4000".parse().unwrap(), "198.51.100.1:5222".parse().unwrap());
        let chat = Chat { segments: vec![4, 7, 4], ..Chat::of((5, 2)) };
        let trace = chat.flow(client, server, 1).trace();
        let sizes: Vec<usize> = trace.payloads().map(|(_, _, p)| p.len()).take(4).collect();
        assert_eq!(sizes, [4, 7, 4, 279]);
        let opening: Vec<u8> = trace.payloads().take(3).flat_map(|(_, _, p)| p.to_vec()).collect();
        assert_eq!(opening, hex("45440001 000004 080b0809 57410502"));
    }
}
