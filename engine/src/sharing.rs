//! Who does the work: frames shared out by the client whose they are, so that its flows and what teaches of them stay
//! together.

use crate::five_tuple::{Address, FiveTuple};
use crate::lru::{SeededHash, fold};
use crate::packet::{Found, LinkType, Packet, ParseError, Piece, Start, Visit, walk};
use alloc::boxed::Box;
use alloc::vec;

/// Ports from 1024 on at which servers wait, whatever the app: SOCKS, PPTP, L2TP, RADIUS, proxies, STUN and TURN, SIP, XMPP, push
/// (IANA's registry of service names).
const SERVICES: [u16; 22] = [
    1080, 1194, 1701, 1723, 1812, 1813, 3128, 3478, 3479, 3480, 3481, 5060, 5061, 5222, 5223, 5228, 5349,
    5353, 8000, 8080, 8443, 8888,
];
/// Fragmented packets remembered.
const REMEMBERED: usize = 4096;

/// Shares frames out by client: both directions of a flow, whatever tunnel they come in, and the look-ups before it.
///
/// It knows nothing of a flow's start, so that any place of a capture gives the same; only the first fragments of packets
/// are remembered, for the others that have no ports. Memory is taken when it is made.
#[derive(Debug)]
pub struct Sharing {
    fragmented: Box<[Option<(Fragmented, Address)>]>,
}

/// What the fragments of one packet share.
type Fragmented = (Address, Address, u32);

struct Pieces;

impl Visit<'_> for Pieces {
    const PIECES: bool = true;
}

impl Default for Sharing {
    fn default() -> Self {
        Self { fragmented: vec![None; REMEMBERED].into_boxed_slice() }
    }
}

impl Sharing {
    /// The client of a frame's innermost TCP or UDP packet; see [`FiveTuple::client`].
    ///
    /// # Errors
    /// Frames without one, as [`Packet::parse`].
    pub fn client(&mut self, link_type: LinkType, frame: &[u8]) -> Result<Address, ParseError> {
        if let Some(packet) = Packet::plain(link_type, 0, frame) {
            return Ok(packet.five_tuple.client());
        }
        match walk(Start::Frame(link_type, frame), 0, &mut Pieces)? {
            Found::Packet(packet, _) => Ok(packet.five_tuple.client()),
            Found::Piece(piece) => self.client_of_piece(link_type, frame, &piece),
        }
    }

    /// Which of `shares` (at least 1) a frame belongs to, from 0: the same on every machine. Frames without a client are the
    /// first's.
    pub fn share(&mut self, link_type: LinkType, frame: &[u8], shares: usize) -> usize {
        let Ok(client) = self.client(link_type, frame) else { return 0 };
        ((u128::from(client.seeded_hash(0)) * shares as u128) >> 64) as usize
    }

    /// Of a fragment: whose the first one was, with the ports or the tunnel's packet inside.
    fn client_of_piece(
        &mut self,
        link_type: LinkType,
        frame: &[u8],
        piece: &Piece<'_>,
    ) -> Result<Address, ParseError> {
        let network = &piece.network;
        let packet = (network.src, network.dst, piece.id);
        let hash = fold(u64::from(piece.id), network.src.seeded_hash(network.dst.seeded_hash(0)));
        let place = &mut self.fragmented[hash as usize % REMEMBERED];
        if piece.offset != 0 {
            return match place {
                Some((known, client)) if *known == packet => Ok(*client),
                _ => Ok(between(network.src, network.dst)),
            };
        }
        let client = match Packet::parse(link_type, 0, frame) {
            Ok(first) => first.five_tuple.client(),
            Err(_) => between(network.src, network.dst),
        };
        *place = Some((packet, client));
        Ok(client)
    }
}

impl FiveTuple {
    /// Which of the two ends is the client, as far as one packet of either direction tells: the one that is not at a service's
    /// port; the one with the private address; the one with the higher port; the lower address.
    pub fn client(&self) -> Address {
        let is_service = |port: u16| port < 1024 || SERVICES.contains(&port);
        match (is_service(self.src_port), is_service(self.dst_port)) {
            (true, false) => self.dst,
            (false, true) => self.src,
            _ if is_private(self.src) != is_private(self.dst) => between(self.src, self.dst),
            _ if self.src_port != self.dst_port => {
                if self.src_port > self.dst_port {
                    self.src
                } else {
                    self.dst
                }
            }
            _ => between(self.src, self.dst),
        }
    }
}

