//! IP, TCP and UDP headers, written with right lengths and checksums, and found again in a frame.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Numbers of pcap's LINKTYPE list.
pub mod link {
    /// BSD loopback, address family in the writer's byte order (little-endian here).
    pub const NULL: u16 = 0;
    /// Ethernet II.
    pub const ETHERNET: u16 = 1;
    /// Raw IPv4 or IPv6.
    pub const RAW: u16 = 101;
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: u16 = 108;
    /// Linux "cooked" capture.
    pub const SLL: u16 = 113;
    /// Linux "cooked" capture, version 2.
    pub const SLL2: u16 = 276;
}

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// TCP header fields that a conversation sets.
#[derive(Clone, Debug, Default)]
pub struct TcpHeader {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Flag byte: FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10.
    pub flags: u8,
    /// Option bytes; a multiple of four.
    pub options: Vec<u8>,
}

/// RFC 1071: the ones' complement sum over all parts; every part but the last has an even length.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    // Eight bytes at a time (RFC 1071, 2: the sum of longer words is folded to the same).
    let mut sum: u128 = 0;
    for part in parts {
        let (words, rest) = part.as_chunks::<8>();
        for word in words {
            sum += u128::from(u64::from_be_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        sum += u128::from(u64::from_be_bytes(last));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum of a TCP or UDP segment with its pseudo header (RFC 9293 3.1, RFC 768, RFC 8200 8.1).
pub fn transport_checksum(src: IpAddr, dst: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let tail = [(segment.len() as u32).to_be_bytes(), [0, 0, 0, protocol]].concat();
    match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => checksum(&[&s.octets(), &d.octets(), &tail, segment]),
        (IpAddr::V6(s), IpAddr::V6(d)) => checksum(&[&s.octets(), &d.octets(), &tail, segment]),
        _ => panic!("both ends of a packet speak the same IP version"),
    }
}

/// An IPv4 or IPv6 packet.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            let length = (20 + payload.len()) as u16;
            let mut h = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
            h[2..4].copy_from_slice(&length.to_be_bytes());
            h.extend_from_slice(&s.octets());
            h.extend_from_slice(&d.octets());
            let sum = checksum(&[&h]);
            h[10..12].copy_from_slice(&sum.to_be_bytes());
            [h.as_slice(), payload].concat()
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            let mut h = vec![0x60, 0, 0, 0];
            h.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            h.extend_from_slice(&[protocol, 64]);
            h.extend_from_slice(&s.octets());
            h.extend_from_slice(&d.octets());
            [h.as_slice(), payload].concat()
        }
        _ => panic!("both ends of a packet speak the same IP version"),
    }
}

/// An IP packet holding a UDP datagram.
pub fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend_from_slice(&src.port().to_be_bytes());
    datagram.extend_from_slice(&dst.port().to_be_bytes());
    datagram.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(payload);
    seal(src.ip(), dst.ip(), UDP, &mut datagram);
    ip(src.ip(), dst.ip(), UDP, &datagram)
}

