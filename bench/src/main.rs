//! `wiremark-bench`: the engine beside its floor and its peers. See README.md.

mod c_abi;
mod class_costs;
mod classes;
mod compare;
mod inference;
mod instructions;
mod larger;
mod machine;
mod memory;
mod mix;
#[cfg(feature = "ndpi")]
mod ndpi;
mod pass;
mod prefetch;
mod reading;
mod runner;
mod source;
mod table;
mod traffic;
mod write;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use runner::Name;
use source::Source;
use traffic::Kind;

/// What a packet costs: the engine beside its floor and its peers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure everything side by side and print the table.
    Compare(compare::Wanted),
    /// Run one loop, for a profiler.
    Loop {
        /// Which.
        name: Name,
        /// Of what.
        #[arg(long, default_value = "mixed")]
        mix: Kind,
        /// How often.
        #[arg(long, default_value_t = 1)]
        passes: usize,
        #[command(flatten)]
        source: Source,
    },
    /// How good `wiremark infer` is, and its trainer.
    #[command(subcommand)]
    Inference(inference::Wanted),
    /// Count the instructions of each loop with valgrind's callgrind.
    Instructions {
        /// Which; all where none is named.
        names: Vec<Name>,
        #[command(flatten)]
        source: Source,
    },
    /// Read and parse a capture, and no more.
    Read(reading::Wanted),
    /// Write a mix as a capture file.
    Write(write::Wanted),
    /// Count what each class of packet takes in the engine: its share, and instructions a packet.
    Classes {
        #[command(flatten)]
        source: Source,
    },
    /// Print the memory a number of flows takes in one engine.
    Memory {
        /// Which.
        name: Name,
        /// How many flows at once.
        flows: usize,
        #[command(flatten)]
        source: Source,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Compare(wanted) => compare::run(&wanted),
        Command::Loop { name, mix, passes, source } => runner::run_loop(name, mix, passes, &source),
        Command::Read(wanted) => reading::run(&wanted),
        Command::Write(wanted) => write::run(&wanted),
        Command::Inference(wanted) => inference::run(&wanted),
        Command::Instructions { names, source } => instructions::run(&names, &source),
        Command::Classes { source } => class_costs::run(&source),
        Command::Memory { name, flows, source } => memory::run(name, flows, &source),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wiremark-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
