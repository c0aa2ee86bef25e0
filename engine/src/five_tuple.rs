//! End points of a flow, the same key for both directions, and the Community ID.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv6 address, or an IPv4 address as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). Network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Address(pub [u8; 16]);

impl Address {
    /// From the four bytes of an IPv4 header.
    pub const fn v4([a, b, c, d]: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
    }

    /// From the sixteen bytes of an IPv6 header.
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As the standard library's address; IPv4-mapped comes out as IPv4.
    pub fn ip(self) -> IpAddr {
        let v6 = Ipv6Addr::from(self.0);
        match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(v6),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => Self(ip.octets()),
        }
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
    /// Whether the sender is the higher of the two end points.
    #[inline]
    pub fn is_from_high(&self) -> bool {
        (self.src, self.src_port) > (self.dst, self.dst_port)
    }

    /// The key under which both directions of the flow are found.
    #[inline]
    pub fn key(&self) -> FlowKey {
        let (src, dst) = ((self.src, self.src_port), (self.dst, self.dst_port));
        let (low, high) = if src > dst { (dst, src) } else { (src, dst) };
        FlowKey { low, high, transport: self.transport }
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
}
