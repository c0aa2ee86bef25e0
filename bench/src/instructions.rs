//! Instructions per packet, counted by valgrind's callgrind over the very loops that are timed.

use std::error::Error;
use std::process::Command;

use crate::runner::Name;
use crate::source::Source;
use crate::traffic::Kind;

/// Packets a loop is counted over, unless asked for fewer: callgrind is some fifty times slower than the machine.
pub(crate) const PACKETS: usize = 200_000;

/// Prints instructions per packet, and their ratio to the floor's.
pub(crate) fn run(names: &[Name], source: &Source) -> Result<(), Box<dyn Error>> {
    let names = if names.is_empty() { &Name::here()[..] } else { names };
    for kind in [Kind::Mixed, Kind::Messenger] {
        let mut floors = Vec::new();
        for name in names {
            let floor = match floors.iter().find(|(floor, _)| *floor == name.floor()) {
                Some((_, floor)) => *floor,
                None => {
                    let floor = count(name.floor(), kind, source)?;
                    println!("{kind}: {} {floor:.1} instructions a packet", name.floor());
                    floors.push((name.floor(), floor));
                    floor
                }
            };
            if *name != name.floor() {
                let instructions = count(*name, kind, source)?;
                println!("{kind}: {name} {instructions:.1}, {:.2} x {}", instructions / floor, name.floor());
            }
        }
    }
    Ok(())
}

/// Instructions per packet of one pass. Loading and building are not counted: only what the pass calls.
pub(crate) fn count(name: Name, kind: Kind, source: &Source) -> Result<f64, Box<dyn Error>> {
    let packets = source.packets.min(PACKETS);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .args(["--toggle-collect=*_pass*"])
        .arg(std::env::current_exe()?)
        .args(["loop", &name.to_string(), "--mix", &kind.to_string()])
        .args(["--packets", &packets.to_string(), "--traces"])
        .arg(&source.traces)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it to count instructions"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    let total: f64 = collected
        .and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| format!("callgrind gave no count:\n{report}"))?;
    Ok(total / packets as f64)
}
