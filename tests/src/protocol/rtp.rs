//! RTP and RTCP (RFC 3550), header extensions (RFC 8285) and the trailer of SRTCP (RFC 3711).

use crate::random::Random;

/// One RTP stream: numbers that go on from packet to packet.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number of the next packet.
    pub sequence: u16,
    /// Time stamp of the next packet.
    pub timestamp: u32,
    /// Profile and words of the header extension.
    pub extension: Option<(u16, Vec<u8>)>,
}

impl Stream {
    /// The next packet, `bytes` long as a whole; the time stamp moves by `step` behind it.
    pub fn packet(&mut self, random: &mut Random, marker: bool, step: u32, bytes: usize) -> Vec<u8> {
        let x = u8::from(self.extension.is_some()) << 4;
        let mut out = vec![0x80 | x, u8::from(marker) << 7 | self.payload_type];
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        if let Some((profile, words)) = &self.extension {
            assert!(words.len().is_multiple_of(4), "RFC 3550 5.3.1: extensions are whole words");
            out.extend_from_slice(&profile.to_be_bytes());
            out.extend_from_slice(&(words.len() as u16 / 4).to_be_bytes());
            out.extend_from_slice(words);
        }
        out.extend(random.bytes(bytes.saturating_sub(out.len())));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(step);
        out
    }
}

/// An SRTCP packet `bytes` long: the first eight bytes in clear, ciphertext, and the trailer of RFC 3711 3.4 with
/// its E bit, index and ten bytes of authentication tag.
///
/// `first` is the packet's first byte, `length` its length field: words after the first.
pub fn srtcp(
    random: &mut Random,
    (first, payload_type, length): (u8, u8, u16),
    ssrc: u32,
    index: u32,
    bytes: usize,
) -> Vec<u8> {
    let mut out = vec![first, payload_type];
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend(random.bytes(bytes - out.len() - 14));
    out.extend_from_slice(&(0x8000_0000 | index).to_be_bytes());
    out.extend(random.bytes(10));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_and_lengths_hold() {
        let extension = Some((0xbede, vec![0x10, 0, 0, 0]));
        let mut stream = Stream { payload_type: 111, ssrc: 9, sequence: 65535, timestamp: 0, extension };
        let mut random = Random::new(1);
        let one = stream.packet(&mut random, true, 960, 100);
        assert_eq!(one[..8], [0x90, 0xef, 0xff, 0xff, 0, 0, 0, 0]);
        assert_eq!(one[12..20], [0xbe, 0xde, 0, 1, 0x10, 0, 0, 0]);
        let two = stream.packet(&mut random, false, 960, 100);
        assert_eq!((two.len(), &two[..4], &two[4..8]), (100, &[0x90, 0x6f, 0, 0][..], &[0, 0, 3, 0xc0][..]));
    }
}
