//! What can be made of a frame without the flow table: on any thread, and some frames ahead.

use super::buckets::{Buckets, NOWHERE, Sought, Spread};
use super::fragments::Uncounted;
use super::frame::{Frame, Seen};
use super::{Flow, Tracker};
use crate::five_tuple::{Address, FlowKey, Transport};
use crate::observer::Observer;
use crate::packet::{Encapsulation, Fragment, LinkType, Packet, ParseError, TcpFields};
use wiremark_prefetch::prefetch;

/// A frame's headers, read, and its flow's hash.
///
/// It speaks of one frame and one tracker; with another it harms nothing but that tracker's flows.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    key: FlowKey,
    buckets: Buckets,
    is_from_high: bool,
    tcp: TcpFields,
    /// Where in the frame the payload begins and ends; the end is 0 where the headers want more than a quick look.
    payload: (u32, u32),
    /// Where its flow may lie, once that was asked for.
    likely: u32,
}

/// Of a frame that wants more than a quick look.
const NOT_PLAIN: Prepared = Prepared {
    key: FlowKey { low: (Address([0; 16]), 0), high: (Address([0; 16]), 0), transport: Transport::Tcp },
    buckets: Buckets::NONE,
    is_from_high: false,
    tcp: TcpFields { sequence: 0, flags: 0 },
    payload: (0, 0),
    likely: NOWHERE,
};

impl Default for Prepared {
    fn default() -> Self {
        NOT_PLAIN
    }
}

/// Makes what a [`Tracker`] wants to know of frames; see [`Tracker::preparer`].
#[derive(Clone, Copy, Debug)]
pub struct Preparer {
    spread: Spread,
}

impl Preparer {
    /// Reads a frame's headers.
    #[inline]
    pub fn prepare(&self, link_type: LinkType, bytes: &[u8]) -> Prepared {
        let mut prepared = NOT_PLAIN;
        self.prepare_in(&mut prepared, link_type, bytes);
        prepared
    }

    /// The same where it is to lie, in the place of another's: nothing is copied.
    #[inline]
    pub fn prepare_in(&self, prepared: &mut Prepared, link_type: LinkType, bytes: &[u8]) {
        let Some(Packet { five_tuple, tcp, payload, .. }) = Packet::plain(link_type, 0, bytes) else {
            *prepared = NOT_PLAIN;
            return;
        };
        let start = (payload.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
        let (key, is_from_high) = five_tuple.key_and_side();
        prepared.buckets = self.spread.buckets(&key, Encapsulation::NONE);
        prepared.key = key;
        prepared.is_from_high = is_from_high;
        prepared.tcp = tcp;
        prepared.payload = (start as u32, (start + payload.len()) as u32);
        prepared.likely = NOWHERE;
    }
}

impl Prepared {
    /// Where the flow lay when its memory was [asked for](Tracker::prefetch_flow), if it did, as [`Seen::place`]: what somebody keeps of
    /// it beside the table can be asked for as well.
    #[inline]
    pub fn likely_place(&self) -> Option<usize> {
        (self.likely != NOWHERE).then_some(self.likely as usize)
    }

    /// The packet, of a frame that is plain: Ethernet, one IP header, TCP or UDP, and no fragment.
    #[inline]
    pub fn packet<'a>(&self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        self.payload(frame).map(|payload| self.packet_of(frame.time_us, payload))
    }

    /// The payload, of a frame that is plain.
    #[inline]
    fn payload<'a>(&self, frame: &Frame<'a>) -> Option<&'a [u8]> {
        match self.payload {
            (_, 0) => None,
            (start, end) => frame.bytes.get(start as usize..end as usize),
        }
    }

    /// The packet with this payload.
    #[inline]
    fn packet_of<'a>(&self, time_us: u64, payload: &'a [u8]) -> Packet<'a> {
        let five_tuple = self.key.five_tuple(self.is_from_high);
        Packet { five_tuple, tcp: self.tcp, time_us, payload, fragment: Fragment::Whole }
    }
}

impl Tracker<'_> {
    /// Prepares frames for this tracker.
    pub fn preparer(&self) -> Preparer {
        Preparer { spread: self.table.spread }
    }

    /// Asks for the places in memory at which a frame's flow will be looked for, some 32 frames ahead.
    #[inline]
    pub fn prefetch_buckets(&self, prepared: &Prepared) {
        self.table.prefetch_buckets(prepared.buckets);
    }

    /// Asks for a frame's flow itself, and for where its payload begins, some 16 frames ahead; notes where the flow may lie.
    #[inline]
    pub fn prefetch_flow(&self, bytes: &[u8], prepared: &mut Prepared) {
        prepared.likely = self.table.prefetch_entry(prepared.buckets, prepared.tcp);
        bytes.get(prepared.payload.0 as usize).into_iter().for_each(prefetch);
    }

    /// [`Tracker::frame`] for a frame that was [prepared](Preparer::prepare).
    ///
    /// # Errors
    /// As [`Tracker::frame`].
    #[inline(always)]
    pub fn prepared_frame(
        &mut self,
        frame: &Frame<'_>,
        prepared: &Prepared,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<Seen, ParseError> {
        self.table.statistics.frames += 1;
        self.sweep(frame.time_us, ended);
        match prepared.payload(frame) {
            Some(payload) => {
                let frames = Uncounted { packets: 1, bytes: frame.wire_bytes.into() };
                let Prepared { ref key, buckets, is_from_high, tcp, likely, .. } = *prepared;
                let (encapsulation, time_us) = (Encapsulation::NONE, frame.time_us);
                let payload_bytes = payload.len();
                let sought =
                    Sought { key, encapsulation, buckets, is_from_high, time_us, tcp, payload_bytes, likely };
                let packet = || prepared.packet_of(frame.time_us, payload);
                Ok(self.sought(&sought, packet, frames, true, ended, observer))
            }
            None => self.walked(frame, ended, observer).map(|(seen, _)| seen),
        }
    }

    /// [`Tracker::follow`] for a frame that was [prepared](Preparer::prepare).
    ///
    /// # Errors
    /// As [`Tracker::frame`].
    pub fn follow_prepared<'a>(
        &'a mut self,
        frame: &Frame<'a>,
        prepared: &Prepared,
        ended: &mut impl FnMut(&Flow),
        observer: &mut impl Observer,
    ) -> Result<(Seen, Packet<'a>), ParseError> {
        match prepared.payload(frame) {
            Some(payload) => {
                let seen = self.prepared_frame(frame, prepared, ended, observer)?;
                Ok((seen, prepared.packet_of(frame.time_us, payload)))
            }
            None => self.follow(frame, ended, observer),
        }
    }
}
