//! One frame of a capture.

use crate::packet::{Located, locate};

/// One captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Capture time, microseconds since 1970.
    pub time_us: u64,
    /// How the bytes begin: a number of pcap's LINKTYPE list ([`link`](crate::packet::link)).
    pub link: u16,
    /// The frame.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// Where the headers lie, if the frame is a plain TCP or UDP packet.
    pub fn locate(&self) -> Option<Located> {
        locate(self.link, &self.bytes)
    }
}
