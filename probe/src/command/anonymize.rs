//! `wiremark anonymize`: a capture that can be given away.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use wiremark::Statistics;
use wiremark_capture::Capture;
use wiremark_capture::blocks;
use wiremark_capture::replay::Counts;
use wiremark_probe::anonymize::{Anonymized, Frame, Key, Settings, anonymize};

use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Frames between two looks at the progress bar.
const PROGRESS_FRAMES: usize = 1024;
/// Longest frame a pcap file's header promises.
const SNAP_BYTES: u32 = 262_144;

/// Makes a capture that can be sent with a bug report
///
/// The output is classified as the input is, and holds none of its addresses, account numbers or contents: addresses
/// are replaced, payloads are blanked but for what classification looks at, and of that all known identifiers are
/// blanked too. Lengths and times stay. What is kept and what is not is listed in the long help (--help).
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = HELP)]
pub(crate) struct Arguments {
    /// Capture: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write; *.pcap or *.pcapng decides on the format
    #[arg(value_name = "OUT")]
    output: PathBuf,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Bytes kept at the start of what is in no known format: of each side of a connection, and of each datagram
    ///
    /// Text in them is blanked all the same. Where a flow's verdict is another one without them, at least 64 are kept.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "What is kept")]
    keep_payload: usize,

    /// Draw pseudonyms with this key: 32 to 128 hexadecimal digits
    ///
    /// The same key gives the same pseudonyms in several captures. Keep it to yourself: whoever has it can undo them.
    /// Without it a random one is used and forgotten.
    #[arg(long, value_name = "HEX", value_parser = Key::from_hex, help_heading = "What is kept")]
    key: Option<Key>,

    /// Give host names of no known app pseudonyms too; without this they are kept
    #[arg(long, help_heading = "What is kept")]
    names: bool,

    #[command(flatten)]
    networks: FlowArguments,

    #[command(flatten)]
    signatures: SignatureArguments,
}

const HELP: &str = concat!(
    "\
Examples:
  wiremark anonymize capture.pcap report.pcap
  wiremark anonymize --names capture.pcapng.gz report.pcapng
  KEY=$(openssl rand -hex 32)
  wiremark anonymize --key $KEY day1.pcap a.pcap
  wiremark anonymize --key $KEY day2.pcap b.pcap

Replaced, the same by the same:
  IP addresses in all headers, also inside tunnels; in DNS answers, look-up
      lists over HTTP, STUN and proxy preambles. Private addresses stay
      private, public ones public; addresses with the same beginning get
      pseudonyms with the same beginning. Multicast, broadcast and loopback
      addresses stay.
  MAC addresses, maker included
Kept:
  times, lengths, ports, sequence numbers; fragments, each with its part of the
      rewritten packet; of TCP options those that tell nothing of the sender
  TLS: headers of records; of hellos versions, suites, groups, protocols, and
      the server's name
  QUIC: version; where the flow has a verdict headers, and a client's first
      packets as they are, with all of its hello (they cannot be read once
      changed)
  HTTP: names of known header fields; where the flow has a verdict values of
      harmless ones, and to a known app's host paths and names of parameters
  DNS: questions and answers; STUN: structure; where the flow has a verdict
      small values, and headers of RTP
  host names in all of these: they may tell who somebody is; see --names
  of all other formats nothing but the length, unless the verdict needs their
      first bytes; see --keep-payload
Blanked, lengths kept:
  all else: contents, cookies, credentials, tokens, keys, random numbers,
      account numbers, mail addresses, numbers of seven digits and more
Left out, and counted at the end:
  frames without TCP or UDP (ARP, ICMP, ...), and of pcapng files everything
      but the packets

The capture is held in memory as a whole: cut large ones first, e.g. with
editcap -c.

",
    exit_codes!()
);

