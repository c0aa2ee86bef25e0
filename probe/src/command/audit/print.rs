//! Where results of the audit go.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use wiremark_report::{Table, page};

use crate::headings::OUTPUT;
use crate::output::{Output, Overwrite};
use crate::stop::Stop;
use crate::table;

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal
    Table,
    /// One JSON object
    Json,
    /// A page with charts
    Html,
}

/// Arguments that say how and where to.
#[derive(Args)]
pub(crate) struct PrintArguments {
    /// How to print
    #[arg(long, value_enum, default_value = "table", help_heading = OUTPUT)]
    pub(crate) format: Format,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT", help_heading = OUTPUT)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) overwrite: Overwrite,
}

impl PrintArguments {
    /// Prints a result: as an object, as tables below a headline, or as a page with the same tables behind what `draw` adds.
    pub(crate) fn print(
        &self,
        inputs: &[PathBuf],
        result: &impl Serialize,
        headline: &str,
        tables: &[Table],
        draw: impl FnOnce(&mut String),
    ) -> Result<(), Stop> {
        let mut output = Output::open(self.output.as_deref(), inputs, self.overwrite)?;
        match self.format {
            Format::Json => output.text(&json(result)?)?,
            Format::Table => {
                let is_terminal = output.is_terminal();
                let shown: Vec<String> = tables.iter().map(|table| show(table, is_terminal)).collect();
                output.text(&(headline.to_owned() + &shown.join("\n")))?;
            }
            Format::Html => {
                let mut page = page::page_start("Linkability of calls");
                for line in headline.lines().filter(|line| !line.is_empty()) {
                    page += &format!("<p>{}</p>\n", page::escape(line));
                }
                draw(&mut page);
                tables.iter().for_each(|table| page::write_table(&mut page, table));
                output.text(&(page + &page::sorting() + page::PAGE_END))?;
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
