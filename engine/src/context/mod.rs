//! What one worker remembers across packets and flows, in memory whose size is fixed when it is made.

mod config;
pub(crate) mod evidence;
mod keys;
pub(crate) mod lists;
pub(crate) mod pool;
mod presence;

pub use config::ContextConfig;

#[cfg(feature = "quic")]
use crate::dissect::quic;
use alloc::boxed::Box;
use alloc::vec;
use evidence::Evidence;
use lists::Lists;
use pool::Pool;

/// Room to open or unpack one message of a flow in; what it holds means nothing from one packet to the next.
const SCRATCH_BYTES: usize = 32 * 1024;

/// One a worker thread; not shared, not locked. Everything it holds may be lost without harm to a verdict already given.
#[derive(Debug)]
pub struct Context {
    pub(crate) pool: Pool,
    pub(crate) evidence: Evidence,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) inflater: Inflater,
    pub(crate) lists: Lists,
    #[cfg(feature = "quic")]
    pub(crate) initial_keys: quic::InitialKeys,
}

/// State of the unpacker, 11 KB.
#[derive(Default)]
pub(crate) struct Inflater(pub(crate) Box<miniz_oxide::inflate::core::DecompressorOxide>);

impl core::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Context {
    /// Takes all its memory now.
    pub fn new(config: ContextConfig) -> Self {
        Self {
            pool: Pool::new(config.parked_slots, config.slot_bytes),
            evidence: Evidence::new(&config),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            inflater: Inflater::default(),
            lists: Lists::new(),
            #[cfg(feature = "quic")]
            initial_keys: quic::InitialKeys::new(),
        }
    }

    /// Handshakes in pieces, so far, whose bytes went to make room for others'. A slot that its flow has no more use for,
    /// but was never given back, counts too.
    pub fn handshakes_lost(&self) -> u64 {
        self.pool.lost
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new(ContextConfig::default())
    }
}
