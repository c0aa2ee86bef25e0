//! One walk over a frame's headers: five-tuple and payload out.

use crate::five_tuple::{Address, FiveTuple, Transport};
use crate::wire::ethernet::{self, EtherType};
use crate::wire::ip::{self, protocol};
use crate::wire::tcp::Tcp;
use crate::wire::tunnel;
use crate::wire::udp::Udp;

mod around;
mod encapsulation;
mod layer;
mod network;
mod trail;
mod walk;

pub use crate::wire::ParseError;
pub use crate::wire::ip::Fragment;
pub use crate::wire::link::LinkType;
pub use encapsulation::{Encapsulation, Tunnel, TunnelKind};
pub use layer::Layer;
pub(crate) use network::Network;
pub use trail::{Step, Trail};
pub(crate) use walk::{Found, Piece, Start, Visit, walk};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source and destination as on the wire (of the innermost packet, where tunnels are).
    pub five_tuple: FiveTuple,
    /// TCP fields; all zero for UDP.
    pub tcp: TcpFields,
    /// Capture time, microseconds since 1970; 0 where the host does not know it.
    pub time_us: u64,
    /// The transport payload, ending where IP says it ends (or where the capture was cut).
    pub payload: &'a [u8],
    /// Whether the packet is a piece of a larger one, by its innermost IP header.
    pub fragment: Fragment,
}

impl<'a> Packet<'a> {
    /// Walks a frame's headers to the innermost TCP or UDP.
    ///
    /// Stepped through is what [`wire`](crate::wire) has a file for: the link types of [`LinkType`], the tags between
    /// Ethernet and IP, and the tunnels over IP and UDP. A datagram to a tunnel's port in which no IP header is found is
    /// itself the packet. A payload cut by the capture is given as far as it goes; a TCP header cut behind its ports, too.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] where the capture ends within the headers, [`ParseError::Malformed`] where a header
    /// contradicts itself or does not fit into the packet around it, [`ParseError::Unsupported`] for all that is not
    /// TCP or UDP, and for more than 16 headers up to the transport's. [`Trail`] tells where.
    #[inline(always)]
    pub fn parse(link_type: LinkType, time_us: u64, frame: &'a [u8]) -> Result<Self, ParseError> {
        match Self::plain(link_type, time_us, frame) {
            Some(packet) => Ok(packet),
            None => Self::parse_any(link_type, time_us, frame),
        }
    }

    /// What nearly all frames are: Ethernet, one IP header, TCP or UDP. `None` for whatever needs the walk.
    #[inline(always)]
    pub(crate) fn plain(link_type: LinkType, time_us: u64, frame: &'a [u8]) -> Option<Self> {
        if link_type == LinkType::Ethernet
            && let Ok((ether_type, bytes)) = ethernet::parse(frame)
        {
            return plain(ether_type, bytes, time_us);
        }
        None
    }

    fn parse_any(link_type: LinkType, time_us: u64, frame: &'a [u8]) -> Result<Self, ParseError> {
        match walk(Start::Frame(link_type, frame), time_us, &mut ())? {
            Found::Packet(packet, _) => Ok(packet),
            Found::Piece(_) => Err(ParseError::Unsupported),
        }
    }

    /// As [`Packet::parse`], from an IPv4 or IPv6 header on: for hosts that have dealt with the link themselves.
    ///
    /// # Errors
    /// As [`Packet::parse`].
    #[inline]
    pub fn from_ip(time_us: u64, bytes: &'a [u8]) -> Result<Self, ParseError> {
        if let Some(packet) = plain(ip::version(bytes)?, bytes, time_us) {
            return Ok(packet);
        }
        Self::parse_any(LinkType::Raw, time_us, bytes)
    }
}

/// An IPv4 header without options, TCP or UDP behind it, and at least as many bytes as TCP's header has: most packets. They go over a link
/// in no order that could be foreseen, so that nothing here branches on which of the two it is.
#[inline(always)]
fn usual(bytes: &[u8], time_us: u64) -> Option<Packet<'_>> {
    let header: &[u8; 40] = bytes.first_chunk()?;
    let pair = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let total_bytes = usize::from(pair(2));
    let is_tcp = header[9] == protocol::TCP;
    let (src_port, dst_port) = (pair(20), pair(22));
    let start = 20 + if is_tcp { usize::from(header[32] >> 4) * 4 } else { 8 };
    let end = if is_tcp { total_bytes } else { 20 + usize::from(pair(24)) };
    let cut = end.min(bytes.len());
    let is_usual = (header[0] == 0x45)
        & (pair(6) & 0x3fff == 0)
        & (is_tcp & (header[32] >= 0x50)
            | (header[9] == protocol::UDP) & !tunnel::udp::is_maybe_port(src_port, dst_port))
        & (end <= total_bytes)
        & (start <= cut);
    if !is_usual {
        return None;
    }
    let of_tcp = if is_tcp { u32::MAX } else { 0 };
    let sequence = u32::from_be_bytes([header[24], header[25], header[26], header[27]]) & of_tcp;
    let address = |at: usize| Address::v4([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
    Some(Packet {
        five_tuple: FiveTuple { src: address(12), dst: address(16), src_port, dst_port, transport },
        tcp: TcpFields { sequence, flags: header[33] & of_tcp as u8 },
        time_us,
        payload: bytes.get(start..cut)?,
        fragment: Fragment::Whole,
    })
}

/// TCP or UDP right behind one IP header, no fragment, no tunnel.
///
/// The walk finds the same; but a loop that may meet any header costs three times as many instructions, so this stands
/// before it. What it declines, errors included, the walk decides.
#[inline(always)]
fn plain<'a>(ether_type: EtherType, bytes: &'a [u8], time_us: u64) -> Option<Packet<'a>> {
    if ether_type == EtherType::IPV4
        && let Some(packet) = usual(bytes, time_us)
    {
        return Some(packet);
    }
    less_usual(ether_type, bytes, time_us)
}

/// The same for IPv6, and for what of IPv4 is less usual.
#[inline(never)]
fn less_usual(ether_type: EtherType, bytes: &[u8], time_us: u64) -> Option<Packet<'_>> {
    let network = match ether_type {
        EtherType::IPV4 => Network::v4(bytes).ok()?,
        EtherType::IPV6 => Network::v6(bytes).ok()?,
        _ => return None,
    };
    if network.fragment != Fragment::Whole {
        return None;
    }
    // Known by now: nothing of a fragment's number is carried on.
    let network = Network { fragment: Fragment::Whole, ..network };
    match network.protocol {
        protocol::TCP => Some(network.with_tcp(&Tcp::parse(network.payload).ok()?, time_us)),
        protocol::UDP => {
            let udp = Udp::parse(network.payload).ok()?;
            if tunnel::udp::is_maybe_port(udp.src_port, udp.dst_port) && tunnel::udp::is_tunnel(&udp) {
                return None;
            }
            Some(network.with_udp(&udp, time_us))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
