//! How far a TCP stream went, and which of its bytes were captured.

use wiremark::TcpFields;

/// Gaps of one stream that may yet be filled; older ones stay gaps.
const HOLES: usize = 16;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes that were sent, by their numbers, and not captured.
    missed: u64,
    /// The numbers of those, as far as they are remembered; nearly always none.
    #[expect(clippy::box_collection, reason = "few streams have gaps, and there are many streams")]
    holes: Option<Box<Vec<(u32, u32)>>>,
}

impl Progress {
    /// Takes a segment's numbers; gives back how many of its bytes were not captured before. `high` becomes the number behind the
    /// highest seen, and with the first segment `first` that of the stream's first byte.
    pub(super) fn take(
        &mut self,
        high: &mut Option<u32>,
        first: &mut u32,
        tcp: TcpFields,
        length: u32,
    ) -> u64 {
        let has = |flag: u8| u32::from(tcp.flags & flag != 0);
        let start = tcp.sequence.wrapping_add(has(TcpFields::SYN));
        let end = start.wrapping_add(length);
        let before = high.unwrap_or_else(|| {
            *first = start;
            start
        });
        let next = end.wrapping_add(has(TcpFields::FIN));
        match end.wrapping_sub(before) {
            // Nothing further.
            0xff00_0000.. => self.fill(start, end),
            // A FIN takes a number of its own, which is no byte (RFC 9293, 3.4).
            1 if length == 0 => {
                *high = Some(next);
                0
            }
            further @ 0..0x0100_0000 => {
                *high = Some(next);
                if further <= length {
                    return u64::from(further) + self.fill(start, before);
                }
                self.miss(before, start);
                length.into()
            }
            // The place was lost.
            _ => {
                *high = Some(next);
                self.holes = None;
                length.into()
            }
        }
    }

    /// Bytes that were sent and not captured.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    fn miss(&mut self, from: u32, to: u32) {
        self.missed += u64::from(to.wrapping_sub(from));
        let holes = self.holes.get_or_insert_default();
        if holes.len() >= HOLES {
            holes.remove(0);
        }
        holes.push((from, to));
    }

    /// Bytes from before the highest number: those of gaps are new. Gives back how many.
    fn fill(&mut self, start: u32, end: u32) -> u64 {
        let Some(holes) = &mut self.holes else { return 0 };
        let mut left = Vec::new();
        let mut filled = 0;
        for (from, to) in holes.drain(..) {
            let within = |number: u32| number.wrapping_sub(from).min(to.wrapping_sub(from));
            // Where the segment begins before the gap, its start lies at the gap's.
            let is_before = (start.wrapping_sub(from) as i32) < 0;
            let (begin, stop) = (if is_before { 0 } else { within(start) }, within(end));
            if (end.wrapping_sub(from) as i32) <= 0 || begin >= stop {
                left.push((from, to));
                continue;
            }
            filled += u64::from(stop - begin);
            let parts = [(from, from.wrapping_add(begin)), (from.wrapping_add(stop), to)];
            left.extend(parts.into_iter().filter(|(from, to)| from != to));
        }
        **holes = left;
        self.missed = self.missed.saturating_sub(filled);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(segments: &[(u32, u32)]) -> (u64, u64) {
        let (mut progress, mut high, mut first) = (Progress::default(), None, 0);
        let seen = segments.iter().map(|(offset, length)| {
            let tcp = TcpFields { sequence: (u32::MAX - 5).wrapping_add(*offset), flags: TcpFields::ACK };
            progress.take(&mut high, &mut first, tcp, *length)
        });
        (seen.sum(), progress.missed())
    }

    #[test]
    fn bytes_count_once_and_gaps_apart() {
        assert_eq!(run(&[(0, 10), (10, 10), (0, 20)]), (20, 0));
        assert_eq!(run(&[(0, 10), (1_000_010, 10)]), (20, 1_000_000));
        // Filled later: in pieces, and by a segment that reaches over it on both sides.
        assert_eq!(run(&[(0, 10), (30, 10), (10, 5), (25, 5)]), (30, 10));
        assert_eq!(run(&[(0, 10), (30, 10), (5, 30)]), (40, 0));
        assert_eq!(run(&[(0, 10), (30, 10), (15, 5), (10, 20), (10, 20)]), (40, 0));
        // Nothing of a stream's beginning is missing where it was not captured.
        assert_eq!(run(&[(500, 10), (100, 10)]), (10, 0));
    }
}
