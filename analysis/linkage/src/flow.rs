//! Packets of one direction of a channel, by size and time, and their series.

/// A packet: all that is left of it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sized {
    /// When, in microseconds.
    pub time_us: u64,
    /// UDP payload, in bytes.
    pub bytes: u32,
}

/// Bytes per bin of `bin_us` from `from_us` on, so many bins; packets outside of them do not count.
///
/// Cost: one look at each packet.
pub fn series(packets: &[Sized], from_us: u64, bin_us: u64, bins: usize) -> Vec<f32> {
    let mut series = vec![0.0; bins];
    for packet in packets {
        if let Some(since) = packet.time_us.checked_sub(from_us)
            && let Some(bin) = usize::try_from(since / bin_us.max(1)).ok().and_then(|bin| series.get_mut(bin))
        {
            *bin += packet.bytes as f32;
        }
    }
    series
}

/// Wider bins from narrow ones, `times` as wide; what does not fill a bin is left away.
pub fn widen(series: &[f32], times: usize) -> Vec<f32> {
    series.chunks_exact(times.max(1)).map(|narrow| narrow.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_fall_into_their_bins() {
        let packets = [(5, 1), (10, 2), (19, 4), (20, 8), (39, 16), (40, 32)];
        let packets = packets.map(|(time_us, bytes)| Sized { time_us, bytes });
        assert_eq!(series(&packets, 10, 10, 3), [6.0, 8.0, 16.0]);
        assert_eq!(widen(&[1.0, 2.0, 4.0, 8.0, 16.0], 2), [3.0, 12.0]);
    }
}
