//! What one side of an exchange sent.

/// What one side sent of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    /// Bytes that were captured.
    pub(super) bytes: u64,
    /// Bytes that were not, as sequence numbers and lengths tell.
    pub(super) missed: u64,
}

impl Half {
    pub(super) fn begin(time_us: u64) -> Self {
        Self { from_us: time_us, to_us: time_us, bytes: 0, missed: 0 }
    }

    pub(super) fn add(&mut self, time_us: u64, bytes: u64) {
        self.to_us = self.to_us.max(time_us);
        self.bytes += bytes;
    }

    /// Bytes that were sent but not captured.
    pub(super) fn miss(&mut self, time_us: u64, bytes: u64) {
        self.to_us = self.to_us.max(time_us);
        self.missed += bytes;
    }
}
