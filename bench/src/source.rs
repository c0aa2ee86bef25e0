//! What is replayed.

use std::path::PathBuf;

use clap::Args;

/// What to replay.
#[derive(Clone, Debug, Args)]
pub(crate) struct Source {
    /// Folder with `messenger/` and `other/`; where there is none, built traffic is used.
    #[arg(long, default_value = "../shared/traces")]
    pub(crate) traces: PathBuf,
    /// Packets in the mix.
    #[arg(long, default_value_t = 1_400_000)]
    pub(crate) packets: usize,
}
