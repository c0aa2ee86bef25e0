//! Rewriting headers in place: addresses, whatever tells a host or a subscriber, and then the checksums.

use std::net::IpAddr;

use wiremark::wire::ip::{Fragment, protocol};

use super::addresses::Addresses;
use super::layers::{Layers, Network};

/// TCP options that tell nothing of who sends (RFC 9293, 3.2; RFC 2018; RFC 7323): end, no-operation, segment size,
/// window scale, SACK permitted, SACK, time stamps. Others carry cookies, keys, or addresses (multipath TCP).
const TCP_OPTIONS: [u8; 7] = [0, 1, 2, 3, 4, 5, 8];
const NO_OPERATION: u8 = 1;
/// IPv6's home address option (RFC 6275, 6.3).
const HOME_ADDRESS: u8 = 0xc9;

/// All addresses that stand in the headers, IP and MAC.
pub(super) fn addresses_in(frame: &[u8], layers: &Layers) -> (Vec<IpAddr>, Vec<[u8; 6]>) {
    let inside = layers.minimal.iter().flat_map(|at| minimal_places(frame, *at));
    let ips = layers.networks.iter().flat_map(places).chain(inside).filter_map(|at| read_ip(frame, at));
    let mac = |at: &usize| frame.get(*at..)?.first_chunk().copied();
    (ips.collect(), layers.macs.iter().filter_map(mac).collect())
}

/// Where an IP header's two addresses stand, and how long they are.
fn places(network: &Network) -> [(usize, bool); 2] {
    let (first, step) = if network.is_v6 { (8, 16) } else { (12, 4) };
    [(network.at + first, network.is_v6), (network.at + first + step, network.is_v6)]
}

/// The same of a header of minimal encapsulation (RFC 2004, 3.1): the destination, and the source if a bit says so.
fn minimal_places(frame: &[u8], at: usize) -> impl Iterator<Item = (usize, bool)> + use<> {
    let has_source = frame.get(at + 1).is_some_and(|flags| flags & 0x80 != 0);
    [Some((at + 4, false)), has_source.then_some((at + 8, false))].into_iter().flatten()
}

fn read_ip(frame: &[u8], (at, is_v6): (usize, bool)) -> Option<IpAddr> {
    let bytes = frame.get(at..)?;
    Some(if is_v6 { (*bytes.first_chunk::<16>()?).into() } else { (*bytes.first_chunk::<4>()?).into() })
}

/// The bytes of an address.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Overwrites bytes at a place; what does not fit is left as it is.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = at.checked_add(new.len()).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(new);
    }
}

/// Gives a frame's headers other addresses. Its payload must be what it will be: the checksums go over it.
pub(super) fn rewrite(frame: &mut [u8], layers: &Layers, addresses: &mut Addresses) {
    for at in &layers.macs {
        if let Some(mac) = frame.get(*at..).and_then(|rest| rest.first_chunk()) {
            put(frame, *at, &addresses.mac(*mac));
        }
    }
    for range in &layers.blanked {
        fill(frame, range.start, range.end, 0);
    }
    // Nor does anybody say what stands behind a datagram that ends before its packet does.
    if let Some(last) = layers.networks.last().filter(|last| layers.payload.end >= last.above) {
        fill(frame, layers.payload.end, last.end, 0);
    }
    let mut end_around = frame.len();
    for network in &layers.networks {
        for place in places(network) {
            if let Some(address) = read_ip(frame, place) {
                put(frame, place.0, &octets(addresses.ip(address)));
            }
        }
        if network.is_v6 {
            extensions(frame, network, addresses);
        } else {
            options(frame, network);
        }
        if network.protocol == protocol::TCP && !matches!(network.fragment, Fragment::Later(_)) {
            tcp_options(frame, network);
        }
        // Behind a packet there may be padding, with whatever the sender's memory held.
        fill(frame, network.end, end_around, 0);
        end_around = network.end;
    }
    for at in &layers.minimal {
        let mut end = *at + 4;
        for place in minimal_places(frame, *at) {
            if let Some(address) = read_ip(frame, place) {
                put(frame, place.0, &octets(addresses.ip(address)));
            }
            end = place.0 + 4;
        }
        put(frame, *at + 2, &[0; 2]);
        let sum = finish(add(0, frame.get(*at..end).unwrap_or_default()));
        put(frame, *at + 2, &sum.to_be_bytes());
    }
    for network in layers.networks.iter().rev() {
        checksums(frame, network);
    }
}

fn fill(frame: &mut [u8], start: usize, end: usize, byte: u8) {
    if let Some(range) = frame.get_mut(start..end) {
        range.fill(byte);
    }
}

/// IPv4 options list addresses (record route, source routes, time stamps): they go.
fn options(frame: &mut [u8], network: &Network) {
    let length = frame.get(network.at).map_or(0, |first| usize::from(first & 15) * 4);
    fill(frame, network.at + 20, network.at + length, NO_OPERATION);
}

