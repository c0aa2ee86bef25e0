//! QUIC packets (RFC 9000, RFC 9369, the drafts from 22 on and their forks, Google's QUIC): what stands in clear.
//!
//! A long header is `first byte · version u32 · destination id · source id` (each id behind its length in one byte), then
//! for an Initial `token length · token`, and for all but Retry `length`, which counts packet number and payload; both
//! lengths are variable-length integers (RFC 9000, 16). Several packets may stand one behind the other in a datagram.
//!
//! The client's first hello lies in Initial packets: [`decrypt_initial`] opens one (the keys come from the packet itself,
//! RFC 9001, 5.2), [`crypto_frames`] finds the pieces of the TLS stream in it, and, joined by their offsets,
//! [`tls::hello_message`](super::tls::hello_message) reads them. Google's older versions are in [`google`].
//!
//! The fixed bit (0x40 of the first byte) is not asked for: real end points grease it (RFC 9287).
//!
//! Work is linear in the datagram; a packet takes at least seven bytes of it.

mod frames;
pub mod google;
#[cfg(feature = "quic")]
mod initial;
#[cfg(all(test, feature = "quic"))]
mod vectors;

use super::Dissection;
use super::cursor::{Cursor, Stop};
pub use frames::{CRYPTO_FRAMES_MAX, CryptoFrame, CryptoFrames, crypto_frames};
#[cfg(feature = "quic")]
pub(crate) use initial::InitialKeys;
#[cfg(feature = "quic")]
pub use initial::{decrypt_initial, decrypt_initial_of};

/// Version 1 (RFC 9000).
pub const VERSION_1: u32 = 1;
/// Version 2 (RFC 9369).
pub const VERSION_2: u32 = 0x6b33_43cf;
/// Google's Q050: IETF's packet format around Google's own handshake (see [`google::hello_message`]).
pub const GOOGLE_50: u32 = u32::from_be_bytes(*b"Q050");

/// Longest connection id of the versions known here (RFC 9000, 17.2), in bytes.
const ID_MAX: u8 = 20;
/// A datagram with a client's first packet is at least this long (RFC 9000, 14.1), in bytes.
const FIRST_DATAGRAM_MIN: usize = 1200;

/// The kinds of long-header packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Carries the hellos; its keys can be had by anyone.
    Initial,
    /// Early data.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// The server wants to see the client again.
    Retry,
    /// The server lists its versions (RFC 9000, 17.2.1).
    VersionNegotiation,
    /// A client that provokes version negotiation with a reserved version (RFC 9000, 15): nothing else can be read.
    Reserved,
}

/// The header of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongHeader<'a> {
    /// The version; 0 for version negotiation.
    pub version: u32,
    /// The kind of packet, by the version's own numbering.
    pub kind: PacketKind,
    /// Destination connection id, at most 20 bytes.
    pub destination_id: &'a [u8],
    /// Source connection id, at most 20 bytes.
    pub source_id: &'a [u8],
    /// Token of an Initial; of a Retry, its token and what follows that; else empty.
    pub token: &'a [u8],
    /// The whole packet, from its first byte to the end of its payload.
    pub packet: &'a [u8],
    /// Offset of the (protected) packet number in `packet`; where there is none, the packet's length.
    pub number_at: usize,
}

/// Which rules a version follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V1,
    V2,
    /// Number of the IETF draft.
    Draft(u8),
    Google50,
}

impl Dialect {
    fn of(version: u32) -> Option<Self> {
        Some(match version {
            VERSION_1 => Self::V1,
            VERSION_2 => Self::V2,
            GOOGLE_50 => Self::Google50,
            0xff00_0016..=0xff00_0022 => Self::Draft(version.to_be_bytes()[3]),
            // The private versions of mvfst: two are version 1 by another number, one has draft 22's keys, the others
            // have draft 27's.
            0xface_b003 | 0xface_b004 => Self::V1,
            0xface_b001 => Self::Draft(22),
            0xface_b000..=0xface_b01f => Self::Draft(27),
            _ => return None,
        })
    }
}

/// Whether a datagram may begin with a long header of a version known here, or with Google's public header and a version:
/// a cheap first look.
#[inline]
pub fn may_be(datagram: &[u8]) -> bool {
    match datagram.first() {
        Some(first) if first & 0x80 != 0 => {
            datagram.get(1..5).and_then(<[u8]>::first_chunk).is_some_and(|version| {
                let version = u32::from_be_bytes(*version);
                // Google's versions begin with a Q.
                version == 0 || is_reserved(version) || is_known(version) || version >> 24 == u32::from(b'Q')
            })
        }
        Some(first) if first & 0xcb == 0x09 => datagram.get(9) == Some(&b'Q'),
        _ => false,
    }
}

