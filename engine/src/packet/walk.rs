//! From header to header until the innermost transport's.

use super::encapsulation::{Encapsulation, TunnelKind};
use super::layer::Layer;
use super::network::Network;
use super::{Packet, TcpFields};
use crate::five_tuple::{Address, FiveTuple, Transport};
use crate::wire::ethernet::{self, EtherType};
use crate::wire::ip::{Fragment, protocol};
use crate::wire::link::{self, LinkType};
use crate::wire::tag::{arista, batman, cisco, edsa, etag, hsr, macsec, mpls, nsh, pbb, trill, vlan};
use crate::wire::tcp::Tcp;
use crate::wire::tunnel::{self, aruba, etherip, gre, l2tp, minimal::Minimal, wccp};
use crate::wire::udp::Udp;
use crate::wire::{ParseError, Parsed, ah, ipv6, llc, ppp, pppoe};

/// Headers stepped into in one frame: each VLAN tag, tunnel and IP header is one. Networks stack about 8.
pub(super) const MAX_LAYERS: usize = 16;

/// Is told what the walk comes by. `()` does not care, and costs nothing.
pub(crate) trait Visit<'a> {
    /// Whether fragments are to come out as [`Found::Piece`].
    const PIECES: bool = false;

    /// The header at hand, before it is looked into, and the bytes from there on.
    #[inline]
    fn layer(&mut self, _layer: Layer, _bytes: &'a [u8]) {}

    /// A tunnel that seems to be one.
    #[inline]
    fn tunnel(&mut self, _kind: TunnelKind, _receiver: Address, _id: u32) {}

    /// What seemed to be a tunnel's datagram is an ordinary one.
    #[inline]
    fn ordinary_datagram(&mut self) {}
}

impl Visit<'_> for () {}

/// Where a walk begins.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// With a frame.
    Frame(LinkType, &'a [u8]),
    /// Behind an IP header: the fragments put together.
    Reassembled(Network<'a>, Encapsulation),
}

/// Where it ends.
pub(crate) enum Found<'a> {
    /// A packet, and what it came through.
    Packet(Packet<'a>, Encapsulation),
    /// A piece of one.
    Piece(Piece<'a>),
}

/// A fragment; its header's `is_complete` tells whether all of it was captured.
pub(crate) struct Piece<'a> {
    /// The IP header, its payload from the fragment's own bytes on.
    pub(crate) network: Network<'a>,
    /// IP's identification.
    pub(crate) id: u32,
    /// Where in the whole payload the piece begins.
    pub(crate) offset: u16,
    /// Whether others come behind it.
    pub(crate) has_more: bool,
    pub(crate) encapsulation: Encapsulation,
    /// What the first piece gives by itself; of a later one, a packet without ports, or none where it is not TCP or UDP.
    pub(crate) alone: Option<Packet<'a>>,
}

impl Found<'_> {
    pub(super) fn encapsulation(&self) -> Encapsulation {
        match self {
            Self::Packet(_, encapsulation) => *encapsulation,
            Self::Piece(piece) => piece.encapsulation,
        }
    }
}

/// What the walk has come to know.
struct State<'a> {
    time_us: u64,
    /// The datagram around a tunnel, and what it came through, until an IP header inside proves that it is one.
    around: Option<(Packet<'a>, Encapsulation)>,
    /// Whether the bytes are all there were on the wire, so that a header reaching beyond them is wrong.
    is_complete: bool,
    encapsulation: Encapsulation,
}

