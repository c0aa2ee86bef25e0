//! `wiremark shard`: captures cut by client, for many machines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use wiremark::{LinkType, Sharing};
use wiremark_capture::blocks::{self, Copier};
use wiremark_capture::{Capture, Frame};

use crate::captures::name_of;
use crate::exit_codes::EXIT_CODES;
use crate::headings::OUTPUT;
use crate::notes;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Cuts captures into N by client, so that many machines can share the work
///
/// Every frame goes into one of shard-000.pcapng, shard-001.pcapng, ... of a folder, in the order in which it came, with its
/// time (nanoseconds), link type and interface. Both directions of a flow, its client's look-ups and its fragments go
/// into the same one; what is in a tunnel goes by the addresses inside. Frames without TCP or UDP go into the first. The same
/// N gives the same shards on every machine. Memory does not grow with the captures.
///
/// Each capture is a section of the shards: what is read of a shard is one stream, so flows go on from one capture to the
/// next. Read with --per-client, the shards give what the whole gives: otherwise what a server showed one client is known to
/// others, of the same shard only.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(required = true, value_name = "IN")]
    files: Vec<PathBuf>,

    /// How many shards
    #[arg(short = 'n', long = "shards", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=480), help_heading = OUTPUT)]
    shards: u16,

    /// The folder to write into
    #[arg(short, long, value_name = "DIR", help_heading = OUTPUT)]
    output: PathBuf,

    #[command(flatten)]
    overwrite: Overwrite,
}

const EXAMPLES: &str = "\
Examples:
  wiremark shard -n 64 -o shards/ monday-*.pcap.zst
  wiremark shard -n 4 -o shards/ capture.pcap
  wiremark classify --format json shards/

Exit codes:
  0    all done
  1    some input failed, with a line each on standard error; the frames of all
       other input, and those before the damage, are in the shards
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM, with a line on standard error; what
       was read until then is in the shards";

/// Frames between two looks at signals and progress.
const PROGRESS_FRAMES: u64 = 1024;

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let Arguments { files, shards, output, overwrite } = arguments;
    let folder = |error| Stop::writing(&output.display().to_string(), &error);
    fs::create_dir_all(output).map_err(folder)?;
    let path = |number| output.join(format!("shard-{number:03}.pcapng"));
    let mut shards: Vec<Shard> = (0..*shards)
        .map(|number| Output::open(Some(&path(number)), files, *overwrite).map(Shard::new))
        .collect::<Result<_, Stop>>()?;
    let interrupt = Interrupt::listen();
    let mut sharing = Sharing::default();
    let (mut failed, mut read, mut frames) = (false, 0, 0);
    for file in files {
        let complaint = cut(file, &mut sharing, &mut shards, &interrupt, &mut frames)?;
        read += 1;
        failed |= complaint.is_some();
        notes::line(&name_of(file), &Vec::from_iter(complaint), None).iter().for_each(complain);
        if interrupt.came() {
            break;
        }
    }
    for shard in &mut shards {
        shard.finish()?;
    }
    let place = format!("in file {read} of {}, after {frames} frames", files.len());
    Ok(interrupt.outcome(&place).unwrap_or(Outcome::failed_if(failed)))
}

/// One capture into the shards; gives back what is to be complained about.
fn cut(
    file: &Path,
    sharing: &mut Sharing,
    shards: &mut [Shard],
    interrupt: &Interrupt,
    frames: &mut u64,
) -> Result<Option<String>, Stop> {
    let mut capture = match Capture::open_until(file, interrupt.flag(), false) {
        Ok(capture) => capture,
        // Nothing was waited for any longer.
        Err(_) if interrupt.came() => return Ok(None),
        Err(error) => return Ok(Some(error.to_string())),
    };
    let mut progress = Progress::new(capture.name(), capture.file_bytes(), false);
    let mut copier = capture.is_pcapng().then(Copier::default);
    if copier.is_some() {
        capture.keep_blocks();
    }
    shards.iter_mut().for_each(Shard::begin_capture);
    loop {
        if frames.is_multiple_of(PROGRESS_FRAMES) {
            progress.read(capture.bytes_read());
            if interrupt.came() {
                return Ok(None);
            }
        }
        let (captured, share) = match capture.next_frame() {
            Ok(Some(frame)) => {
                *frames += 1;
                let count = shards.len();
                let share = LinkType::from_number(frame.link_type)
                    .map_or(0, |link_type| sharing.share(link_type, frame.bytes, count));
                if copier.is_none() {
                    shards[share].frame(&frame)?;
                }
                (true, share)
            }
            Ok(None) => (false, 0),
            Err(_) if interrupt.came() => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        if let Some(copier) = &mut copier {
            let blocks = capture.take_blocks();
            let (shared, packet) = match captured {
                true => copier.apart(&blocks),
                false => (copier.shared(&blocks), &[][..]),
            };
            for shard in shards.iter_mut().filter(|_| !shared.is_empty()) {
                shard.blocks(&shared)?;
            }
            shards[share].blocks(packet)?;
        }
        if !captured {
            return Ok(None);
        }
    }
}

/// One file.
struct Shard {
    output: Output,
    /// Whether anything was written: a file without a section is none.
    is_begun: bool,
    /// Interfaces of the capture at hand, by their number there and link type, with their number in this file's section.
    /// None where the capture has its own description of them, or brought no frame yet.
    interfaces: BTreeMap<(u32, u32), u32>,
}

impl Shard {
    fn new(output: Output) -> Self {
        Self { output, is_begun: false, interfaces: BTreeMap::new() }
    }

    fn begin_capture(&mut self) {
        self.interfaces.clear();
    }

    /// Writes blocks as they are.
    fn blocks(&mut self, blocks: &[u8]) -> Result<(), Stop> {
        self.is_begun |= !blocks.is_empty();
        let written = self.output.write_all(blocks).and_then(|()| self.output.flush());
        self.output.explain(written)
    }

    /// Writes a frame of a capture without blocks.
    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Stop> {
        let mut bytes = Vec::with_capacity(frame.bytes.len() + 128);
        if self.interfaces.is_empty() {
            bytes.extend(blocks::section_header());
        }
        let count = self.interfaces.len() as u32;
        let interface = *self.interfaces.entry((frame.interface, frame.link_type)).or_insert_with(|| {
            bytes.extend(blocks::interface(frame.link_type));
            count
        });
        let (time_ns, length) = (frame.time_ns(), frame.original_length);
        bytes.extend(blocks::enhanced_packet(interface, time_ns, length, frame.bytes, None));
        self.blocks(&bytes)
    }

    fn finish(&mut self) -> Result<(), Stop> {
        if !self.is_begun {
            self.blocks(&blocks::section_header())?;
        }
        self.output.finish()
    }
}
