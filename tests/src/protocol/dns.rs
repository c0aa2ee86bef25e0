//! DNS messages (RFC 1035) with name compression, also HTTPS records (RFC 9460).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::{hex, len16};
use crate::conversation::Udp;
use crate::trace::Trace;

/// Type of an IPv4 address record.
pub const A: u16 = 1;
/// Type of an IPv6 address record.
pub const AAAA: u16 = 28;
/// Type of an HTTPS service record.
pub const HTTPS: u16 = 65;

/// What a resource record holds.
#[derive(Clone, Debug)]
pub enum Record {
    /// An address of the name.
    Address(String, IpAddr),
    /// The name's canonical name.
    Cname(String, String),
    /// A service binding with ALPN `h3` and address hints.
    Https(String, Vec<IpAddr>),
}

/// A query for one name.
pub fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = Message::new(id, 0x0100, 0);
    message.question(name, kind);
    message.bytes
}

/// The answer to [`query`], with these records.
pub fn answer(id: u16, name: &str, kind: u16, records: &[Record]) -> Vec<u8> {
    let mut message = Message::new(id, 0x8180, records.len() as u16);
    message.question(name, kind);
    for record in records {
        message.record(record);
    }
    message.bytes
}

/// A query and its answer: a chain of canonical names from `name`, then the addresses of the last one.
pub fn flow(
    client: SocketAddr,
    resolver: SocketAddr,
    name: &str,
    chain: &[&str],
    addresses: &[IpAddr],
) -> Trace {
    let mut records = Vec::new();
    let mut owner = name.to_string();
    for next in chain {
        records.push(Record::Cname(owner, next.to_string()));
        owner = next.to_string();
    }
    records.extend(addresses.iter().map(|a| Record::Address(owner.clone(), *a)));
    let kind = if addresses.iter().any(IpAddr::is_ipv6) { AAAA } else { A };
    let id = client.port();
    Udp::new(client, resolver).client(query(id, name, kind)).server(answer(id, name, kind, &records)).trace()
}

/// A message as it stands on TCP: with its length before it.
pub fn over_tcp(message: &[u8]) -> Vec<u8> {
    len16(message)
}

struct Message {
    bytes: Vec<u8>,
    names: HashMap<String, usize>,
}

impl Message {
    fn new(id: u16, flags: u16, answers: u16) -> Self {
        let counts = [1, answers, 0, 0].map(u16::to_be_bytes).concat();
        let bytes = [&id.to_be_bytes()[..], &flags.to_be_bytes(), &counts].concat();
        Self { bytes, names: HashMap::new() }
    }

    fn question(&mut self, name: &str, kind: u16) {
        self.name(name);
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&[0, 1]);
    }

    /// Labels up to the longest tail that stands in the message already, then a pointer to it.
    fn name(&mut self, name: &str) {
        let mut rest = name;
        while !rest.is_empty() {
            if let Some(at) = self.names.get(rest) {
                let pointer = 0xc000 | *at as u16;
                self.bytes.extend_from_slice(&pointer.to_be_bytes());
                return;
            }
            self.names.insert(rest.to_string(), self.bytes.len());
            let (label, tail) = rest.split_once('.').unwrap_or((rest, ""));
            self.bytes.push(label.len() as u8);
            self.bytes.extend_from_slice(label.as_bytes());
            rest = tail;
        }
        self.bytes.push(0);
    }

    fn record(&mut self, record: &Record) {
        let (owner, kind) = match record {
            Record::Address(owner, IpAddr::V4(_)) => (owner, A),
            Record::Address(owner, IpAddr::V6(_)) => (owner, AAAA),
            Record::Cname(owner, _) => (owner, 5),
            Record::Https(owner, _) => (owner, HTTPS),
        };
        self.name(owner);
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&hex("0001 0000012c"));
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        match record {
            Record::Address(_, IpAddr::V4(ip)) => self.bytes.extend_from_slice(&ip.octets()),
            Record::Address(_, IpAddr::V6(ip)) => self.bytes.extend_from_slice(&ip.octets()),
            Record::Cname(_, to) => self.name(to),
            Record::Https(_, hints) => self.bytes.extend_from_slice(&service(hints)),
        }
        let length = (self.bytes.len() - length_at - 2) as u16;
        self.bytes[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

/// Priority 1, the owner itself, `alpn=h3` and the address hints (RFC 9460 7).
fn service(hints: &[IpAddr]) -> Vec<u8> {
    let mut out = hex("0001 00 0001 0003 02 6833");
    let v4: Vec<u8> = hints
        .iter()
        .filter_map(|h| if let IpAddr::V4(ip) = h { Some(ip.octets()) } else { None })
        .flatten()
        .collect();
    let v6: Vec<u8> = hints
        .iter()
        .filter_map(|h| if let IpAddr::V6(ip) = h { Some(ip.octets()) } else { None })
        .flatten()
        .collect();
    for (key, bytes) in [(4u16, v4), (6, v6)] {
        if !bytes.is_empty() {
            out.extend([&key.to_be_bytes()[..], &len16(&bytes)].concat());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_that_of_rfc_1035() {
        let want = hex("abcd 0100 0001 0000 0000 0000 07 6578616d706c65 03 6e6574 00 0001 0001");
        assert_eq!(query(0xabcd, "example.net", A), want);
    }

    #[test]
    fn names_point_back_to_names() {
        let records = [
            Record::Cname("www.example.net".into(), "front.example.net".into()),
            Record::Address("front.example.net".into(), "198.51.100.7".parse().unwrap()),
        ];
        let bytes = answer(1, "www.example.net", A, &records);
        // Header 12, question 17 + 4; the owner is a pointer to 12, the target one label and a pointer to 16.
        let cname = hex("c00c 0005 0001 0000012c 0008 05 66726f6e74 c010");
        assert_eq!(bytes[33..33 + cname.len()], cname);
        // The target stands at 33 + 12.
        assert_eq!(bytes[33 + cname.len()..], hex("c02d 0001 0001 0000012c 0004 c6336407"));
    }
}
