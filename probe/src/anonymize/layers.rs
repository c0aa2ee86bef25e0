//! Where in a frame its addresses, checksums and payload stand: one walk over the headers with the engine's own views.

use std::ops::Range;

use wiremark::wire::ethernet::EtherType;
use wiremark::wire::ip::{self, Fragment, protocol};
use wiremark::wire::ipv4::Ipv4;
use wiremark::wire::ipv6::Ipv6;
use wiremark::wire::tag::{mpls, vlan};
use wiremark::wire::tcp::Tcp;
use wiremark::wire::tunnel::{gre, gtp, vxlan};
use wiremark::wire::udp::Udp;
use wiremark::wire::{ah, ethernet, ieee80211, llc, null, ppp, pppoe, radiotap, sll, sll2};
use wiremark::{LinkType, Packet};

use super::piece::Piece;

/// As many headers as the engine steps into.
const MAX_LAYERS: usize = 16;

/// One IP header and what it carries.
#[derive(Clone, Debug)]
pub(super) struct Network {
    /// Where the header begins.
    pub(super) at: usize,
    pub(super) is_v6: bool,
    /// Where the header behind it (all extensions and AH stepped over) begins.
    pub(super) above: usize,
    /// Where the packet ends, by its own length or by the capture's.
    pub(super) end: usize,
    /// What stands at `above`.
    pub(super) protocol: u8,
    pub(super) fragment: Fragment,
}

/// The places in one frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Where MAC addresses stand.
    pub(super) macs: Vec<usize>,
    /// IP headers, the outermost first.
    pub(super) networks: Vec<Network>,
    /// Where headers of minimal encapsulation (RFC 2004) begin.
    pub(super) minimal: Vec<usize>,
    /// What is of no use without the network it comes from: tunnel ids, authentication values.
    pub(super) blanked: Vec<Range<usize>>,
    /// The innermost transport payload.
    pub(super) payload: Range<usize>,
}

/// Where a part borrowed from the whole stands in it.
pub(super) fn place_of(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    match start.checked_add(part.len()) {
        Some(end) if end <= whole.len() => start..end,
        _ => 0..0,
    }
}

impl Layers {
    /// The places in a frame; none where this walk and the engine's do not come to the same packet.
    pub(super) fn of(link_type: LinkType, frame: &[u8], packet: &Packet<'_>) -> Option<Self> {
        let mut walk = Walk { frame, layers: Self::default() };
        let (ether_type, bytes) = walk.link(link_type)?;
        let payload = walk.up(ether_type, bytes)?;
        let mut layers = walk.layers;
        layers.payload = place_of(frame, payload);
        let innermost = layers.networks.last()?;
        let same = layers.payload == place_of(frame, packet.payload)
            && innermost.fragment == packet.fragment
            && source(frame, innermost)? == packet.five_tuple.src.ip();
        same.then_some(layers)
    }

    /// The places in a frame up to the outermost IP packet that came in pieces, and the piece, which is the payload.
    pub(super) fn of_piece(link_type: LinkType, frame: &[u8]) -> Option<(Self, Piece)> {
        let mut walk = Walk { frame, layers: Self::default() };
        let (mut ether_type, mut bytes) = walk.link(link_type)?;
        for _ in 0..MAX_LAYERS {
            if !matches!(ether_type, EtherType::IPV4 | EtherType::IPV6) {
                (ether_type, bytes) = walk.below_ip(ether_type, bytes)?;
                continue;
            }
            walk.network(ether_type, bytes)?;
            if walk.layers.networks.last()?.fragment != Fragment::Whole {
                return walk.layers.ending_in_piece(frame);
            }
            (ether_type, bytes) = match walk.upper_layer()? {
                UpperLayer::Payload(_) => return None,
                UpperLayer::Tunnel(_, next, rest) | UpperLayer::Header(next, rest) => (next, rest),
            };
        }
        None
    }

    /// With the last network's payload as a piece, whose transport header is no concern of the frame's.
    pub(super) fn ending_in_piece(mut self, frame: &[u8]) -> Option<(Self, Piece)> {
        let network = self.networks.last_mut()?;
        let piece = Piece::of(frame, network.at, network.is_v6, network.end)?;
        network.above = piece.place.start;
        network.fragment = Fragment::Later(piece.key.2);
        self.payload = piece.place.clone();
        Some((self, piece))
    }
}

