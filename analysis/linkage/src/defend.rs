//! Counter-measures: what a sender or a relay can do to the packets of a call so that sizes and times tell less.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use rand::{Rng, RngExt};

use crate::flow::Sized;

/// A dummy packet is as large as voice.
const DUMMY_BYTES: u32 = 90;
/// Packets of a burst of dummies, 20 ms apart: a second of what looks like voice.
const BURST_PACKETS: u64 = 50;
/// Longer delays end a conversation, and are a slip in the unit.
const LONGEST_US: u64 = 60_000_000;

/// What is done to packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defence {
    /// Each packet is filled up to the next of these sizes, in bytes.
    Padding(Vec<u32>),
    /// A packet of `bytes` every `every_us`, whatever is said: voice waits for room, room without voice is filled up.
    Constant {
        /// Size of every packet.
        bytes: u32,
        /// Microseconds between packets.
        every_us: u64,
    },
    /// Each packet grows by something between 0 and so many bytes.
    RandomPad(u32),
    /// Each packet waits for something between 0 and so many microseconds.
    Delay(u64),
    /// Packets wait for the next multiple of so many microseconds.
    Batch(u64),
    /// Bursts of a second that look like voice, so many thousandths of one each second, at random times.
    Dummy(u32),
}

/// What a counter-measure takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Bytes of voice.
    pub bytes: u64,
    /// Bytes sent instead.
    pub sent_bytes: u64,
    /// Packets of voice.
    pub packets: u64,
    /// What they were held back, together, in microseconds.
    pub delay_us: u64,
}

impl Cost {
    /// Bytes added, as a share of those of voice.
    pub fn added(&self) -> f64 {
        self.sent_bytes as f64 / self.bytes.max(1) as f64 - 1.0
    }

    /// Mean delay of a packet of voice, in seconds.
    pub fn delay_s(&self) -> f64 {
        self.delay_us as f64 / self.packets.max(1) as f64 / 1e6
    }

    /// Takes in what another flow costs.
    pub fn add(&mut self, other: &Cost) {
        self.bytes += other.bytes;
        self.sent_bytes += other.sent_bytes;
        self.packets += other.packets;
        self.delay_us += other.delay_us;
    }
}

impl Defence {
    /// The packets as they are sent instead, in order of time, and what that costs. `until_us` is when the call ends.
    pub fn apply(&self, packets: &[Sized], until_us: u64, random: &mut impl Rng) -> (Vec<Sized>, Cost) {
        let bytes = packets.iter().map(|packet| u64::from(packet.bytes)).sum();
        let mut cost = Cost { bytes, packets: packets.len() as u64, ..Cost::default() };
        let mut sent = match self {
            Defence::Padding(sizes) => resized(packets, |bytes| padded(bytes, sizes)),
            Defence::RandomPad(most) => {
                resized(packets, |bytes| bytes.saturating_add(random.random_range(0..=*most)))
            }
            Defence::Delay(most_us) => delayed(packets, &mut cost, |_| random.random_range(0..=*most_us)),
            Defence::Batch(every_us) => {
                delayed(packets, &mut cost, |time_us| time_us.next_multiple_of((*every_us).max(1)) - time_us)
            }
            Defence::Constant { bytes, every_us } => {
                constant(packets, (*bytes).max(1), (*every_us).max(1), until_us, &mut cost)
            }
            Defence::Dummy(per_mille) => {
                let first_us = packets.first().map_or(0, |packet| packet.time_us);
                let bursts = until_us.saturating_sub(first_us) as f64 / 1e6 * f64::from(*per_mille) / 1e3;
                let mut sent = packets.to_vec();
                for _ in 0..bursts.round() as u64 {
                    let begin_us = random.random_range(first_us..until_us.max(first_us + 1));
                    sent.extend(
                        (0..BURST_PACKETS)
                            .map(|n| Sized { time_us: begin_us + n * 20_000, bytes: DUMMY_BYTES }),
                    );
                }
                sent
            }
        };
        sent.sort_by_key(|packet| packet.time_us);
        cost.sent_bytes = sent.iter().map(|packet| u64::from(packet.bytes)).sum();
        (sent, cost)
    }
}

