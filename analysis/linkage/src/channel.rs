//! Channels of calls as the audit sees them: whose, when, how many bytes each way.

use crate::control::{Role, Span};
use crate::flow::Sized;
use crate::pseudonym::Pseudonym;

/// What a channel carries (UVP, II-A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signalling and heart-beats: start and end alone tell.
    Control,
    /// Voice, by itself or with signalling.
    Voice,
}

/// One leg of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Whose.
    pub end_point: Pseudonym,
    /// Which end of which call, as far as it is known: channels of the same end of a call have the same number.
    pub end: u64,
    /// What it carries.
    pub kind: Kind,
    /// Who called, where it is known.
    pub role: Option<Role>,
    /// The answer, or the first packet where there is none; seconds since the first packet of all.
    pub start_s: f64,
    /// The last packet.
    pub end_s: f64,
    /// The first bin of the series, counted in bins since the first packet of all.
    pub first_bin: usize,
    /// Bytes in each bin, sent by the end point.
    pub up: Vec<f32>,
    /// Bytes in each bin, received by it.
    pub down: Vec<f32>,
    /// The packets behind both, sent and received, times since the first packet of all; empty where nobody asked for them.
    pub packets: [Vec<Sized>; 2],
}

impl Channel {
    /// When it was.
    pub fn span(&self) -> Span {
        Span { start_s: self.start_s, end_s: self.end_s, role: self.role }
    }
}
