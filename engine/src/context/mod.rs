//! What one worker remembers across packets and flows, in memory whose size is fixed when it is made.

pub(crate) mod pool;

use pool::Pool;

/// Sizes of a [`Context`].
#[derive(Clone, Copy, Debug)]
pub struct ContextConfig {
    /// Handshakes in pieces that can wait at the same time; 0 keeps none.
    pub parked_slots: usize,
    /// Most bytes of one such handshake.
    pub slot_bytes: usize,
}

impl Default for ContextConfig {
    /// About 4 MB: 1,024 handshakes of 4,096 bytes.
    fn default() -> Self {
        Self { parked_slots: 1024, slot_bytes: 4096 }
    }
}

/// One a worker thread; not shared, not locked. Everything it holds may be lost without harm to a verdict already given.
#[derive(Debug)]
pub struct Context {
    pub(crate) pool: Pool,
}

impl Context {
    /// Takes all its memory now.
    pub fn new(config: ContextConfig) -> Self {
        Self { pool: Pool::new(config.parked_slots, config.slot_bytes) }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new(ContextConfig::default())
    }
}
