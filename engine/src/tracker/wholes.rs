//! Room for packets put together of fragments, and where a packet stands.

use super::fragments::WHOLE_BYTES;
use crate::packet::{Encapsulation, Packet};
use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;

/// Fragments within fragments: those of a tunnel, and those of the packet inside.
const DEPTHS: usize = 2;

/// Room for a packet put together, at each depth. It is taken out while the packet is looked at.
#[derive(Debug)]
pub(super) struct Wholes(pub(super) [Box<[u8]>; DEPTHS]);

impl Default for Wholes {
    fn default() -> Self {
        Self([(); DEPTHS].map(|()| vec![0; WHOLE_BYTES].into_boxed_slice()))
    }
}

/// Where the payload of a packet stands.
#[derive(Clone, Copy)]
pub(super) enum At {
    Frame,
    Whole(usize),
}

/// A packet without its payload, and where that is to be found.
pub(super) struct Parts {
    pub(super) packet: Packet<'static>,
    /// What it comes through.
    pub(super) encapsulation: Encapsulation,
    at: At,
    payload: Range<usize>,
}

impl Parts {
    pub(super) fn new(packet: &Packet<'_>, encapsulation: Encapsulation, at: At, bytes: &[u8]) -> Self {
        let start = (packet.payload.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
        let payload = start..start.saturating_add(packet.payload.len());
        let &Packet { five_tuple, tcp, time_us, fragment, .. } = packet;
        let packet = Packet { five_tuple, tcp, time_us, payload: &[], fragment };
        Self { packet, encapsulation, at, payload }
    }

    pub(super) fn packet<'a>(self, frame: &'a [u8], wholes: &'a Wholes) -> Packet<'a> {
        let bytes = match self.at {
            At::Frame => frame,
            At::Whole(depth) => wholes.0.get(depth).map(|whole| &whole[..]).unwrap_or_default(),
        };
        Packet { payload: bytes.get(self.payload).unwrap_or_default(), ..self.packet }
    }
}
