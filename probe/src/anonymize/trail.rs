//! The places in a frame with links, tags or tunnels that `layers` has no walk of its own for: by the engine's trail over its headers.
//!
//! What such headers hold is known to the engine alone: process names, network numbers, addresses. Each of their bytes is
//! blanked that the engine does not need to come to the same packet.

use std::ops::Range;

use wiremark::wire::ethernet::EtherType;
use wiremark::wire::ip::{Fragment, protocol};
use wiremark::wire::ipv4::Ipv4;
use wiremark::wire::ipv6::Ipv6;
use wiremark::{Layer, LinkType, Packet, Trail};

use super::layers::{Layers, Network, place_of};
use super::piece::Piece;

/// A MAC header: two addresses, then what follows.
const MACS: usize = 12;
const MAC: usize = 6;
/// A VLAN's number tells flows apart, and says nothing of a person.
const TAG: usize = 4;
const UDP_HEADER: usize = 8;

/// The places; none where the trail does not lead to the packet.
pub(super) fn layers(link_type: LinkType, frame: &[u8], packet: &Packet<'_>) -> Option<Layers> {
    let (mut layers, unknown) = places(link_type, frame)?;
    layers.payload = place_of(frame, packet.payload);
    let innermost = layers.networks.last()?;
    if innermost.fragment != Fragment::Whole || packet.fragment != Fragment::Whole {
        return None;
    }
    layers.blanked = needless(frame, unknown, |bytes| {
        Packet::parse(link_type, packet.time_us, bytes).is_ok_and(|other| {
            other.five_tuple == packet.five_tuple && place_of(bytes, other.payload) == layers.payload
        })
    });
    Some(layers)
}

/// The same up to the outermost IP packet that came in pieces, and the piece.
pub(super) fn piece(link_type: LinkType, frame: &[u8]) -> Option<(Layers, Piece)> {
    let (layers, unknown) = places(link_type, frame)?;
    if layers.networks.last()?.fragment == Fragment::Whole {
        return None;
    }
    let trail = Trail::of(link_type, frame);
    let blanked = needless(frame, unknown, |bytes| {
        let other = Trail::of(link_type, bytes);
        other.steps() == trail.steps() && other.error == trail.error
    });
    Layers { blanked, ..layers }.ending_in_piece(frame)
}

/// Where addresses stand up to the innermost IP header, or to the first that came in pieces; and the bytes that nobody knows here: up to the
/// first IP header, and from each one's UDP header to the next.
fn places(link_type: LinkType, frame: &[u8]) -> Option<(Layers, Vec<Range<usize>>)> {
    let trail = Trail::of(link_type, frame);
    let mut layers = Layers::default();
    let mut unknown: Vec<Range<usize>> = Vec::new();
    let mut known_to = 0;
    for step in trail.steps() {
        match step.layer {
            Layer::Link(LinkType::Ethernet) | Layer::Ether(EtherType::ETHERNET) => {
                layers.macs.extend([step.offset, step.offset + MAC]);
                unknown.push(known_to..step.offset);
                known_to = step.offset + MACS;
            }
            Layer::Ether(EtherType::VLAN | EtherType::SERVICE_VLAN) => {
                unknown.push(known_to..step.offset);
                known_to = step.offset + TAG;
            }
            Layer::Ether(kind @ (EtherType::IPV4 | EtherType::IPV6)) => {
                unknown.push(known_to..step.offset);
                let network = network(frame, step.offset, kind == EtherType::IPV6)?;
                known_to = network.above + UDP_HEADER;
                let is_piece = network.fragment != Fragment::Whole;
                layers.networks.push(network);
                if is_piece {
                    break;
                }
            }
            Layer::Ip(protocol::MINIMAL) => layers.minimal.push(step.offset),
            _ => {}
        }
    }
    Some((layers, unknown))
}

/// Of some bytes those without which the frame leads to the same.
fn needless(frame: &[u8], bytes: Vec<Range<usize>>, is_same: impl Fn(&[u8]) -> bool) -> Vec<Range<usize>> {
    let mut blank = frame.to_vec();
    let mut needless = Vec::new();
    for at in bytes.into_iter().flatten() {
        let Some(byte) = blank.get_mut(at).filter(|byte| **byte != 0) else { continue };
        let before = std::mem::take(byte);
        if is_same(&blank) {
            needless.push(at..at + 1);
        } else if let Some(byte) = blank.get_mut(at) {
            *byte = before;
        }
    }
    needless
}

fn network(frame: &[u8], at: usize, is_v6: bool) -> Option<Network> {
    let bytes = frame.get(at..)?;
    let (protocol, fragment, payload) = if is_v6 {
        let ip = Ipv6::parse(bytes).ok()?;
        (ip.protocol, ip.fragment, ip.payload)
    } else {
        let ip = Ipv4::parse(bytes).ok()?;
        (ip.protocol, ip.fragment, ip.payload)
    };
    let place = place_of(frame, payload);
    Some(Network { at, is_v6, above: place.start, end: place.end, protocol, fragment })
}
