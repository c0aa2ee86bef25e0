//! Tables as text, for terminals and pages.

/// A table to print. Columns whose title begins with `>` are aligned to the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// A line below it.
    pub note: &'static str,
    /// Titles of the columns.
    pub columns: Vec<&'static str>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}
