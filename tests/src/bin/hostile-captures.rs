//! Plays mutated captures: `hostile-captures [SECONDS [TRACES [SEED]]]`, by default 600 s of `../shared/traces` and the demo.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use wiremark::{Classifier, Options};
use wiremark_tests::hostile::survey::{Survey, subjects};
use wiremark_tests::score;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = arguments.first().map_or(Some(600), |text| text.parse().ok());
    let seed = arguments.get(2).map_or(Some(1), |text| text.parse().ok());
    let (Some(seconds), Some(seed)) = (seconds, seed) else {
        eprintln!("usage: hostile-captures [SECONDS [TRACES [SEED]]]");
        return ExitCode::from(2);
    };
    let traces = arguments.get(1).map_or_else(score::default_traces, PathBuf::from);
    let set = match wiremark_signatures::embedded() {
        Ok(set) => set,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let classifier = Classifier::new(set, Options::default());
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.pcap");
    let subjects = subjects(&traces, &demo, &classifier);
    let others = subjects.iter().filter(|one| one.is_other).count();
    println!("{} captures, {others} of them of other traffic", subjects.len());

    let mut survey = Survey::default();
    let start = Instant::now();
    survey.run(&classifier, &subjects, seed, Duration::from_secs(seconds));
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let a_minute = |count: u64| count as f64 / minutes / 1e6;
    println!(
        "{} passes in {minutes:.1} minutes: {} frames ({:.1} million a minute), {} of them with changed bytes \
         ({:.1} million a minute), {} flows",
        survey.passes,
        survey.frames,
        a_minute(survey.frames),
        survey.changed,
        a_minute(survey.changed),
        survey.flows
    );
    let median = survey.median_ns();
    if let Some((ns, path, seed, frame)) = survey.slowest(&subjects) {
        println!(
            "median frame {median} ns, slowest {ns} ns: {} times as long ({}, seed {seed}, frame {frame})",
            ns / median.max(1),
            path.display()
        );
    }
    println!("flows with a verdict that was not earned:");
    for (one, (count, path, seed, frame)) in &survey.unearned {
        let set = classifier.set();
        let name = set.signature(one.signature).map_or("", |row| &row.name);
        println!(
            "  {count:>8} {} {} by {} {name} ({}), first in {} seed {seed} frame {frame}",
            if one.is_other { "other" } else { "messenger" },
            if one.is_role_only { "role" } else { "app" },
            one.signature.0,
            one.confidence.name(),
            path.display()
        );
    }
    ExitCode::SUCCESS
}
