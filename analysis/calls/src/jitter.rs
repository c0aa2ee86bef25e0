//! Interarrival jitter (RFC 3550, 6.4.1 and A.8), and the clock of a stream recognised by it.

/// Clocks that RTP payloads have (RFC 3551, 6, RFC 7587 and wide-band codecs), in Hz.
pub(crate) const CLOCKS: [u32; 7] = [8_000, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000];
/// One tick of each.
const TICKS_US: [f64; CLOCKS.len()] = [
    1e6 / 8_000.0,
    1e6 / 16_000.0,
    1e6 / 24_000.0,
    1e6 / 32_000.0,
    1e6 / 44_100.0,
    1e6 / 48_000.0,
    1e6 / 90_000.0,
];
/// Packets from which on a clock is recognised.
const ENOUGH: u64 = 8;

/// Jitter of packets that took one path, for every clock at once: the right one is known at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jitter {
    last: Option<(u64, u32)>,
    now: [f64; CLOCKS.len()],
    sum: [f64; CLOCKS.len()],
    max: [f64; CLOCKS.len()],
    samples: u64,
}

/// Jitter of one leg, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JitterSummary {
    /// Mean of the running estimate over all packets but the first.
    pub mean_us: f64,
    /// Its largest value.
    pub max_us: f64,
    /// Its last value.
    pub last_us: f64,
}

impl Jitter {
    /// Takes the next packet in order of arrival.
    pub(crate) fn add(&mut self, time_us: u64, timestamp: u32) {
        if let Some((before_us, before)) = self.last {
            let arrival_us = time_us as i64 - before_us as i64;
            let ticks = f64::from(timestamp.wrapping_sub(before) as i32);
            let estimates = self.now.iter_mut().zip(&mut self.sum).zip(&mut self.max);
            for (((now, sum), max), tick_us) in estimates.zip(TICKS_US) {
                let difference = (arrival_us as f64 - ticks * tick_us).abs();
                *now += (difference - *now) / 16.0;
                *sum += *now;
                *max = if *now > *max { *now } else { *max };
            }
            self.samples += 1;
        }
        self.last = Some((time_us, timestamp));
    }

    /// The jitter for a clock of the list; none before the second packet.
    pub(crate) fn summary(&self, clock_hz: u32) -> Option<JitterSummary> {
        let n = CLOCKS.iter().position(|clock| *clock == clock_hz).filter(|_| self.samples > 0)?;
        Some(JitterSummary {
            mean_us: self.sum.get(n)? / self.samples as f64,
            max_us: *self.max.get(n)?,
            last_us: *self.now.get(n)?,
        })
    }

    fn sums(&self) -> ([f64; CLOCKS.len()], u64) {
        (self.sum, self.samples)
    }
}

/// The clock for which packets arrive most evenly, where it stands out: no other has less than one and a half times its
/// jitter.
pub(crate) fn recognised_clock<'j>(legs: impl Iterator<Item = &'j Jitter>) -> Option<u32> {
    let (mut sums, mut samples) = ([0.0; CLOCKS.len()], 0);
    for (leg, number) in legs.map(Jitter::sums) {
        sums.iter_mut().zip(leg).for_each(|(sum, part)| *sum += part);
        samples += number;
    }
    let (best, least) = sums.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
    let stands_out = sums.iter().enumerate().all(|(n, sum)| n == best || *sum > least * 1.5);
    (samples >= ENOUGH && stands_out).then(|| CLOCKS.get(best).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(packets: impl IntoIterator<Item = (u64, u32)>) -> Jitter {
        let mut jitter = Jitter::default();
        packets.into_iter().for_each(|(time_us, timestamp)| jitter.add(time_us, timestamp));
        jitter
    }

    #[test]
    fn even_packets_have_none() {
        let even = of((0..50).map(|n| (n * 20_000, n as u32 * 320)));
        assert_eq!(even.summary(16_000), Some(JitterSummary::default()));
        assert_eq!(recognised_clock([&even].into_iter()), Some(16_000));
    }

    #[test]
    fn the_formula_is_the_rfcs() {
        // 8 ms late, then on time: D is 8 ms twice, J is D/16 and then J + (D - J)/16.
        let one_late = of([(0, 0), (28_000, 320), (40_000, 640)]);
        let summary = one_late.summary(16_000).unwrap();
        assert!((summary.last_us - (500.0 + 7_500.0 / 16.0)).abs() < 1e-9);
        assert!((summary.mean_us - (500.0 + 968.75) / 2.0).abs() < 1e-9);
        assert_eq!(of([(0, 0)]).summary(16_000), None);
        assert_eq!(one_late.summary(12_345), None);
    }

    #[test]
    fn time_stamps_wrap_and_pictures_share_one() {
        let frames = (0..40u64).flat_map(|n| [(n * 66_000, n), (n * 66_000 + 300, n)]);
        let video =
            of(frames.map(|(time_us, n)| (time_us, (u32::MAX - 9_000).wrapping_add(n as u32 * 5_940))));
        assert_eq!(recognised_clock([&video].into_iter()), Some(90_000));
    }

    #[test]
    fn few_packets_prove_no_clock() {
        assert_eq!(recognised_clock([&of((0..5).map(|n| (n * 20_000, n as u32 * 320)))].into_iter()), None);
        assert_eq!(recognised_clock([&of((0..50).map(|n| (n * 20_000, 7)))].into_iter()), None);
    }
}
