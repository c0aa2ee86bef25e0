//! Tables: with lines and as wide as the window on a terminal, plain columns elsewhere.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};
use terminal_size::{Width, terminal_size};

/// An empty table. Columns whose title begins with `>` are aligned to the right.
pub(crate) fn table(is_terminal: bool, titles: &[&str]) -> Table {
    let mut table = Table::new();
    if is_terminal {
        let line = LineStyle::none().fill('─').junction('─');
        table
            .load_style(TableStyle::new().header_separator(line))
            .set_content_arrangement(ContentArrangement::Dynamic);
        if let Some((Width(columns), _)) = terminal_size() {
            table.set_width(columns);
        }
    } else {
        table.load_style(presets::NOTHING);
    }
    table.set_header(titles.iter().map(|title| title.trim_start_matches('>')));
    for (column, title) in table.column_iter_mut().zip(titles) {
        if title.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
        column.set_padding((0, 2));
    }
    table
}

/// The table as text, lines without blanks at their end.
pub(crate) fn text(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A share of a whole, in percent.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".into() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}
