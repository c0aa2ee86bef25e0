//! Bytes as a sequence of packets of a few flows, for a fuzzer to change, and a trace as such bytes, for it to start from.
//!
//! Each packet is `step · length (2, big-endian) · payload`, a TCP packet out of turn `step · offset (2, big-endian,
//! signed) · length · payload`. Bits of `step`: 0-2 flow, 3 from the server, 4-5 kind (0 next in order, 1 SYN, 2 out of
//! turn, 3 FIN), 6-7 time since the packet before (1 ms, 1 s, 10 min, back by 1 s).

use wiremark::{Address, FiveTuple, Fragment, Packet, TcpFields, Transport};

/// The flows: transport and the server's port. Ports decide where some dissectors and rows look.
pub const FLOWS: [(Transport, u16); 8] = [
    (Transport::Tcp, 443),
    (Transport::Tcp, 80),
    (Transport::Tcp, 53),
    (Transport::Tcp, 8080),
    (Transport::Udp, 53),
    (Transport::Udp, 443),
    (Transport::Udp, 3478),
    (Transport::Udp, 8000),
];

const START_US: u64 = 1_704_067_200_000_000;

/// The packets of such bytes, with the number of the flow each belongs to.
#[derive(Clone, Debug)]
pub struct Sequence<'a> {
    rest: &'a [u8],
    time_us: u64,
    /// For each flow, the next sequence number of the client and of the server.
    next: [[u32; 2]; 8],
}

impl<'a> Sequence<'a> {
    /// Any bytes are a sequence.
    pub fn new(bytes: &'a [u8]) -> Self {
        // Numbers near the end of their range, so that they wrap.
        Self { rest: bytes, time_us: START_US, next: [[0xffff_ff00, 1000]; 8] }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

impl<'a> Iterator for Sequence<'a> {
    type Item = (usize, Packet<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let [step] = self.take()?;
        let (flow, from_server, kind) = (usize::from(step & 7), usize::from(step >> 3 & 1), step >> 4 & 3);
        self.time_us = match step >> 6 {
            0 => self.time_us + 1000,
            1 => self.time_us + 1_000_000,
            2 => self.time_us + 600_000_000,
            _ => self.time_us.saturating_sub(1_000_000),
        };
        let (transport, port) = FLOWS[flow];
        let offset = match kind {
            2 if transport == Transport::Tcp => i16::from_be_bytes(self.take()?),
            _ => 0,
        };
        let length = usize::from(u16::from_be_bytes(self.take()?)).min(self.rest.len());
        let (payload, rest) = self.rest.split_at(length);
        self.rest = rest;
        let next = &mut self.next[flow][from_server];
        let sequence = next.wrapping_add_signed(offset.into());
        let mut tcp = TcpFields { sequence, flags: TcpFields::ACK };
        match kind {
            1 => tcp.flags = if from_server == 1 { TcpFields::SYN | TcpFields::ACK } else { TcpFields::SYN },
            3 => tcp.flags |= TcpFields::FIN,
            _ => {}
        }
        if kind != 2 {
            *next = next.wrapping_add(payload.len() as u32 + u32::from(kind == 1));
        }
        if transport == Transport::Udp {
            tcp = TcpFields::default();
        }
        let client = (Address::v4([10, 0, 0, 1]), 40_000 + flow as u16);
        let server = (Address::v4([198, 51, 100, 7]), port);
        let (src, dst) = if from_server == 1 { (server, client) } else { (client, server) };
        let five_tuple = FiveTuple { src: src.0, dst: dst.0, src_port: src.1, dst_port: dst.1, transport };
        let packet = Packet { five_tuple, tcp, time_us: self.time_us, payload, fragment: Fragment::Whole };
        Some((flow, packet))
    }
}

/// Adds a packet in order to a sequence. The flow is the one of [`FLOWS`] that is most like it.
pub fn push(
    bytes: &mut Vec<u8>,
    transport: Transport,
    ports: (u16, u16),
    from_server: bool,
    syn: bool,
    payload: &[u8],
) {
    let like =
        |wanted: &(Transport, u16)| wanted.0 == transport && (wanted.1 == ports.0 || wanted.1 == ports.1);
    let otherwise = if transport == Transport::Tcp { 3 } else { 7 };
    let flow = FLOWS.iter().position(like).unwrap_or(otherwise) as u8;
    let kind = u8::from(syn && transport == Transport::Tcp);
    bytes.push(flow | u8::from(from_server) << 3 | kind << 4);
    let payload = &payload[..payload.len().min(u16::MAX.into())];
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    bytes.extend_from_slice(payload);
}

/// Frames for the tracker's target: `link type (2) · milliseconds since the frame before (1; 255: the end of time) ·
/// length (2) · frame`, numbers big-endian.
pub fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u64, &[u8])> {
    let mut time_us = START_US;
    core::iter::from_fn(move || {
        let ([link_0, link_1, wait, length_0, length_1], rest) = bytes.split_first_chunk::<5>()?;
        let length = usize::from(u16::from_be_bytes([*length_0, *length_1])).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        bytes = rest;
        time_us = if *wait == 255 { u64::MAX } else { time_us.saturating_add(u64::from(*wait) * 1000) };
        Some((u16::from_be_bytes([*link_0, *link_1]), time_us, frame))
    })
}

/// Adds a frame to what [`frames`] takes apart.
pub fn push_frame(bytes: &mut Vec<u8>, link: u16, frame: &[u8]) {
    let frame = &frame[..frame.len().min(u16::MAX.into())];
    bytes.extend_from_slice(&link.to_be_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&(frame.len() as u16).to_be_bytes());
    bytes.extend_from_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_back() {
        let mut bytes = Vec::new();
        push(&mut bytes, Transport::Tcp, (50_000, 443), false, true, b"");
        push(&mut bytes, Transport::Tcp, (50_000, 443), false, false, b"hello");
        push(&mut bytes, Transport::Udp, (3478, 50_000), true, false, b"there");
        let packets: Vec<_> = Sequence::new(&bytes).collect();
        assert_eq!(packets.iter().map(|(flow, _)| *flow).collect::<Vec<_>>(), [0, 0, 6]);
        assert_eq!(packets[0].1.tcp.flags, TcpFields::SYN);
        assert_eq!(packets[1].1.payload, b"hello");
        assert_eq!(packets[1].1.tcp.sequence, packets[0].1.tcp.sequence.wrapping_add(1));
        assert_eq!((packets[2].1.five_tuple.src_port, packets[2].1.payload), (3478, &b"there"[..]));

        let mut bytes = Vec::new();
        push_frame(&mut bytes, 276, b"frame");
        assert_eq!(
            frames(&bytes).map(|(link, _, frame)| (link, frame)).collect::<Vec<_>>(),
            [(276, &b"frame"[..])]
        );
    }
}
