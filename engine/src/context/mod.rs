//! What one worker remembers across packets and flows, in memory whose size is fixed when it is made.

pub(crate) mod evidence;
pub(crate) mod pool;

use alloc::boxed::Box;
use alloc::vec;
use evidence::Evidence;
use pool::Pool;

/// Sizes of a [`Context`], and how long what flows teach about others is believed. Times are packet time.
#[derive(Clone, Copy, Debug)]
pub struct ContextConfig {
    /// Handshakes in pieces that can wait at the same time; 0 keeps none.
    pub parked_slots: usize,
    /// Most bytes of one such handshake.
    pub slot_bytes: usize,
    /// Addresses, servers and call end points remembered, of each kind; rounded up to a power of two.
    pub remembered: usize,
    /// How long an address stands for the name a DNS answer gave it; 0 switches this evidence off.
    pub dns_ttl_us: u64,
    /// The same for the answers of look-up lists over HTTP.
    pub list_ttl_us: u64,
    /// How long a server (address and port) is taken for what a name or payload in an earlier flow showed it to be.
    pub server_ttl_us: u64,
    /// How long the end points and streams of a call are remembered after a packet that showed them.
    pub call_ttl_us: u64,
    /// Chooses the places of what is remembered; a secret one keeps others from choosing what collides.
    pub seed: u64,
}

impl Default for ContextConfig {
    /// About 7 MB: 1,024 handshakes of 4,096 bytes, 8,192 things remembered of each kind. Names for 4 hours, servers
    /// for one, calls for 5 minutes.
    fn default() -> Self {
        Self {
            parked_slots: 1024,
            slot_bytes: 4096,
            remembered: 8192,
            dns_ttl_us: 4 * 3_600_000_000,
            list_ttl_us: 4 * 3_600_000_000,
            server_ttl_us: 3_600_000_000,
            call_ttl_us: 300_000_000,
            seed: 0x8ebc_6af0_9c88_c6e3,
        }
    }
}

/// Room to open or unpack one message of a flow in; what it holds means nothing from one packet to the next.
const SCRATCH_BYTES: usize = 32 * 1024;

/// One a worker thread; not shared, not locked. Everything it holds may be lost without harm to a verdict already given.
#[derive(Debug)]
pub struct Context {
    pub(crate) pool: Pool,
    pub(crate) evidence: Evidence,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) inflater: Inflater,
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
