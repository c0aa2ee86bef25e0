//! A TCP flow: handshake, segments, acknowledgements, close; and what the network does to segments.

use std::net::SocketAddr;

use super::Side;
use crate::packet::{TcpHeader, tcp};
use crate::random::Random;
use crate::trace::{START_US, Trace};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

#[derive(Clone, Debug)]
struct Segment {
    time_us: u64,
    side: Side,
    header: TcpHeader,
    payload: Vec<u8>,
}

/// Builds a TCP flow, message by message.
///
/// Each message is acknowledged by an empty segment of the other side. The methods that disturb segments count
/// the segments with payload of one side, from 0, as they stand at that moment: call them last.
#[derive(Clone, Debug)]
pub struct Tcp {
    client: SocketAddr,
    server: SocketAddr,
    now_us: u64,
    rtt_us: u64,
    mss: usize,
    next: [u32; 2],
    opened: bool,
    segments: Vec<Segment>,
}

impl Tcp {
    /// A flow between two end points that starts at [`START_US`]; the seed gives the initial sequence numbers.
    pub fn new(client: SocketAddr, server: SocketAddr, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let next = [random.word() as u32, random.word() as u32];
        Self {
            client,
            server,
            now_us: START_US,
            rtt_us: 30_000,
            mss: 1400,
            next,
            opened: false,
            segments: Vec::new(),
        }
    }

    /// The next segment is captured at this time.
    pub fn at(mut self, time_us: u64) -> Self {
        self.now_us = time_us;
        self
    }

    /// The longest payload of a segment (1400 unless set).
    pub fn mss(mut self, bytes: usize) -> Self {
        self.mss = bytes;
        self
    }

    /// The capture does not hold the handshake.
    pub fn without_handshake(mut self) -> Self {
        self.opened = true;
        self
    }

    /// The initial sequence numbers of client and server, to let a flow's numbers wrap around.
    pub fn sequence(mut self, client: u32, server: u32) -> Self {
        self.next = [client, server];
        self
    }

    /// The next segment comes later by this much.
    pub fn wait(mut self, by_us: u64) -> Self {
        self.now_us += by_us;
        self
    }

    /// A message from the client.
    pub fn client(self, bytes: impl AsRef<[u8]>) -> Self {
        self.say(Side::Client, bytes, &[])
    }

    /// A message from the server.
    pub fn server(self, bytes: impl AsRef<[u8]>) -> Self {
        self.say(Side::Server, bytes, &[])
    }

    /// A message from the client whose first segments have these sizes.
    pub fn client_segments(self, bytes: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        self.say(Side::Client, bytes, sizes)
    }

    /// A message from the server whose first segments have these sizes.
    pub fn server_segments(self, bytes: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        self.say(Side::Server, bytes, sizes)
    }

    /// A message from either side; segments beyond `sizes` are as long as the MSS.
    pub fn say(mut self, side: Side, bytes: impl AsRef<[u8]>, sizes: &[usize]) -> Self {
        self.open();
        let mut rest = bytes.as_ref();
        let mut sizes = sizes.iter();
        while !rest.is_empty() {
            let size = sizes.next().copied().unwrap_or(self.mss).clamp(1, rest.len());
            let (now, later) = rest.split_at(size);
            let push = if later.is_empty() { PSH } else { 0 };
            self.send(side, ACK | push, now);
            self.now_us += 150;
            rest = later;
        }
        self.now_us += self.rtt_us / 2;
        self.send(side.other(), ACK, &[]);
        self.now_us += self.rtt_us / 2;
        self
    }

    /// FIN from both sides, the client first.
    pub fn close(mut self) -> Self {
        self.open();
        for side in [Side::Client, Side::Server] {
            self.send(side, FIN | ACK, &[]);
            self.now_us += self.rtt_us / 2;
            self.send(side.other(), ACK, &[]);
        }
        self
    }

    /// RST from one side.
    pub fn reset(mut self, side: Side) -> Self {
        self.open();
        self.send(side, RST | ACK, &[]);
        self
    }

    /// Segment `n` of a side never reached the capture.
    pub fn lose(mut self, side: Side, n: usize) -> Self {
        let at = self.nth(side, n);
        self.segments.remove(at);
        self
    }

    /// Segment `n` of a side is sent again, `after` segments with payload later.
    pub fn retransmit(mut self, side: Side, n: usize, after: usize) -> Self {
        let copy = self.segments[self.nth(side, n)].clone();
        self.insert_behind(side, n + after, copy);
        self
    }

    /// Segment `n` of a side comes behind the `by` segments that should follow it.
    pub fn late(mut self, side: Side, n: usize, by: usize) -> Self {
        let behind = self.nth(side, n + by);
        let at = self.nth(side, n);
        let mut segment = self.segments.remove(at);
        segment.time_us = self.segments[behind - 1].time_us + 40;
        self.segments.insert(behind, segment);
        self
    }

