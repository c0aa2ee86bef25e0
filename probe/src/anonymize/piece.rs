//! Pieces of IP packets as their headers tell of them (RFC 791, 3.2; RFC 8200, 4.5).

use std::net::IpAddr;
use std::ops::Range;

use wiremark::wire::ip::protocol;

/// Fixed headers.
pub(super) const V4_HEADER: usize = 20;
pub(super) const V6_HEADER: usize = 40;

/// What a packet's pieces share: ends, number, protocol.
pub(super) type Key = (IpAddr, IpAddr, u32, u8);

/// A piece in its frame.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) key: Key,
    /// Protocol number of what it is a piece of.
    pub(super) protocol: u8,
    /// Where in the packet's payload it belongs.
    pub(super) offset: usize,
    pub(super) has_more: bool,
    /// Where in the frame it stands.
    pub(super) place: Range<usize>,
    /// Where in the frame its packet's number stands.
    number: Range<usize>,
}

impl Piece {
    /// What an IP header says of a piece; `end` is where its packet ends. None where it is no piece.
    pub(super) fn of(frame: &[u8], at: usize, is_v6: bool, end: usize) -> Option<Self> {
        let bytes = frame.get(at..end)?;
        if is_v6 { v6(bytes, at, end) } else { v4(bytes, at, end) }
    }

    /// The packet's number where it is another packet's than the one before with the same: what told them apart goes.
    pub(super) fn renumbered(&self, generation: u16) -> (usize, Vec<u8>) {
        let bytes = self.key.2.wrapping_add(u32::from(generation) << 8).to_be_bytes();
        (self.number.start, bytes.iter().skip(bytes.len() - self.number.len()).copied().collect())
    }

    /// Bytes of a first piece that tell its flow: ports and flags of TCP, ports and length of UDP.
    pub(super) fn header_bytes(&self) -> usize {
        match (self.offset, self.protocol) {
            (0, protocol::TCP) => 14,
            (0, protocol::UDP) => 6,
            _ => 0,
        }
    }
}

fn v4(bytes: &[u8], at: usize, end: usize) -> Option<Piece> {
    let header: &[u8; V4_HEADER] = bytes.first_chunk()?;
    let &[first, .., s1, s2, s3, s4, d1, d2, d3, d4] = header;
    let [.., i1, i2, o1, o2, _, protocol] = header.first_chunk::<10>()?;
    let flags = u16::from_be_bytes([*o1, *o2]);
    let (offset, has_more) = (usize::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
    let key = (
        IpAddr::from([s1, s2, s3, s4]),
        IpAddr::from([d1, d2, d3, d4]),
        u16::from_be_bytes([*i1, *i2]).into(),
        *protocol,
    );
    let place = at + usize::from(first & 15) * 4..end;
    let piece = Piece { key, protocol: *protocol, offset, has_more, place, number: at + 4..at + 6 };
    (offset > 0 || has_more).then_some(piece)
}

fn v6(bytes: &[u8], at: usize, end: usize) -> Option<Piece> {
    let address = |at: usize| Some(IpAddr::from(*bytes.get(at..)?.first_chunk::<16>()?));
    let (src, dst) = (address(8)?, address(24)?);
    let (mut next, mut place) = (*bytes.get(6)?, V6_HEADER);
    loop {
        let &[following, length, high, low, i1, i2, i3, i4] = bytes.get(place..)?.first_chunk()?;
        match next {
            protocol::FRAGMENT => {
                let flags = u16::from_be_bytes([high, low]);
                let (offset, has_more) = (usize::from(flags & 0xfff8), flags & 1 != 0);
                let key = (src, dst, u32::from_be_bytes([i1, i2, i3, i4]), 0);
                let place = at + place + 8..end;
                let number = place.start - 4..place.start;
                let piece = Piece { key, protocol: following, offset, has_more, place, number };
                return (offset > 0 || has_more).then_some(piece);
            }
            protocol::AH => place += (usize::from(length) + 2) * 4,
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION | protocol::MOBILITY => {
                place += (usize::from(length) + 1) * 8;
            }
            _ => return None,
        }
        next = following;
    }
}
