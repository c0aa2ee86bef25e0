//! The class of service that a datagram was sent with.

use wiremark::{Packet, Transport};

const UDP_HEADER: usize = 8;
/// Headers without options.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// The code point (RFC 2474, 3) in the IP header right before a datagram's UDP header; none where the packet does not
/// stand in the frame, or the header has options.
pub(crate) fn of(frame: &[u8], packet: &Packet<'_>) -> Option<u8> {
    let payload = (packet.payload.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
    if packet.five_tuple.transport != Transport::Udp || payload > frame.len() {
        return None;
    }
    let header = |bytes: usize| frame.get(payload.checked_sub(UDP_HEADER + bytes)?..);
    if packet.five_tuple.src.to_v4().is_some() {
        let [first, class, ..] = header(IPV4_HEADER)? else { return None };
        (*first == 0x45).then_some(class >> 2)
    } else {
        let [first, second, ..] = header(IPV6_HEADER)? else { return None };
        (first >> 4 == 6).then_some((first & 15) << 2 | second >> 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark::LinkType;

    #[test]
    fn the_code_point_is_read_from_either_version() {
        let udp = [0x10, 0, 0x20, 0, 0, 9, 0, 0, 7];
        let v4 = [&[0x45, 46 << 2, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..], &udp]
            .concat();
        let mut v6 = [&[0x6b, 0x80, 0, 0, 0, 9, 17, 64][..], &[0x20; 32], &udp].concat();
        for frame in [&v4, &v6] {
            let packet = Packet::parse(LinkType::Raw, 0, frame).expect("a datagram");
            assert_eq!(of(frame, &packet), Some(46));
            assert_eq!(of(&[], &packet), None);
        }
        v6[0] = 0x60;
        v6[1] = 0;
        let packet = Packet::parse(LinkType::Raw, 0, &v6).expect("a datagram");
        assert_eq!(of(&v6, &packet), Some(0));
    }
}
