//! One walk over a frame's headers: five-tuple and payload out.

use crate::five_tuple::{Address, FiveTuple, Transport};
use crate::wire::ethernet::{self, EtherType};
use crate::wire::ip::{self, protocol};
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Ipv6;
use crate::wire::tcp::Tcp;
use crate::wire::udp::Udp;
use crate::wire::{ah, gre, gtp, ieee80211, llc, mpls, null, ppp, pppoe, radiotap, sll, sll2, vlan, vxlan};

pub use crate::wire::ParseError;
pub use crate::wire::ip::Fragment;
pub use tunnel::Tunnel;

/// Headers stepped into in one frame: each VLAN tag, tunnel and IP header is one. Networks stack about 8.
const MAX_LAYERS: usize = 16;

/// How the bytes of a frame begin. Numbers are those of pcap's LINKTYPE list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the writing machine (LINKTYPE_NULL).
    Null = 0,
    /// Ethernet II (LINKTYPE_ETHERNET).
    Ethernet = 1,
    /// PPP, with or without HDLC-like framing (LINKTYPE_PPP, LINKTYPE_PPP_HDLC).
    Ppp = 9,
    /// PPPoE session header, then PPP (LINKTYPE_PPP_ETHER).
    PppEther = 51,
    /// Raw IPv4 or IPv6 (LINKTYPE_RAW).
    Raw = 101,
    /// IEEE 802.11 (LINKTYPE_IEEE802_11).
    Ieee80211 = 105,
    /// OpenBSD loopback: the address family in network byte order (LINKTYPE_LOOP).
    Loop = 108,
    /// Linux "cooked" capture (LINKTYPE_LINUX_SLL).
    LinuxSll = 113,
    /// Radiotap, then IEEE 802.11 (LINKTYPE_IEEE802_11_RADIOTAP).
    Radiotap = 127,
    /// Raw IPv4 (LINKTYPE_IPV4).
    Ipv4 = 228,
    /// Raw IPv6 (LINKTYPE_IPV6).
    Ipv6 = 229,
    /// Linux "cooked" capture, version 2 (LINKTYPE_LINUX_SLL2).
    LinuxSll2 = 276,
}

impl LinkType {
    /// From the number in a capture file or of `pcap_datalink`, of whatever integer type; `None` for the others.
    ///
    /// Raw IP also answers to 12 and 14, its DLT values on BSD systems, and PPP to 50 (LINKTYPE_PPP_HDLC).
    pub fn from_number(number: impl TryInto<u16>) -> Option<Self> {
        Some(match number.try_into().ok()? {
            0 => Self::Null,
            1 => Self::Ethernet,
            9 | 50 => Self::Ppp,
            51 => Self::PppEther,
            12 | 14 | 101 => Self::Raw,
            105 => Self::Ieee80211,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            127 => Self::Radiotap,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }
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
    /// Stepped through: VLAN tags, LLC with SNAP, PPPoE, PPP, MPLS, IP in IP, AH, GRE (with Ethernet, PPTP, ERSPAN),
    /// GTP-U and VXLAN. A datagram to GTP-U's or VXLAN's port in which no IP header is found is itself the packet.
    /// A payload cut by the capture is given as far as it goes.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] where the capture ends within the headers, [`ParseError::Malformed`] where a header
    /// contradicts itself or does not fit into the packet around it, [`ParseError::Unsupported`] for all that is not
    /// TCP or UDP, and for more than 16 headers up to the transport's.
    #[inline(always)]
    pub fn parse(link_type: LinkType, time_us: u64, frame: &'a [u8]) -> Result<Self, ParseError> {
        if link_type == LinkType::Ethernet
            && let Ok((ether_type, bytes)) = ethernet::parse(frame)
            && let Some(packet) = plain(ether_type, bytes, time_us)
        {
            return Ok(packet);
        }
        Self::parse_any(link_type, time_us, frame)
    }

    fn parse_any(link_type: LinkType, time_us: u64, frame: &'a [u8]) -> Result<Self, ParseError> {
        let (ether_type, bytes) = below_link(link_type, frame)?;
        walk(ether_type, bytes, time_us)
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
        walk(ip::version(bytes)?, bytes, time_us)
    }
}

/// What both IP versions' views have, with addresses in one form.
struct Network<'a> {
    src: Address,
    dst: Address,
    protocol: u8,
    fragment: Fragment,
    payload: &'a [u8],
    is_complete: bool,
}

impl<'a> Network<'a> {
    #[inline]
    fn v4(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Ipv4 { src, dst, mut protocol, fragment, mut payload, is_complete } = Ipv4::parse(bytes)?;
        // IPv6's view has stepped over this one already, as an extension header.
        if protocol == protocol::AH && !matches!(fragment, Fragment::Later(_)) {
            (protocol, payload) = ah::parse(payload)?;
        }
        Ok(Self { src: Address::v4(src), dst: Address::v4(dst), protocol, fragment, payload, is_complete })
    }

