//! The arguments of `wiremark infer`, and what they mean for the paper's method.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wiremark_inference::{chatdissect, voting};

use super::choice::Choice;
use crate::headings::{INPUT, OUTPUT};
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::output::Overwrite;

/// Infers the fields of an unknown protocol, and drafts signatures for it
///
/// Takes messages of chosen flows (or from a file in hex) and tells where fields begin, what they are (constant, length,
/// sequence, request/response, opcode, time stamp, checksum, text, ...), and which opcodes come by the clock or follow
/// another. Sees bytes only: no protocol is known to it.
///
/// TCP payload is put in order first, retransmissions are dropped; a segment that follows a full one at once belongs to the
/// same message.
///
/// Captures are read twice (first the verdicts, then the messages), so standard input will not do.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Captures: pcap or pcapng, plain or packed with gzip or zstd
    #[arg(value_name = "FILE", required_unless_present = "messages", conflicts_with = "messages")]
    pub(super) files: Vec<PathBuf>,

    /// Messages instead of captures: one a line in hex; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = INPUT)]
    pub(super) messages: Option<PathBuf>,

    #[command(flatten)]
    pub(super) choice: Choice,

    /// How fields are looked for
    #[arg(long, value_enum, default_value = "columns", help_heading = "Method")]
    pub(super) method: Method,

    /// With chatdissect: how a segment of at most 10 bytes can reach 6 votes [default: all readings, compared]
    #[arg(long, value_enum, help_heading = "Method")]
    pub(super) votes: Option<VotesReading>,

    /// With chatdissect: over which messages a sequence number goes up
    #[arg(long, value_enum, default_value = "direction", help_heading = "Method")]
    pub(super) monotonic: MonotonicReading,

    /// With chatdissect: what the entropy of an opcode's values is divided by
    #[arg(long, value_enum, default_value = "values", help_heading = "Method")]
    pub(super) entropy: EntropyReading,

    /// Print only where fields begin, one line a message
    #[arg(long, help_heading = OUTPUT)]
    pub(super) boundaries: bool,

    /// How to report
    #[arg(long, value_enum, default_value = "table", help_heading = OUTPUT)]
    pub(super) format: Format,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "OUT", help_heading = OUTPUT)]
    pub(super) output: Option<PathBuf>,

    /// Look at so many messages at most, drawn evenly from all (the same in every run)
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one, help_heading = INPUT)]
    pub(super) sample: usize,

    /// Write a draft of a signature file for the chosen flows
    #[arg(long, value_name = "FILE.toml", help_heading = OUTPUT)]
    pub(super) draft: Option<PathBuf>,

    /// Tasks done in a controlled experiment: CSV lines `time,task`, time in seconds since 1970
    #[arg(long, value_name = "CSV", help_heading = INPUT)]
    pub(super) tasks: Option<PathBuf>,

    /// Once more for flows without a verdict that go to addresses and ports of flows with one; tells what is new
    #[arg(long, conflicts_with_all = ["unclassified", "messages"], help_heading = "Method")]
    pub(super) feedback: bool,

    #[command(flatten)]
    pub(super) overwrite: Overwrite,

    #[command(flatten)]
    pub(super) networks: FlowArguments,

    #[command(flatten)]
    pub(super) signatures: SignatureArguments,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// Exact equations and lists first, then statistics of aligned columns
    Columns,
    /// As the ChatDissect paper, section III
    Chatdissect,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum VotesReading {
    /// It cannot: only longer segments are split
    Literal,
    /// The window shrinks to half the segment
    Shrink,
    /// The threshold shrinks with the windows there is room for
    Scale,
    /// The threshold is lowered by one until the segment is split
    Lower,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MonotonicReading {
    /// Within a flow, both directions together
    Flow,
    /// Within each direction of a flow
    Direction,
    /// Over all messages as they come
    Capture,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EntropyReading {
    /// Logarithm of the number of different values
    Values,
    /// Logarithm of the number of messages
    Messages,
    /// Bits of the field
    Bits,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// One JSON object a line
    Json,
    /// A page with a picture
    Html,
    /// The picture alone
    Svg,
}

const HELP: &str = "\
Examples:
  wiremark infer capture.pcap --server 198.51.100.7:8080
      fields of what a server speaks
  wiremark infer capture.pcap --unclassified --transport udp --draft new.toml
      a draft of signatures for datagrams nobody knows; then:
  mkdir drafts && mv new.toml drafts && wiremark signatures check drafts
  wiremark classify other.pcap --signatures drafts
      what the draft finds elsewhere
  wiremark infer --messages messages.hex --boundaries --format json
      {\"message\": 0, \"boundaries\": [2, 4, 6]} and so on, one line a message
  wiremark infer capture.pcap --port 8080 --method chatdissect --votes lower
      as the paper does, with one of the readings of what it leaves open

Output of --format json:
  event_type \"field\": offset, length, type, byte_order, confidence, evidence,
      coverage, distinct, values
  event_type \"structure\": lists, text, arrays and kinds found
  event_type \"periodic\", \"triggered\": what opcodes go with

Exit codes:
  0    all done, also where no structure was found (a sentence says so)
  1    some input failed (one line each on standard error)
  2    wrong usage
  141  the reader of the output went away";

/// The paper's settings with the readings asked for.
pub(super) fn settings(arguments: &Arguments, votes: voting::Votes) -> chatdissect::Settings {
    let experts = voting::Experts { votes, ..voting::Experts::default() };
    let monotonic = match arguments.monotonic {
        MonotonicReading::Flow => chatdissect::Monotonic::Flow,
        MonotonicReading::Direction => chatdissect::Monotonic::Direction,
        MonotonicReading::Capture => chatdissect::Monotonic::Capture,
    };
    let normalised = match arguments.entropy {
        EntropyReading::Values => chatdissect::Normalised::Values,
        EntropyReading::Messages => chatdissect::Normalised::Messages,
        EntropyReading::Bits => chatdissect::Normalised::Bits,
    };
    chatdissect::Settings { experts, monotonic, normalised, ..chatdissect::Settings::default() }
}

/// The readings of votes asked for.
pub(super) fn readings(arguments: &Arguments) -> Vec<voting::Votes> {
    match arguments.votes {
        None => voting::Votes::ALL.to_vec(),
        Some(VotesReading::Literal) => vec![voting::Votes::Literal],
        Some(VotesReading::Shrink) => vec![voting::Votes::Shrink],
        Some(VotesReading::Scale) => vec![voting::Votes::Scale],
        Some(VotesReading::Lower) => vec![voting::Votes::Lower],
    }
}
