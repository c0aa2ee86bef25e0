//! Frames that are not plain: through all their headers, and fragments put together on the way.

use super::flow_table::FlowTable;
use super::fragments::{Added, Alone, Uncounted};
use super::wholes::{At, Parts};
use super::{Flow, Frame, Seen, Tracker};
use crate::classifier::Classifier;
use crate::context::Context;
use crate::observer::Observer;
use crate::packet::{
    Encapsulation, Found, Fragment, Network, Packet, ParseError, Piece, Start, TcpFields, Visit, walk,
};
use core::mem::take;

struct Pieces;

impl Visit<'_> for Pieces {
    const PIECES: bool = true;
}

impl Tracker<'_> {
    /// A frame that is not plain.
    #[inline(never)]
    pub(super) fn walked(
        &mut self,
        frame: &Frame<'_>,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<(Seen, Parts), ParseError> {
        let frames = Uncounted { packets: 1, bytes: frame.wire_bytes.into() };
        let start = Start::Frame(frame.link_type, frame.bytes);
        let result = self.found(start, frame.time_us, (At::Frame, frame.bytes), frames, ended, observer);
        match &result {
            Err(ParseError::Truncated) => self.table.statistics.truncated += 1,
            Err(ParseError::Malformed) => self.table.statistics.malformed += 1,
            Err(ParseError::Unsupported) => self.table.statistics.unsupported += 1,
            Ok(_) | Err(ParseError::Fragment) => {}
        }
        result
    }

    fn found(
        &mut self,
        start: Start<'_>,
        time_us: u64,
        (at, bytes): (At, &[u8]),
        frames: Uncounted,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<(Seen, Parts), ParseError> {
        match walk(start, time_us, &mut Pieces)? {
            Found::Packet(packet, encapsulation) => {
                let apart = self.apart(encapsulation);
                let seen = self.parsed(&packet, apart, frames, true, ended, observer);
                Ok((seen, Parts::new(&packet, encapsulation, at, bytes)))
            }
            Found::Piece(piece) => self.piece(&piece, time_us, (at, bytes), frames, ended, observer),
        }
    }

    /// What tells networks apart, unless it is not to.
    fn apart(&self, encapsulation: Encapsulation) -> Encapsulation {
        if self.ignore_encapsulation { Encapsulation::NONE } else { encapsulation }
    }

    /// A fragment: kept until its packet is whole, and counted to its flow.
    fn piece(
        &mut self,
        piece: &Piece<'_>,
        time_us: u64,
        (at, bytes): (At, &[u8]),
        frames: Uncounted,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<(Seen, Parts), ParseError> {
        let depth = match at {
            At::Frame => 0,
            At::Whole(depth) => depth + 1,
        };
        self.table.statistics.fragments += u64::from(depth == 0);
        let mut whole = take(self.wholes.0.get_mut(depth).ok_or(ParseError::Unsupported)?);
        let now_us = self.table.clock.now_us;
        let Self { classifier, context, table, fragments, ignore_encapsulation, .. } = self;
        let mut alone = |alone: &Alone, bytes: &[u8]| {
            table.look_at_alone((classifier, context), alone, bytes, *ignore_encapsulation);
        };
        fragments.expire(Some(now_us), &mut alone);
        let result = match fragments.add(piece, frames, now_us, &mut whole, &mut alone) {
            Added::Whole { protocol, bytes, uncounted } => {
                let payload = whole.get(..bytes).unwrap_or_default();
                let fragment = Fragment::Whole;
                let network = Network { protocol, payload, fragment, is_complete: true, ..piece.network };
                let start = Start::Reassembled(network, piece.encapsulation);
                let at = (At::Whole(depth), payload);
                let found = self.found(start, time_us, at, uncounted, ended, observer);
                match &found {
                    Ok((_, parts)) => {
                        self.fragments.belongs(piece, (parts.packet.five_tuple, parts.encapsulation));
                    }
                    Err(ParseError::Fragment) => {}
                    // This frame is counted as what it holds.
                    Err(_) => self.fragments.lost += uncounted.packets.saturating_sub(1),
                }
                found
            }
            Added::Waits(None, _) => Err(ParseError::Fragment),
            Added::Waits(Some((five_tuple, encapsulation)), frames) => {
                // What the capture cut never will be whole.
                let cut = piece.alone.filter(|_| piece.offset == 0 && !piece.network.is_complete);
                let counted = Packet {
                    five_tuple,
                    tcp: TcpFields::default(),
                    time_us,
                    payload: &[],
                    fragment: Fragment::Later(piece.id),
                };
                let packet = cut.unwrap_or(counted);
                let apart = self.apart(encapsulation);
                let is_new = cut.is_some();
                let seen = self.parsed(&packet, apart, frames, is_new, ended, observer);
                Ok((seen, Parts::new(&packet, encapsulation, at, bytes)))
            }
        };
        if let Some(place) = self.wholes.0.get_mut(depth) {
            *place = whole;
        }
        result
    }

    /// Looks at first pieces whose others did not come in time, or are not waited for any longer.
    #[cold]
    pub(super) fn give_up_fragments(&mut self, now_us: Option<u64>) {
        let Self { classifier, context, table, fragments, ignore_encapsulation, .. } = self;
        fragments.expire(now_us, &mut |alone, bytes| {
            table.look_at_alone((classifier, context), alone, bytes, *ignore_encapsulation);
        });
    }
}

impl FlowTable {
    /// What a first piece tells by itself, where its flow still is there.
    #[cold]
    fn look_at_alone(
        &mut self,
        (classifier, context): (&Classifier, &mut Context),
        alone: &Alone,
        bytes: &[u8],
        ignore_encapsulation: bool,
    ) {
        let network = Network {
            src: alone.flow.src,
            dst: alone.flow.dst,
            protocol: alone.protocol,
            fragment: Fragment::First(alone.id),
            payload: bytes,
            is_complete: false,
        };
        let Ok(Found::Packet(packet, encapsulation)) =
            walk(Start::Reassembled(network, alone.encapsulation), 0, &mut ())
        else {
            return;
        };
        let apart = if ignore_encapsulation { Encapsulation::NONE } else { encapsulation };
        let Some(place) = self.find(&packet, apart) else { return };
        let Some(entry) = &mut self.entries[place] else { return };
        let before = entry.state.verdict();
        let packet = Packet { time_us: entry.last_us, ..packet };
        let verdict = classifier.classify(context, &mut entry.state, &packet);
        entry.decide(before, verdict);
        self.note_match(place, verdict.is_match());
    }
}
