//! What each class of packet costs: its share of the mix, and instructions a packet of it takes in the engine.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::classes::CLASSES;
use crate::instructions::PACKETS;
use crate::source::Source;
use crate::traffic::Kind;

/// One class of packet.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    class: &'static str,
    /// Of all packets of the mix, in percent.
    percent: f64,
    /// Instructions a packet of the class.
    instructions: f64,
    /// The same spread over all packets of the mix.
    of_all: f64,
}

/// Counts each class over one pass.
pub(crate) fn count(kind: Kind, source: &Source) -> Result<Vec<Line>, Box<dyn Error>> {
    let packets = source.packets.min(PACKETS);
    let out = std::env::temp_dir().join(format!("wiremark-classes-{}", std::process::id()));
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*_pass*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["loop", "by-class", "--mix", &kind.to_string(), "--packets", &packets.to_string(), "--traces"])
        .arg(&source.traces)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it to count instructions"))?;
    let profile = fs::read_to_string(&out)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&ended.stderr)))?;
    fs::remove_file(&out)?;
    let calls = calls_of(&profile);
    let of_all = |count: u64| count as f64 / packets as f64;
    Ok(CLASSES
        .iter()
        .filter_map(|(function, class)| {
            let (_, (calls, cost)) = calls.iter().find(|(name, _)| name.contains(function))?;
            Some(Line {
                class,
                percent: 100.0 * of_all(*calls),
                instructions: *cost as f64 / *calls as f64,
                of_all: of_all(*cost),
            })
        })
        .collect())
}

/// For each function called: how often, and the cost of these calls with all they called. (Callgrind's format: `fn=` and
/// `cfn=` give a function a number, with its name the first time; behind `calls=` comes a line of position and cost.)
fn calls_of(profile: &str) -> HashMap<&str, (u64, u64)> {
    let mut names = HashMap::new();
    let mut calls: HashMap<&str, (u64, u64)> = HashMap::new();
    let (mut called, mut times) = ("", None::<u64>);
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            let name = *names.entry(number).or_insert(name);
            if line.starts_with('c') {
                called = name;
            }
        } else if let Some(count) = line.strip_prefix("calls=") {
            times = count.split(' ').next().and_then(|count| count.parse().ok());
        } else if let Some(times) = times.take() {
            let cost: u64 = line.rsplit(' ').next().and_then(|cost| cost.parse().ok()).unwrap_or_default();
            let sum = calls.entry(called).or_default();
            *sum = (sum.0 + times, sum.1 + cost);
        }
    }
    calls
}

/// Prints them.
pub(crate) fn print(lines: &[Line]) {
    println!("  {:<28} {:>7} {:>12} {:>8}", "", "% of all", "instr. each", "of all");
    for Line { class, percent, instructions, of_all } in lines {
        println!("  {class:<28} {percent:>8.2} {instructions:>12.0} {of_all:>8.1}");
    }
    let sum = |of: fn(&Line) -> f64| lines.iter().map(of).sum::<f64>();
    println!(
        "  {:<28} {:>8.2} {:>12} {:>8.1}",
        "handed to the engine",
        sum(|line| line.percent),
        "",
        sum(|line| line.of_all)
    );
}

/// Prints what the classes of both mixes cost.
pub(crate) fn run(source: &Source) -> Result<(), Box<dyn Error>> {
    for kind in [Kind::Mixed, Kind::Messenger] {
        println!("{kind}:");
        print(&count(kind, source)?);
    }
    Ok(())
}
