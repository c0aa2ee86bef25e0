//! `wiremark audit`: which calls can be linked by size and time alone, and what closes the leak.

mod captures;
mod print;
mod simulate;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use print::PrintArguments;
use serde::Serialize;
use wiremark_linkage::audit::{Audit, AuditSettings, audit};
use wiremark_linkage::collect::Collector;
use wiremark_linkage::defend::Defence;
use wiremark_linkage::pseudonym::Key;
use wiremark_linkage::report::tables;
use wiremark_linkage::simulate::defences::Row;
use wiremark_linkage::what_if;

use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::stop::{Outcome, Stop};

/// Tells which calls can be linked by size and time alone, and what closes the leak
///
/// Who sees both legs of relayed calls can tell which belong together although all is encrypted. This measures how many,
/// after how long, and what each counter-measure leaves of it at what price. End points are pseudonyms by a random key that
/// is forgotten at the end, unless `--key-file` gives one; no address, number or name is ever printed.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    captures: Captures,
}

#[derive(Subcommand)]
enum What {
    #[command(subcommand)]
    Simulate(simulate::Simulate),
}

#[derive(Args)]
struct Captures {
    /// Captures: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Seconds of each channel that are compared, from its initial burst on
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=600), help_heading = "Linking")]
    seconds: u32,

    /// Width of a bin, in milliseconds
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=1000), help_heading = "Linking")]
    bin: u32,

    /// What a relay may hold a packet back, in seconds
    #[arg(long, default_value_t = 0.6, value_parser = simulate::above_zero, help_heading = "Linking")]
    lag: f64,

    /// Channels that begin or end further apart are not compared, in seconds
    #[arg(long, default_value_t = 5.0, value_parser = simulate::above_zero, help_heading = "Linking")]
    window: f64,

    /// Wrong links that are put up with, as a share of legs
    #[arg(long, default_value_t = 0.001, value_parser = simulate::share, help_heading = "Linking")]
    false_link_rate: f64,

    /// Name end points by the bytes of this file, so that several runs can be joined; who has it can find out whose they are
    #[arg(long, value_name = "FILE", help_heading = "Linking")]
    key_file: Option<PathBuf>,

    /// Tell what a counter-measure would leave of the links found: padding:SIZES, constant:BYTES,MS, random-pad:MAX, delay:MAX,
    /// batch:SECONDS, dummy:RATE
    #[arg(long, value_name = "COUNTER-MEASURE", help_heading = "Counter-measures")]
    defend: Vec<Defence>,

    /// Where it is applied
    #[arg(long, value_enum, default_value = "sender", help_heading = "Counter-measures")]
    defend_at: simulate::At,

    #[command(flatten)]
    print: PrintArguments,

    #[command(flatten)]
    networks: FlowArguments,

    #[command(flatten)]
    signatures: SignatureArguments,
}

/// What random counter-measures are drawn from: the same capture gives the same table.
const SEED: u64 = 1;

/// What is found in captures, and what would be left of it.
#[derive(Serialize)]
struct Defended<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    #[serde(skip_serializing_if = "Option::is_none")]
    defences: Option<Vec<Row>>,
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark audit capture.pcap
      which calls of a capture can be linked
  wiremark audit --format html -o audit.html monday.pcapng tuesday.pcapng
      the same as a page, with the contact graph
  wiremark audit capture.pcap --defend constant:160,20 --defend padding:64,128
      the same, and what two counter-measures would leave of it at what price
  wiremark audit simulate control --density 318.1 --delay 0.17 --seed 1
      Table II of UVP at its highest density
  wiremark audit simulate data --calls 1000 --setting hard --format json
      top-1 by distance, and the best assignment
  wiremark audit simulate defences --defend constant:160,20
      what two counter-measures leave of the best attack

Fields of the object: ends (ends of calls in view; two of each call with both
in view), linked (calls), false_link_rate, after_s (seconds after which nearly
all of them are linked), threshold, over_time ([seconds, calls linked by
voice]), links (a, b, by, score, start_s, end_s), communities; with --defend
also defences (defence, place, best_attack, attack, chance, bytes_added,
delay_s, verdict). Times are seconds since the first packet of a call.

",
    exit_codes!()
);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    match &arguments.what {
        Some(What::Simulate(what)) => simulate::run(what),
        None => arguments.captures.run(),
    }
}

impl Captures {
    fn run(&self) -> Result<Outcome, Stop> {
        if self.files.is_empty() {
            return Err(Stop::Usage(
                "no capture to read; name one, `-` for standard input, or see `wiremark audit simulate`"
                    .into(),
            ));
        }
        let settings = AuditSettings {
            bin_us: u64::from(self.bin) * 1_000,
            seconds: self.seconds as usize,
            lag_s: self.lag,
            window_s: self.window,
            false_link_rate: self.false_link_rate,
            ..AuditSettings::default()
        };
        let mut collector = Collector::new(settings.bin_us, settings.seconds);
        if !self.defend.is_empty() {
            collector = collector.with_packets();
        }
        let (channels, outcome) =
            captures::channels(&self.files, (&self.signatures, self.networks), &self.key()?, collector)?;
        let audit = audit(&channels, &settings);
        let mut all = tables::audit(&audit);
        let mut result = Defended { audit: &audit, defences: None };
        if !self.defend.is_empty() {
            let place = self.defend_at.place();
            let defences: Vec<_> = self.defend.iter().map(|defence| (defence.clone(), place)).collect();
            let rows = what_if::table(&channels, &audit, &settings, &defences, SEED);
            all.insert(0, tables::what_if(&rows));
            result.defences = Some(rows);
        }
        self.print.print(&self.files, &result, &tables::headline(&audit), &all, |page| {
            wiremark_linkage::report::page::audit(page, &channels, &audit, &settings)
        })?;
        Ok(outcome)
    }

    fn key(&self) -> Result<Key, Stop> {
        let Some(path) = &self.key_file else { return Key::random().map_err(Stop::Failed) };
        let name = path.display();
        let bytes = std::fs::read(path).map_err(|error| {
            Stop::Failed(format!("{name}: {error}; name a file with a key that you may read"))
        })?;
        Key::from_bytes(&bytes)
            .map_err(|error| Stop::Usage(format!("{name}: {error}; take one of random bytes")))
    }
}
