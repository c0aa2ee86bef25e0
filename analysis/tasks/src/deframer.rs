//! A stream cut into messages that state their own length: over segments, several in one, across gaps.

use std::borrow::Cow;

use wiremark::dissect::Dissection;
use wiremark::dissect::{longlink, mmtls};
use wiremark::signature::pattern::Match;

use super::catalog::Framing;
use super::half::Half;
use super::stream::Piece;

/// Bytes of a message that are kept for a look at its body.
const PEEK: usize = 1024;

/// One message of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message<'m> {
    /// When its first and its last byte were captured.
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    /// Its bytes, header included, as far as they were captured.
    pub(super) bytes: u64,
    /// Those that were not.
    pub(super) missed: u64,
    /// Its first bytes.
    pub(super) peek: Cow<'m, [u8]>,
}

/// What a deframer finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'m> {
    Message(Message<'m>),
    /// So many bytes belong to messages whose headers were not captured.
    Unknown {
        from_us: u64,
        to_us: u64,
        bytes: u64,
        missed: u64,
    },
}

impl Framing {
    fn header_bytes(&self) -> usize {
        match self {
            Framing::LongLink => longlink::HEADER_LENGTH,
            Framing::Mmtls { .. } => 5,
            Framing::Records(records) => records.header,
        }
    }

    /// Bytes of a message that are worth a look.
    fn peek_bytes(&self) -> usize {
        match self {
            Framing::LongLink => longlink::HEADER_LENGTH + 80,
            Framing::Mmtls { .. } => 5,
            Framing::Records(_) => PEEK,
        }
    }

    /// The length of the message that begins the bytes.
    pub(super) fn message_length(&self, bytes: &[u8]) -> Dissection<usize> {
        match self {
            Framing::LongLink => longlink::header(bytes).map(|header| header.length as usize),
            Framing::Mmtls { .. } => mmtls::records(bytes).next_length(),
            Framing::Records(records) => match records.first.matches(bytes) {
                Match::No => Dissection::NotMine,
                Match::NeedMore => Dissection::NeedMore,
                Match::Yes => match records.layout.record_length(bytes) {
                    Err(_) => Dissection::NotMine,
                    Ok(Some(length)) if length >= records.header => Dissection::Found(length),
                    Ok(Some(_)) => Dissection::NotMine,
                    Ok(None) => Dissection::NeedMore,
                },
            },
        }
    }

    /// Whether a header may be looked for anywhere in a segment, not at its start alone.
    fn is_distinct(&self) -> bool {
        matches!(self, Framing::LongLink)
    }
}

/// Where in the messages one direction is.
#[derive(Debug)]
pub(super) struct Deframer {
    state: State,
}

#[derive(Debug)]
enum State {
    /// In a header of which these bytes were seen.
    Header {
        bytes: Vec<u8>,
        from_us: u64,
    },
    Body {
        message: Message<'static>,
        remaining: u64,
        is_whole: bool,
    },
    /// Looking for a header; so many bytes passed, the last of them in `tail`.
    Lost {
        bytes: u64,
        missed: u64,
        from_us: u64,
        to_us: u64,
        tail: Vec<u8>,
    },
}

impl Deframer {
    pub(super) fn new() -> Self {
        Self { state: State::Header { bytes: Vec::new(), from_us: 0 } }
    }

