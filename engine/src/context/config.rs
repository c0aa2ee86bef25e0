//! Sizes and times to live.

/// Sizes of a [`Context`](super::Context), and how long what flows teach about others is believed. Times are packet time.
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
    /// What a client's flows showed goes for flows of the same client only (see [`FiveTuple::client`](crate::FiveTuple::client)),
    /// so that [`Sharing`](crate::Sharing) the work out changes no verdict.
    pub per_client: bool,
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
            per_client: false,
            seed: 0x8ebc_6af0_9c88_c6e3,
        }
    }
}
