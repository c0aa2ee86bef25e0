//! End points of a flow, the same key for both directions, and the Community ID.

use base64ct::{Base64, Encoding};
use core::cmp::Ordering;
use core::fmt;
use core::hint::select_unpredictable;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use sha1::{Digest, Sha1};

/// An IPv6 address, or an IPv4 address as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). Network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Address(pub [u8; 16]);

impl Address {
    /// From the four bytes of an IPv4 header.
    #[inline]
    pub const fn v4(bytes: [u8; 4]) -> Self {
        Self((0xffff_0000_0000 | u32::from_be_bytes(bytes) as u128).to_be_bytes())
    }

    /// From the sixteen bytes of an IPv6 header.
    #[inline]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The four bytes of an IPv4 address; `None` for IPv6.
    #[inline]
    pub const fn to_v4(self) -> Option<[u8; 4]> {
        match self.0 {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Some([a, b, c, d]),
            _ => None,
        }
    }

    /// As the standard library's address; IPv4-mapped comes out as IPv4.
    pub fn ip(self) -> IpAddr {
        match self.to_v4() {
            Some(v4) => IpAddr::from(v4),
            None => IpAddr::from(self.0),
        }
    }
}

/// Byte by byte, as the derived order would be, but in one comparison of 128-bit numbers.
impl Ord for Address {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for Address {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}

impl From<Ipv6Addr> for Address {
    fn from(ip: Ipv6Addr) -> Self {
        Self::v6(ip.octets())
    }
}

impl From<Ipv4Addr> for Address {
    fn from(ip: Ipv4Addr) -> Self {
        Self::v4(ip.octets())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// The transport protocols that carry app traffic, with their IP protocol numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp = 6,
    /// UDP (RFC 768).
    Udp = 17,
}

/// Which end of a flow sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The end that opened the flow: the TCP SYN's sender or, where no SYN was seen, the first packet's.
    Originator,
    /// The other end.
    Responder,
}

/// Source and destination of one packet, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// Source address.
    pub src: Address,
    /// Destination address.
    pub dst: Address,
    /// Source port, host byte order.
    pub src_port: u16,
    /// Destination port, host byte order.
    pub dst_port: u16,
    /// TCP or UDP.
    pub transport: Transport,
}

/// The five-tuple in an order that does not depend on who sent the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// The lower end point (address, then port).
    pub low: (Address, u16),
    /// The higher end point.
    pub high: (Address, u16),
    /// TCP or UDP.
    pub transport: Transport,
}

impl FiveTuple {
    /// Whether one of the ports is this one.
    #[inline]
    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.src_port == port || self.dst_port == port
    }

    /// Whether the sender is the higher of the two end points.
    #[inline]
    pub fn is_from_high(&self) -> bool {
        let [src, dst] = [self.src, self.dst].map(|address| u128::from_be_bytes(address.0));
        (src > dst) | (src == dst) & (self.src_port > self.dst_port)
    }

    /// The key under which both directions of the flow are found.
    #[inline]
    pub fn key(&self) -> FlowKey {
        self.key_and_side().0
    }

    /// The key, and whether the sender is the higher of the two end points. Who sends changes from packet to packet: nothing here branches
    /// on it.
    #[inline]
    pub(crate) fn key_and_side(&self) -> (FlowKey, bool) {
        let is_from_high = self.is_from_high();
        let [src, dst] = [self.src, self.dst].map(|address| u128::from_ne_bytes(address.0));
        let address = |of_src| Address(select_unpredictable(of_src, src, dst).to_ne_bytes());
        let port = |of_src| select_unpredictable(of_src, self.src_port, self.dst_port);
        let [low, high] = [!is_from_high, is_from_high].map(|of_src| (address(of_src), port(of_src)));
        (FlowKey { low, high, transport: self.transport }, is_from_high)
    }

    /// The same end points with the roles of source and destination swapped.
    pub fn reversed(&self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            src_port: self.dst_port,
            dst_port: self.src_port,
            transport: self.transport,
        }
    }

    /// The flow's Community ID, the same for both directions; see [`FlowKey::community_id`].
    pub fn community_id(&self, seed: u16) -> CommunityId {
        self.key().community_id(seed)
    }
}

impl FlowKey {
    /// The five-tuple of a packet from the higher end point, or from the lower.
    #[inline]
    pub fn five_tuple(&self, is_from_high: bool) -> FiveTuple {
        let (src, dst) = if is_from_high { (&self.high, &self.low) } else { (&self.low, &self.high) };
        FiveTuple { src: src.0, dst: dst.0, src_port: src.1, dst_port: dst.1, transport: self.transport }
    }