    #[inline]
    fn v6(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Ipv6 { src, dst, protocol, fragment, payload, is_complete } = Ipv6::parse(bytes)?;
        Ok(Self { src: Address::v6(src), dst: Address::v6(dst), protocol, fragment, payload, is_complete })
    }

    #[inline]
    fn packet(
        &self,
        ports: (u16, u16),
        transport: Transport,
        tcp: TcpFields,
        payload: &'a [u8],
        time_us: u64,
    ) -> Packet<'a> {
        let &Self { src, dst, fragment, .. } = self;
        let (src_port, dst_port) = ports;
        Packet {
            five_tuple: FiveTuple { src, dst, src_port, dst_port, transport },
            tcp,
            time_us,
            payload,
            fragment,
        }
    }

    #[inline]
    fn with_tcp(&self, tcp: &Tcp<'a>, time_us: u64) -> Packet<'a> {
        let fields = TcpFields { sequence: tcp.sequence, flags: tcp.flags };
        self.packet((tcp.src_port, tcp.dst_port), Transport::Tcp, fields, tcp.payload, time_us)
    }

    #[inline]
    fn with_udp(&self, udp: &Udp<'a>, time_us: u64) -> Packet<'a> {
        self.packet((udp.src_port, udp.dst_port), Transport::Udp, TcpFields::default(), udp.payload, time_us)
    }
}

/// What nearly all packets are: TCP or UDP right behind one IP header, no fragment, no tunnel's port.
///
/// The walk finds the same; but a loop that may meet any header costs three times as many instructions, so this stands
/// before it. What it declines, errors included, the walk decides.
#[inline(always)]
fn plain<'a>(ether_type: EtherType, bytes: &'a [u8], time_us: u64) -> Option<Packet<'a>> {
    let network = match ether_type {
        EtherType::IPV4 => Network::v4(bytes).ok()?,
        EtherType::IPV6 => Network::v6(bytes).ok()?,
        _ => return None,
    };
    if network.fragment != Fragment::Whole {
        return None;
    }
    match network.protocol {
        protocol::TCP => Some(network.with_tcp(&Tcp::parse(network.payload).ok()?, time_us)),
        protocol::UDP => {
            let udp = Udp::parse(network.payload).ok()?;
            let is_tunnel = matches!(udp.dst_port, gtp::PORT | vxlan::PORT);
            (!is_tunnel).then(|| network.with_udp(&udp, time_us))
        }
        _ => None,
    }
}

