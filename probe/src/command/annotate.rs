//! `wiremark annotate`: a capture whose packets carry verdicts as comments.

mod remarks;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use remarks::Remarks;
use wiremark::{Frame, LinkType, Tracker};
use wiremark_capture::Capture;
use wiremark_capture::blocks::{self, Copier};
use wiremark_capture::replay::{Counts, ReplayError};

use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::notes;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Frames between two looks at the progress bar.
const PROGRESS_FRAMES: u64 = 1024;

/// Writes verdicts into a capture, as packet comments for Wireshark
///
/// The output is a pcapng file with all packets of the input: bytes, times, lengths and interfaces as they were. The
/// packet with which a flow's verdict changed carries a comment that says to what, and on what evidence; also where a
/// verdict was taken back. Of a pcapng file everything else stays too: names, statistics, comments that were there
/// before.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = HELP)]
pub(crate) struct Arguments {
    /// Capture: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write, *.pcapng; `-` is standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,

    #[command(flatten)]
    overwrite: Overwrite,

    #[command(flatten)]
    networks: FlowArguments,

    #[command(flatten)]
    signatures: SignatureArguments,
}

const HELP: &str = concat!(
    "\
Examples:
  wiremark annotate capture.pcap annotated.pcapng
  wireshark -Y frame.comment annotated.pcapng
  tshark -r annotated.pcapng -Y frame.comment -T fields -e frame.comment

A comment is one line:
  wiremark: example chat (payload, signature 901 hello), final
      app, role, kind of evidence, the signature that decided (see `wiremark
      signatures list`), and whether a later packet can still change the
      verdict (final, else provisional)
  wiremark: example chat (name, signature 902 hosts), provisional; was
      example files (one line, too)
  wiremark: example chat withdrawn

Where the input breaks off, what was read of it is in the output.

",
    exit_codes!()
);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let Arguments { input, output, overwrite, networks, signatures } = arguments;
    let standard_output = output == Path::new("-");
    if !standard_output
        && output.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("pcapng"))
    {
        let output = output.display();
        return Err(Stop::Usage(format!(
            "{output}: comments need the pcapng format; choose a file name that ends in .pcapng"
        )));
    }
    let classifier = signatures.classifier()?;
    let interrupt = Interrupt::listen();
    let mut capture = match Capture::open_until(input, interrupt.flag(), false) {
        Ok(capture) => capture,
        Err(error) => {
            return interrupt.outcome("before the first frame").ok_or(Stop::Failed(error.to_string()));
        }
    };
    let mut output = Output::open(Some(output), std::slice::from_ref(input), *overwrite)?;
    let name = capture.name().to_owned();
    let mut progress = Progress::new(&name, capture.file_bytes(), output.is_terminal());
    let mut tracker = Tracker::new(&classifier, networks.usual(&[input]));
    let mut remarks = Remarks::new(classifier.set());
    let mut to = Destination::new(&mut capture);
    let mut skipped: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
    let mut complaints = Vec::new();
    let mut frames = 0;
    let mut counts = Counts::default();
    loop {
        if frames % PROGRESS_FRAMES == 0 {
            progress.read(capture.bytes_read());
            if interrupt.came() {
                break;
            }
        }
        let frame = match capture.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(_) if interrupt.came() => break,
            Err(error) => {
                complaints.push(error.to_string());
                break;
            }
        };
        frames += 1;
        let mut comment = None;
        if let Some(link_type) = LinkType::from_number(frame.link_type) {
            let mut ended = |flow: &wiremark::Flow| remarks.forget(flow.number);
            let (time_us, bytes, wire_bytes) = (frame.time_us, frame.bytes, frame.original_length);
            let is_timed = frame.is_timed;
            let frame = Frame { link_type, time_us, bytes, wire_bytes };
            let seen = tracker.frame(&frame, &mut ended);
            counts.take(&frame, is_timed, seen.as_ref().err().copied());
            // A frame without TCP or UDP has nothing to say, and stays as it is.
            comment = seen.ok().and_then(|seen| remarks.on(&seen));
        } else {
            skipped.entry((frame.interface, frame.link_type)).or_insert((frame.number, 0)).1 += 1;
        }
        let captured = frame.bytes.len();
        let bytes = match &mut to {
            Destination::Same(copier) => copier.copy(&capture.take_blocks(), captured, comment.as_deref()),
            Destination::New { begun } => begin(begun, &frame, comment.as_deref()),
        };
        write(&mut output, &bytes)?;
    }
    let rest = match &mut to {
        Destination::Same(copier) => copier.copy(&capture.take_blocks(), 0, None),
        Destination::New { begun: true } => Vec::new(),
        Destination::New { .. } => blocks::section_header(),
    };
    write(&mut output, &rest)?;
    output.finish()?;
    drop(progress);
    for ((interface, link_type), (first_frame, frames)) in skipped {
        let file = name.clone();
        let error = ReplayError::UnknownLinkType { file, interface, link_type, first_frame, frames };
        complaints.push(error.to_string());
    }
    let left = to.comments_left();
    let left = (left > 0).then(|| format!("remarks left out: {left}; pcapng's simple packets can have none"));
    let sentence: Vec<String> = left.into_iter().chain(counts.sentence(&tracker.statistics())).collect();
    let sentence = (!sentence.is_empty()).then(|| sentence.join("; "));
    notes::line(&name, &complaints, sentence).iter().for_each(complain);
    let failed = !complaints.is_empty();
    Ok(interrupt.outcome(&format!("after {frames} frames")).unwrap_or(Outcome::failed_if(failed)))
}

/// How the output comes to be.
enum Destination {
    /// The input's own blocks, copied.
    Same(Copier),
    /// New blocks: pcap has no blocks. Its one interface is described with the first frame.
    New { begun: bool },
}

impl Destination {
    /// Comments that no packet could be given.
    fn comments_left(&self) -> usize {
        match self {
            Self::Same(copier) => copier.comments_left(),
            Self::New { .. } => 0,
        }
    }

    fn new(capture: &mut Capture) -> Self {
        if capture.is_pcapng() {
            capture.keep_blocks();
            return Self::Same(Copier::default());
        }
        Self::New { begun: false }
    }
}

fn begin(begun: &mut bool, frame: &wiremark_capture::Frame<'_>, comment: Option<&str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !*begun {
        *begun = true;
        bytes.extend(blocks::section_header());
        bytes.extend(blocks::interface(frame.link_type));
    }
    bytes.extend(blocks::enhanced_packet(0, frame.time_ns(), frame.original_length, frame.bytes, comment));
    bytes
}

fn write(output: &mut Output, bytes: &[u8]) -> Result<(), Stop> {
    let written = output.write_all(bytes).and_then(|()| output.flush());
    output.explain(written)
}
