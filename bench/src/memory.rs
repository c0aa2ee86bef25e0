//! Memory a number of flows takes: resident pages of a process of its own, so that nothing else counts.

use std::error::Error;
use std::fs;
use std::process::Command;

use crate::runner::{Name, Sets, contender};
use crate::source::Source;
use crate::traffic::{Kind, Traffic};

/// Packets per step: enough for some ten thousand flows.
const STEP: usize = 500_000;
const PAGE_BYTES: usize = 4096;

/// Fills one contender with that many flows and prints the bytes it holds for each.
pub(crate) fn run(name: Name, flows: usize, source: &Source) -> Result<(), Box<dyn Error>> {
    let traffic = Traffic::open(source)?;
    let sets = Sets::new();
    // What one mix leaves behind in the allocator is not the contender's.
    let mut clients = traffic.mix(Kind::Mixed, STEP, 0).clients;
    let before = resident_bytes()?;
    let mut contender = contender(name, &sets, flows);
    let mut found = 0;
    while found < flows {
        let mix = traffic.mix(Kind::Mixed, STEP, clients);
        clients = mix.clients;
        // In pieces, so as to stop near the wanted number.
        for slots in mix.slots.chunks(2000) {
            contender.pass(mix.part(slots));
            found = contender.flows().unwrap_or(flows);
            if found >= flows {
                break;
            }
        }
    }
    let bytes = resident_bytes()?.saturating_sub(before);
    println!("{}", bytes / found);
    Ok(())
}

/// The same, measured in a new process.
pub(crate) fn measure(name: Name, flows: usize, source: &Source) -> Result<usize, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["memory", &name.to_string(), &flows.to_string(), "--traces"])
        .arg(&source.traces)
        // What the mixes took goes back to the system at once.
        .envs([("MALLOC_MMAP_THRESHOLD_", "262144"), ("MALLOC_TRIM_THRESHOLD_", "131072")])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = || format!("memory {name}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(said.trim().parse().map_err(|_| failed())?)
}

fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let resident = pages.split(' ').nth(1).ok_or("/proc/self/statm has changed")?;
    Ok(resident.parse::<usize>()? * PAGE_BYTES)
}
