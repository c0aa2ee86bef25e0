//! A capture in memory: timestamped frames, and what can happen to them on the way to a classifier.

use std::net::SocketAddr;

use crate::conversation::Side;
pub use crate::frame::Frame;
use crate::packet::{self, link};
use crate::random::Random;
use crate::reorder::swap_neighbours;

/// 2024-01-01 00:00:00 UTC, when every built capture starts unless it says otherwise.
pub const START_US: u64 = 1_704_067_200_000_000;

/// Frames in the order of capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub(crate) frames: Vec<Frame>,
}

impl From<Vec<Frame>> for Trace {
    fn from(frames: Vec<Frame>) -> Self {
        Self { frames }
    }
}

impl Trace {
    /// No frames yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Several traces as one capture, by time; frames of one time keep the order of the traces.
    pub fn mixed(traces: impl IntoIterator<Item = Trace>) -> Self {
        let mut frames: Vec<Frame> = traces.into_iter().flat_map(|t| t.frames).collect();
        frames.sort_by_key(|f| f.time_us);
        Self { frames }
    }

    /// Adds an IP packet.
    pub fn push_ip(&mut self, time_us: u64, packet: Vec<u8>) {
        self.frames.push(Frame { time_us, link: link::RAW, bytes: packet });
    }

    /// Adds a UDP datagram.
    pub fn push_udp(&mut self, time_us: u64, src: SocketAddr, dst: SocketAddr, payload: &[u8]) {
        self.push_ip(time_us, packet::udp(src, dst, payload));
    }

    /// Time, link type number and bytes of every frame.
    pub fn frames(&self) -> impl Iterator<Item = (u64, u16, &[u8])> {
        self.frames.iter().map(|f| (f.time_us, f.link, f.bytes.as_slice()))
    }

    /// Sender, receiver and payload of every plain TCP or UDP packet that has a payload.
    pub fn payloads(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr, &[u8])> {
        self.frames.iter().filter_map(|f| {
            let at = f.locate()?;
            (at.payload < at.end).then(|| (at.src, at.dst, &f.bytes[at.payload..at.end]))
        })
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Capture time of the last frame, or 0.
    pub fn end_us(&self) -> u64 {
        self.frames.iter().map(|f| f.time_us).max().unwrap_or(0)
    }

    /// Every frame later by `by_us` (earlier, where negative).
    pub fn shift(mut self, by_us: i64) -> Self {
        for frame in &mut self.frames {
            frame.time_us = frame.time_us.saturating_add_signed(by_us);
        }
        self
    }

    /// Without about `percent` of the frames: the capture missed them.
    pub fn lose(mut self, seed: u64, percent: u8) -> Self {
        let mut random = Random::new(seed);
        self.frames.retain(|_| !random.chance(percent));
        self
    }

    /// With about `percent` of the frames twice.
    pub fn duplicate(self, seed: u64, percent: u8) -> Self {
        let mut random = Random::new(seed);
        let copies = |f: Frame| std::iter::repeat_n(f, 1 + usize::from(random.chance(percent)));
        Self { frames: self.frames.into_iter().flat_map(copies).collect() }
    }

    /// With about `percent` of the packets exchanged with the next one of the same direction of the same flow.
    pub fn swap(mut self, seed: u64, percent: u8) -> Self {
        swap_neighbours(&mut self.frames, &mut Random::new(seed), percent);
        self
    }

    /// Only what one side sent. The client is who sent the flow's first packet.
    pub fn only(self, side: Side) -> Self {
        let mut clients: Vec<(SocketAddr, SocketAddr, u8)> = Vec::new();
        let keep = |f: &Frame| {
            let Some(at) = f.locate() else { return true };
            let (forth, back) = ((at.src, at.dst, at.protocol), (at.dst, at.src, at.protocol));
            let from_client = clients.contains(&forth)
                || !clients.contains(&back) && {
                    clients.push(forth);
                    true
                };
            from_client == (side == Side::Client)
        };
        let mut frames = self.frames;
        frames.retain(keep);
        Self { frames }
    }

    /// Without the first `n` frames: the capture began later.
    pub fn skip(mut self, n: usize) -> Self {
        self.frames.drain(..n.min(self.frames.len()));
        self
    }

    /// With every raw IP packet whose payload is longer than `bytes` cut into IP fragments.
    pub fn fragment(self, bytes: usize) -> Self {
        let cut = |f: Frame| {
            assert_eq!(f.link, link::RAW, "fragment before wrapping");
            let pieces = packet::fragments(&f.bytes, bytes);
            pieces.into_iter().map(move |bytes| Frame { bytes, ..f })
        };
        Self { frames: self.frames.into_iter().flat_map(cut).collect() }
    }

    /// With every IPv4 packet carried in IPv6 instead: each address `a.b.c.d` becomes `2001:db8::a.b.c.d`.
    ///
    /// Addresses inside payloads stay as they are.
    pub fn to_ipv6(mut self) -> Self {
        for frame in &mut self.frames {
            assert_eq!(frame.link, link::RAW, "map to IPv6 before wrapping");
            frame.bytes = packet::to_ipv6(&frame.bytes);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Trace {
        let (a, b) = ("10.0.0.1:4000".parse().unwrap(), "198.51.100.1:53".parse().unwrap());
        let mut trace = Trace::new();
        for n in 0..20 {
            let (src, dst) = if n % 4 == 3 { (b, a) } else { (a, b) };
            trace.push_udp(START_US + u64::from(n), src, dst, &[n; 40]);
        }
        trace
    }

    #[test]
    fn mixing_is_by_time() {
        let late = small().shift(1);
        let mixed = Trace::mixed([late, small()]);
        assert!(mixed.frames.is_sorted_by_key(|f| f.time_us));
        assert_eq!(mixed.len(), 40);
    }

    #[test]
    fn a_seed_gives_the_same_capture_again() {
        let broken = |seed| small().lose(seed, 20).duplicate(seed, 20).swap(seed, 20);
        assert_eq!(broken(1), broken(1));
        assert_ne!(broken(1), broken(2));
        assert!(small().lose(1, 20).len() < 20 && small().duplicate(1, 20).len() > 20);
    }

    #[test]
    fn sides_are_told_apart() {
        assert_eq!(small().only(Side::Client).len(), 15);
        assert_eq!(small().only(Side::Server).len(), 5);
    }

    #[test]
    fn fragments_and_ipv6_keep_the_count_of_payload_bytes() {
        assert_eq!(small().fragment(24).len(), 40);
        let six = small().to_ipv6();
        assert!(six.payloads().all(|(src, _, bytes)| src.is_ipv6() && bytes.len() == 40));
    }
}