    /// A 64-bit hash for flow tables and for spreading flows over threads.
    ///
    /// Not cryptographic: it withstands senders who choose addresses and ports so that flows collide, as long as
    /// `key` is random and they cannot observe the values. The value depends on nothing but the flow key and `key`, and is the
    /// same on every machine; its low and high bits are equally good.
    #[inline]
    pub fn hash(&self, key: [u64; 2]) -> u64 {
        let [low_0, low_1] = halves(self.low.0);
        let [high_0, high_1] = halves(self.high.0);
        let rest = u64::from(self.low.1) << 32 | u64::from(self.high.1) << 16 | self.transport as u64;
        // Digits of pi: with a key of zeroes, too, no factor below is zero for the zero half of an IPv4 address.
        let k0 = key[0] ^ 0x243f_6a88_85a3_08d3;
        let k1 = key[1] ^ 0x1319_8a2e_0370_7344;
        let low = folded_multiply(low_0 ^ k0, low_1 ^ k1);
        let high = folded_multiply(high_0 ^ k1.rotate_left(32), high_1 ^ k0.rotate_left(32));
        let both = folded_multiply(low ^ rest ^ k1, high ^ k0);
        folded_multiply(both ^ k0, 0xa409_3822_299f_31d1)
    }

    /// The flow's Community ID, version 1 (Corelight's specification): `1:` and the Base64 of the SHA-1 of seed,
    /// lower address, higher address, protocol, a zero byte, and their ports. The specification's default seed is 0.
    pub fn community_id(&self, seed: u16) -> CommunityId {
        let mut hash = Sha1::new();
        hash.update(seed.to_be_bytes());
        match (self.low.0.to_v4(), self.high.0.to_v4()) {
            (Some(low), Some(high)) => {
                hash.update(low);
                hash.update(high);
            }
            _ => {
                hash.update(self.low.0.0);
                hash.update(self.high.0.0);
            }
        }
        hash.update([self.transport as u8, 0]);
        hash.update(self.low.1.to_be_bytes());
        hash.update(self.high.1.to_be_bytes());
        let mut text = *b"1:____________________________";
        if let Some(base64) = text.get_mut(2..) {
            // 20 bytes always fill 28 characters.
            let _ = Base64::encode(&hash.finalize(), base64);
        }
        CommunityId(text)
    }
}

/// An address as two numbers, the same on every machine.
#[inline]
fn halves(address: Address) -> [u64; 2] {
    let whole = u128::from_le_bytes(address.0);
    [whole as u64, (whole >> 64) as u64]
}

/// The two halves of the 128-bit product, exclusive-or-ed: every bit of both factors reaches every bit of it.
#[inline]
fn folded_multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// A Community ID: 30 ASCII characters, `1:` and 28 of Base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommunityId([u8; 30]);