/// The private address of two, or else the lower.
fn between(one: Address, other: Address) -> Address {
    match (is_private(one), is_private(other)) {
        (true, false) => one,
        (false, true) => other,
        _ => one.min(other),
    }
}

/// RFC 1918, RFC 6598 (carriers' own), RFC 3927; RFC 4193 and 4291 (unique and link-local).
fn is_private(address: Address) -> bool {
    match address.to_v4() {
        Some([10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [169, 254, ..]) => true,
        Some(_) => false,
        None => address.0[0] & 0xfe == 0xfc || address.0[0] == 0xfe && address.0[1] & 0xc0 == 0x80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::five_tuple::Transport;

    fn tuple(src: [u8; 4], src_port: u16, dst: [u8; 4], dst_port: u16) -> FiveTuple {
        let (src, dst) = (Address::v4(src), Address::v4(dst));
        FiveTuple { src, dst, src_port, dst_port, transport: Transport::Udp }
    }

    #[test]
    fn both_directions_have_one_client() {
        let (phone, other) = ([192, 168, 1, 5], [192, 168, 1, 1]);
        for (src_port, dst, dst_port, why) in [
            (40_000, [8, 8, 8, 8], 53, "a look-up"),
            (1025, other, 53, "a look-up at home"),
            (123, [8, 8, 8, 8], 123, "both at a service's port: the private one"),
            (2000, [8, 8, 8, 8], 3478, "a relay"),
            (2000, [8, 8, 8, 8], 40_000, "no service: the private one"),
            (40_000, other, 9999, "both private: the higher port"),
        ] {
            let tuple = tuple(phone, src_port, dst, dst_port);
            assert_eq!(tuple.client(), Address::v4(phone), "{why}");
            assert_eq!(tuple.reversed().client(), Address::v4(phone), "{why}");
        }
        let alike = tuple(phone, 5000, other, 5000);
        assert_eq!(alike.client(), alike.reversed().client());
    }

    /// Ethernet and IPv4: a fragment at `offset` (in units of 8 bytes) with this protocol and payload.
    fn fragment(
        ends: [[u8; 4]; 2],
        id: u8,
        (offset, more): (u8, u8),
        protocol: u8,
        payload: &[u8],
    ) -> alloc::vec::Vec<u8> {
        let total = (20 + payload.len()) as u8;
        let header = [0x45, 0, 0, total, 0, id, more << 5, offset, 64, protocol, 0, 0];
        [&[0; 12][..], &[8, 0], &header, &ends[0], &ends[1], payload].concat()
    }

    #[test]
    fn fragments_go_where_their_first_went() {
        let mut sharing = Sharing::default();
        let ends = [[9, 9, 9, 9], [5, 5, 5, 5]];
        let datagram = [0, 53, 0x9c, 0x40, 0, 40, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let first = fragment(ends, 7, (0, 1), 17, &datagram);
        let later = fragment(ends, 7, (2, 0), 17, &[1; 16]);
        assert_eq!(sharing.client(LinkType::Ethernet, &first), Ok(Address::v4(ends[1])));
        assert_eq!(sharing.client(LinkType::Ethernet, &later), Ok(Address::v4(ends[1])));
        // A tunnel's: by the packet inside.
        let inside =
            [&[0x45, 0, 0, 44, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 8, 8, 8, 8][..], &datagram].concat();
        let first = fragment(ends, 8, (0, 1), 4, &inside);
        let later = fragment(ends, 8, (5, 0), 4, &[1; 16]);
        assert_eq!(sharing.client(LinkType::Ethernet, &first), Ok(Address::v4([8, 8, 8, 8])));
        assert_eq!(sharing.client(LinkType::Ethernet, &later), Ok(Address::v4([8, 8, 8, 8])));
    }

    #[test]
    fn clients_are_spread_over_all_shares() {
        let mut sharing = Sharing::default();
        let mut counts = [0; 7];
        for client in 0..=255 {
            let datagram = [0x9c, 0x40, 0, 53, 0, 8, 0, 0];
            let frame = fragment([[10, 0, client / 16, client], [8, 8, 8, 8]], 0, (0, 0), 17, &datagram);
            counts[sharing.share(LinkType::Ethernet, &frame, 7)] += 1;
        }
        assert!(counts.iter().all(|count| (15..=65).contains(count)), "{counts:?}");
        assert_eq!(sharing.share(LinkType::Ethernet, &[0; 60], 7), 0, "no client");
    }
}
