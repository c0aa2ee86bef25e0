//! Channels from packets, in one pass and bounded memory.

use std::collections::HashMap;

use crate::channel::{Channel, Kind};
use crate::control::{INITIAL_BURST_BYTES, Role};
use crate::flow::Sized;
use crate::pseudonym::Pseudonym;

/// Parts of a second in which the initial burst is looked for.
const SLOTS: usize = 10;
const SLOT_US: u64 = 1_000_000 / SLOTS as u64;
/// Flows that are followed at a time without being known as channels of a call.
const UNTOLD: usize = 65_536;
/// A flow that nobody told to be a channel is forgotten when it was silent for so long.
const QUIET_US: u64 = 300_000_000;
/// Packets of a channel that are kept each way, for each second of it: beyond any voice.
const PACKETS_A_SECOND: usize = 500;

/// By what it shows that a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onset {
    /// By an initial burst on channels with signalling of their own (UVP, III-B); where there is no signalling, by the first content.
    Burst,
    /// By the first media: a codec that says little has no burst.
    Media,
}

/// A packet of a flow that may be a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPacket {
    /// The flow's number.
    pub flow: u64,
    /// Whether who opened the flow sent it.
    pub is_up: bool,
    /// When, in microseconds.
    pub time_us: u64,
    /// Its payload, in bytes.
    pub bytes: u32,
    /// By what the answer shows on such a channel.
    pub onset: Onset,
    /// Whether this packet has media.
    pub has_media: bool,
}

/// What is known of a channel when its call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownChannel {
    /// The flow's number.
    pub flow: u64,
    /// Whose channel it is.
    pub end_point: Pseudonym,
    /// Whether the flow was opened by the other side.
    pub is_reversed: bool,
    /// Which end of which call.
    pub end: u64,
    /// What it carries.
    pub kind: Kind,
    /// Who called.
    pub role: Option<Role>,
}

/// Follows flows and keeps the beginning of each as a series.
///
/// Memory: for each channel two series of `seconds` at most, and its packets if they are asked for; flows that turn out to be none are
/// forgotten.
#[derive(Debug)]
pub struct Collector {
    bin_us: u64,
    bins: usize,
    /// Packets that are kept of a channel each way.
    packets: usize,
    legs: HashMap<u64, Leg>,
    channels: Vec<Channel>,
    origin_us: Option<u64>,
    next_sweep_us: u64,
}

#[derive(Debug)]
struct Leg {
    first_us: u64,
    last_us: u64,
    answered_us: Option<u64>,
    /// The first media, whatever it is the onset of.
    media_us: Option<u64>,
    /// Whether anything else came.
    controls: bool,
    slots: [u64; SLOTS],
    newest_slot: u64,
    /// Time of the first bin.
    from_us: u64,
    series: [Vec<f32>; 2],
    packets: [Vec<Sized>; 2],
}

impl Collector {
    /// With bins of `bin_us`, for `seconds` of each channel from its initial burst on.
    pub fn new(bin_us: u64, seconds: usize) -> Self {
        let bin_us = bin_us.max(1);
        Self {
            bin_us,
            bins: (seconds as u64 * 1_000_000 / bin_us) as usize,
            packets: 0,
            legs: HashMap::new(),
            channels: Vec::new(),
            origin_us: None,
            next_sweep_us: 0,
        }
    }

    /// Keeps packets beside series, for counter-measures.
    pub fn with_packets(self) -> Self {
        let seconds = (self.bins as u64 * self.bin_us).div_ceil(1_000_000) as usize;
        Self { packets: seconds * PACKETS_A_SECOND, ..self }
    }