/// IPv6's routing headers list addresses, destination options may hold one.
fn extensions(frame: &mut [u8], network: &Network, addresses: &mut Addresses) {
    let Some(mut next) = frame.get(network.at + 6).copied() else { return };
    let mut at = network.at + 40;
    while at < network.above {
        let Some(&[following, length]) = frame.get(at..).and_then(|rest| rest.first_chunk()) else { return };
        let end = match next {
            protocol::FRAGMENT => at + 8,
            protocol::AH => at + (usize::from(length) + 2) * 4,
            _ => at + (usize::from(length) + 1) * 8,
        };
        match next {
            protocol::ROUTING => {
                for place in (at + 8..end.saturating_sub(15)).step_by(16) {
                    if let Some(address) = read_ip(frame, (place, true)) {
                        put(frame, place, &octets(addresses.ip(address)));
                    }
                }
            }
            protocol::DESTINATION
                if frame.get(at + 2..end).is_some_and(|rest| rest.contains(&HOME_ADDRESS)) =>
            {
                // One option of padding (RFC 8200, 4.2) in place of all.
                fill(frame, at + 2, end, 0);
                put(frame, at + 2, &[1, (end - at - 4) as u8]);
            }
            protocol::AH => fill(frame, at + 12, end, 0),
            _ => {}
        }
        (next, at) = (following, end);
    }
}

fn tcp_options(frame: &mut [u8], network: &Network) {
    let length = frame.get(network.above + 12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let end = (network.above + length).min(network.end);
    let mut at = network.above + 20;
    while at < end {
        let kind = frame.get(at).copied().unwrap_or(0);
        let length = match kind {
            0 => return,
            NO_OPERATION => 1,
            _ => usize::from(frame.get(at + 1).copied().unwrap_or(0)),
        };
        if length == 0 || at + length > end {
            return fill(frame, at, end, NO_OPERATION);
        }
        if !TCP_OPTIONS.contains(&kind) {
            fill(frame, at, at + length, NO_OPERATION);
        }
        at += length;
    }
}

/// The checksums of what the packet carries, then its own header's. Bytes that the capture cut off count as zeros,
/// as all bytes that are blanked do.
fn checksums(frame: &mut [u8], network: &Network) {
    let Network { at, is_v6, above, end, protocol, fragment } = *network;
    let whole = fragment == Fragment::Whole;
    match protocol {
        protocol::TCP if !matches!(fragment, Fragment::Later(_)) => {
            put(frame, above + 16, &[0; 2]);
            if whole {
                let sum = transport_sum(frame, network, end);
                put(frame, above + 16, &sum.to_be_bytes());
            }
        }
        protocol::UDP if !matches!(fragment, Fragment::Later(_)) => {
            let used = frame.get(above + 6..above + 8).is_some_and(|sum| sum != [0; 2]);
            put(frame, above + 6, &[0; 2]);
            if whole && (used || is_v6) {
                let length = frame.get(above + 4..).and_then(|rest| rest.first_chunk());
                let length = length.map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                let data_end = if length == 0 { end } else { end.min(above + length) };
                // 0 means that there is no checksum (RFC 768).
                let sum = match transport_sum(frame, network, data_end) {
                    0 => 0xffff,
                    sum => sum,
                };
                put(frame, above + 6, &sum.to_be_bytes());
            }
        }
        // The checksum bit; the checksum follows the first four bytes (RFC 2784, 2.5).
        protocol::GRE if whole && frame.get(above).is_some_and(|flags| flags & 0x80 != 0) => {
            put(frame, above + 4, &[0; 2]);
            let sum = finish(add(0, frame.get(above..end).unwrap_or_default()));
            put(frame, above + 4, &sum.to_be_bytes());
        }
        _ => {}
    }
    if !is_v6 {
        let length = frame.get(at).map_or(0, |first| usize::from(first & 15) * 4);
        put(frame, at + 10, &[0; 2]);
        let sum = finish(add(0, frame.get(at..at + length).unwrap_or_default()));
        put(frame, at + 10, &sum.to_be_bytes());
    }
}

/// The checksum of a TCP segment or datagram with its pseudo header (RFC 9293, 3.1; RFC 8200, 8.1).
fn transport_sum(frame: &[u8], network: &Network, end: usize) -> u16 {
    let Network { at, is_v6, above, protocol, .. } = *network;
    let field = |at: usize| {
        let field = frame.get(at..).and_then(|rest| rest.first_chunk());
        field.map_or(0, |field| usize::from(u16::from_be_bytes(*field)))
    };
    // Lengths by the headers, as more may have been on the wire than was captured.
    let stated = match (is_v6, if is_v6 { field(at + 4) } else { field(at + 2) }) {
        // Left to the network card.
        (_, 0) => end - at,
        (true, payload) => payload + 40,
        (false, total) => total,
    };
    let length = match protocol {
        protocol::UDP if field(above + 4) != 0 => field(above + 4),
        _ => stated.checked_sub(above - at).unwrap_or(end.saturating_sub(above)),
    };
    let places = if is_v6 { at + 8..at + 40 } else { at + 12..at + 20 };
    let sum = add(0, frame.get(places).unwrap_or_default());
    let sum = sum + u64::from(protocol) + (length as u64 >> 16) + (length as u64 & 0xffff);
    finish(add(sum, frame.get(above..end).unwrap_or_default()))
}

/// Adds 16-bit words, the last one filled up with zero (RFC 1071).
fn add(sum: u64, bytes: &[u8]) -> u64 {
    let (words, odd) = bytes.as_chunks();
    let sum = words.iter().fold(sum, |sum, word| sum + u64::from(u16::from_be_bytes(*word)));
    sum + odd.first().map_or(0, |last| u64::from(*last) << 8)
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}