/// The next header.
enum Next<'a> {
    /// One that is not IP's, or IP's.
    Header(EtherType, &'a [u8]),
    /// IP's, read already.
    Network(Network<'a>),
}

/// Steps from header to header until the innermost transport's.
#[inline(never)]
pub(crate) fn walk<'a, V: Visit<'a>>(
    start: Start<'a>,
    time_us: u64,
    visit: &mut V,
) -> Result<Found<'a>, ParseError> {
    let mut state = State { time_us, around: None, is_complete: false, encapsulation: Encapsulation::NONE };
    let mut next = match start {
        Start::Frame(link_type, frame) => {
            visit.layer(Layer::Link(link_type), frame);
            let (ether_type, bytes) = link::parse(link_type, frame)?;
            Next::Header(ether_type, bytes)
        }
        Start::Reassembled(network, encapsulation) => {
            state.encapsulation = encapsulation;
            Next::Network(network)
        }
    };
    for _ in 0..MAX_LAYERS {
        let network = match next {
            Next::Network(network) => Ok(network),
            Next::Header(ether_type, bytes) => {
                visit.layer(Layer::Ether(ether_type), bytes);
                match ether_type {
                    EtherType::IPV4 => Network::v4(bytes),
                    EtherType::IPV6 => Network::v6(bytes),
                    _ => match state.below_ip(ether_type, bytes, visit) {
                        Ok((ether_type, bytes)) => {
                            next = Next::Header(ether_type, bytes);
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                }
            }
        };
        let network = match network {
            Ok(network) => network,
            Err(error) => return state.give_up(error, visit),
        };
        state.around = None;
        state.is_complete |= network.is_complete && network.fragment == Fragment::Whole;
        if V::PIECES
            && network.fragment != Fragment::Whole
            && let Next::Header(ether_type, bytes) = next
            && let Some(piece) = state.piece(&network, ether_type, bytes)
        {
            return Ok(Found::Piece(piece));
        }
        if let Fragment::Later(_) = network.fragment {
            visit.layer(Layer::Ip(network.protocol), network.payload);
            return state.later_fragment(&network).map(|packet| state.found(packet));
        }
        match state.above_ip(&network, visit) {
            Ok(UpperLayer::Packet(packet)) => return Ok(state.found(packet)),
            Ok(UpperLayer::Next(inside)) => next = inside,
            Err(error) => return state.give_up(error, visit),
        }
    }
    state.give_up(ParseError::Unsupported, visit)
}

/// What an IP header carries.
enum UpperLayer<'a> {
    Packet(Packet<'a>),
    Next(Next<'a>),
}

impl<'a> State<'a> {
    fn found(&self, packet: Packet<'a>) -> Found<'a> {
        Found::Packet(packet, self.encapsulation)
    }

    #[cold]
    fn give_up<V: Visit<'a>>(&mut self, error: ParseError, visit: &mut V) -> Result<Found<'a>, ParseError> {
        // A header beyond the end of bytes that are all there were.
        let error = match error {
            ParseError::Truncated if self.is_complete => ParseError::Malformed,
            error => error,
        };
        match self.around {
            Some((packet, encapsulation)) if error != ParseError::Truncated => {
                visit.ordinary_datagram();
                Ok(Found::Packet(packet, encapsulation))
            }
            _ => Err(error),
        }
    }

    #[cold]
    fn later_fragment(&self, network: &Network<'a>) -> Result<Packet<'a>, ParseError> {
        let transport = match network.protocol {
            protocol::TCP => Transport::Tcp,
            protocol::UDP => Transport::Udp,
            _ => return Err(ParseError::Unsupported),
        };
        Ok(network.packet((0, 0), transport, TcpFields::default(), network.payload, self.time_us))
    }

    /// The fragment as it stands in its packet.
    #[cold]
    fn piece(&mut self, network: &Network<'a>, ether_type: EtherType, bytes: &'a [u8]) -> Option<Piece<'a>> {
        let (offset, has_more, protocol, payload) = match ether_type {
            EtherType::IPV6 => ipv6::fragment(bytes)?,
            _ => {
                let flags = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
                (flags << 3, flags & 0x2000 != 0, network.protocol, network.payload)
            }
        };
        // A look at what the first piece leads to by itself must not pass for what the packet came through.
        let encapsulation = self.encapsulation;
        let (id, alone) = match network.fragment {
            Fragment::Whole => return None,
            Fragment::First(id) => {
                let above = self.above_ip(network, &mut ());
                (
                    id,
                    above.ok().and_then(|above| {
                        if let UpperLayer::Packet(packet) = above { Some(packet) } else { None }
                    }),
                )
            }
            Fragment::Later(id) => (id, self.later_fragment(network).ok()),
        };
        let network = Network { protocol, payload, ..*network };
        Some(Piece { network, id, offset, has_more, encapsulation, alone })
    }

    /// One header that is not IP's.
    fn below_ip<V: Visit<'a>>(
        &mut self,
        ether_type: EtherType,
        bytes: &'a [u8],
        visit: &mut V,
    ) -> Parsed<'a> {
        match ether_type {
            EtherType::VLAN
            | EtherType::SERVICE_VLAN
            | EtherType::OLD_QINQ
            | EtherType::OLD_QINQ_2
            | EtherType::OLD_QINQ_3 => {
                let next = vlan::parse(bytes)?;
                self.encapsulation.tag(vlan::id(bytes));
                Ok(next)
            }
            EtherType::PPPOE => pppoe::parse(bytes),
            EtherType::PPP => ppp::parse(bytes),
            EtherType::MPLS | EtherType::MPLS_UPSTREAM => mpls::parse(bytes),
            EtherType::ETHERNET => ethernet::parse(bytes),
            EtherType::JUMBO_LLC => llc::parse(bytes),
            EtherType::PBB => {
                let next = pbb::parse(bytes)?;
                let service = pbb::service(bytes).unwrap_or_default();
                self.enter(TunnelKind::Pbb, Address::default(), service, visit);
                Ok(next)
            }
            EtherType::TRILL => trill::parse(bytes),
            EtherType::BATMAN => batman::parse(bytes),
            EtherType::MACSEC => macsec::parse(bytes),
            EtherType::FABRIC_PATH => cisco::parse_fabric_path(bytes),
            EtherType::CISCO_METADATA => cisco::parse_metadata(bytes),
            EtherType::CISCO_TIME => cisco::parse_time(bytes),
            EtherType::VN_TAG => cisco::parse_vn_tag(bytes),
            EtherType::HSR => hsr::parse(bytes),
            EtherType::E_TAG => etag::parse(bytes),
            EtherType::NSH => nsh::parse(bytes),
            EtherType::ARISTA => arista::parse(bytes),
            EtherType::EDSA => edsa::parse(bytes),
            EtherType::WCCP => wccp::parse(bytes),
            EtherType::EOIP => Ok((EtherType::ETHERNET, bytes)),
            EtherType::FRAME_RELAY => link::parse(LinkType::FrameRelay, bytes),
            EtherType(aruba) if aruba::TYPES.contains(&aruba) => aruba::parse(bytes),
            length if length.is_length() => llc::parse(bytes),
            _ => Err(ParseError::Unsupported),
        }
    }

    fn enter<V: Visit<'a>>(&mut self, kind: TunnelKind, receiver: Address, id: u32, visit: &mut V) {
        self.encapsulation.enter(kind, id);
        visit.tunnel(kind, receiver, id);
    }

    /// What an IP header carries: a packet, or the next header.
    fn above_ip<V: Visit<'a>>(
        &mut self,
        network: &Network<'a>,
        visit: &mut V,
    ) -> Result<UpperLayer<'a>, ParseError> {
        visit.layer(Layer::Ip(network.protocol), network.payload);
        let header = |(ether_type, bytes)| UpperLayer::Next(Next::Header(ether_type, bytes));
        match network.protocol {
            protocol::TCP => match Tcp::parse(network.payload) {
                Ok(tcp) => Ok(UpperLayer::Packet(network.with_tcp(&tcp, self.time_us))),
                Err(error) => self.ports(network, Transport::Tcp, error),
            },
            protocol::UDP => {
                let udp = match Udp::parse(network.payload) {
                    Ok(udp) => udp,
                    Err(error) => return self.ports(network, Transport::Udp, error),
                };
                let Some(inside) = tunnel::udp::inside(&udp) else {
                    return Ok(UpperLayer::Packet(network.with_udp(&udp, self.time_us)));
                };
                visit.layer(Layer::Udp(inside.port), udp.payload);
                self.around = Some((network.with_udp(&udp, self.time_us), self.encapsulation));
                if let Some((kind, id)) = numbered(inside.port, udp.payload) {
                    self.enter(kind, network.dst, id, visit);
                }
                match inside.next {
                    tunnel::udp::Next::EtherType(ether_type, bytes) => Ok(header((ether_type, bytes))),
                    tunnel::udp::Next::Protocol(protocol, bytes) => {
                        let network = Network { protocol, payload: bytes, ..*network };
                        visit.layer(Layer::Ip(protocol), bytes);
                        self.tunnel_over_ip(&network, visit)
                    }
                }
            }
            protocol::AH => {
                let (protocol, payload) = ah::parse(network.payload)?;
                Ok(UpperLayer::Next(Next::Network(Network { protocol, payload, ..*network })))
            }
            _ => self.tunnel_over_ip(network, visit),
        }
    }

    /// The flow of a header that the capture cut behind its ports.
    #[cold]
    fn ports(
        &self,
        network: &Network<'a>,
        transport: Transport,
        error: ParseError,
    ) -> Result<UpperLayer<'a>, ParseError> {
        if error != ParseError::Truncated || self.is_complete {
            return Err(error);
        }
        let packet = network.with_ports(transport, self.time_us).ok_or(error)?;
        let FiveTuple { src_port, dst_port, .. } = packet.five_tuple;
        // Of a tunnel's datagram, the flow is the one inside.
        match transport {
            Transport::Udp if tunnel::udp::is_port(src_port, dst_port) => Err(error),
            _ => Ok(UpperLayer::Packet(packet)),
        }
    }

    /// The tunnels straight on IP.
    fn tunnel_over_ip<V: Visit<'a>>(
        &mut self,
        network: &Network<'a>,
        visit: &mut V,
    ) -> Result<UpperLayer<'a>, ParseError> {
        let payload = network.payload;
        let (ether_type, bytes) = match network.protocol {
            protocol::IPV4 => (EtherType::IPV4, payload),
            protocol::IPV6 => (EtherType::IPV6, payload),
            protocol::GRE => {
                let next = gre::parse(payload)?;
                if let Some(key) = gre::key(payload) {
                    self.enter(TunnelKind::Gre, network.dst, key, visit);
                }
                next
            }
            protocol::MPLS => mpls::parse(payload)?,
            protocol::ETHERIP => etherip::parse(payload)?,
            protocol::ETHERNET => (EtherType::ETHERNET, payload),
            protocol::L2TP => {
                let next = l2tp::parse_over_ip(payload)?;
                let session = payload.first_chunk().map(|id| u32::from_be_bytes(*id)).unwrap_or_default();
                self.enter(TunnelKind::L2tp, network.dst, session, visit);
                next
            }
            protocol::MINIMAL => {
                let Minimal { protocol, dst, src, payload } = Minimal::parse(payload)?;
                let src = src.map_or(network.src, Address::v4);
                let inside = Network { protocol, payload, src, dst: Address::v4(dst), ..*network };
                return Ok(UpperLayer::Next(Next::Network(inside)));
            }
            // Of fragments put together: the extension headers behind the fragment header.
            other if ipv6::is_extension(other) && network.src.to_v4().is_none() => {
                let (protocol, payload) = ipv6::step_over(other, payload)?;
                return Ok(UpperLayer::Next(Next::Network(Network { protocol, payload, ..*network })));
            }
            _ => return Err(ParseError::Unsupported),
        };
        Ok(UpperLayer::Next(Next::Header(ether_type, bytes)))
    }
}

/// The network's or user's number in a datagram that seems to be a tunnel's.
fn numbered(port: u16, payload: &[u8]) -> Option<(TunnelKind, u32)> {
    use tunnel::{geneve, gtp, vxlan};
    Some(match port {
        gtp::PORT => (TunnelKind::GtpU, gtp::tunnel_id(payload)?),
        gtp::PORT_0 => (TunnelKind::GtpU, gtp::flow_label(payload)?),
        vxlan::PORT | vxlan::LINUX_PORT | vxlan::GPE_PORT => (TunnelKind::Vxlan, vxlan::network(payload)?),
        geneve::PORT => (TunnelKind::Geneve, vxlan::network(payload)?),
        l2tp::PORT => (TunnelKind::L2tp, l2tp::session(payload)?),
        _ => return None,
    })
}
