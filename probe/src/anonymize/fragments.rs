//! Fragments: the packet that pieces make is rewritten as a frame of its own, and cut up again.
//!
//! RFC 791, 3.2; RFC 8200, 4.5. Pieces that contradict each other are no packet's.

use std::collections::HashMap;
use std::ops::Range;

use super::headers::octets;
use super::piece::{Key, Piece, V4_HEADER, V6_HEADER};

/// How long pieces wait for the others, as the engine's do.
const WAIT_NS: u64 = 30_000_000_000;
/// Number of raw IP in pcap's LINKTYPE list: how a packet put together begins.
pub(super) const RAW: u32 = 101;
/// Longest payload of a packet with the header given here.
const PAYLOAD_MAX: usize = 0xffff - V4_HEADER;

/// A piece's part of a packet: number of its frame, where in that it stands, where in the packet it begins.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) frame: usize,
    pub(super) place: Range<usize>,
    pub(super) at: usize,
}

/// What is there of a packet.
#[derive(Default)]
struct Pieces {
    since_ns: u64,
    protocol: u8,
    payload: Vec<u8>,
    is_there: Vec<bool>,
    total_bytes: Option<usize>,
    targets: Vec<Target>,
    /// Number of the packet, once it is whole.
    whole: Option<usize>,
    is_refused: bool,
    /// How many packets had the same number before.
    generation: u16,
}

/// What a piece came to.
pub(super) enum Added {
    /// Others are missing.
    Waits,
    /// It contradicts the others, so that there will be no packet.
    Refused,
    /// The packet is whole: its bytes from an IP header on, and its pieces.
    Whole(Vec<u8>, Vec<Target>),
    /// One more copy of a piece of the packet with this number.
    Copy(usize, Target),
}

/// Packets in pieces.
#[derive(Default)]
pub(super) struct Fragments(HashMap<Key, Pieces>);

impl Fragments {
    /// Takes in a piece of a frame; `whole` is the number that its packet will have if it is whole now. Gives back how many
    /// packets had the same number before, too.
    pub(super) fn add(
        &mut self,
        piece: &Piece,
        bytes: &[u8],
        frame: usize,
        now_ns: u64,
        whole: usize,
    ) -> (Added, u16) {
        let part = bytes.get(piece.place.clone()).unwrap_or_default();
        let range = piece.offset..piece.offset + part.len();
        let pieces = self.0.entry(piece.key).or_default();
        let is_other = pieces.whole.is_some() && pieces.payload.get(range.clone()) != Some(part);
        if is_other || now_ns.saturating_sub(pieces.since_ns) > WAIT_NS {
            let generation = pieces.generation + u16::from(is_other);
            *pieces = Pieces { since_ns: now_ns, generation, ..Pieces::default() };
        }
        let header = if piece.key.0.is_ipv6() { V6_HEADER } else { V4_HEADER };
        let target = Target { frame, place: piece.place.clone(), at: header + piece.offset };
        if let Some(whole) = pieces.whole {
            return (Added::Copy(whole, target), pieces.generation);
        }
        let was_refused = pieces.is_refused;
        pieces.put(piece, part, range);
        pieces.targets.push(target);
        let is_whole =
            pieces.total_bytes == Some(pieces.payload.len()) && pieces.is_there.iter().all(|there| *there);
        if pieces.is_refused || !is_whole {
            let is_refused = pieces.is_refused && !was_refused;
            return (if is_refused { Added::Refused } else { Added::Waits }, pieces.generation);
        }
        pieces.whole = Some(whole);
        let packet = packet(&piece.key, pieces.protocol, &pieces.payload);
        (Added::Whole(packet, pieces.targets.clone()), pieces.generation)
    }

    /// A packet was whole, and is kept under another number than it was to have.
    pub(super) fn renumber(&mut self, key: &Key, whole: usize) {
        if let Some(pieces) = self.0.get_mut(key) {
            pieces.whole = Some(whole);
        }
    }
}

