//! Where results of the audit go.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wiremark_report::Table;

use super::Format;
use crate::output::{Output, Overwrite};
use crate::stop::Stop;
use crate::table;

/// Arguments that say how and where to.
#[derive(Args)]
pub(crate) struct PrintArguments {
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) overwrite: Overwrite,
}

impl PrintArguments {
    /// Prints a result: as an object, or as tables.
    pub(crate) fn print(&self, result: &impl Serialize, tables: &[Table]) -> Result<(), Stop> {
        let mut output = Output::open(self.output.as_deref(), &[], self.overwrite)?;
        match self.format {
            Format::Json => output.text(&json(result)?)?,
            Format::Table => {
                let is_terminal = output.is_terminal();
                let shown: Vec<String> = tables.iter().map(|table| show(table, is_terminal)).collect();
                output.text(&shown.join("\n"))?;
            }
        }
        output.finish()
    }
}

/// One line.
pub(crate) fn json(result: &impl Serialize) -> Result<String, Stop> {
    let line = serde_json::to_string(result).map_err(|error| Stop::Failed(format!("the result: {error}")))?;
    Ok(line + "\n")
}

/// Title, table, note.
pub(crate) fn show(shown: &Table, is_terminal: bool) -> String {
    let mut lines = table::table(is_terminal, &shown.columns);
    for row in &shown.rows {
        lines.add_row(row);
    }
    format!("{}\n{}{}\n", shown.title, table::text(&lines), shown.note)
}