/// Steps from header to header until the innermost transport's.
#[inline(never)]
fn walk<'a>(mut ether_type: EtherType, mut bytes: &'a [u8], time_us: u64) -> Result<Packet<'a>, ParseError> {
    // The datagram around a tunnel, until an IP header inside proves that it is one.
    let mut around = None;
    // Whether the bytes are all there were on the wire, so that a header reaching beyond them is wrong.
    let mut is_complete = false;
    for _ in 0..MAX_LAYERS {
        let network = match ether_type {
            EtherType::IPV4 => Network::v4(bytes),
            EtherType::IPV6 => Network::v6(bytes),
            _ => match below_ip(ether_type, bytes) {
                Ok(next) => {
                    (ether_type, bytes) = next;
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        let network = match network {
            Ok(network) => network,
            Err(error) => return give_up(error, is_complete, around),
        };
        around = None;
        is_complete |= network.is_complete && network.fragment == Fragment::Whole;
        let next = match network.protocol {
            _ if matches!(network.fragment, Fragment::Later(_)) => return later_fragment(&network, time_us),
            protocol::TCP => match Tcp::parse(network.payload) {
                Ok(tcp) => return Ok(network.with_tcp(&tcp, time_us)),
                Err(error) => Err(error),
            },
            protocol::UDP => match Udp::parse(network.payload) {
                Ok(udp) => match tunnel_over_udp(&udp) {
                    None => return Ok(network.with_udp(&udp, time_us)),
                    Some(next) => {
                        around = Some(network.with_udp(&udp, time_us));
                        Ok(next)
                    }
                },
                Err(error) => Err(error),
            },
            protocol => tunnel_over_ip(protocol, network.payload),
        };
        match next {
            Ok(next) => (ether_type, bytes) = next,
            Err(error) => return give_up(error, is_complete, None),
        }
    }
    give_up(ParseError::Unsupported, is_complete, around)
}

#[cold]
fn give_up(
    error: ParseError,
    is_complete: bool,
    around: Option<Packet<'_>>,
) -> Result<Packet<'_>, ParseError> {
    match (error, is_complete) {
        (ParseError::Truncated, false) => Err(error),
        (ParseError::Truncated, true) => around.ok_or(ParseError::Malformed),
        _ => around.ok_or(error),
    }
}

/// The link's own header.
fn below_link(link_type: LinkType, frame: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    Ok(match link_type {
        LinkType::Ethernet => ethernet::parse(frame)?,
        LinkType::Null | LinkType::Loop => null::parse(frame)?,
        LinkType::Ppp => ppp::parse(frame)?,
        LinkType::PppEther => pppoe::parse(frame)?,
        LinkType::Raw => (ip::version(frame)?, frame),
        LinkType::Ieee80211 => ieee80211::parse(frame, false)?,
        LinkType::LinuxSll => sll::parse(frame)?,
        LinkType::Radiotap => {
            let (is_padded, frame) = radiotap::parse(frame)?;
            ieee80211::parse(frame, is_padded)?
        }
        LinkType::Ipv4 => (EtherType::IPV4, frame),
        LinkType::Ipv6 => (EtherType::IPV6, frame),
        LinkType::LinuxSll2 => sll2::parse(frame)?,
    })
}

/// One header that is not IP's.
fn below_ip(ether_type: EtherType, bytes: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    match ether_type {
        EtherType::VLAN | EtherType::SERVICE_VLAN | EtherType::OLD_QINQ | EtherType::OLD_QINQ_2 => {
            vlan::parse(bytes)
        }
        EtherType::PPPOE => pppoe::parse(bytes),
        EtherType::PPP => ppp::parse(bytes),
        EtherType::MPLS | EtherType::MPLS_UPSTREAM => mpls::parse(bytes),
        EtherType::ETHERNET => ethernet::parse(bytes),
        length if length.is_length() => llc::parse(bytes),
        _ => Err(ParseError::Unsupported),
    }
}

#[cold]
fn later_fragment<'a>(network: &Network<'a>, time_us: u64) -> Result<Packet<'a>, ParseError> {
    let transport = match network.protocol {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        _ => return Err(ParseError::Unsupported),
    };
    Ok(network.packet((0, 0), transport, TcpFields::default(), network.payload, time_us))
}

/// What lies in a datagram that seems to be a tunnel's.
#[inline]
fn tunnel_over_udp<'a>(udp: &Udp<'a>) -> Option<(EtherType, &'a [u8])> {
    match udp.dst_port {
        gtp::PORT => gtp::parse(udp.payload, udp.payload_bytes),
        vxlan::PORT => vxlan::parse(udp.payload),
        _ => None,
    }
}

/// The tunnels straight on IP.
fn tunnel_over_ip(protocol: u8, payload: &[u8]) -> Result<(EtherType, &[u8]), ParseError> {
    match protocol {
        protocol::IPV4 => Ok((EtherType::IPV4, payload)),
        protocol::IPV6 => Ok((EtherType::IPV6, payload)),
        protocol::GRE => gre::parse(payload),
        protocol::MPLS => mpls::parse(payload),
        _ => Err(ParseError::Unsupported),
    }
}

mod tunnel;

#[cfg(test)]
mod tests;
