//! Which datagrams are media: those of a source that a flow shows over and over, counting up.
//!
//! Two bits and two lengths make an RTP header (RFC 3550, 5.1), and one datagram of four has the bits: a datagram
//! proves nothing, the flow does.

use std::collections::{HashMap, HashSet};

use wiremark::dissect::rtp::{self, Media};

/// Packets of one source, each a little behind the one before, that prove it (RFC 3550, A.1 wants two to begin with).
const IN_ORDER: u32 = 3;
/// Furthest that a sequence number may be ahead of the last one (RFC 3550, A.1: MAX_DROPOUT is 3000; less is wanted
/// here, as a wrong guess keeps what nobody understood).
const AHEAD_MAX: u16 = 100;

/// One source in one flow, as one direction shows it.
#[derive(Clone, Copy)]
struct Source {
    payload_type: u8,
    sequence: u16,
    in_order: u32,
}

/// The sources that flows prove.
#[derive(Default)]
pub(super) struct Sources {
    seen: HashMap<(u64, bool, u32), Source>,
    proven: HashSet<(u64, u32)>,
}

impl Sources {
    /// Takes note of a datagram; `up` is its direction.
    pub(super) fn see(&mut self, flow: u64, up: bool, payload: &[u8]) {
        let Some(Media::Rtp(packet)) = rtp::packet(payload).found() else { return };
        let now = Source { payload_type: packet.payload_type, sequence: packet.sequence, in_order: 1 };
        let before = self.seen.insert((flow, up, packet.ssrc), now);
        let Some(before) = before.filter(|before| before.payload_type == now.payload_type) else { return };
        let ahead = now.sequence.wrapping_sub(before.sequence);
        // A packet that comes twice neither proves nor disproves.
        let in_order = match ahead {
            0 => before.in_order,
            1..=AHEAD_MAX => before.in_order + 1,
            _ => 1,
        };
        self.seen.insert((flow, up, packet.ssrc), Source { in_order, ..now });
        if in_order >= IN_ORDER {
            self.proven.insert((flow, packet.ssrc));
        }
    }

    /// Whether a datagram is media, or control that speaks of a source that is.
    pub(super) fn prove(&self, flow: u64, payload: &[u8]) -> bool {
        match rtp::packet(payload).found() {
            Some(Media::Rtp(packet)) => self.proven.contains(&(flow, packet.ssrc)),
            Some(Media::Rtcp(packet)) => packet.ssrc.is_some_and(|ssrc| self.proven.contains(&(flow, ssrc))),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
        [&[0x80, 120][..], &sequence.to_be_bytes(), &[0; 4], &ssrc.to_be_bytes(), &[7; 20]].concat()
    }

    #[test]
    fn a_source_that_counts_up_is_one() {
        let mut sources = Sources::default();
        for sequence in [65_534, 65_535, 65_535, 1] {
            sources.see(1, true, &packet(sequence, 9));
        }
        assert!(sources.prove(1, &packet(40_000, 9)));
        assert!(!sources.prove(2, &packet(1, 9)) && !sources.prove(1, &packet(1, 8)));
        let report = [&[0x80, 201, 0, 1][..], &9u32.to_be_bytes()].concat();
        assert!(sources.prove(1, &report));
    }

    #[test]
    fn texts_and_repeats_prove_nothing() {
        let mut sources = Sources::default();
        for _ in 0..9 {
            sources.see(1, true, &packet(7, 9));
            sources.see(1, true, b"\xa2\x61a\x6bALICE-PHONE\x61b\x01");
        }
        for sequence in [1, 2000, 5, 40_000] {
            sources.see(2, true, &packet(sequence, 9));
        }
        assert!(!sources.prove(1, &packet(8, 9)) && !sources.prove(2, &packet(8, 9)));
        assert!(!sources.prove(1, b"\xa2\x61a\x6bALICE-PHONE\x61b\x01"));
    }
}
