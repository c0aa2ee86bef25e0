//! `wiremark infer`: from an unknown protocol to its fields, and to a draft of a signature file.

mod choice;
mod collect;
mod dissected;
mod report;
mod tasks;

use std::fs;
use std::path::{Path, PathBuf};

use choice::Choice;
use clap::{Args, ValueEnum};
use collect::Collected;
use wiremark_inference::{Inference, Messages, chatdissect, draft, infer, opcodes, voting};

use crate::inputs::SignatureArguments;
use crate::output::{Output, Overwrite};
use crate::stop::{Outcome, Stop, complain};

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
    files: Vec<PathBuf>,

    /// Messages instead of captures: one a line in hex; `-` is standard input
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,

    #[command(flatten)]
    choice: Choice,

    /// How fields are looked for
    #[arg(long, value_enum, default_value = "columns")]
    method: Method,

    /// With chatdissect: how a segment of at most 10 bytes can reach 6 votes [default: all readings, compared]
    #[arg(long, value_enum)]
    votes: Option<VotesReading>,

    /// With chatdissect: over which messages a sequence number goes up
    #[arg(long, value_enum, default_value = "direction")]
    monotonic: MonotonicReading,

    /// With chatdissect: what the entropy of an opcode's values is divided by
    #[arg(long, value_enum, default_value = "values")]
    entropy: EntropyReading,

    /// Print only where fields begin, one line a message
    #[arg(long)]
    boundaries: bool,

    /// How to report
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Look at so many messages at most, drawn evenly from all (the same in every run)
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one)]
    sample: usize,

    /// Write a draft of a signature file for the chosen flows
    #[arg(long, value_name = "FILE.toml")]
    draft: Option<PathBuf>,

    /// Tasks done in a controlled experiment: CSV lines `time,task`, time in seconds since 1970
    #[arg(long, value_name = "CSV")]
    tasks: Option<PathBuf>,

    /// Once more for flows without a verdict that go to addresses and ports of flows with one; tells what is new
    #[arg(long, conflicts_with_all = ["unclassified", "messages"])]
    feedback: bool,

    #[command(flatten)]
    overwrite: Overwrite,

    #[command(flatten)]
    signatures: SignatureArguments,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Exact equations and lists first, then statistics of aligned columns
    Columns,
    /// As the ChatDissect paper, section III
    Chatdissect,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VotesReading {
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
enum MonotonicReading {
    /// Within a flow, both directions together
    Flow,
    /// Within each direction of a flow
    Direction,
    /// Over all messages as they come
    Capture,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EntropyReading {
    /// Logarithm of the number of different values
    Values,
    /// Logarithm of the number of messages
    Messages,
    /// Bits of the field
    Bits,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
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
  event_type \"field\": offset, length, type, byte_order, confidence, evidence, coverage, distinct, values
  event_type \"structure\": lists, text, arrays and kinds found; \"periodic\", \"triggered\": what opcodes go with

Exit codes:
  0    all done, also where no structure was found (a sentence says so)
  1    some input failed (one line each on standard error)
  2    wrong usage
  141  the reader of the output went away";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    let (collected, failed) = match &arguments.messages {
        Some(path) => (read_messages(path, arguments.sample)?, false),
        None => {
            let classifier = arguments.signatures.classifier()?;
            collect::collect(
                &arguments.files,
                &classifier,
                &arguments.choice,
                arguments.feedback,
                arguments.sample,
            )?
        }
    };
    let Collected { messages, origins, .. } = &collected;
    if arguments.method == Method::Chatdissect {
        dissected::report(&mut output, arguments, messages, origins)?;
    } else {
        let inference = infer(messages, origins);
        if arguments.boundaries {
            boundaries(&mut output, arguments.format, &inference)?;
        } else {
            let tasks = arguments.tasks.as_deref().map(tasks::read).transpose()?.unwrap_or_default();
            report::report(&mut output, arguments.format, &collected, &inference, &tasks)?;
        }
    }
    output.finish()?;
    if let Some(path) = &arguments.draft {
        write_draft(path, arguments, &collected)?;
    }
    Ok(Outcome::failed_if(failed))
}

/// One line a message; a message that was not looked at (beyond the sample) has none.
fn boundaries(output: &mut Output, format: Format, inference: &Inference) -> Result<(), Stop> {
    for (at, found) in inference.boundaries.iter().enumerate() {
        let offsets: Vec<u32> = found.iter().map(|boundary| boundary.offset).collect();
        let line = match format {
            Format::Json => format!("{{\"message\": {at}, \"boundaries\": {offsets:?}}}\n"),
            _ => format!("{at}: {}\n", offsets.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")),
        };
        output.text(&line)?;
    }
    if let Some(nothing) = inference.nothing {
        complain(&nothing.sentence());
    }
    Ok(())
}

fn read_messages(path: &Path, sample: usize) -> Result<Collected, Stop> {
    let name = path.display();
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| {
        Stop::Failed(format!("{name}: cannot be read: {error}; it should be text, one message a line in hex"))
    })?;
    let messages = Messages::from_hex(&text)
        .map_err(|error| Stop::Failed(format!("{name}: {error}; one message a line in hex")))?;
    if messages.len() > sample {
        complain(&format!(
            "{name}: the first {sample} of {} messages are looked at; --sample N takes more",
            messages.len()
        ));
    }
    let messages: Messages = messages.iter().take(sample).collect();
    Ok(Collected { messages, ..Collected::default() })
}

fn write_draft(path: &Path, arguments: &Arguments, collected: &Collected) -> Result<(), Stop> {
    if arguments.messages.is_some() {
        return Err(Stop::Usage(
            "--draft takes captures: messages alone do not tell transport and ports".to_owned(),
        ));
    }
    let rows = draft::rows(&collected.messages, &collected.origins, &collected.flows);
    if rows.is_empty() {
        complain(&format!(
            "{}: not written: too little is fixed in the first bytes of the {} chosen flows",
            path.display(),
            collected.flows.len()
        ));
        return Ok(());
    }
    let source = format!("{} flows of a capture", collected.flows.len());
    let text = draft::file(&rows, &collected.messages, "draft", &source);
    let mut output = Output::open(Some(path), &arguments.files, arguments.overwrite)?;
    output.text(&text)?;
    output.finish()
}

/// The paper's settings with the readings asked for.
fn settings(arguments: &Arguments, votes: voting::Votes) -> chatdissect::Settings {
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
fn readings(arguments: &Arguments) -> Vec<voting::Votes> {
    match arguments.votes {
        None => voting::Votes::ALL.to_vec(),
        Some(VotesReading::Literal) => vec![voting::Votes::Literal],
        Some(VotesReading::Shrink) => vec![voting::Votes::Shrink],
        Some(VotesReading::Scale) => vec![voting::Votes::Scale],
        Some(VotesReading::Lower) => vec![voting::Votes::Lower],
    }
}

/// Occurrences of the opcode field, where there is one.
fn occurrences(collected: &Collected, inference: &Inference) -> Vec<opcodes::Occurrence> {
    let opcode = wiremark_inference::FieldType::Opcode;
    let Some(field) = inference.fields.iter().find(|field| field.field_type == opcode) else {
        return Vec::new();
    };
    let all = collected.messages.iter().zip(&collected.origins);
    all.filter_map(|(message, origin)| {
        let value = message.get(field.offset..field.offset + field.length)?;
        Some(opcodes::Occurrence { opcode: value.to_vec(), origin: *origin })
    })
    .collect()
}
