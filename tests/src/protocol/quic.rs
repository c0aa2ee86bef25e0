//! QUIC Initial packets (RFC 9000, 9001, 9369 and draft-29) that really are encrypted.

use std::net::SocketAddr;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{hex, len8};
use crate::conversation::Udp;
use crate::protocol::tls::{ClientHello, server_hello};
use crate::random::Random;
use crate::trace::Trace;

/// The versions whose Initial packets are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 9000.
    V1,
    /// RFC 9369.
    V2,
    /// draft-ietf-quic-transport-29.
    Draft29,
}

impl Version {
    fn number(self) -> u32 {
        match self {
            Version::V1 => 1,
            Version::V2 => 0x6b33_43cf,
            Version::Draft29 => 0xff00_001d,
        }
    }

    fn salt(self) -> Vec<u8> {
        hex(match self {
            Version::V1 => "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
            Version::V2 => "0dede3def700a6db819381be6e269dcbf9bd2ed9",
            Version::Draft29 => "afbfec289993d24c9e9786f19c6111e04390a899",
        })
    }

    /// Bits 4 and 5 of an Initial's first byte.
    fn initial_type(self) -> u8 {
        if self == Version::V2 { 0x10 } else { 0x00 }
    }

    fn labels(self) -> [&'static str; 3] {
        match self {
            Version::V2 => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
            _ => ["quic key", "quic iv", "quic hp"],
        }
    }
}

struct Keys {
    key: Vec<u8>,
    iv: Vec<u8>,
    header: Vec<u8>,
}

fn expand(secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let context = [&(length as u16).to_be_bytes()[..], &len8(&label), &[0]].concat();
    let mut out = vec![0; length];
    let secret = Hkdf::<Sha256>::from_prk(secret).expect("a secret has 32 bytes");
    secret.expand(&context, &mut out).expect("a short output");
    out
}

fn keys(version: Version, client_connection_id: &[u8], side: &str) -> Keys {
    let (initial, _) = Hkdf::<Sha256>::extract(Some(&version.salt()), client_connection_id);
    let secret = expand(&initial, side, 32);
    let [key, iv, header] = version.labels();
    Keys { key: expand(&secret, key, 16), iv: expand(&secret, iv, 12), header: expand(&secret, header, 16) }
}

/// A variable-length integer (RFC 9000 16) of two bytes.
fn varint2(n: usize) -> [u8; 2] {
    (n as u16 | 0x4000).to_be_bytes()
}

/// A CRYPTO frame.
pub fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6][..], &varint2(offset), &varint2(bytes.len()), bytes].concat()
}

/// One Initial packet of the client, padded with PADDING frames so that the packet has `bytes` bytes.
pub fn initial(
    version: Version,
    dcid: &[u8],
    scid: &[u8],
    number: u32,
    frames: &[u8],
    bytes: usize,
) -> Vec<u8> {
    seal(version, &keys(version, dcid, "client in"), (dcid, scid), number, frames, bytes)
}

/// One Initial packet of the server; `original` is the connection id the client chose for it at first.
pub fn server_initial(
    version: Version,
    original: &[u8],
    ids: (&[u8], &[u8]),
    frames: &[u8],
    bytes: usize,
) -> Vec<u8> {
    seal(version, &keys(version, original, "server in"), ids, 0, frames, bytes)
}

fn seal(
    version: Version,
    keys: &Keys,
    ids: (&[u8], &[u8]),
    number: u32,
    frames: &[u8],
    bytes: usize,
) -> Vec<u8> {
    let mut header = vec![0xc0 | version.initial_type() | 3];
    header.extend_from_slice(&version.number().to_be_bytes());
    header.extend(len8(ids.0));
    header.extend(len8(ids.1));
    header.push(0); // no token
    let number_at = header.len() + 2;
    let length = (frames.len() + 20).max(bytes.saturating_sub(number_at));
    header.extend_from_slice(&varint2(length));
    header.extend_from_slice(&number.to_be_bytes());
    let mut plain = frames.to_vec();
    plain.resize(length - 20, 0);

    let mut nonce = keys.iv.clone();
    nonce[8..].iter_mut().zip(number.to_be_bytes()).for_each(|(n, b)| *n ^= b);
    let cipher = Aes128Gcm::new_from_slice(&keys.key).expect("a key has 16 bytes");
    let nonce = Nonce::try_from(nonce.as_slice()).expect("a nonce has 12 bytes");
    let sealed = cipher.encrypt(&nonce, Payload { msg: &plain, aad: &header }).expect("encrypted");
    let mut out = [header, sealed].concat();

    // RFC 9001 5.4: the mask comes from the 16 bytes that lie four bytes behind the packet number's start.
    let mut mask: [u8; 16] = out[number_at + 4..number_at + 20].try_into().expect("a sample");
    let cipher = Aes128::new_from_slice(&keys.header).expect("a key has 16 bytes");
    cipher.encrypt_block((&mut mask).into());
    out[0] ^= mask[0] & 0x0f;
    out[number_at..number_at + 4].iter_mut().zip(&mask[1..]).for_each(|(b, m)| *b ^= m);
    out
}