/// Whether a version is one of those whose packets are read here.
pub fn is_known(version: u32) -> bool {
    Dialect::of(version).is_some()
}

/// The long-header packet at the start of a datagram. A datagram does not grow: never `NeedMore`.
pub fn long_header(datagram: &[u8]) -> Dissection<LongHeader<'_>> {
    Dissection::from(header(datagram)).settled()
}

/// The long-header packets of a datagram, in order (RFC 9000, 12.2), up to the first one with a short header, if any.
pub fn packets(datagram: &[u8]) -> impl Iterator<Item = LongHeader<'_>> {
    let mut rest = datagram;
    core::iter::from_fn(move || {
        let header = header(rest).ok()?;
        rest = rest.get(header.packet.len()..)?;
        Some(header)
    })
}

fn header(bytes: &[u8]) -> Result<LongHeader<'_>, Stop> {
    let mut fields = Cursor::open(bytes);
    let first = fields.expect(|first| first & 0x80 != 0)?;
    let version = fields.u32()?;
    let dialect = Dialect::of(version);
    let reserved = is_reserved(version) && bytes.len() >= FIRST_DATAGRAM_MIN;
    if dialect.is_none() && version != 0 && !reserved {
        return Err(Stop::Malformed);
    }
    let destination_id = connection_id(&mut fields)?;
    let source_id = connection_id(&mut fields)?;
    let whole = |kind, token| LongHeader {
        version,
        kind,
        destination_id,
        source_id,
        token,
        packet: bytes,
        number_at: bytes.len(),
    };
    let Some(dialect) = dialect else {
        if reserved {
            return Ok(whole(PacketKind::Reserved, &[]));
        }
        let (versions, odd) = fields.rest().as_chunks();
        let plausible = |&version: &[u8; 4]| {
            let version = u32::from_be_bytes(version);
            is_known(version) || is_reserved(version)
        };
        let plausible = odd.is_empty() && versions.iter().any(plausible);
        return if plausible { Ok(whole(PacketKind::VersionNegotiation, &[])) } else { Err(Stop::Malformed) };
    };
    let numbering = match (dialect, first >> 4 & 3) {
        (Dialect::V2, number) => number.wrapping_sub(1) & 3,
        (_, number) => number,
    };
    let kind = match numbering {
        0 => PacketKind::Initial,
        1 => PacketKind::ZeroRtt,
        2 => PacketKind::Handshake,
        _ => return Ok(whole(PacketKind::Retry, fields.rest())),
    };
    let token = if kind == PacketKind::Initial {
        let length = varint(&mut fields)?;
        fields.take(usize::try_from(length).map_err(|_| Stop::Malformed)?)?
    } else {
        &[]
    };
    let length = usize::try_from(varint(&mut fields)?).map_err(|_| Stop::Malformed)?;
    let number_at = bytes.len() - fields.rest().len();
    fields.take(length)?;
    let packet = bytes.get(..bytes.len() - fields.rest().len()).ok_or(Stop::Malformed)?;
    Ok(LongHeader { version, kind, destination_id, source_id, token, packet, number_at })
}

/// Versions of the form 0x?a?a?a?a are kept free to be provoked with (RFC 9000, 15).
fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

fn connection_id<'a>(fields: &mut Cursor<'a>) -> Result<&'a [u8], Stop> {
    let length = fields.expect(|length| length <= ID_MAX)?;
    fields.take(length.into())
}

