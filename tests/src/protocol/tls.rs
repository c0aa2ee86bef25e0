//! TLS (RFC 8446): hellos with names, cut into records, and what follows them.

use std::net::SocketAddr;

use super::{hex, len8, len16, len24};
use crate::conversation::Tcp;
use crate::random::Random;
use crate::trace::Trace;

/// What a ClientHello says.
#[derive(Clone, Debug, Default)]
pub struct ClientHello {
    /// The server name, if one is sent.
    pub name: Option<String>,
    /// Application protocols, most wanted first.
    pub alpn: Vec<String>,
    /// With an X25519MLKEM768 key share, which alone has 1216 bytes.
    pub post_quantum: bool,
    /// Bytes of QUIC's transport parameters, where the hello travels in QUIC.
    pub transport_parameters: Vec<u8>,
    /// Extensions before the server name: GREASE and a ticket of this many bytes.
    pub ticket: usize,
}

impl ClientHello {
    /// A hello as browsers of 2024 send it, for one name.
    pub fn to(name: &str) -> Self {
        Self { name: Some(name.into()), alpn: vec!["h2".into(), "http/1.1".into()], ..Self::default() }
    }

    /// The handshake message (RFC 8446 4.1.2).
    pub fn message(&self, random: &mut Random) -> Vec<u8> {
        let mut extensions = extension(0x3a3a, &[]);
        if self.ticket > 0 {
            extensions.extend(extension(35, &random.bytes(self.ticket)));
        }
        if let Some(name) = &self.name {
            let host = [&[0][..], &len16(name.as_bytes())].concat();
            extensions.extend(extension(0, &len16(&host)));
        }
        extensions.extend(extension(10, &len16(&hex("11ec 001d 0017 0018"))));
        extensions.extend(extension(13, &len16(&hex("0403 0804 0401 0503 0805 0501 0806 0601"))));
        if !self.alpn.is_empty() {
            let list: Vec<u8> = self.alpn.iter().flat_map(|p| len8(p.as_bytes())).collect();
            extensions.extend(extension(16, &len16(&list)));
        }
        extensions.extend(extension(43, &len8(&hex("0304 0303"))));
        let mut shares = Vec::new();
        if self.post_quantum {
            shares.extend([&[0x11, 0xec][..], &len16(&random.bytes(1216))].concat());
        }
        shares.extend([&[0x00, 0x1d][..], &len16(&random.bytes(32))].concat());
        extensions.extend(extension(51, &len16(&shares)));
        if !self.transport_parameters.is_empty() {
            extensions.extend(extension(0x39, &self.transport_parameters));
        }
        let quic = !self.transport_parameters.is_empty();
        let session = if quic { Vec::new() } else { random.bytes(32) };
        let body = [
            &[3, 3][..],
            &random.bytes(32),
            &len8(&session),
            &len16(&hex("1301 1302 1303 c02b c02f")),
            &hex("01 00"),
            &len16(&extensions),
        ]
        .concat();
        [&[1][..], &len24(&body)].concat()
    }

    /// The message in one handshake record.
    pub fn record(&self, random: &mut Random) -> Vec<u8> {
        records(&self.message(random), 0x4000)
    }
}

fn extension(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &len16(bytes)].concat()
}

/// A handshake message in records of at most `longest` bytes.
pub fn records(message: &[u8], longest: usize) -> Vec<u8> {
    message.chunks(longest).flat_map(|piece| [&[0x16, 3, 1][..], &len16(piece)].concat()).collect()
}

/// A ServerHello message of TLS 1.3, echoing a session id.
pub fn server_hello(random: &mut Random, session: &[u8]) -> Vec<u8> {
    let share = [&hex("001d")[..], &len16(&random.bytes(32))].concat();
    let extensions = [extension(43, &hex("0304")), extension(51, &share)].concat();
    let body =
        [&[3, 3][..], &random.bytes(32), &len8(session), &hex("1301 00"), &len16(&extensions)].concat();
    [&[2][..], &len24(&body)].concat()
}

/// A ServerHello with the records that follow it in TLS 1.3, the encrypted ones `n` bytes long together.
pub fn server_flight(random: &mut Random, n: usize) -> Vec<u8> {
    let session = random.bytes(32);
    let hello = server_hello(random, &session);
    [&[0x16, 3, 3][..], &len16(&hello), &hex("14 0303 0001 01"), &application(random, n)].concat()
}

/// An encrypted record with `n` bytes of ciphertext.
pub fn application(random: &mut Random, n: usize) -> Vec<u8> {
    [&[0x17, 3, 3][..], &len16(&random.bytes(n))].concat()
}

/// A whole flow: hello, answer, a request and `answer_bytes` back.
pub fn flow(
    client: SocketAddr,
    server: SocketAddr,
    hello: &ClientHello,
    answer_bytes: usize,
    seed: u64,
) -> Trace {
    let mut random = Random::new(seed);
    let mut flow = Tcp::new(client, server, seed).client(hello.record(&mut random));
    flow = flow.server(server_flight(&mut random, 2400));
    flow = flow.client([hex("14 0303 0001 01"), application(&mut random, 53)].concat());
    flow = flow.client(application(&mut random, 240));
    for part in vec![8192; answer_bytes / 8192].into_iter().chain([answer_bytes % 8192 + 17]) {
        flow = flow.server(application(&mut random, part));
    }
    flow.close().trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_quantum_hello_needs_more_than_one_segment() {
        let mut random = Random::new(1);
        let small = ClientHello::to("example.net").record(&mut random);
        let large = ClientHello { post_quantum: true, ..ClientHello::to("example.net") }.record(&mut random);
        assert!(small.len() < 500 && large.len() > 1400);
        assert_eq!(usize::from(u16::from_be_bytes([large[3], large[4]])) + 5, large.len());
        assert!(large.windows(11).any(|w| w == b"example.net"));
    }

    #[test]
    fn records_hold_the_message_between_them() {
        let message = ClientHello::to("example.net").message(&mut Random::new(1));
        let cut = records(&message, 100);
        assert_eq!(cut.len(), message.len() + 5 * message.len().div_ceil(100));
        assert_eq!(cut[..5], hex("16 0301 0064"));
    }
}
