//! The `wiremark` command: captures in, tables and records out.
#![forbid(unsafe_code)]

mod captures;
#[cfg(feature = "parquet")]
mod column_output;
mod command;
#[cfg(feature = "locality")]
mod countries;
mod exit_codes;
mod headings;
mod inputs;
#[cfg(target_os = "linux")]
mod interfaces;
mod notes;
mod output;
mod overview;
mod progress;
mod signal;
mod stop;
mod table;
mod units;

#[cfg(not(feature = "full"))]
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
#[cfg(not(feature = "full"))]
use command::absent;
#[cfg(feature = "anonymize")]
use command::anonymize;
#[cfg(feature = "audit")]
use command::audit;
#[cfg(feature = "calls")]
use command::calls;
#[cfg(feature = "infer")]
use command::infer;
#[cfg(feature = "locality")]
use command::locality;
#[cfg(feature = "manual")]
use command::manual;
#[cfg(feature = "tasks")]
use command::tasks;
use command::{annotate, classify, explain, shard, signatures};
use exit_codes::{EXIT_CODES, exit_codes};
use stop::{Outcome, Stop, complain};

/// Tells which traffic in a capture belongs to which messenger, and what it does there
///
/// Reads pcap, pcapng, snoop and ERF files, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input.
#[derive(Parser)]
#[command(name = "wiremark", version, arg_required_else_help = true, after_help = EXIT_CODES, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Classify(classify::Arguments),
    #[cfg(feature = "calls")]
    Calls(calls::Arguments),
    Explain(explain::Arguments),
    Annotate(annotate::Arguments),
    #[cfg(feature = "anonymize")]
    Anonymize(anonymize::Arguments),
    #[cfg(feature = "audit")]
    Audit(audit::Arguments),
    #[cfg(feature = "infer")]
    Infer(infer::Arguments),
    #[cfg(feature = "locality")]
    Locality(locality::Arguments),
    Shard(shard::Arguments),
    Signatures(signatures::Arguments),
    #[cfg(feature = "tasks")]
    Tasks(tasks::Arguments),
    #[cfg(feature = "manual")]
    Completions(manual::Completions),
    #[cfg(feature = "manual")]
    Man(manual::Manual),
    #[cfg(not(feature = "full"))]
    #[command(external_subcommand)]
    Absent(Vec<OsString>),
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark classify capture.pcap
      what is in a capture, app by app
  wiremark classify --format json -o flows.json *.pcapng.gz
      one JSON line a flow, for jq, a SIEM or a notebook
  wiremark classify -i eth0 --duration 1m
      a minute of live traffic (Linux; as root)
  wiremark explain capture.pcap --flow 3
      why flow 3 got its verdict, packet by packet
  wiremark calls capture.pcap
      the calls in a capture, each as a story (or -i eth0: as they end)
  wiremark annotate capture.pcap annotated.pcapng
      the verdicts as packet comments, for Wireshark
  wiremark anonymize capture.pcap report.pcap
      a capture that can be sent with a bug report
  wiremark tasks --format html -o usage.html capture.pcap
      what people do on WeChat, and who uses what
  wiremark audit simulate data --calls 1000 --seconds 20
      which calls can be linked by size and time alone
  wiremark infer capture.pcap --unclassified --draft new.toml
      fields of a protocol nobody knows, and a draft of signatures for it
  wiremark locality --nodes nodes.csv --db country.mmdb --paths atlas.json
      where messages travel, and who can listen there
  wiremark shard -n 64 -o shards/ archive-*.pcap.zst
      the same frames in 64 files, each client's in one, for many machines
  wiremark signatures check my-signatures/
      run every example of your own signature files

",
    exit_codes!()
);

/// What `--version` says: release, commit, parts, and what the shipped signatures know. Asked for only then.
fn version() -> &'static str {
    if !std::env::args().any(|word| word == "--version") {
        return env!("CARGO_PKG_VERSION");
    }
    let parts = [
        ("anonymize", cfg!(feature = "anonymize")),
        ("audit", cfg!(feature = "audit")),
        ("calls", cfg!(feature = "calls")),
        ("charts", cfg!(feature = "charts")),
        ("infer", cfg!(feature = "infer")),
        ("locality", cfg!(feature = "locality")),
        ("manual", cfg!(feature = "manual")),
        ("parquet", cfg!(feature = "parquet")),
        ("tasks", cfg!(feature = "tasks")),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(_, has)| *has).map(|(part, _)| *part).collect();
    let parts = if parts.is_empty() { "none".into() } else { parts.join(" ") };
    let signatures = wiremark_signatures::embedded().map_or_else(
        |error| error.to_string(),
        |set| {
            let newest =
                set.signatures().iter().map(|row| row.until.max(row.since)).filter(|year| *year > 0).max();
            let newest = newest.map_or(String::new(), |year| format!(", seen until {year}"));
            format!("{} of {} apps{newest}", set.signatures().len(), set.apps().len())
        },
    );
    let (release, commit) = (env!("CARGO_PKG_VERSION"), env!("WIREMARK_COMMIT"));
    // The parser keeps it for as long as the program runs.
    format!("{release}\ncommit: {commit}\nfeatures: {parts}\nsignatures: {signatures}").leak()
}

fn main() -> ExitCode {
    let command = overview::grouped(Cli::command()).long_version(version());
    #[cfg(not(feature = "full"))]
    let command = match absent::explain_help(&command) {
        None => absent::leave_out(command, EXAMPLES),
        Some(stop) => return ended(Err(stop)),
    };
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    ended(run(cli.command))
}

fn run(command: Command) -> Result<Outcome, Stop> {
    match command {
        Command::Classify(arguments) => classify::run(&arguments),
        #[cfg(feature = "calls")]
        Command::Calls(arguments) => calls::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Annotate(arguments) => annotate::run(&arguments),
        #[cfg(feature = "anonymize")]
        Command::Anonymize(arguments) => anonymize::run(&arguments),
        #[cfg(feature = "audit")]
        Command::Audit(arguments) => audit::run(&arguments),
        #[cfg(feature = "infer")]
        Command::Infer(arguments) => infer::run(&arguments),
        #[cfg(feature = "locality")]
        Command::Locality(arguments) => locality::run(&arguments),
        Command::Shard(arguments) => shard::run(&arguments),
        Command::Signatures(arguments) => signatures::run(&arguments),
        #[cfg(feature = "tasks")]
        Command::Tasks(arguments) => tasks::run(&arguments),
        #[cfg(feature = "manual")]
        Command::Completions(arguments) => manual::completions::<Cli>(&arguments),
        #[cfg(feature = "manual")]
        Command::Man(arguments) => manual::man::<Cli>(&arguments),
        #[cfg(not(feature = "full"))]
        Command::Absent(words) => Err(absent::explain::<Cli>(&words)),
    }
}

/// The exit code, and the line that goes with it.
fn ended(outcome: Result<Outcome, Stop>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::Signalled(number)) => ExitCode::from(128 + number),
        Err(Stop::ReaderGone) => ExitCode::from(141),
        Err(Stop::Failed(line)) => {
            complain(&line);
            ExitCode::from(1)
        }
        Err(Stop::Usage(line)) => {
            complain(&line);
            ExitCode::from(2)
        }
    }
}