impl CommunityId {
    /// As text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn tuple(src: &str, src_port: u16, dst: &str, dst_port: u16, transport: Transport) -> FiveTuple {
        let [src, dst] = [src, dst].map(|ip| ip.parse::<IpAddr>().unwrap().into());
        FiveTuple { src, dst, src_port, dst_port, transport }
    }

    #[test]
    fn addresses_print_as_what_they_are() {
        for text in ["192.0.2.1", "2001:db8::1", "::", "255.255.255.255"] {
            assert_eq!(Address::from(text.parse::<IpAddr>().unwrap()).to_string(), text);
        }
        assert_eq!(Address::v4([192, 0, 2, 1]).to_v4(), Some([192, 0, 2, 1]));
        assert_eq!(Address::v6([0x20; 16]).to_v4(), None);
    }

    #[test]
    fn addresses_are_ordered_byte_by_byte() {
        let mut addresses = Vec::new();
        for at in 0..16 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = [0x55; 16];
                bytes[at] = value;
                addresses.push(Address(bytes));
            }
        }
        for a in &addresses {
            for b in &addresses {
                assert_eq!(a.cmp(b), a.0.cmp(&b.0));
            }
        }
    }

    #[test]
    fn both_directions_have_one_key() {
        for packet in [
            tuple("192.0.2.1", 40000, "192.0.2.2", 443, Transport::Tcp),
            tuple("192.0.2.1", 40000, "192.0.2.1", 443, Transport::Tcp),
            tuple("2001:db8::2", 443, "2001:db8::1", 443, Transport::Udp),
        ] {
            let answer = packet.reversed();
            assert_ne!(packet, answer);
            assert_eq!(packet.key(), answer.key());
            assert_ne!(packet.is_from_high(), answer.is_from_high());
            assert_eq!(packet.key().hash([1, 2]), answer.key().hash([1, 2]));
            assert_eq!(packet.community_id(0), answer.community_id(0));
        }
    }

    #[test]
    fn community_ids() {
        // All but the last two are in the specification's reference results; those two, on equal addresses and on
        // an IPv4-mapped address facing an IPv6 one, follow from its formula.
        use Transport::{Tcp, Udp};
        for (src, src_port, dst, dst_port, transport, seed, expected) in [
            ("128.232.110.120", 34855, "66.35.250.204", 80, Tcp, 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("128.232.110.120", 34855, "66.35.250.204", 80, Tcp, 1, "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
            ("192.168.1.52", 54585, "8.8.8.8", 53, Udp, 0, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (
                "2001:470:e5bf:dead:4957:2174:e82c:4887",
                63943,
                "2607:f8b0:400c:c03::1a",
                25,
                Tcp,
                0,
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            ("10.0.0.1", 5, "10.0.0.1", 4, Udp, 0, "1:PbXEucXIxDu5UoupZ1rj7ybZ6vc="),
            ("2001:db8::1", 53, "::ffff:10.0.0.1", 1024, Udp, 0, "1:DXcCwt9K7UCXBZwhnOGfHXL6v0o="),
        ] {
            let packet = tuple(src, src_port, dst, dst_port, transport);
            assert_eq!(packet.community_id(seed).to_string(), expected);
            assert_eq!(packet.reversed().community_id(seed).as_str(), expected);
        }
    }

    const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

    fn flip(key: FlowKey, bit: usize) -> FlowKey {
        let mut key = key;
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        match byte {
            0..16 => key.low.0.0[byte] ^= mask,
            16..32 => key.high.0.0[byte - 16] ^= mask,
            32..34 => key.low.1 ^= 1 << (bit % 16),
            _ => key.high.1 ^= 1 << (bit % 16),
        }
        key
    }

    #[test]
    fn each_bit_of_the_flow_changes_half_of_the_hash() {
        for key in [KEY, [0, 0]] {
            for transport in [Transport::Tcp, Transport::Udp] {
                let flow = tuple("10.0.0.1", 40000, "192.0.2.2", 443, transport).key();
                let mut changed = [0u32; 64];
                for bit in 0..36 * 8 {
                    let difference = flow.hash(key) ^ flip(flow, bit).hash(key);
                    assert!((12..=52).contains(&difference.count_ones()), "{bit}: {difference:016x}");
                    for (at, count) in changed.iter_mut().enumerate() {
                        *count += (difference >> at & 1) as u32;
                    }
                }
                assert!(changed.iter().all(|count| (100..=188).contains(count)), "{changed:?}");
            }
        }
    }

    #[test]
    fn neighbouring_flows_spread_over_a_table() {
        // 65536 flows of one subnet to one server over 4096 slots: 16 each, and hardly ever beyond 40.
        for key in [KEY, [0, 0], [0, 1]] {
            let (mut low_bits, mut high_bits) = ([0u32; 4096], [0u32; 4096]);
            for host in 0..=255 {
                for port in 0..256 {
                    let src = Address::v4([10, 0, 0, host]);
                    let dst = Address::v4([192, 0, 2, 2]);
                    let packet = FiveTuple {
                        src,
                        dst,
                        src_port: 32768 + port,
                        dst_port: 443,
                        transport: Transport::Tcp,
                    };
                    let hash = packet.key().hash(key);
                    low_bits[hash as usize % 4096] += 1;
                    high_bits[(hash >> 52) as usize] += 1;
                }
            }
            for slots in [low_bits, high_bits] {
                assert!(slots.iter().all(|&flows| flows <= 45), "{}", slots.iter().max().unwrap());
                assert!(slots.iter().filter(|&&flows| flows == 0).count() < 8);
            }
        }
    }

    #[test]
    fn another_key_is_another_hash() {
        let flow = tuple("10.0.0.1", 40000, "192.0.2.2", 443, Transport::Tcp).key();
        for bit in 0..64 {
            assert_ne!(flow.hash(KEY), flow.hash([KEY[0] ^ 1 << bit, KEY[1]]));
            assert_ne!(flow.hash(KEY), flow.hash([KEY[0], KEY[1] ^ 1 << bit]));
        }
    }
}