fn resized(packets: &[Sized], mut size: impl FnMut(u32) -> u32) -> Vec<Sized> {
    packets.iter().map(|packet| Sized { bytes: size(packet.bytes), ..*packet }).collect()
}

/// The smallest size that a packet fits in; larger ones keep theirs.
fn padded(bytes: u32, sizes: &[u32]) -> u32 {
    sizes.iter().copied().filter(|size| *size >= bytes).min().unwrap_or(bytes)
}

fn delayed(packets: &[Sized], cost: &mut Cost, mut wait: impl FnMut(u64) -> u64) -> Vec<Sized> {
    let later = packets.iter().map(|packet| {
        let wait_us = wait(packet.time_us);
        cost.delay_us += wait_us;
        Sized { time_us: packet.time_us + wait_us, ..*packet }
    });
    later.collect()
}

/// Slots at fixed times; voice goes into them first come, first served.
fn constant(packets: &[Sized], bytes: u32, every_us: u64, until_us: u64, cost: &mut Cost) -> Vec<Sized> {
    let Some(first) = packets.first() else { return Vec::new() };
    let mut waiting: VecDeque<(u64, u32)> = VecDeque::new();
    let mut coming = packets.iter().peekable();
    let mut sent = Vec::new();
    let mut time_us = first.time_us;
    while time_us < until_us {
        while let Some(packet) = coming.next_if(|packet| packet.time_us <= time_us) {
            waiting.push_back((packet.time_us, packet.bytes));
        }
        let mut room = bytes;
        while let Some((since_us, left)) = waiting.front_mut() {
            let taken = room.min(*left);
            room -= taken;
            *left -= taken;
            if *left > 0 {
                break;
            }
            cost.delay_us += time_us - *since_us;
            waiting.pop_front();
        }
        sent.push(Sized { time_us, bytes });
        time_us += every_us;
    }
    // What found no room until the end was held back until then at least.
    cost.delay_us += waiting.iter().map(|(since_us, _)| until_us.saturating_sub(*since_us)).sum::<u64>();
    sent
}

impl fmt::Display for Defence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defence::Padding(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
                write!(f, "padding:{}", sizes.join(","))
            }
            Defence::Constant { bytes, every_us } => write!(f, "constant:{bytes},{}", *every_us as f64 / 1e3),
            Defence::RandomPad(most) => write!(f, "random-pad:{most}"),
            Defence::Delay(most_us) => write!(f, "delay:{}", *most_us as f64 / 1e6),
            Defence::Batch(every_us) => write!(f, "batch:{}", *every_us as f64 / 1e6),
            Defence::Dummy(per_mille) => write!(f, "dummy:{}", f64::from(*per_mille) / 1e3),
        }
    }
}

/// `padding:SIZES`, `constant:BYTES,MS`, `random-pad:MAX`, `delay:MAX`, `batch:SECONDS` or `dummy:RATE`; sizes in bytes,
/// delays and batches in seconds, or with `ms` or `s` behind them.
impl FromStr for Defence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let wrong = |expected: &str| format!("{text}: expected {name}:{expected}");
        match name {
            "padding" => {
                let sizes: Option<Vec<u32>> = value.split(',').map(bytes).collect();
                sizes.map(Defence::Padding).ok_or_else(|| wrong("SIZES, bytes with commas between them"))
            }
            "constant" => {
                let expected = || wrong("BYTES,MS, such as constant:160,20");
                let (size, every) = value.split_once(',').ok_or_else(expected)?;
                let every_us = duration_us(every, 1e3).ok_or_else(expected)?;
                Ok(Defence::Constant { bytes: bytes(size).ok_or_else(expected)?, every_us })
            }
            "random-pad" => bytes(value).map(Defence::RandomPad).ok_or_else(|| wrong("MAX, bytes")),
            "delay" | "batch" => {
                let long = duration_us(value, 1e6)
                    .ok_or_else(|| wrong("SECONDS up to 60, or with a unit such as 500ms"))?;
                Ok(if name == "delay" { Defence::Delay(long) } else { Defence::Batch(long) })
            }
            "dummy" => {
                let rate = value.parse::<f64>().ok().filter(|rate| (0.001..=100.0).contains(rate));
                let per_mille = rate.map(|rate| (rate * 1e3).round() as u32);
                per_mille.map(Defence::Dummy).ok_or_else(|| wrong("RATE, bursts a second, 0.001 to 100"))
            }
            _ => Err(format!(
                "{text}: no such counter-measure; there are padding:SIZES, constant:BYTES,MS, random-pad:MAX, delay:MAX, \
                 batch:SECONDS and dummy:RATE"
            )),
        }
    }
}

