//! Scores the engine against labelled captures: `score [TRACES]`, by default `../shared/traces`.

use std::path::PathBuf;
use std::process::ExitCode;
use wiremark::{Classifier, Options};

fn main() -> ExitCode {
    let traces = std::env::args_os().nth(1).map_or_else(wiremark_tests::score::default_traces, PathBuf::from);
    let set = match wiremark_signatures::embedded() {
        Ok(set) => set,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match wiremark_tests::score::score(&traces, &Classifier::new(set, Options::default())) {
        Ok(report) => {
            for line in &report.complaints {
                println!("{line}");
            }
            print!("{}", report.table());
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{}: {error}; name a folder with labels.csv, messenger/ and other/", traces.display());
            ExitCode::FAILURE
        }
    }
}
