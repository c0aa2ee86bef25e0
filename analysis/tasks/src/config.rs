//! How to tell users and flows apart.

use wiremark::TrackerConfig;

/// How to tell users and flows apart.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The flow table. Its TCP time-out must stay below an hour, or active seconds are counted too low.
    pub tracker: TrackerConfig,
    /// Leading bits of a global IPv6 address that stand for one user: 64 where a mobile network gives each device a
    /// prefix (RFC 6459), 128 where devices share one.
    pub ipv6_prefix: u8,
    /// Whether a packet in a GTP-U tunnel is the tunnel's subscriber's, whatever its address: for captures in a
    /// cellular core, where addresses are given to the next subscriber within minutes, or twice at the same time. The
    /// flow table still goes by addresses and ports.
    pub by_tunnel: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { tracker: TrackerConfig::default(), ipv6_prefix: 64, by_tunnel: false }
    }
}
