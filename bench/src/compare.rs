//! Everything side by side: the table, and the record.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::machine::Machine;
use crate::mix::{Load, Mix};
use crate::runner::{Name, Sets, contender, time};
use crate::source::Source;
use crate::traffic::{Kind, Traffic};
use crate::{class_costs, instructions, larger, memory};
use wiremark::{Classifier, Context, Options};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    #[command(flatten)]
    source: Source,
    /// How often each contender runs over the mix.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Times only: no instructions, no memory.
    #[arg(long)]
    quick: bool,
    /// Keep the result in bench/record/.
    #[arg(long)]
    record: bool,
}

/// Median, least and greatest of several rounds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spread {
    median: f64,
    least: f64,
    greatest: f64,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    ns_per_packet: Spread,
    /// Of the same round's floor; of the tracker, of its own floor.
    times_floor: Spread,
    instructions_per_packet: Option<f64>,
    instructions_times_floor: Option<f64>,
    flows_with_verdict: Option<usize>,
}

#[derive(Debug, Serialize)]
struct MixReport {
    mix: String,
    packets: usize,
    flows: usize,
    bytes: u64,
    lines: Vec<Line>,
    /// What each class of packet takes in the engine.
    classes: Vec<class_costs::Line>,
}

#[derive(Debug, Serialize)]
struct MemoryLine {
    name: String,
    /// What the engine asks of the host's entry (or allocates at once) for a flow.
    state_bytes: Option<usize>,
    /// Resident bytes per flow at 50,000 flows, at 1,000,000.
    bytes_per_flow: [usize; 2],
}

#[derive(Debug, Serialize)]
struct ThreadLine {
    name: String,
    /// Million packets a second, by the clock on the wall, with one thread, with two.
    mpps: [f64; 2],
}

#[derive(Debug, Serialize)]
struct SetUpLine {
    what: String,
    ms: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    traffic: String,
    rounds: usize,
    mixes: Vec<MixReport>,
    memory: Vec<MemoryLine>,
    threads: Vec<ThreadLine>,
    set_up: Vec<SetUpLine>,
}

pub(crate) fn run(wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    let Wanted { source, rounds, quick, record } = wanted;
    let traffic = Traffic::open(source)?;
    let sets = Sets::new();
    let machine = Machine::this();
    println!("{machine}\n{}", traffic.origin);
    if !Name::here().contains(&Name::CAbi) {
        println!(
            "c-abi is left out: no libwiremark.so beside this program (cargo build --release -p wiremark-ffi)"
        );
    }
    let (mut mixes, mut threads) = (Vec::new(), Vec::new());
    for kind in [Kind::Mixed, Kind::Messenger] {
        let mix = traffic.mix(kind, source.packets, 0);
        mixes.push(measure(kind, &mix, &sets, *rounds));
        if kind == Kind::Mixed {
            for name in [Name::Floor, Name::OwnFlow, Name::TrackerFloor, Name::Tracker] {
                threads.push(scale(name, &mix, &sets, *rounds));
            }
        }
    }
    // What is timed comes first: the rest takes minutes, and does not mind what else the machine does.
    for (report, kind) in mixes.iter_mut().zip([Kind::Mixed, Kind::Messenger]) {
        if !quick {
            count(report, kind, source)?;
        }
        print_mix(report);
    }
    println!("\nthreads, {}: Mpps with 1, with 2", Kind::Mixed);
    for ThreadLine { name, mpps: [one, two] } in &threads {
        println!("  {name:<12} {one:7.2} {two:7.2}   {:.2} x", two / one);
    }
    let set_up = set_up();
    println!("\nset-up: ms");
    for SetUpLine { what, ms } in &set_up {
        println!("  {what:<40} {ms:8.2}");
    }
    let origin = traffic.origin;
    let mut report =
        Report { machine, traffic: origin, rounds: *rounds, mixes, memory: Vec::new(), threads, set_up };
    // Kept before the memory, too, which takes longest: who ends the program then has the rest.
    if *record {
        keep(&report)?;
    }
    if !quick {
        println!(
            "\nmemory: the engine's state of a flow; resident bytes per flow at 50,000 flows, at 1,000,000"
        );
        for name in Name::here().iter().filter(|name| name.keeps_flows()) {
            let bytes_per_flow =
                [memory::measure(*name, 50_000, source)?, memory::measure(*name, 1_000_000, source)?];
            let state_bytes = name.state_bytes();
            let state = state_bytes.map_or(String::new(), |bytes| bytes.to_string());
            println!("  {name:<12} {state:>7} {:7} {:7}", bytes_per_flow[0], bytes_per_flow[1]);
            report.memory.push(MemoryLine { name: name.to_string(), state_bytes, bytes_per_flow });
        }
        if *record {
            keep(&report)?;
        }
    }
    Ok(())
}