    /// Takes in the next packet. Packets of one flow come in order of time.
    pub fn packet(&mut self, packet: &ChannelPacket) {
        let origin_us = *self.origin_us.get_or_insert(packet.time_us);
        let time_us = packet.time_us.max(origin_us);
        if time_us >= self.next_sweep_us {
            self.next_sweep_us = time_us.saturating_add(QUIET_US);
            self.legs.retain(|_, leg| leg.last_us.saturating_add(QUIET_US) > time_us);
        }
        if self.legs.len() >= UNTOLD && !self.legs.contains_key(&packet.flow) {
            return;
        }
        let grid_us = |time_us: u64| (time_us - origin_us) / self.bin_us * self.bin_us + origin_us;
        let leg = self.legs.entry(packet.flow).or_insert_with(|| Leg {
            first_us: time_us,
            last_us: time_us,
            answered_us: None,
            media_us: None,
            controls: false,
            slots: [0; SLOTS],
            newest_slot: 0,
            from_us: grid_us(time_us),
            series: [Vec::new(), Vec::new()],
            packets: [Vec::new(), Vec::new()],
        });
        leg.last_us = leg.last_us.max(time_us);
        leg.controls |= !packet.has_media;
        if packet.has_media {
            leg.media_us.get_or_insert(time_us);
        }
        let is_answered = leg.answered_us.is_none()
            && match packet.onset {
                Onset::Burst => leg.burst(time_us, packet.bytes) || !leg.controls && packet.has_media,
                Onset::Media => packet.has_media,
            };
        if is_answered {
            // What came before is signalling, and ringing: the series begins with the answer.
            leg.answered_us = Some(time_us);
            leg.from_us = grid_us(time_us);
            leg.series = [Vec::new(), Vec::new()];
            leg.packets = [Vec::new(), Vec::new()];
        }
        let Some(since_us) = time_us.checked_sub(leg.from_us) else { return };
        let bin = usize::try_from(since_us / self.bin_us).unwrap_or(usize::MAX);
        if bin < self.bins {
            let series = &mut leg.series[usize::from(!packet.is_up)];
            if series.len() <= bin {
                series.resize(bin + 1, 0.0);
            }
            series[bin] += packet.bytes as f32;
            let packets = &mut leg.packets[usize::from(!packet.is_up)];
            if packets.len() < self.packets {
                packets.push(Sized { time_us: time_us - origin_us, bytes: packet.bytes });
            }
        }
    }

    /// Says that a flow was a channel of a call that is over. One never seen, or told before, is none.
    pub fn tell(&mut self, told: &KnownChannel) {
        let Some(leg) = self.legs.remove(&told.flow) else { return };
        let origin_us = self.origin_us.unwrap_or_default();
        let seconds = |time_us: u64| time_us.saturating_sub(origin_us) as f64 / 1e6;
        let length = leg.series.iter().map(Vec::len).max().unwrap_or_default();
        let [mut up, mut down] = leg.series;
        up.resize(length, 0.0);
        down.resize(length, 0.0);
        let mut packets = leg.packets;
        if told.is_reversed {
            std::mem::swap(&mut up, &mut down);
            packets.reverse();
        }
        self.channels.push(Channel {
            end_point: told.end_point,
            end: told.end,
            kind: told.kind,
            role: told.role,
            start_s: seconds(leg.answered_us.or(leg.media_us).unwrap_or(leg.first_us)),
            end_s: seconds(leg.last_us),
            first_bin: (leg.from_us.saturating_sub(origin_us) / self.bin_us) as usize,
            up,
            down,
            packets,
        });
    }

    /// All channels, in order of start.
    pub fn finish(mut self) -> Vec<Channel> {
        self.channels.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.end.cmp(&b.end)));
        self.channels
    }
}