/// An IP packet holding a TCP segment.
pub fn tcp(src: SocketAddr, dst: SocketAddr, header: &TcpHeader, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + header.options.len() + payload.len());
    segment.extend_from_slice(&src.port().to_be_bytes());
    segment.extend_from_slice(&dst.port().to_be_bytes());
    segment.extend_from_slice(&header.sequence.to_be_bytes());
    segment.extend_from_slice(&header.acknowledgement.to_be_bytes());
    let words = (20 + header.options.len()) / 4;
    segment.extend_from_slice(&[(words << 4) as u8, header.flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(&header.options);
    segment.extend_from_slice(payload);
    seal(src.ip(), dst.ip(), TCP, &mut segment);
    ip(src.ip(), dst.ip(), TCP, &segment)
}

/// Writes the checksum into a TCP or UDP segment.
pub(crate) fn seal(src: IpAddr, dst: IpAddr, protocol: u8, segment: &mut [u8]) {
    let at = if protocol == TCP { 16 } else { 6 };
    segment[at..at + 2].fill(0);
    let mut sum = transport_checksum(src, dst, protocol, segment);
    if protocol == UDP && sum == 0 {
        sum = 0xffff; // RFC 768: zero means "no checksum"
    }
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Cuts an IP packet into fragments whose payload is `bytes` (a multiple of eight) or less.
///
/// A packet that is small enough comes back alone and unchanged.
pub fn fragments(packet: &[u8], bytes: usize) -> Vec<Vec<u8>> {
    assert!(bytes > 0 && bytes.is_multiple_of(8), "RFC 791: fragments are cut at multiples of eight bytes");
    let v4 = packet[0] >> 4 == 4;
    let header = if v4 { usize::from(packet[0] & 0x0f) * 4 } else { 40 };
    let payload = &packet[header..];
    if payload.len() <= bytes {
        return vec![packet.to_vec()];
    }
    let id = checksum(&[payload]);
    let last = payload.len().div_ceil(bytes) - 1;
    let cut = |(n, piece): (usize, &[u8])| {
        let offset = (n * bytes) as u16;
        let mut out = packet[..header].to_vec();
        if v4 {
            out[2..4].copy_from_slice(&((header + piece.len()) as u16).to_be_bytes());
            out[4..6].copy_from_slice(&id.to_be_bytes());
            let field = (offset / 8) | if n < last { 0x2000 } else { 0 };
            out[6..8].copy_from_slice(&field.to_be_bytes());
            out[10..12].fill(0);
            let sum = checksum(&[&out]);
            out[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            out[4..6].copy_from_slice(&((8 + piece.len()) as u16).to_be_bytes());
            let next = std::mem::replace(&mut out[6], 44);
            out.extend_from_slice(&[next, 0]);
            out.extend_from_slice(&(offset | u16::from(n < last)).to_be_bytes());
            out.extend_from_slice(&u32::from(id).to_be_bytes());
        }
        out.extend_from_slice(piece);
        out
    };
    payload.chunks(bytes).enumerate().map(cut).collect()
}

/// The same packet with both addresses in 2001:db8::/96; an IPv6 packet comes back unchanged.
///
/// Panics for fragments: their checksum cannot be written anew.
pub fn to_ipv6(packet: &[u8]) -> Vec<u8> {
    if packet[0] >> 4 == 6 {
        return packet.to_vec();
    }
    let at = locate(link::RAW, packet).expect("a whole IPv4 packet with TCP or UDP");
    let (src, dst) = (v6_of(at.src.ip()), v6_of(at.dst.ip()));
    let mut segment = packet[at.transport..at.end].to_vec();
    seal(src, dst, at.protocol, &mut segment);
    ip(src, dst, at.protocol, &segment)
}

/// The address that [`to_ipv6`] writes for `address`.
pub fn v6_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            let words = [0x2001, 0xdb8, 0, 0, 0, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
            IpAddr::V6(Ipv6Addr::from(words))
        }
        v6 => v6,
    }
}

/// Where the headers of a frame lie, as offsets from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Start of the IP header.
    pub ip: usize,
    /// Start of the TCP or UDP header.
    pub transport: usize,
    /// Start of the payload.
    pub payload: usize,
    /// End of the payload, as IP says.
    pub end: usize,
    /// [`TCP`] or [`UDP`].
    pub protocol: u8,
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
}

