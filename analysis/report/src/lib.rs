//! What the analyses and their reports share: tables, figures, series over time, pages and drawings, packets that came twice; charts, Arrow batches and Parquet files behind features.
#![forbid(unsafe_code)]

#[cfg(feature = "charts")]
mod chart;
#[cfg(feature = "arrow")]
pub mod columns;
mod copies;
mod figure;
#[cfg(feature = "charts")]
mod line_chart;
pub mod page;
mod series;
pub mod svg;
mod table;

#[cfg(feature = "charts")]
pub use chart::chart;
pub use copies::{Copies, Fingerprint, Fingerprints};
pub use figure::{Figure, Line, nearest_rank};
#[cfg(feature = "charts")]
pub use line_chart::{LineChart, line_chart};
pub use series::Series;
pub use table::Table;