/// An IP header's source address.
fn source(frame: &[u8], network: &Network) -> Option<std::net::IpAddr> {
    let header = frame.get(network.at..)?;
    Some(if network.is_v6 {
        (*header.get(8..)?.first_chunk::<16>()?).into()
    } else {
        (*header.get(12..)?.first_chunk::<4>()?).into()
    })
}

struct Walk<'a> {
    frame: &'a [u8],
    layers: Layers,
}

impl<'a> Walk<'a> {
    fn place(&self, part: &[u8]) -> usize {
        place_of(self.frame, part).start
    }

    fn link(&mut self, link_type: LinkType) -> Option<(EtherType, &'a [u8])> {
        let frame = self.frame;
        match link_type {
            LinkType::Ethernet => self.ethernet(frame),
            LinkType::Null | LinkType::Loop => null::parse(frame).ok(),
            LinkType::Ppp => ppp::parse(frame).ok(),
            LinkType::PppEther => pppoe::parse(frame).ok(),
            LinkType::Raw => Some((ip::version(frame).ok()?, frame)),
            LinkType::Ieee80211 => self.ieee80211(frame, false),
            LinkType::LinuxSll => {
                // Length of the address at 4, the address at 6.
                self.cooked_address(6, frame.get(5).copied());
                sll::parse(frame).ok()
            }
            LinkType::Radiotap => {
                let (is_padded, frame) = radiotap::parse(frame).ok()?;
                self.ieee80211(frame, is_padded)
            }
            LinkType::Ipv4 => Some((EtherType::IPV4, frame)),
            LinkType::Ipv6 => Some((EtherType::IPV6, frame)),
            LinkType::LinuxSll2 => {
                // Length of the address at 11, the address at 12.
                self.cooked_address(12, frame.get(11).copied());
                sll2::parse(frame).ok()
            }
            _ => None,
        }
    }

    /// Eight bytes for an address: a MAC address, or another link's, such as a tunnel's end.
    fn cooked_address(&mut self, at: usize, length: Option<u8>) {
        match length {
            Some(6) => self.layers.macs.push(at),
            _ => self.layers.blanked.push(at..at + 8),
        }
    }

    fn ethernet(&mut self, bytes: &'a [u8]) -> Option<(EtherType, &'a [u8])> {
        let next = ethernet::parse(bytes).ok()?;
        let at = self.place(bytes);
        self.layers.macs.extend([at, at + 6]);
        Some(next)
    }

    fn ieee80211(&mut self, bytes: &'a [u8], is_padded: bool) -> Option<(EtherType, &'a [u8])> {
        let next = ieee80211::parse(bytes, is_padded).ok()?;
        let at = self.place(bytes);
        self.layers.macs.extend([at + 4, at + 10, at + 16]);
        // A fourth address where the frame goes to and from a distribution system.
        let has_fourth = bytes.get(1).is_some_and(|flags| flags & 3 == 3);
        if has_fourth {
            self.layers.macs.push(at + 24);
        }
        // Of an aggregate, the first packet's own two.
        let qos = 24 + if has_fourth { 6 } else { 0 };
        let has_qos = bytes.first().is_some_and(|kind| kind & 0x80 != 0);
        if has_qos && bytes.get(qos).is_some_and(|control| control & 0x80 != 0) {
            // Two bytes of quality of service, four of high throughput if a flag says so.
            let has_throughput = bytes.get(1).is_some_and(|flags| flags & 0x80 != 0);
            let end = qos + 2 + if has_throughput { 4 } else { 0 };
            let end = at + if is_padded { end.next_multiple_of(4) } else { end };
            self.layers.macs.extend([end, end + 6]);
        }
        Some(next)
    }

