//! How far apart two flow size series are, or how alike: plain functions over values per bin.

mod dfw;
mod dtw;
mod lockstep;

pub use dfw::dfw;
pub use dtw::{dtw, windowed_dtw};
pub use lockstep::{l1, lagged_correlation, pearson};
