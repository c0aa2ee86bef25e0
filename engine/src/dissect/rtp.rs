//! RTP and RTCP packets (RFC 3550), told apart by the second byte (RFC 5761, 4) where both share a port.
//!
//! Header extensions, padding flag and counts are read; with SRTP (RFC 3711) those stay in clear while the payload does
//! not. Nothing in the bytes proves RTP: two version bits and lengths that fit are all there is, so let other evidence
//! (port, another packet of the flow) speak first.
//!
//! Work: a fixed number of steps a datagram.

use super::Dissection;
use super::cursor::{Cursor, Stop};

/// A datagram's media packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media<'a> {
    /// Media.
    Rtp(Rtp<'a>),
    /// Control; the first packet of the compound.
    Rtcp(Rtcp<'a>),
}

/// An RTP packet (RFC 3550, 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtp<'a> {
    /// Payload type, 0 to 127 without 64 to 95.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Padding bit. The padding itself is still in `payload`: under SRTP its length cannot be read.
    pub padding: bool,
    /// Number of contributing sources, 0 to 15.
    pub csrc_count: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Time stamp, in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Header extension: its profile number and its words (a multiple of four bytes, perhaps none).
    pub extension: Option<(u16, &'a [u8])>,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// An RTCP packet (RFC 3550, 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtcp<'a> {
    /// Packet type, 192 to 223.
    pub packet_type: u8,
    /// Report count, source count, subtype or message type, by packet type; 0 to 31.
    pub count: u8,
    /// Padding bit.
    pub padding: bool,
    /// The length field: words of four bytes after the first.
    pub length_words: u16,
    /// Bytes 4 to 7: the sender's source. `None` in a packet of a single word.
    pub ssrc: Option<u32>,
    /// What follows byte 8 within the packet. All of the datagram's rest where the length field does not fit (only
    /// taken from types that are not registered, whose senders use the field otherwise).
    pub body: &'a [u8],
    /// What follows the packet: the next one of the compound, or an SRTCP trailer.
    pub rest: &'a [u8],
}

/// The RTP or RTCP packet that a datagram is. A datagram does not grow: never `NeedMore`.
///
/// Packet types 192 to 223 are RTCP. For the registered ones (200 to 213) the length field must fit into the datagram.
pub fn packet(bytes: &[u8]) -> Dissection<Media<'_>> {
    let read = match bytes.first_chunk() {
        Some([_, 192..=223]) => control(bytes).map(Media::Rtcp),
        _ => media(bytes).map(Media::Rtp),
    };
    Dissection::from(read).settled()
}

fn media(bytes: &[u8]) -> Result<Rtp<'_>, Stop> {
    let mut fields = Cursor::open(bytes);
    let first = fields.expect(|first| first >> 6 == 2)?;
    let second = fields.u8()?;
    let csrc_count = first & 0x0f;
    let (sequence, timestamp, ssrc) = (fields.u16()?, fields.u32()?, fields.u32()?);
    fields.take(usize::from(csrc_count) * 4)?;
    let extension = if first & 0x10 != 0 {
        let profile = fields.u16()?;
        let words = fields.u16()?;
        Some((profile, fields.take(usize::from(words) * 4)?))
    } else {
        None
    };
    Ok(Rtp {
        payload_type: second & 0x7f,
        marker: second & 0x80 != 0,
        padding: first & 0x20 != 0,
        csrc_count,
        sequence,
        timestamp,
        ssrc,
        extension,
        payload: fields.rest(),
    })
}

fn control(bytes: &[u8]) -> Result<Rtcp<'_>, Stop> {
    let mut fields = Cursor::open(bytes);
    let first = fields.expect(|first| first >> 6 == 2)?;
    let packet_type = fields.u8()?;
    let length_words = fields.u16()?;
    let length = usize::from(length_words) * 4;
    let mut within = match fields.take(length) {
        Ok(within) => Cursor::open(within),
        Err(stop) if (200..=213).contains(&packet_type) => return Err(stop),
        Err(_) => {
            let all = Cursor::open(fields.rest());
            fields.take(fields.rest().len())?;
            all
        }
    };
    Ok(Rtcp {
        packet_type,
        count: first & 0x1f,
        padding: first & 0x20 != 0,
        length_words,
        ssrc: within.u32().ok(),
        body: within.rest(),
        rest: fields.rest(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::torture::{mutations, prefixes};
    use super::*;
    use alloc::vec;

    const AUDIO: [u8; 20] = [0x90, 0xf8, 0, 1, 0, 0, 3, 0xc0, 1, 2, 3, 4, 0xde, 0xbe, 0, 1, 0x30, 1, 0, 0];

    fn rtp(bytes: &[u8]) -> Rtp<'_> {
        match packet(bytes) {
            Dissection::Found(Media::Rtp(rtp)) => rtp,
            told => panic!("{told:?}"),
        }
    }

    fn rtcp(bytes: &[u8]) -> Rtcp<'_> {
        match packet(bytes) {
            Dissection::Found(Media::Rtcp(rtcp)) => rtcp,
            told => panic!("{told:?}"),
        }
    }

    #[test]
    fn media_gives_its_header() {
        let bytes = [&AUDIO[..], b"sound"].concat();
        let told = rtp(&bytes);
        assert_eq!((told.payload_type, told.marker, told.padding, told.csrc_count), (120, true, false, 0));
        assert_eq!((told.sequence, told.timestamp, told.ssrc), (1, 960, 0x0102_0304));
        assert_eq!(told.extension, Some((0xdebe, &[0x30, 1, 0, 0][..])));
        assert_eq!(told.payload, b"sound");
        let sources = [&[0xa2, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1][..], &[7; 8], b"x"].concat();
        assert_eq!(
            (rtp(&sources).csrc_count, rtp(&sources).padding, rtp(&sources).payload),
            (2, true, &b"x"[..])
        );
    }

    #[test]
    fn a_header_must_fit() {
        prefixes(&AUDIO[..19], |_, prefix| assert_eq!(packet(prefix), Dissection::NotMine));
        assert_eq!(packet(&[0x82, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 7, 7, 7, 7]), Dissection::NotMine);
        for first in [0x00, 0x40, 0xc0] {
            assert_eq!(packet(&[&[first], &AUDIO[1..]].concat()), Dissection::NotMine);
        }
    }

    #[test]
    fn control_keeps_the_trailer_apart() {
        let mut bytes = vec![0x81, 208, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2];
        bytes.extend([0x80, 0, 0, 1]);
        bytes.extend([0xaa; 10]);
        let told = rtcp(&bytes);
        assert_eq!(
            (told.packet_type, told.count, told.length_words, told.ssrc),
            (208, 1, 2, Some(0x0101_0101))
        );
        assert_eq!((told.body, told.rest.len(), told.padding), (&[2, 2, 2, 2][..], 14, false));
        assert_eq!(rtcp(&[0x80, 203, 0, 0]).ssrc, None);
    }

    #[test]
    fn a_length_beyond_the_datagram_is_for_unregistered_types_only() {
        let mut bytes = [0u8; 20];
        bytes[..4].copy_from_slice(&[0x80, 200, 0, 5]);
        assert_eq!(packet(&bytes), Dissection::NotMine);
        bytes[1] = 199;
        let told = rtcp(&bytes);
        assert_eq!((told.length_words, told.ssrc, told.body.len(), told.rest.len()), (5, Some(0), 12, 0));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        mutations(&AUDIO, |bytes| _ = packet(bytes));
        mutations(&[0x81, 201, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2, 3], |bytes| _ = packet(bytes));
    }
}
