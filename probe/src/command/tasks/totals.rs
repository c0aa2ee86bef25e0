//! What `wiremark tasks` has read.

use wiremark_capture::replay::Counts;

/// What was read, over all files.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) counts: Counts,
    pub(super) copies: u64,
    pub(super) evicted: u64,
    pub(super) files: u64,
    pub(super) failed_files: u64,
}
