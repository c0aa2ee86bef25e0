//! The usage report: ChatDissect's tables III, IV and V and figures 6 and 7, out of a [`Usage`](super::Usage).

mod architecture;
mod figures;
#[cfg(feature = "html")]
mod html;
mod json;
mod tables;

pub use architecture::{WorkflowStep, architecture, workflows};
pub use figures::figures;
#[cfg(feature = "html")]
pub use html::html;
pub use json::{FigureSummary, LineSummary, Summary, summary};
pub use tables::tables;
pub use wiremark_report::{Figure, Line, Table};

/// Quantiles that summaries of figures give.
pub const QUANTILES: [f64; 7] = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99];
