//! One walk over a frame's headers: five-tuple and payload out.

use crate::five_tuple::FiveTuple;

/// How the bytes of a frame begin. Numbers are those of pcap's LINKTYPE list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the writing machine (LINKTYPE_NULL).
    Null = 0,
    /// Ethernet II (LINKTYPE_ETHERNET).
    Ethernet = 1,
    /// Raw IPv4 or IPv6 (LINKTYPE_RAW).
    Raw = 101,
    /// OpenBSD loopback: the address family in network byte order (LINKTYPE_LOOP).
    Loop = 108,
    /// Linux "cooked" capture (LINKTYPE_LINUX_SLL).
    LinuxSll = 113,
    /// Linux "cooked" capture, version 2 (LINKTYPE_LINUX_SLL2).
    LinuxSll2 = 276,
}

/// Why a frame has no five-tuple and payload to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The capture ends before the headers do.
    Truncated,
    /// A header contradicts itself (a length shorter than the header, for one).
    Malformed,
    /// Nothing this engine looks into: ARP, ICMP, an unknown EtherType.
    Unsupported,
}

/// The TCP header fields the engine uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFields {
    /// Sequence number of the payload's first byte (the SYN's own number for a SYN).
    pub sequence: u32,
    /// The flag byte (byte 13 of the header): FIN 0x01, SYN 0x02, RST 0x04, ACK 0x10.
    pub flags: u8,
}

impl TcpFields {
    /// FIN bit.
    pub const FIN: u8 = 0x01;
    /// SYN bit.
    pub const SYN: u8 = 0x02;
    /// RST bit.
    pub const RST: u8 = 0x04;
    /// ACK bit.
    pub const ACK: u8 = 0x10;
}

/// One packet as the classifier sees it: end points, and a borrowed payload.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Source and destination as on the wire (of the innermost packet, where tunnels are).
    pub five_tuple: FiveTuple,
    /// TCP fields; all zero for UDP.
    pub tcp: TcpFields,
    /// Capture time, microseconds since 1970; 0 where the host does not know it.
    pub time_us: u64,
    /// The transport payload, ending where IP says it ends (or where the capture was cut).
    pub payload: &'a [u8],
    /// Whether the packet is a piece of a larger one.
    pub fragment: Fragment,
}

/// Where a packet stands among the fragments of one IP packet (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// Not fragmented.
    #[default]
    Whole,
    /// The first piece: holds the transport header. The number is IP's identification.
    First(u32),
    /// A later piece: has no transport header, so both ports are 0; counted to its flow, never classified.
    Later(u32),
}
