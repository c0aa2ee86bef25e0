//! A mix as a capture file, for commands side by side.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

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
    /// Time between two packets, in microseconds: 3 is 1 Gbit/s of the mix.
    #[arg(long, default_value_t = 3)]
    gap_us: u64,
    #[command(flatten)]
    source: Source,
}

/// Writes a pcap file. The times of the captures it is made of lie years apart; here one packet follows the other.
pub(crate) fn run(wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    let mix = Traffic::open(&wanted.source)?.mix(wanted.mix, wanted.source.packets, 0);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&wanted.to)?);
    let header = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1];
    header.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
    let load = mix.load();
    for (slot, time_us) in load.slots.iter().zip((START_US..).step_by(wanted.gap_us.max(1) as usize)) {
        let frame = load.frame(slot);
        let length = frame.len() as u32;
        let header = [(time_us / 1_000_000) as u32, (time_us % 1_000_000) as u32, length, length];
        header.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        file.write_all(frame)?;
    }
    file.flush()?;
    println!("{} packets, {} flows, {} bytes of frames", load.slots.len(), mix.flows, mix.bytes());
    Ok(())
}
