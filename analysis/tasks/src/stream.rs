//! The bytes one side of a TCP connection sent, in order, with gaps where the capture lost some.

use wiremark::TcpFields;

/// Most segments and bytes that wait for one before them.
const HELD_SEGMENTS: usize = 64;
const HELD_BYTES: usize = 128 * 1024;
/// A gap that no retransmission fills in this time stays one.
const PATIENCE_US: u64 = 3_000_000;
/// A segment further ahead than this belongs to another connection.
const WINDOW: u32 = 1 << 24;

/// What comes next of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// These bytes of one segment.
    Bytes(&'a [u8]),
    /// So many bytes that were not captured.
    Gap(u64),
    /// What follows has nothing to do with what came before.
    Break,
}

/// One direction of a connection.
///
/// Memory: segments that came too early, at most [`HELD_SEGMENTS`] of together [`HELD_BYTES`].
#[derive(Debug, Default)]
pub(super) struct Stream {
    next: Option<u32>,
    /// Where its FIN says that it ends.
    end: Option<u32>,
    /// Segments ahead of `next`, by sequence number; nearly always none.
    #[expect(clippy::box_collection, reason = "there are many streams, and each packet goes to another")]
    held: Option<Box<Vec<OutOfOrderSegment>>>,
}

#[derive(Debug)]
struct OutOfOrderSegment {
    sequence: u32,
    time_us: u64,
    bytes: Box<[u8]>,
}

impl Stream {
    /// `start`: the sequence number of the first byte, where known.
    pub(super) fn new(start: Option<u32>) -> Self {
        Self { next: start, ..Self::default() }
    }

