//! What a frame's packet came through, asked without the packet.

use super::encapsulation::{Encapsulation, Tunnel, TunnelKind};
use super::walk::{Start, Visit, walk};
use crate::five_tuple::Address;
use crate::wire::link::LinkType;

impl Encapsulation {
    /// What the packet that [`Packet::parse`](super::Packet::parse) finds in the same frame came through; none where it
    /// finds no packet.
    pub fn of(link_type: LinkType, frame: &[u8]) -> Self {
        walk(Start::Frame(link_type, frame), 0, &mut ())
            .map(|found| found.encapsulation())
            .unwrap_or_default()
    }
}

#[derive(Default)]
struct Innermost(Option<Tunnel>);

impl Visit<'_> for Innermost {
    fn tunnel(&mut self, kind: TunnelKind, receiver: Address, id: u32) {
        if kind == TunnelKind::GtpU {
            self.0 = Some(Tunnel { receiver, id });
        }
    }

    fn ordinary_datagram(&mut self) {
        self.0 = None;
    }
}

impl Tunnel {
    /// The innermost GTP-U tunnel around the packet that [`Packet::parse`](super::Packet::parse) finds in the same
    /// frame; `None` where there is none, or where the frame holds no packet.
    pub fn around(link_type: LinkType, frame: &[u8]) -> Option<Self> {
        let mut innermost = Innermost::default();
        walk(Start::Frame(link_type, frame), 0, &mut innermost).ok()?;
        innermost.0
    }
}
