//! Voice as packets: talk and silence in turn, and what a codec makes of them.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp, LogNormal};

use crate::flow::Sized;

/// Mean length of talk and of silence, in seconds (ITU-T P.59, table 1).
const TALK_S: f64 = 1.004;
const SILENCE_S: f64 = 1.587;
/// A codec with discontinuous transmission says every so often that there is silence (3GPP TS 26.093: SID update).
const SILENCE_UPDATE_US: u64 = 160_000;

/// How voice becomes packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Microseconds of voice in a packet.
    pub frame_us: u64,
    /// Bytes of a packet of talk, in the middle.
    pub talk_bytes: f64,
    /// How far packets of talk are from that, as the standard deviation of the logarithm; 0 is a constant rate.
    pub spread: f64,
    /// Bytes of a packet of silence.
    pub silence_bytes: f64,
    /// Discontinuous transmission: silence is told every 160 ms only.
    pub is_discontinuous: bool,
}

impl Codec {
    /// One of the two kinds that calls are made of here: a constant rate with discontinuous transmission, as AMR 12.2 (32 and 7
    /// bytes in RTP), or a variable rate that goes on through silence, as Opus and SILK.
    pub fn random(random: &mut impl Rng) -> Self {
        let header_bytes = 12.0;
        if random.random() {
            let (frame_us, spread) = (20_000, 0.0);
            let (talk_bytes, silence_bytes) = (32.0 + header_bytes, 7.0 + header_bytes);
            Self { frame_us, talk_bytes, spread, silence_bytes, is_discontinuous: true }
        } else {
            let (talk_bytes, silence_bytes) = (60.0 + header_bytes, 25.0 + header_bytes);
            Self { frame_us: 20_000, talk_bytes, spread: 0.2, silence_bytes, is_discontinuous: false }
        }
    }
}

/// Packets of one speaker from `from_us` on, for so long.
pub fn voice(codec: &Codec, from_us: u64, long_us: u64, random: &mut impl Rng) -> Vec<Sized> {
    let mut packets = Vec::with_capacity((long_us / codec.frame_us.max(1)) as usize + 1);
    let of_mean = |mean: f64| Exp::new(1.0 / mean).ok();
    let (talk, silence) = (of_mean(TALK_S), of_mean(SILENCE_S));
    let size = |bytes: f64| LogNormal::new(bytes.max(1.0).ln(), codec.spread).ok();
    let sizes = [size(codec.silence_bytes), size(codec.talk_bytes)];
    // In the middle of a conversation.
    let mut talks = random.random::<f64>() < TALK_S / (TALK_S + SILENCE_S);
    let mut turn_us = from_us;
    let mut told_us = None;
    let end_us = from_us.saturating_add(long_us);
    let mut time_us = from_us + random.random_range(0..codec.frame_us.max(1));
    while time_us < end_us {
        while turn_us <= time_us {
            if turn_us > from_us {
                talks = !talks;
                told_us = None;
            }
            let length = if talks { &talk } else { &silence };
            let length_s = length.map_or(1.0, |length| length.sample(random));
            turn_us += (length_s * 1e6) as u64 + 1;
        }
        let is_told = talks
            || !codec.is_discontinuous
            || told_us.is_none_or(|at: u64| time_us - at >= SILENCE_UPDATE_US);
        if is_told {
            let bytes = sizes[usize::from(talks)].map_or(1.0, |sizes| sizes.sample(random));
            packets.push(Sized { time_us, bytes: bytes.round().clamp(1.0, 1_200.0) as u32 });
            told_us = (!talks).then_some(time_us);
        }
        time_us += codec.frame_us.max(1);
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn talk_is_two_fifths() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let codec = Codec {
            frame_us: 20_000,
            talk_bytes: 50.0,
            spread: 0.0,
            silence_bytes: 20.0,
            is_discontinuous: false,
        };
        let packets = voice(&codec, 0, 2_000_000_000, &mut random);
        assert_eq!(packets.len(), 100_000);
        let talk = packets.iter().filter(|packet| packet.bytes == 50).count() as f64 / 100_000.0;
        assert!((talk - TALK_S / (TALK_S + SILENCE_S)).abs() < 0.02, "{talk}");
    }

    #[test]
    fn silence_is_told_seldom_where_the_codec_is_discontinuous() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let codec = Codec {
            frame_us: 20_000,
            talk_bytes: 50.0,
            spread: 0.0,
            silence_bytes: 20.0,
            is_discontinuous: true,
        };
        let packets = voice(&codec, 0, 200_000_000, &mut random);
        let silent: Vec<_> = packets.iter().filter(|packet| packet.bytes == 20).collect();
        assert!(silent.windows(2).all(
            |two| two[1].time_us - two[0].time_us >= 160_000 || two[1].time_us - two[0].time_us > 20_000
        ));
        assert!(packets.len() < 5_500, "{}", packets.len());
    }
}