    /// Takes in a segment, with or without payload, and shows what it makes known of the stream.
    pub(super) fn segment(
        &mut self,
        time_us: u64,
        tcp: TcpFields,
        payload: &[u8],
        show: &mut impl FnMut(u64, Piece<'_>),
    ) {
        if tcp.flags & TcpFields::RST != 0 {
            return;
        }
        let sequence = tcp.sequence.wrapping_add(u32::from(tcp.flags & TcpFields::SYN != 0));
        if tcp.flags & TcpFields::FIN != 0 {
            self.end = Some(sequence.wrapping_add(payload.len() as u32));
        }
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next);
        if ahead == 0 {
            self.pass(time_us, payload, show);
            self.join(show);
        } else if (ahead as i32) < 0 {
            let known = next.wrapping_sub(sequence) as usize;
            if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
                self.pass(time_us, new, show);
                self.join(show);
            } else if ahead < u32::MAX - WINDOW {
                self.restart(sequence, time_us, payload, show);
            }
        } else if ahead > WINDOW {
            self.restart(sequence, time_us, payload, show);
        } else if ahead > 1 || !payload.is_empty() {
            // One number ahead and empty is what follows a FIN (RFC 9293, 3.4), not a gap.
            self.hold(sequence, time_us, payload);
            self.overdue(time_us, show);
        }
    }

    /// Whether everything up to the FIN was shown.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() && self.end == self.next && self.held.is_none()
    }

    /// Gives up gaps that nothing has filled by now.
    pub(super) fn overdue(&mut self, now_us: u64, show: &mut impl FnMut(u64, Piece<'_>)) {
        let is_overdue = |held: &Vec<OutOfOrderSegment>| {
            held.first().is_some_and(|first| first.time_us.saturating_add(PATIENCE_US) < now_us)
                || held.len() > HELD_SEGMENTS
                || held.iter().map(|held| held.bytes.len()).sum::<usize>() > HELD_BYTES
        };
        while self.held.as_deref().is_some_and(is_overdue) {
            self.skip(show);
        }
    }

    /// Shows all that is held: the connection is over.
    pub(super) fn finish(&mut self, show: &mut impl FnMut(u64, Piece<'_>)) {
        while self.held.is_some() {
            self.skip(show);
        }
    }

    fn pass(&mut self, time_us: u64, bytes: &[u8], show: &mut impl FnMut(u64, Piece<'_>)) {
        if !bytes.is_empty() {
            self.next = self.next.map(|next| next.wrapping_add(bytes.len() as u32));
            show(time_us, Piece::Bytes(bytes));
        }
    }

    /// Shows the held segments that follow without a gap.
    fn join(&mut self, show: &mut impl FnMut(u64, Piece<'_>)) {
        while let (Some(next), Some(held)) = (self.next, &mut self.held) {
            let Some(known) = held.first().map(|first| next.wrapping_sub(first.sequence)) else {
                self.held = None;
                return;
            };
            if (known as i32) < 0 {
                return;
            }
            let first = held.remove(0);
            self.pass(first.time_us, first.bytes.get(known as usize..).unwrap_or_default(), show);
        }
    }

    /// Steps over the gap before the first held segment.
    fn skip(&mut self, show: &mut impl FnMut(u64, Piece<'_>)) {
        let first = self.held.as_ref().and_then(|held| held.first());
        if let (Some(next), Some(first)) = (self.next, first) {
            let missing = first.sequence.wrapping_sub(next);
            self.next = Some(first.sequence);
            show(first.time_us, Piece::Gap(missing.into()));
        }
        self.join(show);
    }

    fn hold(&mut self, sequence: u32, time_us: u64, payload: &[u8]) {
        let all = self.held.get_or_insert_default();
        let place = all.partition_point(|held| (sequence.wrapping_sub(held.sequence) as i32) >= 0);
        let is_known = |held: &OutOfOrderSegment| {
            sequence.wrapping_add(payload.len() as u32).wrapping_sub(held.sequence) as usize
                <= held.bytes.len()
        };
        if !all[..place].last().is_some_and(is_known) {
            all.insert(place, OutOfOrderSegment { sequence, time_us, bytes: payload.into() });
        }
    }

    /// The place in the stream was lost: goes on from here.
    fn restart(
        &mut self,
        sequence: u32,
        time_us: u64,
        payload: &[u8],
        show: &mut impl FnMut(u64, Piece<'_>),
    ) {
        self.finish(show);
        self.next = Some(sequence);
        show(time_us, Piece::Break);
        self.pass(time_us, payload, show);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Shown {
        stream: Stream,
        text: String,
    }

    impl Shown {
        fn segment(&mut self, time_us: u64, sequence: u32, payload: &str) {
            let tcp = TcpFields { sequence, flags: TcpFields::ACK };
            self.stream.segment(time_us, tcp, payload.as_bytes(), &mut note(&mut self.text));
        }
    }

    fn note(text: &mut String) -> impl FnMut(u64, Piece<'_>) {
        |_, piece| match piece {
            Piece::Bytes(bytes) => *text += &String::from_utf8_lossy(bytes),
            Piece::Gap(bytes) => *text += &format!("<{bytes}>"),
            Piece::Break => *text += "|",
        }
    }

    #[test]
    fn order_repetition_and_overlap_do_not_show() {
        let mut shown = Shown::default();
        let first = u32::MAX - 2;
        for (from, text) in [(0, "abc"), (5, "fg"), (3, "de"), (0, "abcde"), (5, "fghi"), (9, "")] {
            shown.segment(0, first.wrapping_add(from), text);
        }
        assert_eq!(shown.text, "abcdefghi");
    }

    #[test]
    fn a_gap_shows_after_a_while_or_at_the_end() {
        let mut shown = Shown::default();
        shown.segment(0, 100, "abc");
        shown.segment(1, 105, "fg");
        assert_eq!(shown.text, "abc");
        shown.segment(PATIENCE_US + 2, 107, "hi");
        assert_eq!(shown.text, "abc<2>fghi");
        shown.segment(PATIENCE_US + 3, 111, "");
        shown.stream.finish(&mut note(&mut shown.text));
        assert_eq!(shown.text, "abc<2>fghi<2>");
    }

    #[test]
    fn a_stream_is_over_when_all_before_its_fin_was_shown() {
        let mut shown = Shown::default();
        shown.segment(0, 10, "ab");
        let fin = TcpFields { sequence: 14, flags: TcpFields::ACK | TcpFields::FIN };
        shown.stream.segment(1, fin, b"ef", &mut note(&mut shown.text));
        assert!(!shown.stream.is_over());
        shown.segment(2, 12, "cd");
        shown.segment(3, 17, "");
        assert!(shown.stream.is_over() && shown.text == "abcdef");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut shown = Shown::default();
        shown.segment(0, 0, "a");
        for n in 1..=HELD_SEGMENTS as u32 + 1 {
            shown.segment(0, n * 2, "b");
        }
        assert!(shown.text.starts_with("a<1>b"));
        assert!(shown.stream.held.is_some_and(|held| held.len() <= HELD_SEGMENTS));
    }

    #[test]
    fn a_jump_starts_anew() {
        let mut shown = Shown::default();
        shown.segment(0, 0, "a");
        shown.segment(0, 1 << 30, "b");
        shown.segment(0, (1 << 30) + 1, "c");
        assert_eq!(shown.text, "a|bc");
    }
}