    /// Segment `n + 1` of a side begins with the last `bytes` bytes of segment `n`, as some retransmissions do.
    pub fn overlap(mut self, side: Side, n: usize, bytes: usize) -> Self {
        let before = self.segments[self.nth(side, n)].payload.clone();
        let at = self.nth(side, n + 1);
        let segment = &mut self.segments[at];
        segment.payload = [&before[before.len() - bytes..], &segment.payload].concat();
        segment.header.sequence = segment.header.sequence.wrapping_sub(bytes as u32);
        self
    }

    /// A keep-alive probe of a side: one byte below what it sent last (RFC 9293 3.8.4), answered.
    pub fn keep_alive(mut self, side: Side) -> Self {
        self.open();
        let sequence = &mut self.next[side as usize];
        *sequence = sequence.wrapping_sub(1);
        self.send(side, ACK, &[0]);
        self.now_us += self.rtt_us;
        self.send(side.other(), ACK, &[]);
        self
    }

    /// The flow's packets.
    pub fn trace(self) -> Trace {
        let mut trace = Trace::new();
        for s in &self.segments {
            let (src, dst) = match s.side {
                Side::Client => (self.client, self.server),
                Side::Server => (self.server, self.client),
            };
            trace.push_ip(s.time_us, tcp(src, dst, &s.header, &s.payload));
        }
        trace
    }

    fn open(&mut self) {
        if self.opened {
            return;
        }
        self.opened = true;
        self.send(Side::Client, SYN, &[]);
        self.now_us += self.rtt_us / 2;
        self.send(Side::Server, SYN | ACK, &[]);
        self.now_us += self.rtt_us / 2;
        self.send(Side::Client, ACK, &[]);
        self.now_us += 500;
    }

    fn send(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let options = match flags & SYN {
            0 => Vec::new(),
            _ => [&[2, 4][..], &(self.mss as u16).to_be_bytes()].concat(),
        };
        let acknowledgement = if flags & ACK == 0 { 0 } else { self.next[side.other() as usize] };
        let sequence = self.next[side as usize];
        let header = TcpHeader { sequence, acknowledgement, flags, options };
        self.segments.push(Segment { time_us: self.now_us, side, header, payload: payload.to_vec() });
        let consumed = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side as usize] = sequence.wrapping_add(consumed);
    }

    fn nth(&self, side: Side, n: usize) -> usize {
        let mine = self.segments.iter().enumerate().filter(|(_, s)| s.side == side && !s.payload.is_empty());
        mine.map(|(at, _)| at).nth(n).unwrap_or_else(|| panic!("the {side:?} sent no segment {n}"))
    }

    fn insert_behind(&mut self, side: Side, n: usize, mut segment: Segment) {
        let at = self.nth(side, n);
        segment.time_us = self.segments[at].time_us + 40;
        self.segments.insert(at + 1, segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::end_point;
    use crate::recut::streams;

    fn flow() -> Tcp {
        Tcp::new(end_point("10.0.0.1:4000"), end_point("198.51.100.1:443"), 1)
    }

    fn sizes(trace: &Trace) -> Vec<usize> {
        trace.payloads().map(|(_, _, p)| p.len()).collect()
    }

    #[test]
    fn segments_have_the_sizes_asked_for() {
        let trace = flow().client_segments([1; 2000], &[4, 7, 4]).server([2; 30]).close().trace();
        assert_eq!(sizes(&trace), [4, 7, 4, 1400, 585, 30]);
        assert_eq!(trace.frames().map(|(t, _, _)| t).max(), Some(trace.end_us()));
    }

    #[test]
    fn disturbed_segments_carry_the_same_stream() {
        let plain = flow().client_segments(b"abcdefghijkl", &[4, 4]).server(b"answer");
        let want = streams(&plain.clone().trace().frames);
        assert_eq!(want.len(), 2);
        for disturbed in [
            plain.clone().retransmit(Side::Client, 0, 1),
            plain.clone().late(Side::Client, 0, 2),
            plain.clone().late(Side::Client, 1, 1),
            plain.clone().overlap(Side::Client, 0, 2),
        ] {
            let trace = disturbed.trace();
            assert_ne!(trace, plain.clone().trace());
            assert!(trace.frames.is_sorted_by_key(|f| f.time_us));
            assert_eq!(streams(&trace.frames), want);
        }
        assert_eq!(sizes(&plain.clone().late(Side::Client, 0, 2).trace()), [4, 4, 4, 6]);
        assert_eq!(sizes(&plain.lose(Side::Client, 1).trace()), [4, 4, 6]);
    }

    #[test]
    fn sequence_numbers_may_wrap() {
        let trace = flow().sequence(u32::MAX - 2, 5).client_segments(b"abcdefgh", &[3]).trace();
        let want: Vec<&[u8]> = vec![b"abcdefgh"];
        assert_eq!(streams(&trace.frames).values().collect::<Vec<_>>(), want);
    }
}
