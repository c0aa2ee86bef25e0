//! What goes in and comes out.

/// A frame out of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Capture time, nanoseconds since 1970.
    pub time_ns: u64,
    /// Number from pcap's LINKTYPE list.
    pub link_type: u32,
    /// Number of the interface in the file.
    pub interface: u32,
    /// Length on the wire.
    pub original_length: u32,
    /// What was captured.
    pub bytes: Vec<u8>,
}
