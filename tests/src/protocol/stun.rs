//! STUN (RFC 8489), TURN (RFC 8656) and ICE (RFC 8445) as the standards have them, and the parts of dialects.

use std::net::{IpAddr, SocketAddr};

use super::{hex, len16};
use crate::conversation::Udp;
use crate::random::Random;
use crate::trace::Trace;

/// Bytes 4 to 7 of every message.
pub const COOKIE: u32 = 0x2112_a442;

/// A message under construction.
#[derive(Clone, Debug)]
pub struct Message {
    kind: u16,
    id: [u8; 12],
    padded: bool,
    attributes: Vec<u8>,
}

impl Message {
    /// A message of a type (class and method bits) with a transaction id.
    pub fn new(kind: u16, id: [u8; 12]) -> Self {
        Self { kind, id, padded: true, attributes: Vec::new() }
    }

    /// Attributes are not padded to four bytes, against RFC 8489 section 14.
    pub fn unpadded(mut self) -> Self {
        self.padded = false;
        self
    }

    /// Adds an attribute.
    pub fn with(mut self, kind: u16, value: impl AsRef<[u8]>) -> Self {
        self.attributes.extend_from_slice(&kind.to_be_bytes());
        self.attributes.extend(len16(value.as_ref()));
        while self.padded && !self.attributes.len().is_multiple_of(4) {
            self.attributes.push(0);
        }
        self
    }

    /// Adds an address, XOR-coded (RFC 8489 14.2).
    pub fn with_xor_address(self, kind: u16, address: SocketAddr) -> Self {
        let id = self.id;
        self.with(kind, xor_address(address, &id))
    }

    /// The message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.kind.to_be_bytes());
        out.extend_from_slice(&(self.attributes.len() as u16).to_be_bytes());
        out.extend_from_slice(&COOKIE.to_be_bytes());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.attributes);
        out
    }

    /// The message with a right FINGERPRINT at its end (RFC 8489 14.7).
    pub fn fingerprinted(mut self) -> Vec<u8> {
        self.attributes.extend_from_slice(&hex("8028 0004 00000000"));
        let mut out = self.bytes();
        let at = out.len() - 8;
        let mut crc = flate2::Crc::new();
        crc.update(&out[..at]);
        out[at + 4..].copy_from_slice(&(crc.sum() ^ 0x5354_554e).to_be_bytes());
        out
    }
}

/// Family, port and address, XOR-coded with cookie and transaction id.
pub fn xor_address(address: SocketAddr, id: &[u8; 12]) -> Vec<u8> {
    let key = [&COOKIE.to_be_bytes()[..], id].concat();
    let port = address.port() ^ (COOKIE >> 16) as u16;
    let (family, octets) = match address.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let coded = octets.iter().zip(&key).map(|(a, k)| a ^ k);
    [0, family].into_iter().chain(port.to_be_bytes()).chain(coded).collect()
}

/// An ICE connectivity check: USERNAME, ICE-CONTROLLING, PRIORITY, MESSAGE-INTEGRITY and FINGERPRINT.
pub fn ice_check(random: &mut Random, username: &str) -> Vec<u8> {
    Message::new(0x0001, random.array())
        .with(0x0006, username)
        .with(0x802a, random.bytes(8))
        .with(0x0024, hex("6e7f1eff"))
        .with(0x0008, random.bytes(20))
        .fingerprinted()
}

/// A TURN client at work: challenge, allocation, permission, channel data, refresh.
pub fn turn_flow(client: SocketAddr, server: SocketAddr, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let udp = hex("11 000000");
    let realm = "example.net";
    let (first, second, third): ([u8; 12], [u8; 12], [u8; 12]) =
        (random.array(), random.array(), random.array());
    let nonce = random.text(16);
    let signed = |m: Message, random: &mut Random| {
        m.with(0x0006, "caller")
            .with(0x0014, realm)
            .with(0x0015, &nonce)
            .with(0x0008, random.bytes(20))
            .fingerprinted()
    };
    let relayed = SocketAddr::new(server.ip(), 50_000);
    let mut flow = Udp::new(client, server)
        .client(Message::new(0x0003, first).with(0x0019, &udp).bytes())
        .server(
            Message::new(0x0113, first)
                .with(0x0009, hex("00000401"))
                .with(0x0014, realm)
                .with(0x0015, &nonce)
                .bytes(),
        )
        .client(signed(Message::new(0x0003, second).with(0x0019, &udp), &mut random))
        .server(
            Message::new(0x0103, second)
                .with_xor_address(0x0016, relayed)
                .with_xor_address(0x0020, client)
                .with(0x000d, hex("00000258"))
                .with(0x0008, random.bytes(20))
                .bytes(),
        )
        .client(signed(
            Message::new(0x0009, third)
                .with(0x000c, hex("4000 0000"))
                .with_xor_address(0x0012, SocketAddr::new(server.ip(), 40_000)),
            &mut random,
        ))
        .server(Message::new(0x0109, third).with(0x0008, random.bytes(20)).bytes());
    for _ in 0..20 {
        // ChannelData of channel 0x4000: the bytes an attribute of that number would begin with.
        flow = flow.client([&[0x40, 0x00][..], &len16(&random.bytes(100))].concat());
        flow = flow.server([&[0x40, 0x00][..], &len16(&random.bytes(100))].concat());
    }
    flow.trace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xor_address_is_that_of_rfc_5769() {
        // RFC 5769 2.2 and 2.3: 192.0.2.1 port 32853, and the IPv6 address of the next vector.
        let id: [u8; 12] = hex("b7e7a701bc34d686fa87dfae").try_into().unwrap();
        assert_eq!(xor_address("192.0.2.1:32853".parse().unwrap(), &id), hex("0001 a147 e112a643"));
        let six = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        assert_eq!(xor_address(six, &id), hex("0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9"));
    }

    #[test]
    fn attributes_are_padded_unless_told_otherwise() {
        let message = |m: Message| m.with(0x4000, [1; 102]).bytes();
        assert_eq!(message(Message::new(3, [0; 12])).len(), 128);
        assert_eq!(message(Message::new(3, [0; 12]).unpadded()).len(), 126);
    }
}