impl Leg {
    /// Whether the second up to now, this packet with it, is an initial burst.
    fn burst(&mut self, time_us: u64, bytes: u32) -> bool {
        let slot = time_us / SLOT_US;
        for passed in
            self.newest_slot.saturating_add(1)..=slot.min(self.newest_slot.saturating_add(SLOTS as u64))
        {
            self.slots[(passed % SLOTS as u64) as usize] = 0;
        }
        if slot > self.newest_slot.saturating_add(SLOTS as u64) {
            self.slots = [0; SLOTS];
        }
        self.newest_slot = self.newest_slot.max(slot);
        self.slots[(slot % SLOTS as u64) as usize] += u64::from(bytes);
        self.slots.iter().sum::<u64>() >= INITIAL_BURST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pseudonym::Key;

    fn told(flow: u64) -> KnownChannel {
        let end_point = Key::from_bytes(&[7; 16]).unwrap().pseudonym(b"x");
        KnownChannel { flow, end_point, is_reversed: false, end: 1, kind: Kind::Voice, role: None }
    }

    #[test]
    fn the_series_begins_with_the_answer() {
        let mut collector = Collector::new(100_000, 5);
        let mut at = |time_us: u64, is_up, bytes| {
            collector.packet(&ChannelPacket {
                flow: 4,
                is_up,
                time_us: 1_000_000_000 + time_us,
                bytes,
                onset: Onset::Burst,
                has_media: false,
            })
        };
        (0..20).for_each(|n| at(n * 250_000, true, 60));
        (0..400).for_each(|n| at(5_000_000 + n * 20_000, n % 2 == 0, 100));
        collector.tell(&told(4));
        collector.tell(&told(4));
        collector.tell(&told(5));
        let channels = collector.finish();
        let [channel] = channels.as_slice() else { panic!("{} channels", channels.len()) };
        // 2,500 bytes a second are there after 23 packets of 100, beside three to four of 60.
        assert!((5.4..5.5).contains(&channel.start_s), "{}", channel.start_s);
        assert_eq!((channel.first_bin, channel.up.len()), (54, 50));
        assert!((channel.end_s - 12.98).abs() < 1e-9);
        assert!(channel.up[1..].iter().zip(&channel.down[1..]).all(|(up, down)| up + down == 500.0));
    }

    #[test]
    fn media_of_few_bytes_begins_a_series_as_loud_media_does() {
        let start_s = |bytes: u32| {
            let mut collector = Collector::new(100_000, 5);
            for n in 0..100 {
                // It rings for 2 s; after 5 s more the codec has much to say.
                let bytes = if n < 70 { 30 } else { bytes };
                let (onset, has_media) = (Onset::Media, n >= 20);
                let time_us = n * 100_000;
                collector.packet(&ChannelPacket { flow: 4, is_up: true, time_us, bytes, onset, has_media });
            }
            collector.tell(&told(4));
            let channels = collector.finish();
            (channels[0].start_s, channels[0].first_bin, channels[0].up.len())
        };
        assert_eq!(start_s(40), (2.0, 20, 50));
        assert_eq!(start_s(1_000), (2.0, 20, 50));
    }

    #[test]
    fn a_data_channel_begins_with_its_content_and_a_mixed_one_without_a_burst_with_that_too() {
        let start_s = |is_signalled: bool, bytes: u32| {
            let mut collector = Collector::new(100_000, 30);
            for n in if is_signalled { 0 } else { 20 }..100 {
                let (onset, has_media) = (Onset::Burst, n >= 20);
                let (time_us, bytes) = (n * 100_000, if n < 70 { 30 } else { bytes });
                collector.packet(&ChannelPacket { flow: 4, is_up: true, time_us, bytes, onset, has_media });
            }
            collector.tell(&told(4));
            // Times count from the first packet of all.
            collector.finish()[0].start_s
        };
        assert_eq!((start_s(false, 30), start_s(false, 1_000)), (0.0, 0.0));
        assert_eq!(start_s(true, 30), 2.0);
        assert!(start_s(true, 1_000) > 7.0, "signalling is over with the burst");
    }

    #[test]
    fn what_is_no_channel_is_forgotten() {
        let mut collector = Collector::new(100_000, 5);
        for flow in 0..200_000u64 {
            collector.packet(&ChannelPacket {
                flow,
                is_up: true,
                time_us: flow * 100_000,
                bytes: 100,
                onset: Onset::Burst,
                has_media: false,
            });
            assert!(collector.legs.len() <= 6_001);
        }
        for flow in 0..100_000u64 {
            collector.packet(&ChannelPacket {
                flow,
                is_up: true,
                time_us: 30_000_000_000,
                bytes: 100,
                onset: Onset::Burst,
                has_media: false,
            });
        }
        assert!(collector.legs.len() <= UNTOLD);
        assert!(collector.finish().is_empty());
    }

    #[test]
    fn times_may_be_anything() {
        let mut collector = Collector::new(100_000, 5);
        for time_us in [u64::MAX, 0, 5, u64::MAX - 1, 1 << 63] {
            collector.packet(&ChannelPacket {
                flow: 1,
                is_up: false,
                time_us,
                bytes: u32::MAX,
                onset: Onset::Burst,
                has_media: false,
            });
        }
        collector.tell(&told(1));
        assert_eq!(collector.finish().len(), 1);
    }
}