/// A variable-length integer (RFC 9000, 16).
fn varint(fields: &mut Cursor<'_>) -> Result<u64, Stop> {
    let first = fields.u8()?;
    let more = fields.take((1 << (first >> 6)) - 1)?;
    Ok(more.iter().fold(u64::from(first & 0x3f), |value, &byte| value << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec::Vec;

    /// An Initial with a token of two bytes and a payload of 20, and behind it a Handshake and a short header.
    const DATAGRAM: &[u8] =
        b"\xc3\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\x02\xab\xcd\x02tt\x40\x1412345678901234567890\
        \xe0\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\x041234\x40short";

    #[test]
    fn the_first_look_refuses_nothing_that_is_quic() {
        let q046 = b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01 and so on";
        let q043 = b"\x09\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01 and so on";
        let negotiation = b"\x80\0\0\0\0\x01a\x01b\0\0\0\x01\x1a\x2a\x3a\x4a";
        assert!(may_be(q046) && may_be(q043));
        for bytes in [DATAGRAM, q046, q043, negotiation] {
            mutations(bytes, |bytes| {
                let is_quic = packets(bytes).next().is_some() || google::packet(bytes).found().is_some();
                assert!(may_be(bytes) || !is_quic, "{bytes:02x?}");
            });
        }
    }

    #[test]
    fn coalesced_packets_are_taken_apart() {
        let told: Vec<_> = packets(DATAGRAM).collect();
        let greased = [&[0x83], &DATAGRAM[1..]].concat();
        assert_eq!(packets(&greased).count(), 2);
        let [initial, handshake] = told[..] else { panic!("{told:?}") };
        assert_eq!((initial.version, initial.kind), (VERSION_1, PacketKind::Initial));
        assert_eq!(initial.destination_id, b"\x83\x94\xc8\xf0\x3e\x51\x57\x08");
        assert_eq!((initial.source_id, initial.token), (&b"\xab\xcd"[..], &b"tt"[..]));
        assert_eq!(initial.packet.len(), 42);
        assert_eq!(&initial.packet[initial.number_at..], b"12345678901234567890");
        assert_eq!((handshake.kind, handshake.token), (PacketKind::Handshake, &b""[..]));
        assert_eq!(long_header(DATAGRAM), Dissection::Found(initial));
    }

    #[test]
    fn versions_number_their_packets_differently() {
        let kinds = |version: u32| {
            [0xc0, 0xd0, 0xe0, 0xf0].map(|first| {
                let bytes = [&[first], &version.to_be_bytes()[..], &[1, 7, 0, 0, 0]].concat();
                long_header(&bytes).found().map(|header| header.kind)
            })
        };
        use PacketKind::{Handshake, Initial, Retry, ZeroRtt};
        let usual = [Initial, ZeroRtt, Handshake, Retry].map(Some);
        for version in [1, 0xff00_0016, 0xff00_0022, 0xface_b000, 0xface_b01f, GOOGLE_50] {
            assert_eq!(kinds(version), usual, "{version:08x}");
        }
        assert_eq!(kinds(VERSION_2), [Retry, Initial, ZeroRtt, Handshake].map(Some));
        for version in [2, 0xff00_0015, 0xff00_0023, 0xface_b020, 0x5130_3436, 0x1a2a_3a4a] {
            assert_eq!(kinds(version), [None; 4], "{version:08x}");
        }
    }

    #[test]
    fn version_negotiation_must_list_a_version_that_exists() {
        let told = long_header(b"\x80\0\0\0\0\x01\x07\x02\x08\x09\0\0\0\x01\xff\0\0\x1d").found().unwrap();
        assert_eq!((told.kind, told.source_id), (PacketKind::VersionNegotiation, &b"\x08\x09"[..]));
        assert_eq!(long_header(b"\x80\0\0\0\0\x01\x07\x02\x08\x09\0\0\0\x07"), Dissection::NotMine);
        assert_eq!(long_header(b"\x80\0\0\0\0\x01\x07\x02\x08\x09\0\0\0\x01\x01"), Dissection::NotMine);
    }

    #[test]
    fn reserved_versions_count_in_full_datagrams_only() {
        let mut bytes = Vec::from(b"\xc0\x1a\x2a\x3a\x4a\x01\x07\0");
        bytes.resize(1199, 0);
        assert_eq!(long_header(&bytes), Dissection::NotMine);
        bytes.push(0);
        assert_eq!(long_header(&bytes).found().unwrap().kind, PacketKind::Reserved);
    }

    #[test]
    fn contradictions_are_refused() {
        for (at, value) in [(0, 0x43), (4, 9), (5, 21), (14, 21), (17, 0x80), (20, 0x7f)] {
            let mut bytes = Vec::from(DATAGRAM);
            bytes[at] = value;
            assert_eq!(long_header(&bytes), Dissection::NotMine, "byte {at}");
        }
    }

    #[test]
    fn a_prefix_holds_no_packet_that_is_cut() {
        prefixes(DATAGRAM, |length, prefix| {
            assert_eq!(packets(prefix).count(), usize::from(length >= 42) + usize::from(length >= 62));
        });
    }

    #[test]
    fn integers_are_of_four_lengths() {
        // RFC 9000, A.1.
        let read = |bytes| varint(&mut Cursor::open(bytes));
        assert_eq!(read(b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c"), Ok(151_288_809_941_952_652));
        assert_eq!(read(b"\x9d\x7f\x3e\x7d"), Ok(494_878_333));
        assert_eq!((read(b"\x7b\xbd"), read(b"\x25"), read(b"\x40\x25")), (Ok(15_293), Ok(37), Ok(37)));
        assert_eq!(read(b"\x7b"), Err(Stop::Cut));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        mutations(DATAGRAM, |bytes| packets(bytes).for_each(drop));
    }
}
