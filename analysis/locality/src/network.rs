//! Networks: a prefix of an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses, as `192.0.2.0/24`; IPv4 is kept in its IPv6-mapped place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    bits: u128,
    length: u8,
}

impl Network {
    /// From an address, or an address, `/` and a length. Bits behind the prefix must be zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length: u8 =
            length.map_or(Some(most), |length| length.parse().ok().filter(|length| *length <= most))?;
        let length = length + (128 - most);
        let bits = number(address);
        (bits & !mask(length) == 0).then_some(Self { bits, length })
    }

    /// The block of so many leading bits (of 128) that holds an address.
    fn around(address: IpAddr, length: u8) -> Self {
        Self { bits: number(address) & mask(length), length }
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & mask(self.length) == self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// A value for each of some networks; the longest that holds an address counts.
#[derive(Clone, Debug)]
pub struct NetworkTable<T> {
    /// Lengths in use, longest first.
    lengths: Vec<u8>,
    values: std::collections::HashMap<Network, T>,
}

impl<T> Default for NetworkTable<T> {
    fn default() -> Self {
        Self { lengths: Vec::new(), values: std::collections::HashMap::new() }
    }
}

impl<T> NetworkTable<T> {
    /// Sets a network's value; gives back the one it had.
    pub fn insert(&mut self, network: Network, value: T) -> Option<T> {
        if let Err(at) = self.lengths.binary_search_by(|length| network.length.cmp(length)) {
            self.lengths.insert(at, network.length);
        }
        self.values.insert(network, value)
    }

    /// The value for an address.
    pub fn get(&self, address: IpAddr) -> Option<&T> {
        self.lengths.iter().find_map(|length| self.values.get(&Network::around(address, *length)))
    }
}

/// Whether an address is of one of the blocks that are nobody's on the Internet, so that it says nothing of a country:
/// private (RFC 1918, 4193), shared (RFC 6598: carriers' own), link-local, loopback, documentation, benchmarks, multicast, reserved
/// (RFC 6890 and its registries).
pub fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_special_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_special_v4(v4),
            None => is_special_v6(v6),
        },
    }
}

fn is_special_v4(v4: Ipv4Addr) -> bool {
    match v4.octets() {
        [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] | [240..=255, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [172, second, ..] => second & 0xf0 == 16,
        [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        [first, ..] => first & 0xf0 == 224,
    }
}

fn is_special_v6(v6: Ipv6Addr) -> bool {
    // What is handed out to the Internet at all is 2000::/3.
    let [first, second, ..] = v6.segments();
    first & 0xe000 != 0x2000 || first == 0x2001 && second == 0xdb8 || first == 0x3fff && second < 0x1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_network_counts() {
        let mut table = NetworkTable::default();
        for (network, value) in
            [("4.0.0.0/8", 1), ("4.68.0.0/16", 2), ("4.68.111.178/32", 3), ("2a00::/16", 4), ("0.0.0.0/0", 5)]
        {
            table.insert(Network::parse(network).unwrap(), value);
        }
        let at = |address: &str| table.get(address.parse().unwrap()).copied();
        assert_eq!(
            ["4.1.1.1", "4.68.1.1", "4.68.111.178", "2a00::1", "9.9.9.9"].map(at),
            [1, 2, 3, 4, 5].map(Some)
        );
        assert_eq!(at("::ffff:4.68.1.1"), Some(2));
        assert_eq!(at("2b00::1"), None);
        for bad in ["4.0.0.1/8", "4.0.0.0/33", "4.0.0", "", "2a00::/129", "4.0.0.0/x", "4.0.0.0/"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn special_addresses_are_nowhere() {
        let special = [
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.0.1",
            "127.0.0.1",
            "0.0.0.0",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::1",
            "::ffff:10.0.0.1",
        ];
        for address in special {
            assert!(is_special(address.parse().unwrap()), "{address}");
        }
        for address in [
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "11.0.0.1",
            "192.0.3.1",
            "198.20.0.1",
            "223.255.255.255",
            "2a00::1",
            "2001:db9::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_special(address.parse().unwrap()), "{address}");
        }
    }
}
