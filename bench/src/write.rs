//! A mix as a capture file, for commands side by side; or every frame of every capture.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use crate::mix::every_frame;
use crate::source::Source;
use crate::traffic::{Kind, Traffic};

/// 2023-11-14T22:13:20Z.
const START_US: u64 = 1_700_000_000_000_000;

/// What to write.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The file.
    to: PathBuf,
    /// Of what.
    #[arg(long, default_value = "mixed")]
    mix: Kind,
    /// Instead of a mix: the frames of all captures, one capture after the other, as Ethernet.
    #[arg(long)]
    every: bool,
    /// Time between two packets, in microseconds: 3 is 1 Gbit/s of the mix.
    #[arg(long, default_value_t = 3)]
    gap_us: u64,
    #[command(flatten)]
    source: Source,
}

/// Writes a pcap file. The times of the captures it is made of lie years apart; here one packet follows the other.
pub(crate) fn run(wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    if wanted.every {
        let frames = every_frame(&wanted.source.traces)?;
        let bytes = write(wanted, frames.iter().map(Vec::as_slice))?;
        println!("{} frames, {bytes} bytes of frames", frames.len());
        return Ok(());
    }
    let mix = Traffic::open(&wanted.source)?.mix(wanted.mix, wanted.source.packets, 0);
    let load = mix.load();
    let bytes = write(wanted, load.slots.iter().map(|slot| load.frame(slot)))?;
    println!("{} packets, {} flows, {bytes} bytes of frames", load.slots.len(), mix.flows);
    Ok(())
}

/// Gives back the bytes of all frames.
fn write<'f>(wanted: &Wanted, frames: impl Iterator<Item = &'f [u8]>) -> Result<u64, Box<dyn Error>> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&wanted.to)?);
    let header = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1];
    header.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
    let mut bytes = 0;
    for (frame, time_us) in frames.zip((START_US..).step_by(wanted.gap_us.max(1) as usize)) {
        let length = frame.len() as u32;
        let header = [(time_us / 1_000_000) as u32, (time_us % 1_000_000) as u32, length, length];
        header.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        file.write_all(frame)?;
        bytes += u64::from(length);
    }
    file.flush()?;
    Ok(bytes)
}
