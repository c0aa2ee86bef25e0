//! Sizes and time-outs.

use crate::context::ContextConfig;

/// Sizes and time-outs of a [`Tracker`](crate::Tracker).
#[derive(Clone, Copy, Debug)]
pub struct TrackerConfig {
    /// Most flows at the same time; rounded up to a power of two, at least 16.
    pub capacity: usize,
    /// A TCP flow ends after so long without a packet.
    pub tcp_timeout_us: u64,
    /// A UDP flow ends after so long without a packet.
    pub udp_timeout_us: u64,
    /// Key of the flow table's hash. A secret one keeps others from choosing flows that collide.
    pub hash_key: [u64; 2],
    /// Sizes of the context.
    pub context: ContextConfig,
    /// Most fragmented packets that are put together at the same time; rounded up to a power of two, at least 16. Each takes
    /// 66 KB once it is needed.
    pub fragmented_packets: usize,
    /// Whether packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in: for networks
    /// whose two directions come with different tags. Otherwise they are different flows in different networks.
    pub ignore_encapsulation: bool,
}

impl TrackerConfig {
    /// No larger than so many frames can fill. What a tracker says of them is the same, and it is made in less time, which
    /// counts for somebody with many small captures.
    #[must_use]
    pub fn for_frames(self, frames: usize) -> Self {
        let filled_by = |frames: usize, least: usize, size: usize| frames.max(least).min(size);
        let context = ContextConfig {
            // A frame's flow may wait with both of its sides, and what outgrows its slot takes four.
            parked_slots: filled_by(frames.saturating_mul(4), 256, self.context.parked_slots),
            ..self.context
        };
        Self {
            // A place has few ways: a table that is a quarter full turns nobody away.
            capacity: filled_by(frames.saturating_mul(4), 256, self.capacity),
            fragmented_packets: filled_by(frames, 16, self.fragmented_packets),
            context,
            ..self
        }
    }
}

impl Default for TrackerConfig {
    /// 65,536 flows, TCP 30 min, UDP 1 min (ChatDissect, II-B).
    fn default() -> Self {
        Self {
            capacity: 65_536,
            tcp_timeout_us: 1_800_000_000,
            udp_timeout_us: 60_000_000,
            hash_key: [0x5bd1_e995_9d1d_4f3b, 0x27d4_eb2f_1656_67c5],
            context: ContextConfig::default(),
            fragmented_packets: 128,
            ignore_encapsulation: false,
        }
    }
}