impl Pieces {
    fn put(&mut self, piece: &Piece, part: &[u8], range: Range<usize>) {
        let old: Vec<(bool, u8)> =
            range.clone().map_while(|at| Some((*self.is_there.get(at)?, *self.payload.get(at)?))).collect();
        let contradicts = old.iter().zip(part).any(|((there, old), new)| *there && old != new);
        let is_behind = self.total_bytes.is_some_and(|total| range.end > total)
            || !piece.has_more && range.end < self.payload.len();
        if part.is_empty() || contradicts || is_behind || range.end > PAYLOAD_MAX {
            self.is_refused = true;
            return;
        }
        if range.end > self.payload.len() {
            self.payload.resize(range.end, 0);
            self.is_there.resize(range.end, false);
        }
        if let (Some(bytes), Some(there)) =
            (self.payload.get_mut(range.clone()), self.is_there.get_mut(range.clone()))
        {
            bytes.copy_from_slice(part);
            there.fill(true);
        }
        if range.start == 0 {
            self.protocol = piece.protocol;
        }
        if !piece.has_more {
            self.total_bytes = Some(range.end);
        }
    }
}

/// A packet with the shortest header that says what the pieces' say.
fn packet((src, dst, ..): &Key, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = if src.is_ipv6() {
        let [high, low] = (payload.len() as u16).to_be_bytes();
        vec![0x60, 0, 0, 0, high, low, protocol, 64]
    } else {
        let [high, low] = ((V4_HEADER + payload.len()) as u16).to_be_bytes();
        vec![0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0]
    };
    packet.extend(octets(*src));
    packet.extend(octets(*dst));
    packet.extend(payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: usize, bytes: usize, has_more: bool) -> (Piece, Vec<u8>) {
        let more = if has_more { 0x20 } else { 0 };
        let place = offset / 8;
        let mut frame = vec![0x45, 0, 0, 0, 0, 7, more | (place >> 8) as u8, place as u8, 64, 17, 0, 0];
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend((offset..offset + bytes).map(|at| at as u8));
        (Piece::of(&frame, 0, false, frame.len()).unwrap(), frame)
    }

    #[test]
    fn pieces_in_any_order_make_their_packet() {
        let mut fragments = Fragments::default();
        let all = [piece(32, 5, false), piece(16, 16, true), piece(0, 16, true)];
        let mut add = |number: usize, now_ns| {
            let (piece, frame) = &all[number];
            fragments.add(piece, frame, number, now_ns, 9).0
        };
        assert!(matches!(add(0, 0), Added::Waits));
        assert!(matches!(add(1, 0), Added::Waits));
        let Added::Whole(packet, targets) = add(2, 0) else { panic!("whole") };
        assert_eq!(packet[20..], (0..37).collect::<Vec<u8>>());
        assert_eq!(
            targets.iter().map(|target| (target.frame, target.at)).collect::<Vec<_>>(),
            [(0, 52), (1, 36), (2, 20)]
        );
        assert!(matches!(add(1, 1), Added::Copy(9, _)), "the same piece once more");
        assert!(matches!(add(1, WAIT_NS + 2), Added::Waits), "another packet with the same number");
    }

    #[test]
    fn another_packet_with_the_same_number_gets_another() {
        let mut fragments = Fragments::default();
        for (piece, frame) in [piece(0, 16, true), piece(16, 9, false)] {
            fragments.add(&piece, &frame, 0, 0, 9);
        }
        let (piece, mut frame) = piece(0, 16, true);
        frame[20] ^= 1;
        let (_, generation) = fragments.add(&piece, &frame, 2, 0, 9);
        assert_eq!((generation, piece.renumbered(generation)), (1, (4, vec![1, 7])));
    }

    #[test]
    fn what_overlaps_with_other_bytes_is_no_packet() {
        let mut fragments = Fragments::default();
        let (first, frame) = piece(0, 16, true);
        assert!(matches!(fragments.add(&first, &frame, 0, 0, 9).0, Added::Waits));
        let (mut last, mut frame) = piece(8, 9, false);
        frame[20] ^= 1;
        assert!(matches!(fragments.add(&last, &frame, 1, 0, 9).0, Added::Refused));
        frame[20] ^= 1;
        last.offset = 16;
        assert!(matches!(fragments.add(&last, &frame, 2, 0, 9).0, Added::Waits));
    }
}