/// Formats of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Pcap,
    Pcapng,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let Arguments { input, output, overwrite, keep_payload, key, names, networks, signatures } = arguments;
    let format = format(output)?;
    // Before the work, not after it.
    overwrite.allows(output)?;
    let classifier = signatures.classifier()?;
    let interrupt = Interrupt::listen();
    let mut capture = match Capture::open_until(input, interrupt.flag(), false) {
        Ok(capture) => capture,
        Err(error) => {
            return interrupt.outcome("before the first frame").ok_or(Stop::Failed(error.to_string()));
        }
    };
    let name = capture.name().to_owned();
    let mut progress = Progress::new(&name, capture.file_bytes(), false);
    let mut frames = Vec::new();
    let failure = loop {
        if frames.len() % PROGRESS_FRAMES == 0 {
            progress.read(capture.bytes_read());
            if interrupt.came() {
                break None;
            }
        }
        match capture.next_frame() {
            Ok(Some(frame)) => frames.push(Frame {
                time_ns: frame.time_ns(),
                link_type: frame.link_type,
                interface: frame.interface,
                original_length: frame.original_length,
                bytes: frame.bytes.to_vec(),
            }),
            Ok(None) => break None,
            Err(_) if interrupt.came() => break None,
            Err(error) => break Some(error),
        }
    };
    drop(progress);
    let link_types: BTreeMap<u32, u32> =
        frames.iter().map(|frame| (frame.link_type, frame.interface)).collect();
    if format == Format::Pcap && link_types.len() > 1 {
        let output = output.display();
        return Err(Stop::Failed(format!(
            "{output}: pcap files have frames of one link type, and {name} has several; choose a name that ends in \
             .pcapng"
        )));
    }
    let link_type = link_types.first_key_value().map_or(1, |(link_type, _)| *link_type);
    let mut output = Output::open(Some(output), std::slice::from_ref(input), *overwrite)?;
    let tracker = networks.usual(&[input]);
    let settings = Settings { key: key.clone(), keep_bytes: *keep_payload, names: *names, tracker };
    let anonymized = anonymize(frames, &classifier, settings).map_err(Stop::Failed)?;
    let written = match format {
        Format::Pcap => pcap(&mut output, link_type, &anonymized.frames),
        Format::Pcapng => pcapng(&mut output, &anonymized.frames),
    };
    output.explain(written)?;
    output.finish()?;
    complain(&closing_line(&name, &anonymized));
    if let Some(error) = &failure {
        complain(error);
    }
    if let Some(outcome) = interrupt.outcome(&format!("after {} frames", anonymized.counts.frames)) {
        return Ok(outcome);
    }
    // Frames of an unknown link type are a part of the input that nothing could be done with.
    Ok(Outcome::failed_if(failure.is_some() || anonymized.counts.unknown_link > 0))
}

fn format(output: &Path) -> Result<Format, Stop> {
    let extension = output.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("pcap") => Ok(Format::Pcap),
        Some("pcapng") => Ok(Format::Pcapng),
        _ => {
            let output = output.display();
            Err(Stop::Usage(format!("{output}: choose a file name that ends in .pcap or .pcapng")))
        }
    }
}

/// Microseconds, or nanoseconds where some frame's time needs them.
fn pcap(output: &mut Output, link_type: u32, frames: &[Frame]) -> std::io::Result<()> {
    let nanoseconds = frames.iter().any(|frame| frame.time_ns % 1000 != 0);
    let (magic, unit) = if nanoseconds { (0xa1b2_3c4d, 1) } else { (0xa1b2_c3d4, 1000) };
    let header: [u32; 6] = [magic, 0x0004_0002, 0, 0, SNAP_BYTES, link_type];
    output.write_all(&header.map(u32::to_le_bytes).concat())?;
    for frame in frames {
        let (seconds, fraction) = (frame.time_ns / 1_000_000_000, frame.time_ns % 1_000_000_000 / unit);
        let record = [seconds as u32, fraction as u32, frame.bytes.len() as u32, frame.original_length];
        output.write_all(&record.map(u32::to_le_bytes).concat())?;
        output.write_all(&frame.bytes)?;
        output.flush()?;
    }
    Ok(())
}

fn pcapng(output: &mut Output, frames: &[Frame]) -> std::io::Result<()> {
    output.write_all(&blocks::section_header())?;
    let mut interfaces: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for frame in frames {
        let next = interfaces.len() as u32;
        let interface = *interfaces.entry((frame.interface, frame.link_type)).or_insert(next);
        if interface == next {
            output.write_all(&blocks::interface(frame.link_type))?;
        }
        let Frame { time_ns, original_length, bytes, .. } = frame;
        output.write_all(&blocks::enhanced_packet(interface, *time_ns, *original_length, bytes, None))?;
        output.flush()?;
    }
    Ok(())
}

/// What was kept and left out, and whether the verdicts are the same.
fn closing_line(name: &str, anonymized: &Anonymized) -> String {
    let Anonymized { frames, counts, flows, changed, needed } = anonymized;
    let mut line = format!("{name}: {} of {} frames kept", frames.len(), counts.frames);
    let left_out = [
        (counts.unsupported, "without TCP or UDP"),
        (counts.truncated, "cut short"),
        (counts.malformed, "malformed"),
        (counts.unknown_link, "of an unknown link type"),
    ];
    let left_out: Vec<String> = left_out
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if !left_out.is_empty() {
        line += &format!(", left out: {}", left_out.join(", "));
    }
    // What else there was to say of the frames stands in the line already.
    let stopped = Counts { stopped_at: counts.stopped_at.clone(), ..Counts::default() };
    line.extend(stopped.sentence(&Statistics::default()).map(|sentence| format!("; {sentence}")));
    if !needed.is_empty() {
        let (count, s) = (needed.len(), if needed.len() == 1 { "" } else { "s" });
        line += &format!("; of {count} flow{s} more was kept, as the verdict needs it");
    }
    if changed.is_empty() {
        return format!("{line}; flows classified as before: all {flows}");
    }
    let numbers: Vec<String> = changed.iter().take(8).map(u64::to_string).collect();
    let more = if changed.len() > numbers.len() { ", ..." } else { "" };
    format!(
        "{line}; classified otherwise than before: {} of {flows} flows ({}{more}); try a larger --keep-payload",
        changed.len(),
        numbers.join(", ")
    )
}
