//! A side's stream start: the first bytes it sent, put together from all its segments.

use super::flow_packet::FlowPacket;

/// Most bytes of a stream start that segments make up together.
const START_BYTES: usize = 17_408;

/// How far one side of a TCP flow has been looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamStart {
    /// Sequence number of its first byte.
    start: Option<u32>,
    has_syn: bool,
    /// The flow's packet with which it began.
    since: usize,
    /// Length when last looked at.
    known: usize,
    /// Whether bytes of it are being kept for later.
    is_waiting: bool,
    pub(super) is_settled: bool,
}

/// What a segment adds.
pub(super) enum Adds {
    /// The stream start is longer now.
    Start(Vec<u8>),
    /// The stream start is settled: only the segment is of interest.
    Segment,
    /// Nothing yet.
    Nothing,
}

impl StreamStart {
    /// Takes note of a SYN.
    pub(super) fn syn(&mut self, sequence: u32, index: usize) {
        self.has_syn = true;
        if self.start.is_none() {
            (self.start, self.since) = (Some(sequence.wrapping_add(1)), index);
        }
    }

    /// What the last of `packets`, a segment with payload sent by `side`, adds.
    pub(super) fn add(&mut self, packets: &[FlowPacket], side: bool, has_verdict: bool) -> Adds {
        let Some((last, index)) = packets.last().zip(packets.len().checked_sub(1)) else {
            return Adds::Nothing;
        };
        let sequence = last.sequence();
        if self.is_settled {
            let is_earlier = self.start.is_some_and(|start| (sequence.wrapping_sub(start) as i32) < 0);
            if self.has_syn || !is_earlier || has_verdict {
                return Adds::Segment;
            }
            *self = Self::default();
        }
        let start = *self.start.get_or_insert_with(|| {
            self.since = index;
            sequence
        });
        let mut bytes: Vec<Option<u8>> = Vec::new();
        for packet in packets[self.since..].iter().filter(|packet| packet.from_high == side) {
            let distance = packet.sequence().wrapping_sub(start) as i32;
            for (offset, byte) in packet.payload.iter().enumerate() {
                let Ok(at) = usize::try_from(i64::from(distance) + offset as i64) else { continue };
                if at < START_BYTES || !self.is_waiting && at < START_BYTES + (1 << 16) {
                    bytes.resize(bytes.len().max(at + 1), None);
                    bytes[at] = Some(*byte);
                }
            }
        }
        let whole: Vec<u8> = bytes.into_iter().map_while(|byte| byte).collect();
        if whole.len() <= self.known {
            // Only bytes behind a gap are worth keeping.
            self.is_waiting |= (sequence.wrapping_sub(start) as i32) > 0;
            return Adds::Nothing;
        }
        self.known = whole.len();
        Adds::Start(whole)
    }

    /// So many bytes in front are messages that have been read: the stream start begins behind them.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.map(|start| start.wrapping_add(count as u32));
        self.known = self.known.saturating_sub(count);
        self.is_waiting = self.known > 0;
    }

    /// Whether bytes of it are kept because more are to come.
    pub(super) fn waits(&self) -> bool {
        self.is_waiting && !self.is_settled
    }

    /// More was asked for. A stream start that has reached its greatest length is settled all the same.
    pub(super) fn wait(&mut self) {
        self.is_waiting = true;
        self.is_settled = self.known >= START_BYTES;
    }
}
