//! The headers around a packet.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{ip, udp};
use crate::wrap::{ethernet, tunnel_ends};

pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn v6(packet: &[u8]) -> bool {
    packet[0] >> 4 == 6
}

pub(super) fn ether_type(packet: &[u8]) -> [u8; 2] {
    if v6(packet) { [0x86, 0xdd] } else { [0x08, 0x00] }
}

pub(super) fn protocol(packet: &[u8]) -> u8 {
    if v6(packet) { 41 } else { 4 }
}

pub(super) fn nlpid(packet: &[u8]) -> u8 {
    if v6(packet) { 0x8e } else { 0xcc }
}

pub(super) fn arcnet(packet: &[u8]) -> u8 {
    if v6(packet) { 196 } else { 212 }
}

pub(super) fn family(packet: &[u8]) -> [u8; 4] {
    if v6(packet) { [24, 0, 0, 0] } else { [2, 0, 0, 0] }
}

pub(super) fn eth(packet: &[u8]) -> Vec<u8> {
    ethernet(packet, &[&ether_type(packet)])
}

pub(super) fn macs(packet: &[u8]) -> Vec<u8> {
    ethernet(packet, &[])[..12].to_vec()
}

pub(super) fn tagged(packet: &[u8], ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    cat(&[&macs(packet), &ether_type.to_be_bytes(), &parts.concat()])
}

pub(super) fn llc(packet: &[u8]) -> Vec<u8> {
    cat(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type(packet), packet])
}

pub(super) fn ppp(packet: &[u8]) -> Vec<u8> {
    cat(&[if v6(packet) { &[0x00, 0x57] } else { &[0x00, 0x21] }, packet])
}

/// A data frame to the network.
pub(super) fn wireless(packet: &[u8]) -> Vec<u8> {
    cat(&[
        &[0x08, 0x01, 0, 0, 2, 0, 0, 0, 0, 9],
        &macs(packet)[6..],
        &macs(packet)[..6],
        &[0, 0],
        &llc(packet),
    ])
}

pub(super) fn aggregate(packet: &[u8]) -> Vec<u8> {
    aggregate_of(&[packet])
}

/// Several packets in one frame of 802.11 (A-MSDU); each but the last is filled up to four bytes.
pub fn aggregate_of(packets: &[&[u8]]) -> Vec<u8> {
    let header = [0x88, 0x01, 0, 0, 2, 0, 0, 0, 0, 9];
    let mut frame = cat(&[&header, &macs(packets[0])[6..], &[2, 0, 0, 0, 0, 9], &[0, 0, 0x80, 0]]);
    for (n, packet) in packets.iter().enumerate() {
        let body = llc(packet);
        let one = cat(&[&macs(packet), &(body.len() as u16).to_be_bytes(), &body]);
        let padding = if n + 1 < packets.len() { one.len().next_multiple_of(4) - one.len() } else { 0 };
        frame.extend(one.into_iter().chain(std::iter::repeat_n(0, padding)));
    }
    frame
}

pub(super) fn radiotap(frame: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], frame])
}

pub(super) fn ppi(link_type: u8, frame: &[u8]) -> Vec<u8> {
    cat(&[&[0, 0, 8, 0, link_type, 0, 0, 0], frame])
}

pub(super) fn nflog(packet: &[u8]) -> Vec<u8> {
    let length = (packet.len() as u16 + 4).to_le_bytes();
    let prefix = [8, 0, 10, 0, b'a', b'b', b'c', 0];
    let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
    cat(&[&[if v6(packet) { 10 } else { 2 }, 0, 0, 5], &prefix, &length, &[9, 0], packet, &padding])
}

/// The process "Example" sends.
pub(super) fn pktap(frame: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 108];
    (header[0], header[4], header[8], header[36]) = (108, 1, 1, 2);
    header[12..15].copy_from_slice(b"en0");
    header[56..63].copy_from_slice(b"Example");
    cat(&[&header, frame])
}

pub(super) fn erf(kind: u8, frame: &[u8]) -> Vec<u8> {
    let length = ((16 + frame.len()) as u16).to_be_bytes();
    let wire = (frame.len() as u16).to_be_bytes();
    // 2023-11-14, in the units of 2^-32 seconds.
    cat(&[&(1_700_000_000_u64 << 32).to_le_bytes(), &[kind, 4], &length, &[0, 0], &wire, frame])
}

pub(super) fn pflog(packet: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 64];
    (header[0], header[1]) = (61, if v6(packet) { 24 } else { 2 });
    header[4..8].copy_from_slice(b"em0\0");
    cat(&[&header, packet])
}

/// An Ethernet frame with its check sequence (IEEE 802.3, 3.2.9).
pub(super) fn checked(packet: &[u8]) -> Vec<u8> {
    let frame = eth(packet);
    let mut crc = flate2::Crc::new();
    crc.update(&frame);
    cat(&[&frame, &crc.sum().to_le_bytes()])
}

/// DOCSIS' header and its check sequence (CRC-CCITT, low byte first).
pub(super) fn docsis(packet: &[u8]) -> Vec<u8> {
    let frame = checked(packet);
    let length = (frame.len() as u16).to_be_bytes();
    let header = [0, 0, length[0], length[1]];
    let check = header.into_iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    });
    cat(&[&header, &(!check).to_le_bytes(), &frame])
}

/// netANALYZER's header, version 1: flags, version, the frame's length.
pub(super) fn net_analyzer(packet: &[u8]) -> Vec<u8> {
    let frame = checked(packet);
    let length = (frame.len() as u16 & 0xfff).to_le_bytes();
    cat(&[&[0, 4], &length, &frame])
}

/// Behind a global routing header (InfiniBand Architecture, 8.3).
pub(super) fn ipoib(packet: &[u8]) -> Vec<u8> {
    let length = (packet.len() as u16 + 4).to_be_bytes();
    let routing = [&[0x60, 0, 0, 0][..], &length, &[0x1b, 0xff], &[0xfe; 32]].concat();
    cat(&[&routing, &ether_type(packet), &[0, 0], packet])
}

pub(super) fn over_udp(packet: &[u8], port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let (near, far) = tunnel_ends(packet);
    udp(SocketAddr::new(near, 49152), SocketAddr::new(far, port), &parts.concat())
}

pub(super) fn over_ip(packet: &[u8], protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let (near, far) = tunnel_ends(packet);
    ip(near, far, protocol, &parts.concat())
}

pub(super) fn over_ip6(protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let [near, far] =
        ["2001:db8:ffff::1", "2001:db8:ffff::2"].map(|text| text.parse::<IpAddr>().expect("an address"));
    ip(near, far, protocol, &parts.concat())
}

/// Behind a home agent; of IPv6 there is no such form.
pub(super) fn minimal(packet: &[u8]) -> Vec<u8> {
    if v6(packet) {
        return packet.to_vec();
    }
    let (near, far) = tunnel_ends(packet);
    let inside = [&[packet[9], 0x80, 0, 0], &packet[16..20], &packet[12..16], &packet[20..]].concat();
    ip(near, far, 55, &inside)
}

/// A payload extension header before the transport's.
pub(super) fn shim6(packet: &[u8]) -> Vec<u8> {
    let mut out = packet[..40].to_vec();
    let length = (packet.len() - 40 + 8) as u16;
    out[4..6].copy_from_slice(&length.to_be_bytes());
    let next = std::mem::replace(&mut out[6], 140);
    cat(&[&out, &[next, 0, 0x80, 0, 0, 0, 0, 7], &packet[40..]])
}
