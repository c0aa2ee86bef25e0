//! The two ends of a flow, and which way a packet goes between them.

use wiremark::{Address, FiveTuple};

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndPoint {
    /// The address.
    pub address: Address,
    /// The port.
    pub port: u16,
}

impl EndPoint {
    /// Whether the address is one of those that are no use outside of their network: private (RFC 1918, RFC 4193), of a
    /// carrier's NAT (RFC 6598), or of the link (RFC 3927, RFC 4291).
    pub fn is_private(&self) -> bool {
        match self.address.to_v4() {
            Some([10, ..] | [192, 168, ..] | [169, 254, ..]) => true,
            Some([172, b, ..]) => (16..32).contains(&b),
            Some([100, b, ..]) => (64..128).contains(&b),
            Some(_) => false,
            None => matches!(self.address.0, [0xfc | 0xfd, ..] | [0xfe, 0x80..=0xbf, ..]),
        }
    }
}

/// Who sent a packet, seen from the observed end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDirection {
    /// The observed end.
    Up,
    /// The other one.
    Down,
}

impl LinkDirection {
    /// 0 for up, 1 for down: where tables of both ways keep theirs.
    pub(crate) fn index(self) -> usize {
        usize::from(self == LinkDirection::Down)
    }

    /// `up` or `down`.
    pub fn name(self) -> &'static str {
        match self {
            LinkDirection::Up => "up",
            LinkDirection::Down => "down",
        }
    }
}

/// Sender and receiver of a packet: seen from the sender it goes up, from the receiver down.
pub(crate) fn ends(tuple: &FiveTuple) -> [(EndPoint, LinkDirection); 2] {
    [
        (EndPoint { address: tuple.src, port: tuple.src_port }, LinkDirection::Up),
        (EndPoint { address: tuple.dst, port: tuple.dst_port }, LinkDirection::Down),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn private_addresses_are_known() {
        let is_private = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            EndPoint { address: address.into(), port: 1 }.is_private()
        };
        for text in ["10.0.0.1", "172.31.255.1", "192.168.0.1", "100.64.0.1", "fd00::1", "fe80::1"] {
            assert!(is_private(text), "{text}");
        }
        for text in ["11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(text), "{text}");
        }
    }
}
