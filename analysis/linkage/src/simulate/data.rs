//! Data channels of many calls at a time, over relays.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::voice::{Codec, voice};
use crate::channel::{Channel, Kind};
use crate::defend::{Cost, Defence};
use crate::flow::{Sized, series};
use crate::pseudonym::Key;

/// What lies between the leg of one party and that of the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Smallest and largest delay by the relay, in seconds: one of each call.
    pub relay_delay_s: (f64, f64),
    /// Largest delay beyond that, in seconds: one of each packet.
    pub jitter_s: f64,
    /// Share of packets lost.
    pub loss: f64,
}

impl Setting {
    /// A good network: relay delay 20 to 80 ms, jitter 10 ms, no loss.
    pub const EASY: Setting = Setting { relay_delay_s: (0.02, 0.08), jitter_s: 0.01, loss: 0.0 };
    /// A bad one: relay delay 50 to 400 ms, jitter 60 ms, loss 5 %.
    pub const HARD: Setting = Setting { relay_delay_s: (0.05, 0.4), jitter_s: 0.06, loss: 0.05 };
    /// A relay that takes its time: delay 0.2 to 4 s, jitter 60 ms, loss 10 %.
    pub const SLOW: Setting = Setting { relay_delay_s: (0.2, 4.0), jitter_s: 0.06, loss: 0.1 };
}

/// Where a counter-measure works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the phones: both legs show what it did.
    #[default]
    Sender,
    /// In the relay: the sender's leg is as ever.
    Relay,
}

impl Place {
    /// `sender` or `relay`.
    pub fn name(self) -> &'static str {
        match self {
            Place::Sender => "sender",
            Place::Relay => "relay",
        }
    }
}

/// Calls that go on all the time that is looked at: start and end tell nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPopulation {
    /// Calls.
    pub calls: usize,
    /// Seconds that are looked at.
    pub seconds: usize,
    /// The network.
    pub setting: Setting,
    /// Counter-measure, and where.
    pub defence: Option<(Defence, Place)>,
    /// What all random numbers come from.
    pub seed: u64,
}

/// One direction of all calls as a gateway sees both legs.
#[derive(Clone, Debug)]
pub struct Direction {
    /// Sent by one party, to the relay.
    pub sent: Vec<Vec<Sized>>,
    /// Received by the other, from the relay; not in the order of the senders.
    pub received: Vec<Vec<Sized>>,
}

/// A population as it was observed.
#[derive(Clone, Debug)]
pub struct DataCalls {
    /// From callers to callees, and back; the same order of legs in both.
    pub directions: Vec<Direction>,
    /// The callee's leg of each caller's: a place in the second list.
    pub truth: Vec<usize>,
    /// When observation begins, in microseconds.
    pub from_us: u64,
    /// What the counter-measure took.
    pub cost: Cost,
}

/// Makes the calls. `directions` is 1 (callers to callees) or 2.
pub fn calls(population: &DataPopulation, directions: usize) -> DataCalls {
    let mut random = ChaCha8Rng::seed_from_u64(population.seed);
    let setting = &population.setting;
    // Calls have gone on for longer than a relay holds a packet back.
    let from_us = 10_000_000;
    let long_us = from_us + population.seconds as u64 * 1_000_000;
    let mut order: Vec<usize> = (0..population.calls).collect();
    order.shuffle(&mut random);
    let (mut truth, mut cost) = (vec![0; population.calls], Cost::default());
    for (place, call) in order.iter().enumerate() {
        truth[*call] = place;
    }
    let mut all = Vec::with_capacity(directions);
    for _ in 0..directions {
        let (mut sent, mut received) = (Vec::new(), vec![Vec::new(); population.calls]);
        for place in &truth {
            let codec = Codec::random(&mut random);
            let (least_s, most_s) = setting.relay_delay_s;
            let delay_s = least_s + (most_s - least_s) * random.random::<f64>();
            let mut up = voice(&codec, 0, long_us, &mut random);
            let mut defend = |packets: &[Sized], random: &mut ChaCha8Rng, defence: &Defence| {
                let (packets, taken) = defence.apply(packets, long_us, random);
                cost.add(&taken);
                packets
            };
            if let Some((defence, Place::Sender)) = &population.defence {
                up = defend(&up, &mut random, defence);
            }
            let mut down = relayed(&up, delay_s, setting, &mut random);
            if let Some((defence, Place::Relay)) = &population.defence {
                down = defend(&down, &mut random, defence);
            }
            received[*place] = down;
            sent.push(up);
        }
        all.push(Direction { sent, received });
    }
    DataCalls { directions: all, truth, from_us, cost }
}

/// What arrives of packets at the other side of a relay that holds them back for `delay_s`, in order of time.
pub fn relayed(sent: &[Sized], delay_s: f64, setting: &Setting, random: &mut ChaCha8Rng) -> Vec<Sized> {
    let mut received = Vec::with_capacity(sent.len());
    for packet in sent {
        let (is_lost, jitter) = (random.random::<f64>() < setting.loss, random.random::<f64>());
        if !is_lost {
            let late_us = ((delay_s + jitter * setting.jitter_s) * 1e6) as u64;
            received.push(Sized { time_us: packet.time_us + late_us, ..*packet });
        }
    }
    received.sort_by_key(|packet| packet.time_us);
    received
}

impl DataCalls {
    /// Both legs of each call as channels, the caller's first, named by their places.
    pub fn channels(&self, bin_us: u64, seconds: usize) -> Vec<[Channel; 2]> {
        // These are nobody's: any key does.
        let Ok(key) = Key::from_bytes(&[0; 32]) else { return Vec::new() };
        let [there, back] = [0, 1].map(|direction| self.series(direction, bin_us, seconds));
        let bins = (seconds as u64 * 1_000_000 / bin_us.max(1)) as usize;
        let of = |legs: &[Vec<f32>], at: usize| legs.get(at).cloned().unwrap_or_else(|| vec![0.0; bins]);
        let channel = |end: usize, up, down| Channel {
            end_point: key.pseudonym(&end.to_be_bytes()),
            end: end as u64,
            kind: Kind::Voice,
            role: None,
            start_s: self.from_us as f64 / 1e6,
            end_s: self.from_us as f64 / 1e6 + seconds as f64,
            first_bin: (self.from_us / bin_us.max(1)) as usize,
            up,
            down,
            packets: [Vec::new(), Vec::new()],
        };
        let pair = |(call, leg): (usize, &usize)| {
            // The second direction is that of the callees, in the same order of legs.
            let [caller, callee] = [(&there[0], &back[1]), (&back[0], &there[1])];
            [
                channel(2 * call, of(caller.0, call), of(caller.1, *leg)),
                channel(2 * call + 1, of(callee.0, call), of(callee.1, *leg)),
            ]
        };
        self.truth.iter().enumerate().map(pair).collect()
    }

    /// Series of all legs of a direction: what was sent, what was received.
    pub fn series(&self, direction: usize, bin_us: u64, seconds: usize) -> [Vec<Vec<f32>>; 2] {
        let bins = (seconds as u64 * 1_000_000 / bin_us.max(1)) as usize;
        let of =
            |legs: &[Vec<Sized>]| legs.iter().map(|leg| series(leg, self.from_us, bin_us, bins)).collect();
        match self.directions.get(direction) {
            Some(direction) => [of(&direction.sent), of(&direction.received)],
            None => [Vec::new(), Vec::new()],
        }
    }
}
