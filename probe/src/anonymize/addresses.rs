//! Pseudonyms of addresses: one to one, the same for the same address, and sharing as long a prefix as the addresses do.
//!
//! The scheme is Crypto-PAn's (Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization, 2002): each bit is
//! turned over or not by a keyed function of the bits before it. What an address is for stays: private addresses stay
//! in their block, public ones public, and multicast, broadcast, loopback and unspecified ones are no secret at all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::key::Key;

/// What [`Key::draw`] is used for.
const V4: u8 = 4;
const V6: u8 = 6;
const MAC: u8 = 2;

/// Blocks of IPv4 and their lengths, whose first bits stay; 32 where all of the address stays (RFC 6890; RFC 5771).
const KEPT_V4: [(u32, u32, u32); 13] = [
    (0x0000_0000, 8, 32),  // this network
    (0x7f00_0000, 8, 32),  // loopback
    (0xe000_0000, 4, 32),  // multicast
    (0xf000_0000, 4, 32),  // reserved, and broadcast
    (0x0a00_0000, 8, 8),   // private
    (0xac10_0000, 12, 12), // private
    (0xc0a8_0000, 16, 16), // private
    (0xa9fe_0000, 16, 16), // link-local
    (0x6440_0000, 10, 10), // carrier-grade NAT
    (0xc612_0000, 15, 15), // benchmarks
    (0xc000_0200, 24, 24), // documentation
    (0xc633_6400, 24, 24), // documentation
    (0xcb00_7100, 24, 24), // documentation
];

/// The same for IPv6 (RFC 6890, RFC 4291); the last one is where public addresses come from.
const KEPT_V6: [(u128, u32, u32); 8] = [
    (0, 127, 128),               // unspecified, loopback
    (0xff00 << 112, 8, 128),     // multicast
    (0xfe80 << 112, 10, 64),     // link-local
    (0xfc00 << 112, 7, 8),       // unique local
    (0x2001_0db8 << 96, 32, 32), // documentation
    (0x2001_0000 << 96, 32, 32), // Teredo
    (0x2002 << 112, 16, 16),     // 6to4
    (0x2000 << 112, 3, 3),
];

/// Prefixes of 96 bits with an IPv4 address behind them: mapped (RFC 4291) and translated (RFC 6052).
const V4_INSIDE: [u128; 2] = [0xffff, 0x0064_ff9b << 64];

/// Gives out pseudonyms.
#[derive(Debug)]
pub struct Addresses {
    key: Key,
    known: HashMap<IpAddr, IpAddr>,
}

impl Addresses {
    /// Pseudonyms drawn with this key.
    pub fn new(key: Key) -> Self {
        Self { key, known: HashMap::new() }
    }

    /// The key they are drawn with.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// An address's pseudonym.
    pub fn ip(&mut self, address: IpAddr) -> IpAddr {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let pseudonym = match address {
            IpAddr::V4(address) => {
                let kept = |bits: u128| kept_v4(bits as u32);
                let bits = self.permute(V4, u32::from(address).into(), 32, kept);
                IpAddr::V4(Ipv4Addr::from(bits as u32))
            }
            IpAddr::V6(address) => match u128::from(address) {
                bits if V4_INSIDE.contains(&(bits >> 32)) => {
                    let inside = self.ip(IpAddr::V4(Ipv4Addr::from(bits as u32)));
                    let IpAddr::V4(inside) = inside else { return inside };
                    IpAddr::V6((bits >> 32 << 32 | u128::from(u32::from(inside))).into())
                }
                bits => IpAddr::V6(self.permute(V6, bits, 128, kept_v6).into()),
            },
        };
        self.known.insert(address, pseudonym);
        pseudonym
    }

    /// Walks from address to address until one of the same kind is met, which keeps the whole one to one.
    fn permute(&self, purpose: u8, bits: u128, width: u32, kept: impl Fn(u128) -> u32) -> u128 {
        let kind = kept(bits);
        let mut walked = bits;
        loop {
            walked = self.turn_over(purpose, walked, kind, width);
            if kept(walked) == kind {
                return walked;
            }
        }
    }

    fn turn_over(&self, purpose: u8, bits: u128, kept: u32, width: u32) -> u128 {
        (kept..width).fold(bits, |turned, length| {
            let above = bits.checked_shr(width - length).unwrap_or(0);
            let input = [&[length as u8][..], &above.to_be_bytes()].concat();
            let [first, ..] = self.key.draw(purpose, &input);
            turned ^ u128::from(first & 1) << (width - length - 1)
        })
    }

    /// A MAC address's pseudonym: locally administered. Zeros and group addresses (broadcast is one) stay.
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        if !is_personal_mac(mac) {
            return mac;
        }
        let [first, b, c, d, e, f, ..] = self.key.draw(MAC, &mac);
        [first & !1 | 2, b, c, d, e, f]
    }
}