    /// Follows the headers to the innermost payload.
    fn up(&mut self, mut ether_type: EtherType, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        // A datagram that seems to be a tunnel's: its payload, and the layers known before what lies inside.
        let mut around: Option<(&'a [u8], Layers)> = None;
        for _ in 0..MAX_LAYERS {
            let next = if matches!(ether_type, EtherType::IPV4 | EtherType::IPV6) {
                match self.network(ether_type, bytes) {
                    None => None,
                    Some(()) => {
                        around = None;
                        match self.upper_layer()? {
                            UpperLayer::Payload(payload) => return Some(payload),
                            UpperLayer::Tunnel(payload, next, rest) => {
                                around = Some((payload, self.layers.clone()));
                                Some((next, rest))
                            }
                            UpperLayer::Header(next, rest) => Some((next, rest)),
                        }
                    }
                }
            } else {
                self.below_ip(ether_type, bytes)
            };
            let Some(next) = next else { break };
            (ether_type, bytes) = next;
        }
        let (payload, layers) = around?;
        self.layers = layers;
        Some(payload)
    }

    fn below_ip(&mut self, ether_type: EtherType, bytes: &'a [u8]) -> Option<(EtherType, &'a [u8])> {
        match ether_type {
            EtherType::VLAN | EtherType::SERVICE_VLAN | EtherType::OLD_QINQ | EtherType::OLD_QINQ_2 => {
                vlan::parse(bytes).ok()
            }
            EtherType::PPPOE => pppoe::parse(bytes).ok(),
            EtherType::PPP => ppp::parse(bytes).ok(),
            EtherType::MPLS | EtherType::MPLS_UPSTREAM => mpls::parse(bytes).ok(),
            EtherType::ETHERNET => self.ethernet(bytes),
            length if length.is_length() => llc::parse(bytes).ok(),
            _ => None,
        }
    }

    fn network(&mut self, ether_type: EtherType, bytes: &'a [u8]) -> Option<()> {
        let at = self.place(bytes);
        let is_v6 = ether_type == EtherType::IPV6;
        let (protocol, fragment, payload) = if is_v6 {
            let ip = Ipv6::parse(bytes).ok()?;
            (ip.protocol, ip.fragment, ip.payload)
        } else {
            let ip = Ipv4::parse(bytes).ok()?;
            if ip.protocol == protocol::AH && !matches!(ip.fragment, Fragment::Later(_)) {
                let (next, rest) = ah::parse(ip.payload).ok()?;
                let start = self.place(ip.payload);
                // The check value, behind 12 fixed bytes.
                self.layers.blanked.push(start + 12..self.place(rest).max(start + 12));
                (next, ip.fragment, rest)
            } else {
                (ip.protocol, ip.fragment, ip.payload)
            }
        };
        let place = place_of(self.frame, payload);
        self.layers.networks.push(Network {
            at,
            is_v6,
            above: place.start,
            end: place.end,
            protocol,
            fragment,
        });
        Some(())
    }

    /// What the last IP header carries.
    fn upper_layer(&mut self) -> Option<UpperLayer<'a>> {
        let Network { above, end, protocol, fragment, .. } = *self.layers.networks.last()?;
        let bytes = self.frame.get(above..end)?;
        if let Fragment::Later(_) = fragment {
            return Some(UpperLayer::Payload(bytes));
        }
        let (next, rest) = match protocol {
            protocol::TCP => return Some(UpperLayer::Payload(Tcp::parse(bytes).ok()?.payload)),
            protocol::UDP => {
                let udp = Udp::parse(bytes).ok()?;
                let tunnel = match udp.dst_port {
                    gtp::PORT => gtp::parse(udp.payload, udp.payload_bytes),
                    vxlan::PORT => vxlan::parse(udp.payload),
                    _ => None,
                };
                let Some((next, rest)) = tunnel else { return Some(UpperLayer::Payload(udp.payload)) };
                if udp.dst_port == gtp::PORT {
                    // The tunnel's id stands for the subscriber.
                    let start = self.place(udp.payload);
                    self.layers.blanked.push(start + 4..start + 8);
                }
                return Some(UpperLayer::Tunnel(udp.payload, next, rest));
            }
            protocol::IPV4 => (EtherType::IPV4, bytes),
            protocol::IPV6 => (EtherType::IPV6, bytes),
            protocol::GRE => gre::parse(bytes).ok()?,
            protocol::MPLS => mpls::parse(bytes).ok()?,
            _ => return None,
        };
        Some(UpperLayer::Header(next, rest))
    }
}

/// What lies above IP.
enum UpperLayer<'a> {
    Payload(&'a [u8]),
    /// A datagram's payload, and what lies inside if it is a tunnel's.
    Tunnel(&'a [u8], EtherType, &'a [u8]),
    Header(EtherType, &'a [u8]),
}
