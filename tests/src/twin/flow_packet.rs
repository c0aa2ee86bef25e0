//! A packet that a flow keeps.

use wiremark::TcpFields;

/// One packet of a flow.
#[derive(Clone, Debug)]
pub(super) struct FlowPacket {
    /// Sent by the end point that sorts higher.
    pub(super) from_high: bool,
    pub(super) tcp: TcpFields,
    pub(super) payload: Vec<u8>,
}

impl FlowPacket {
    /// Number of the payload's first byte.
    pub(super) fn sequence(&self) -> u32 {
        self.tcp.sequence.wrapping_add(u32::from(self.is_syn()))
    }

    pub(super) fn is_syn(&self) -> bool {
        self.tcp.flags & TcpFields::SYN != 0
    }
}