/// How the ClientHello is laid into Initial packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One CRYPTO frame a packet, in order.
    InOrder,
    /// Several small CRYPTO frames a packet, out of order, with PING between them, as browsers do.
    Shuffled,
    /// The packets themselves in the wrong order.
    LateFirst,
}

/// The client's Initial datagrams, 1200 bytes each, that carry the hello.
pub fn client_datagrams(version: Version, dcid: &[u8], message: &[u8], layout: Layout) -> Vec<Vec<u8>> {
    let scid: &[u8] = &[];
    let room = 1000;
    let pieces: Vec<(usize, &[u8])> = message.chunks(room).enumerate().map(|(n, p)| (n * room, p)).collect();
    let mut out = Vec::new();
    for (number, (offset, piece)) in pieces.into_iter().enumerate() {
        let frames = match layout {
            Layout::InOrder | Layout::LateFirst => crypto(offset, piece),
            Layout::Shuffled => {
                let mut small: Vec<Vec<u8>> =
                    piece.chunks(90).enumerate().map(|(n, p)| crypto(offset + n * 90, p)).collect();
                small.reverse();
                let middle = small.len() / 2;
                small.rotate_left(middle);
                small.insert(middle, vec![1]);
                small.concat()
            }
        };
        out.push(initial(version, dcid, scid, number as u32, &frames, 1200));
    }
    if layout == Layout::LateFirst {
        out.reverse();
    }
    out
}

/// A QUIC flow for a name: the client's Initials, the server's answer, protected packets.
pub fn flow(
    client: SocketAddr,
    server: SocketAddr,
    version: Version,
    hello: &ClientHello,
    layout: Layout,
    seed: u64,
) -> Trace {
    let mut random = Random::new(seed);
    let dcid = random.bytes(8);
    // max_idle_timeout 30000 and initial_source_connection_id, empty (RFC 9000 18.2).
    let transport_parameters = hex("01 04 80007530 0f 00");
    let hello = ClientHello { transport_parameters, alpn: vec!["h3".into()], ..hello.clone() };
    let message = hello.message(&mut random);
    let mut flow = Udp::new(client, server).gap(300);
    for datagram in client_datagrams(version, &dcid, &message, layout) {
        flow = flow.client(datagram);
    }
    let answer = server_hello(&mut random, &[]);
    let server_id = random.bytes(8);
    let frames = [hex("02 00 00 00 00"), crypto(0, &answer)].concat();
    flow = flow.wait(20_000).server(server_initial(version, &dcid, (&[], &server_id), &frames, 1200));
    for _ in 0..6 {
        let short = |id: &[u8], random: &mut Random| {
            let first = 0x40 | (random.word() as u8 & 0x3f);
            let size = random.between(40, 1100);
            [&[first][..], id, &random.bytes(size)].concat()
        };
        flow = flow.client(short(&server_id, &mut random)).wait(5_000).server(short(&[], &mut random));
    }
    flow.trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_rfcs() {
        let dcid = hex("8394c8f03e515708");
        // RFC 9001 A.1.
        let v1 = keys(Version::V1, &dcid, "client in");
        assert_eq!(v1.key, hex("1f369613dd76d5467730efcbe3b1a22d"));
        assert_eq!(v1.iv, hex("fa044b2f42a3fd3b46fb255c"));
        assert_eq!(v1.header, hex("9f50449e04a0e810283a1e9933adedd2"));
        // RFC 9369 A.1.
        let v2 = keys(Version::V2, &dcid, "client in");
        assert_eq!(v2.key, hex("8b1a0bc121284290a29e0971b5cd045d"));
    }

    #[test]
    fn the_clients_initial_begins_like_that_of_rfc_9001() {
        // RFC 9001 A.2: header c3 00000001 08 8394c8f03e515708 00 00 449e, packet number 2, 1200 bytes.
        let dcid = hex("8394c8f03e515708");
        let packet = initial(Version::V1, &dcid, &[], 2, &crypto(0, &[1; 241]), 1200);
        assert_eq!((packet.len(), packet[0] & 0xf0), (1200, 0xc0));
        assert_eq!(packet[1..18], hex("00000001 08 8394c8f03e515708 00 00 449e"));
    }

    #[test]
    fn a_large_hello_takes_two_datagrams() {
        let hello = ClientHello { post_quantum: true, ..ClientHello::to("example.net") };
        let message = hello.message(&mut Random::new(1));
        for layout in [Layout::InOrder, Layout::Shuffled, Layout::LateFirst] {
            let datagrams = client_datagrams(Version::V1, &[1; 8], &message, layout);
            assert_eq!(datagrams.iter().map(Vec::len).collect::<Vec<_>>(), [1200, 1200]);
        }
    }
}