fn bytes(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|bytes| (1..=65_507).contains(bytes))
}

fn duration_us(text: &str, default_us: f64) -> Option<u64> {
    let text = text.trim();
    let (number, unit_us) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1e3),
        (None, Some(number)) => (number, 1e6),
        (None, None) => (text, default_us),
    };
    let long_us = number.trim().parse::<f64>().ok()? * unit_us;
    (1.0..=LONGEST_US as f64).contains(&long_us).then_some(long_us as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    fn voice() -> Vec<Sized> {
        (0..100)
            .map(|n| Sized { time_us: n * 20_000 + n / 50 * 700_000, bytes: 40 + (n % 7) as u32 * 10 })
            .collect()
    }

    fn applied(text: &str) -> (Vec<Sized>, Cost) {
        let defence: Defence = text.parse().unwrap();
        assert_eq!(defence.to_string().parse(), Ok(defence.clone()));
        defence.apply(&voice(), 4_000_000, &mut ChaCha8Rng::seed_from_u64(7))
    }

    #[test]
    fn padding_leaves_the_sizes_named() {
        let (sent, cost) = applied("padding:64,128");
        assert!(sent.iter().all(|packet| [64, 128].contains(&packet.bytes)));
        assert!(cost.added() > 0.0 && cost.delay_s() == 0.0);
    }

    #[test]
    fn constant_says_nothing() {
        let (sent, cost) = applied("constant:120,20");
        assert_eq!(sent.len(), 200);
        assert!(sent.iter().zip(0..).all(|(packet, n)| *packet == Sized { time_us: n * 20_000, bytes: 120 }));
        assert_eq!(cost.sent_bytes, 24_000);
        let (_, tight) = applied("constant:60,20");
        assert!(tight.delay_s() > cost.delay_s(), "voice waits where there is too little room");
    }

    #[test]
    fn delays_keep_bytes_and_order() {
        for text in ["delay:1", "batch:500ms"] {
            let (sent, cost) = applied(text);
            assert!(sent.is_sorted_by_key(|packet| packet.time_us));
            assert_eq!((cost.added(), sent.len()), (0.0, 100));
            assert!((0.1..0.7).contains(&cost.delay_s()), "{text} {}", cost.delay_s());
        }
    }

    #[test]
    fn dummies_and_random_padding_add_bytes() {
        assert!(applied("dummy:0.5").1.added() > 0.5);
        let (_, cost) = applied("random-pad:100");
        assert!((0.3..1.2).contains(&cost.added()), "{}", cost.added());
    }

    #[test]
    fn mistakes_are_named() {
        for text in [
            "",
            "padding:",
            "padding:0",
            "constant:5",
            "delay:1000",
            "delay:x",
            "dummy:-1",
            "noise:3",
            "batch:0",
        ] {
            assert!(text.parse::<Defence>().is_err(), "{text}");
        }
        assert_eq!("delay:500ms".parse(), Ok(Defence::Delay(500_000)));
        assert_eq!("constant:160,20ms".parse(), "constant:160,20".parse::<Defence>());
    }
}
