//! First bytes of the messages of whole flows: a sample of messages has no clock any more, a sample of flows has.

use wiremark_inference::Origin;
use wiremark_inference::opcodes::Occurrence;

/// Bytes kept of a message; fields are described within as many.
const HEAD_BYTES: usize = 64;
/// Messages kept: some 40 MB.
const ROOM: usize = 400_000;

/// Heads of all messages, or of all those of some flows where there are too many: each time the room is full, half of the
/// flows are left out, before and from now on.
pub(super) struct Heads {
    room: usize,
    kept: Vec<Head>,
    /// Flows whose number hashes to more are left out.
    most: u64,
    /// One flow alone takes the whole room: its first messages have to do.
    is_full: bool,
}

struct Head {
    origin: Origin,
    length: u8,
    bytes: [u8; HEAD_BYTES],
}

impl Default for Heads {
    fn default() -> Self {
        Self::of(ROOM)
    }
}

impl Heads {
    fn of(room: usize) -> Self {
        Self { room, kept: Vec::new(), most: u64::MAX, is_full: false }
    }

    pub(super) fn push(&mut self, origin: Origin, message: &[u8]) {
        if self.is_full || hash(origin.flow) > self.most {
            return;
        }
        let length = message.len().min(HEAD_BYTES);
        let mut bytes = [0; HEAD_BYTES];
        bytes[..length].copy_from_slice(&message[..length]);
        self.kept.push(Head { origin, length: length as u8, bytes });
        while self.kept.len() > self.room {
            let half = self.most / 2;
            self.is_full = self.kept.iter().all(|head| hash(head.origin.flow) > half);
            if self.is_full {
                self.kept.pop();
            } else {
                self.most = half;
                self.kept.retain(|head| hash(head.origin.flow) <= half);
            }
        }
    }

    /// What stands at an offset, in every message that is long enough.
    pub(super) fn occurrences(&self, offset: usize, length: usize) -> Vec<Occurrence> {
        let of = |head: &Head| {
            let value = head.bytes[..usize::from(head.length)].get(offset..offset + length)?;
            Some(Occurrence { opcode: value.to_vec(), origin: head.origin })
        };
        self.kept.iter().filter_map(of).collect()
    }
}

/// SplitMix64's last step: flows of any numbering are spread evenly.
fn hash(flow: u64) -> u64 {
    let mut z = flow.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(flows: u64, messages: u64, room: usize) -> Heads {
        let mut heads = Heads::of(room);
        for time_us in 0..messages {
            (0..flows).for_each(|flow| heads.push(Origin { flow, upward: true, time_us }, &[7, flow as u8]));
        }
        heads
    }

    #[test]
    fn flows_are_kept_whole_in_bounded_room() {
        let heads = heads(100, 50, 1000);
        let seen = heads.occurrences(0, 1);
        assert!((200..=1000).contains(&seen.len()), "{}", seen.len());
        for flow in 0..100 {
            let own = seen.iter().filter(|one| one.origin.flow == flow).count();
            assert!(own == 0 || own == 50, "{own} of flow {flow}");
        }
    }

    #[test]
    fn one_flow_alone_is_cut() {
        assert_eq!(heads(1, 5000, 1000).occurrences(1, 1).len(), 1000);
    }
}