/// Finds IP and TCP or UDP in a frame; `None` for tunnels, fragments, cut frames and everything else.
pub fn locate(link_type: u16, frame: &[u8]) -> Option<Located> {
    let ip = match link_type {
        link::RAW => 0,
        link::NULL | link::LOOP => 4,
        link::SLL => 16,
        link::SLL2 => 20,
        link::ETHERNET => {
            let mut at = 12;
            while matches!(be16(frame, at)?, 0x8100 | 0x88a8) {
                at += 4;
            }
            matches!(be16(frame, at)?, 0x0800 | 0x86dd).then_some(at + 2)?
        }
        _ => return None,
    };
    let (src, dst, protocol, transport, end);
    match frame.get(ip)? >> 4 {
        4 => {
            let octets = |at: usize| frame.get(at..at + 4)?.first_chunk::<4>().copied();
            src = IpAddr::V4(Ipv4Addr::from(octets(ip + 12)?));
            dst = IpAddr::V4(Ipv4Addr::from(octets(ip + 16)?));
            protocol = *frame.get(ip + 9)?;
            transport = ip + usize::from(frame[ip] & 0x0f) * 4;
            end = ip + usize::from(be16(frame, ip + 2)?);
            if be16(frame, ip + 6)? & 0x3fff != 0 || transport < ip + 20 {
                return None;
            }
        }
        6 => {
            let octets = |at: usize| frame.get(at..at + 16)?.first_chunk::<16>().copied();
            src = IpAddr::V6(Ipv6Addr::from(octets(ip + 8)?));
            dst = IpAddr::V6(Ipv6Addr::from(octets(ip + 24)?));
            protocol = *frame.get(ip + 6)?;
            transport = ip + 40;
            end = transport + usize::from(be16(frame, ip + 4)?);
        }
        _ => return None,
    }
    let payload = match protocol {
        TCP => transport + usize::from(frame.get(transport + 12)? >> 4) * 4,
        UDP => transport + 8,
        _ => return None,
    };
    let shortest = if protocol == TCP { transport + 20 } else { payload };
    if end > frame.len() || payload > end || payload < shortest {
        return None;
    }
    let src = SocketAddr::new(src, be16(frame, transport)?);
    let dst = SocketAddr::new(dst, be16(frame, transport + 2)?);
    Some(Located { ip, transport, payload, end, protocol, src, dst })
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(be16(bytes, at)?) << 16 | u32::from(be16(bytes, at + 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn checksum_is_that_of_rfc_1071() {
        // The example of RFC 1071 section 3: sum ddf2, complement 220d.
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), 0x220d);
        assert_eq!(checksum(&[&[0x00, 0x01], &[0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), 0x220d);
    }

    /// A header with its right checksum sums to zero.
    fn sums_to_zero(packet: &[u8]) {
        let at = locate(link::RAW, packet).expect("located");
        if packet[0] >> 4 == 4 {
            assert_eq!(checksum(&[&packet[..at.transport]]), 0);
        }
        let segment = &packet[at.transport..at.end];
        assert_eq!(transport_checksum(at.src.ip(), at.dst.ip(), at.protocol, segment), 0);
    }

    #[test]
    fn checksums_hold_in_both_ip_versions() {
        let (a, b) = (v4("10.0.0.1:4000"), v4("198.51.100.1:53"));
        let header =
            TcpHeader { sequence: 7, flags: 0x02, options: vec![2, 4, 5, 0xb4], ..Default::default() };
        for packet in [udp(a, b, b"odd"), udp(a, b, b"even"), tcp(a, b, &header, b"payload")] {
            sums_to_zero(&packet);
            let six = to_ipv6(&packet);
            sums_to_zero(&six);
            let (at4, at6) = (locate(link::RAW, &packet).unwrap(), locate(link::RAW, &six).unwrap());
            assert_eq!(packet[at4.payload..at4.end], six[at6.payload..at6.end]);
            assert_eq!(at6.src.to_string(), "[2001:db8::a00:1]:4000");
        }
    }

    #[test]
    fn fragments_put_together_are_the_packet() {
        let packet = udp(v4("10.0.0.1:4000"), v4("198.51.100.1:53"), &[9; 100]);
        for (packet, header) in [(packet.clone(), 20), (to_ipv6(&packet), 40)] {
            let pieces = fragments(&packet, 48);
            assert_eq!(pieces.len(), 3);
            let skip = if header == 20 { 20 } else { 48 };
            let joined: Vec<u8> = pieces.iter().flat_map(|p| p[skip..].to_vec()).collect();
            assert_eq!(joined, packet[header..]);
            assert_eq!(locate(link::RAW, &pieces[0]), None);
        }
    }
}
