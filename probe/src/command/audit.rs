//! `wiremark audit`: which calls can be linked by size and time alone, and what closes the leak.

mod print;
mod simulate;

use clap::{Args, Subcommand, ValueEnum};

use crate::stop::{Outcome, Stop};

/// Tells which calls can be linked by size and time alone, and what closes the leak
///
/// Who sees both legs of relayed calls can tell which belong together although all is encrypted. This measures how many,
/// after how long, and what each counter-measure leaves of it at what price. No address is ever printed.
#[derive(Args)]
#[command(after_help = crate::EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    #[command(subcommand)]
    Simulate(simulate::Simulate),
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal
    Table,
    /// One JSON object
    Json,
}

const EXAMPLES: &str = "\
Examples:
  wiremark audit simulate control --density 318.1 --calls 2500 --delay 0.17 --seed 1
      Table II of UVP at its highest density
  wiremark audit simulate data --calls 1000 --seconds 20 --setting hard --format json
      top-1 by distance, and the best assignment
  wiremark audit simulate defences --defend constant:160,20 --defend delay:500ms
      what two counter-measures leave of the best attack";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    match &arguments.what {
        What::Simulate(what) => simulate::run(what),
    }
}
