//! Tables as text, for terminals and pages.

/// A table to print. Columns whose title begins with `>` are aligned to the right. `T` is `String` where titles depend on what
/// was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<T = &'static str> {
    /// What it shows.
    pub title: String,
    /// A line below it.
    pub note: T,
    /// Titles of the columns.
    pub columns: Vec<T>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}