/// Whether an address may tell somebody from others, so that it is replaced.
pub fn is_personal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => kept_v4(address.into()) < 32,
        IpAddr::V6(address) => match u128::from(address) {
            bits if V4_INSIDE.contains(&(bits >> 32)) => kept_v4(bits as u32) < 32,
            bits => kept_v6(bits) < 128,
        },
    }
}

/// The same for a MAC address.
pub(super) fn is_personal_mac(mac: [u8; 6]) -> bool {
    mac != [0; 6] && mac[0] & 1 == 0
}

fn kept_v4(bits: u32) -> u32 {
    let inside = |&&(block, length, _): &&(u32, u32, u32)| (bits ^ block) >> (32 - length) == 0;
    KEPT_V4.iter().find(inside).map_or(0, |(.., kept)| *kept)
}

fn kept_v6(bits: u128) -> u32 {
    let inside = |&&(block, length, _): &&(u128, u32, u32)| (bits ^ block) >> (128 - length) == 0;
    KEPT_V6.iter().find(inside).map_or(0, |(.., kept)| *kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn addresses() -> Addresses {
        Addresses::new(Key::from_hex(&"5a".repeat(16)).unwrap())
    }

    fn ip(addresses: &mut Addresses, text: &str) -> String {
        addresses.ip(text.parse().unwrap()).to_string()
    }

    #[test]
    fn one_to_one() {
        // A pseudonym is drawn by the key alone: two threads come to what one would.
        let drawn = |half: std::ops::Range<u32>| -> Vec<IpAddr> {
            let mut addresses = addresses();
            half.map(|low| addresses.ip(IpAddr::from([192, 168, (low >> 8) as u8, low as u8]))).collect()
        };
        let all: HashSet<IpAddr> = std::thread::scope(|scope| {
            let other = scope.spawn(|| drawn(0x8000..0x1_0000));
            drawn(0..0x8000).into_iter().chain(other.join().unwrap()).collect()
        });
        assert_eq!(all.len(), 1 << 16);
        assert!(all.iter().all(|address| matches!(address, IpAddr::V4(v4) if v4.is_private())));
    }

    #[test]
    fn what_an_address_is_for_stays() {
        let mut addresses = addresses();
        for text in ["0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::", "::1", "ff02::fb"] {
            assert_eq!(ip(&mut addresses, text), text);
            assert!(!is_personal(text.parse().unwrap()));
        }
        for (text, prefix) in [
            ("10.1.2.3", "10."),
            ("192.168.7.8", "192.168."),
            ("169.254.1.1", "169.254."),
            ("203.0.113.7", "203.0.113."),
            ("fe80::1234:5678", "fe80::"),
            ("2001:db8::7", "2001:db8:"),
            ("::ffff:192.168.1.1", "::ffff:192.168."),
            ("64:ff9b::c0a8:101", "64:ff9b::c0a8:"),
        ] {
            let pseudonym = ip(&mut addresses, text);
            assert!(pseudonym.starts_with(prefix) && pseudonym != text, "{text} became {pseudonym}");
        }
        for low in 0..2000u32 {
            let address = IpAddr::V4(Ipv4Addr::from(0x0800_0000 + low * 0x0001_2345));
            if is_personal(address)
                && kept_v4(match address {
                    IpAddr::V4(v4) => v4.into(),
                    IpAddr::V6(_) => 0,
                }) == 0
            {
                let IpAddr::V4(pseudonym) = addresses.ip(address) else { panic!() };
                assert_eq!(kept_v4(pseudonym.into()), 0, "{address} became {pseudonym}");
            }
        }
        assert!(ip(&mut addresses, "2a03:2880::1").starts_with(['2', '3']));
    }

    #[test]
    fn common_prefixes_stay_common() {
        let mut addresses = addresses();
        let [a, b, c] = ["31.13.86.48", "31.13.86.51", "31.13.70.48"].map(|text| {
            let IpAddr::V4(v4) = addresses.ip(text.parse().unwrap()) else { panic!() };
            u32::from(v4)
        });
        assert_eq!((a ^ b).leading_zeros(), (48u32 ^ 51).leading_zeros());
        assert_eq!((a ^ c).leading_zeros(), (0x5600u32 ^ 0x4600).leading_zeros());
    }

    #[test]
    fn hardware_addresses_lose_their_maker() {
        let addresses = addresses();
        assert_eq!(addresses.mac([0xff; 6]), [0xff; 6]);
        assert_eq!(addresses.mac([0x33, 0x33, 0, 0, 0, 0xfb]), [0x33, 0x33, 0, 0, 0, 0xfb]);
        let pseudonym = addresses.mac([0x00, 0x1b, 0x63, 1, 2, 3]);
        assert_eq!(pseudonym[0] & 3, 2);
        assert_ne!(pseudonym[..3], addresses.mac([0x00, 0x1b, 0x63, 1, 2, 4])[..3]);
    }
}