    /// Takes in the next piece and hands out what ends with it.
    pub(super) fn feed(
        &mut self,
        framing: &Framing,
        time_us: u64,
        piece: Piece<'_>,
        out: &mut impl FnMut(Found<'_>),
    ) {
        match piece {
            Piece::Gap(bytes) => self.gap(time_us, bytes, out),
            Piece::Break => {
                self.finish(out);
                self.lose(time_us, 0);
            }
            Piece::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    bytes = self.step(framing, time_us, bytes, out);
                }
            }
        }
    }

    /// Whether a message is under way.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.state, State::Body { .. })
    }

    /// Bytes passed so far while looking for a header, but for those in which one may have begun.
    pub(super) fn take_unknown(&mut self) -> Option<Half> {
        let State::Lost { bytes, missed, from_us, to_us, tail } = &mut self.state else { return None };
        let sure = bytes.saturating_sub(tail.len() as u64);
        *bytes -= sure;
        let taken = Half { from_us: *from_us, to_us: *to_us, bytes: sure, missed: std::mem::take(missed) };
        *from_us = *to_us;
        (taken.bytes + taken.missed > 0).then_some(taken)
    }

    /// Hands out what is there of the last message.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Found<'_>)) {
        match std::mem::replace(self, Self::new()).state {
            State::Header { bytes, from_us } if !bytes.is_empty() => {
                out(Found::Unknown { from_us, to_us: from_us, bytes: bytes.len() as u64, missed: 0 });
            }
            State::Header { .. } => {}
            State::Body { message, .. } => out(Found::Message(message)),
            State::Lost { bytes, missed, from_us, to_us, .. } if bytes + missed > 0 => {
                out(Found::Unknown { from_us, to_us, bytes, missed });
            }
            State::Lost { .. } => {}
        }
    }

    /// Uses some of the bytes; the rest comes back.
    fn step<'b>(
        &mut self,
        framing: &Framing,
        time_us: u64,
        bytes: &'b [u8],
        out: &mut impl FnMut(Found<'_>),
    ) -> &'b [u8] {
        match &mut self.state {
            State::Body { message, remaining, is_whole } => {
                let taken =
                    usize::try_from(*remaining).map_or(bytes.len(), |remaining| remaining.min(bytes.len()));
                let (now, later) = bytes.split_at(taken);
                message.bytes += taken as u64;
                message.to_us = time_us;
                *remaining -= taken as u64;
                if *is_whole {
                    let room = framing.peek_bytes().saturating_sub(message.peek.len());
                    message.peek.to_mut().extend_from_slice(&now[..room.min(taken)]);
                }
                if *remaining == 0 {
                    out(Found::Message(std::mem::take(message)));
                    self.state = State::Header { bytes: Vec::new(), from_us: time_us };
                }
                later
            }
            State::Header { bytes: header, from_us } => {
                if header.is_empty() {
                    // Most messages lie in one segment.
                    if let Dissection::Found(length) = framing.message_length(bytes)
                        && let Some((whole, later)) = bytes.split_at_checked(length)
                    {
                        let peek = Cow::Borrowed(&whole[..length.min(framing.peek_bytes())]);
                        let bytes = length as u64;
                        let (from_us, to_us) = (time_us, time_us);
                        out(Found::Message(Message { from_us, to_us, bytes, missed: 0, peek }));
                        return later;
                    }
                    *from_us = time_us;
                    header.reserve_exact(framing.peek_bytes().min(bytes.len()).max(framing.header_bytes()));
                }
                let taken = (framing.header_bytes() - header.len()).min(bytes.len());
                let (now, later) = bytes.split_at(taken);
                header.extend_from_slice(now);
                let (header_bytes, from_us) = (header.len() as u64, *from_us);
                match framing.message_length(header) {
                    Dissection::NeedMore if header.len() < framing.header_bytes() => {}
                    Dissection::Found(length) if header.len() == framing.header_bytes() => {
                        let peek = Cow::Owned(std::mem::take(header));
                        let remaining = (length as u64).saturating_sub(header_bytes);
                        let (to_us, bytes) = (time_us, header_bytes);
                        let message = Message { from_us, to_us, bytes, missed: 0, peek };
                        if remaining == 0 {
                            out(Found::Message(message));
                            self.state = State::Header { bytes: Vec::new(), from_us: time_us };
                        } else {
                            self.state = State::Body { message, remaining, is_whole: true };
                        }
                    }
                    Dissection::Found(_) => {}
                    Dissection::NeedMore | Dissection::NotMine => {
                        // What was taken before this segment is past; this segment may hold a header yet.
                        let before = header_bytes - taken as u64;
                        self.state = State::Lost {
                            bytes: before,
                            missed: 0,
                            from_us,
                            to_us: time_us,
                            tail: Vec::new(),
                        };
                        return self.search(framing, time_us, bytes, out);
                    }
                }
                later
            }
            State::Lost { .. } => self.search(framing, time_us, bytes, out),
        }
    }

    /// Looks for the next header in a segment; what follows it comes back.
    fn search<'b>(
        &mut self,
        framing: &Framing,
        time_us: u64,
        bytes: &'b [u8],
        out: &mut impl FnMut(Found<'_>),
    ) -> &'b [u8] {
        let State::Lost { bytes: passed, missed, from_us, to_us, tail } = &mut self.state else {
            return bytes;
        };
        if *passed + *missed == 0 {
            *from_us = time_us;
        }
        let kept = tail.len();
        let joined: std::borrow::Cow<'_, [u8]> =
            if kept == 0 { bytes.into() } else { [tail.as_slice(), bytes].concat().into() };
        let begins = |at: usize| {
            let rest = joined.get(at..)?;
            matches!(framing.message_length(rest), Dissection::Found(_)).then_some(at)
        };
        let last = if framing.is_distinct() { joined.len() } else { 1 };
        match (0..last).find_map(begins) {
            Some(at) => {
                // The tail's bytes are counted among those passed.
                let unknown = *passed + at as u64 - kept as u64;
                if unknown + *missed > 0 {
                    let (from_us, to_us, missed) = (*from_us, *to_us, *missed);
                    out(Found::Unknown { from_us, to_us, bytes: unknown, missed });
                }
                let header = tail.get(at..).unwrap_or_default().to_vec();
                let from_us = if header.is_empty() { time_us } else { *to_us };
                self.state = State::Header { bytes: header, from_us };
                bytes.get(at.saturating_sub(kept)..).unwrap_or_default()
            }
            None => {
                *passed += bytes.len() as u64;
                *to_us = time_us;
                let keep = if framing.is_distinct() { framing.header_bytes() - 1 } else { 0 };
                *tail = joined[joined.len().saturating_sub(keep)..].to_vec();
                &[]
            }
        }
    }

    fn gap(&mut self, time_us: u64, gap: u64, out: &mut impl FnMut(Found<'_>)) {
        match &mut self.state {
            State::Body { message, remaining, is_whole } => {
                let inside = gap.min(*remaining);
                message.missed += inside;
                *remaining -= inside;
                *is_whole = false;
                if *remaining == 0 {
                    message.to_us = time_us;
                    out(Found::Message(std::mem::take(message)));
                    self.state = State::Header { bytes: Vec::new(), from_us: time_us };
                    if gap > inside {
                        self.lose(time_us, gap - inside);
                    }
                }
            }
            State::Header { bytes, from_us } => {
                let (seen, from_us) = (bytes.len() as u64, if bytes.is_empty() { time_us } else { *from_us });
                let (to_us, tail) = (time_us, Vec::new());
                self.state = State::Lost { bytes: seen, missed: gap, from_us, to_us, tail };
            }
            State::Lost { missed, to_us, tail, .. } => {
                *missed += gap;
                *to_us = time_us;
                tail.clear();
            }
        }
    }

    fn lose(&mut self, time_us: u64, missed: u64) {
        self.state = State::Lost { bytes: 0, missed, from_us: time_us, to_us: time_us, tail: Vec::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(command: u32, body: usize) -> Vec<u8> {
        let length = 16 + body as u32;
        let header = [length.to_be_bytes(), [0, 0x10, 0, 1], command.to_be_bytes(), [0, 0, 0, 9]].concat();
        [header, vec![0x5a; body]].concat()
    }

    #[derive(Default)]
    struct Cut {
        messages: Vec<(u32, u64)>,
        unknown: u64,
    }

    fn cut<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Cut {
        let (mut deframer, mut cut) = (Deframer::new(), Cut::default());
        let mut take = |found: Found<'_>| match found {
            Found::Message(message) => {
                let header = longlink::header(&message.peek).found().expect("a header");
                cut.messages.push((header.command, message.bytes + message.missed));
            }
            Found::Unknown { bytes, missed, .. } => cut.unknown += bytes + missed,
        };
        for (time_us, piece) in (0..).zip(pieces) {
            deframer.feed(&Framing::LongLink, time_us, piece, &mut take);
        }
        deframer.finish(&mut take);
        cut
    }

    #[test]
    fn segment_borders_do_not_matter() {
        let stream = [message(2, 300), message(6, 0), message(309, 70_000)].concat();
        for size in [1, 7, 15, 16, 17, 316, 1400, 100_000] {
            let cut = cut(stream.chunks(size).map(Piece::Bytes));
            assert_eq!((cut.messages, cut.unknown), (vec![(2, 316), (6, 16), (309, 70_016)], 0), "{size}");
        }
    }

    #[test]
    fn a_gap_inside_a_body_costs_nothing() {
        let (first, second) = (message(2, 300), message(6, 0));
        let cut = cut([Piece::Bytes(&first[..100]), Piece::Gap(216), Piece::Bytes(&second)]);
        assert_eq!((cut.messages, cut.unknown), (vec![(2, 316), (6, 16)], 0));
    }

    #[test]
    fn a_lost_header_loses_its_message_alone() {
        let (first, lost, third) = (message(2, 300), message(9, 3000), message(6, 0));
        let behind = [&lost[1400..], &third, &message(121, 5)].concat();
        for size in [3, 20, 1400] {
            let pieces = [Piece::Bytes(&first), Piece::Gap(1400)].into_iter();
            let cut = cut(pieces.chain(behind.chunks(size).map(Piece::Bytes)));
            assert_eq!(cut.messages, [(2, 316), (6, 16), (121, 21)], "{size}");
            assert_eq!(cut.unknown, 3016, "{size}");
        }
    }

    #[test]
    fn a_stream_begun_midway_waits_for_a_header() {
        let stream = [vec![0x5a; 500], message(2, 10)].concat();
        let cut = cut(stream.chunks(90).map(Piece::Bytes));
        assert_eq!((cut.messages, cut.unknown), (vec![(2, 26)], 500));
    }

    #[test]
    fn a_message_does_not_go_on_behind_a_break() {
        let (first, second) = (message(2, 300), message(6, 0));
        let cut = cut([Piece::Bytes(&first[..100]), Piece::Break, Piece::Bytes(&second)]);
        assert_eq!((cut.messages, cut.unknown), (vec![(2, 100), (6, 16)], 0));
    }

    #[test]
    fn a_message_cut_by_the_end_counts_as_far_as_it_went() {
        let stream = message(2, 300);
        let cut = cut([Piece::Bytes(&stream[..200])]);
        assert_eq!((cut.messages, cut.unknown), (vec![(2, 200)], 0));
    }
}