/// Every contender once a round, so that what disturbs the machine disturbs all.
fn measure(kind: Kind, mix: &Mix, sets: &Sets, rounds: usize) -> MixReport {
    let names = Name::here();
    let mut contenders: Vec<_> = names.iter().map(|name| contender(*name, sets, mix.flows)).collect();
    let mut taken = vec![Vec::new(); names.len()];
    for round in 0..=rounds {
        for (contender, taken) in contenders.iter_mut().zip(&mut taken) {
            let ns = time(&mut **contender, mix.load()).as_secs_f64() * 1e9 / mix.slots.len() as f64;
            // The first round warms up allocators and caches.
            if round > 0 {
                taken.push(ns);
            }
        }
    }
    let floors = |index: usize| {
        let floor = names.iter().position(|name| *name == names[index].floor()).unwrap_or_default();
        &taken[floor]
    };
    let line = |index: usize| Line {
        name: names[index].to_string(),
        ns_per_packet: spread(taken[index].iter().copied()),
        times_floor: spread(taken[index].iter().zip(floors(index)).map(|(ns, floor)| ns / floor)),
        instructions_per_packet: None,
        instructions_times_floor: None,
        flows_with_verdict: contenders[index].found().map(|(_, matched)| matched),
    };
    let lines = (0..names.len()).map(line).collect();
    let classes = Vec::new();
    let (packets, flows, bytes) = (mix.slots.len(), mix.flows, mix.bytes());
    MixReport { mix: kind.to_string(), packets, flows, bytes, lines, classes }
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    Spread { median: at(values.len() / 2), least: at(0), greatest: at(values.len().saturating_sub(1)) }
}

fn count(report: &mut MixReport, kind: Kind, source: &Source) -> Result<(), Box<dyn Error>> {
    let names = Name::here();
    let counts: Vec<f64> =
        names.iter().map(|name| instructions::count(*name, kind, source)).collect::<Result<_, _>>()?;
    for ((line, name), count) in report.lines.iter_mut().zip(&names).zip(&counts) {
        let floor = names.iter().zip(&counts).find(|(other, _)| **other == name.floor());
        line.instructions_per_packet = Some(*count);
        line.instructions_times_floor = floor.map(|(_, floor)| count / floor);
    }
    report.classes = class_costs::count(kind, source)?;
    Ok(())
}

fn print_mix(report: &MixReport) {
    let MixReport { mix, packets, flows, bytes, lines, classes } = report;
    println!("\n{mix}: {packets} packets, {flows} flows, {} MB", bytes / 1_000_000);
    println!(
        "  {:<12} {:>9} {:>15} {:>8} {:>13} {:>9} {:>8} {:>9}",
        "", "ns/packet", "least-greatest", "x floor", "least-greatest", "instr.", "x floor", "verdicts"
    );
    for line in lines {
        let (ns, ratio) = (line.ns_per_packet, line.times_floor);
        println!(
            "  {:<12} {:>9.1} {:>7.1}-{:<7.1} {:>8.2} {:>6.2}-{:<6.2} {:>9} {:>8} {:>9}",
            line.name,
            ns.median,
            ns.least,
            ns.greatest,
            ratio.median,
            ratio.least,
            ratio.greatest,
            line.instructions_per_packet.map_or(String::new(), |one| format!("{one:.1}")),
            line.instructions_times_floor.map_or(String::new(), |one| format!("{one:.2}")),
            line.flows_with_verdict.map_or(String::new(), |one| one.to_string()),
        );
    }
    if !classes.is_empty() {
        class_costs::print(classes);
    }
}

/// One worker a thread, each with its own table and the flows a symmetrical hash gives it.
fn scale(name: Name, mix: &Mix, sets: &Sets, rounds: usize) -> ThreadLine {
    let mpps = [1, 2].map(|workers| {
        let parts = mix.split(workers);
        let best = (0..rounds.min(5)).map(|_| {
            let barrier = Barrier::new(workers + 1);
            thread::scope(|scope| {
                for slots in &parts {
                    let (barrier, load): (_, Load<'_>) = (&barrier, mix.part(slots));
                    scope.spawn(move || {
                        let mut contender = contender(name, sets, mix.flows / workers);
                        barrier.wait();
                        contender.pass(load);
                        barrier.wait();
                    });
                }
                barrier.wait();
                let start = Instant::now();
                barrier.wait();
                mix.slots.len() as f64 / start.elapsed().as_secs_f64() / 1e6
            })
        });
        best.fold(0.0, f64::max)
    });
    ThreadLine { name: name.to_string(), mpps }
}

fn set_up() -> Vec<SetUpLine> {
    let mut lines = Vec::new();
    let mut timed = |what: &str, make: &mut dyn FnMut()| {
        let taken = (0..5).map(|_| {
            let start = Instant::now();
            make();
            start.elapsed().as_secs_f64() * 1e3
        });
        lines.push(SetUpLine { what: what.to_owned(), ms: spread(taken).median });
    };
    timed("wiremark: shipped signatures", &mut || {
        let set = wiremark_signatures::embedded().expect("the shipped set loads");
        std::hint::black_box(Classifier::new(set, Options::default()));
    });
    timed("wiremark: ten times as many (generated)", &mut || {
        std::hint::black_box(Classifier::new(larger::set(10), Options::default()));
    });
    timed("wiremark: a context", &mut || {
        std::hint::black_box(Context::default());
    });
    #[cfg(feature = "ndpi")]
    for (what, lean) in [("ndpi: lean", true), ("ndpi: as shipped", false)] {
        timed(what, &mut || drop(std::hint::black_box(crate::ndpi::Ndpi::new(lean))));
    }
    lines
}

fn keep(report: &Report) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("record");
    let Machine { date, commit, .. } = &report.machine;
    let path = folder.join(format!("{date}-{}.json", commit.trim_end_matches('+')));
    fs::create_dir_all(&folder)?;
    fs::write(&path, serde_json::to_string_pretty(report)? + "\n")?;
    println!("\nrecorded in {}", path.display());
    Ok(())
}
