//! What reading and parsing a capture costs, without flows and engine; and whether mapping the file into memory would be better.
#![allow(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use cpu_time::ProcessTime;
use wiremark::{Classifier, LinkType, Options, Preparer, Tracker, TrackerConfig};
use wiremark_capture::{Block, Capture};

/// What to read, and how.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// A pcap file of Ethernet frames, little-endian.
    file: PathBuf,
    /// How.
    #[arg(long, value_enum, default_value = "read")]
    way: Way,
    /// How often.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// As the command does: one read of many frames at a time.
    Read,
    /// The file mapped into memory, frames where the page cache has them.
    Map,
}

pub(crate) fn run(wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    let classifier = Classifier::new(wiremark_signatures::embedded()?, Options::default());
    let preparer = Tracker::new(&classifier, TrackerConfig::default()).preparer();
    for _ in 0..wanted.rounds {
        let (clock, time) = (Instant::now(), ProcessTime::now());
        let frames = match wanted.way {
            Way::Read => read(wanted, preparer)?,
            Way::Map => map(wanted, preparer)?,
        };
        let (time, clock) = (time.elapsed(), clock.elapsed());
        let each = time.as_nanos() as f64 / frames as f64;
        println!(
            "{:?}: {frames} frames, {time:?} user and system, {clock:?}, {each:.1} ns a frame",
            wanted.way
        );
    }
    Ok(())
}

fn read(wanted: &Wanted, preparer: Preparer) -> Result<u64, Box<dyn Error>> {
    let (mut capture, mut block, mut frames) = (Capture::open(&wanted.file)?, Block::default(), 0);
    while capture.next_block(&mut block)? {
        for frame in block.frames() {
            black_box(preparer.prepare(LinkType::Ethernet, frame.bytes));
            frames += 1;
        }
    }
    Ok(frames)
}

fn map(wanted: &Wanted, preparer: Preparer) -> Result<u64, Box<dyn Error>> {
    let file = File::open(&wanted.file)?;
    // SAFETY: nobody writes to the file while it is measured.
    let bytes = unsafe { memmap2::MmapOptions::new().map(&file)? };
    let _ = bytes.advise(memmap2::Advice::Sequential);
    let (mut rest, mut frames) = (bytes.get(24..).unwrap_or_default(), 0);
    while let Some((head, behind)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((frame, behind)) = behind.split_at_checked(length) else { break };
        black_box(preparer.prepare(LinkType::Ethernet, frame));
        (rest, frames) = (behind, frames + 1);
    }
    Ok(frames)
}
