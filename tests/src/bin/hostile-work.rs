//! What packets made to be dear cost, as multiples of an ordinary one: `hostile-work [PART OF A NAME]`, of all cases or of those whose
//! name it is in. Fails where one costs more than is promised.

use std::process::ExitCode;

use wiremark::{Classifier, Options};
use wiremark_tests::hostile::work;

/// What one packet may cost, in ordinary packets. Promised in SECURITY.md and HOSTILE.md.
const BOUND: f64 = 250.0;

fn main() -> ExitCode {
    let set = match wiremark_signatures::embedded() {
        Ok(set) => set,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let classifier = Classifier::new(set, Options::default());
    let ordinary = work::ordinary(&classifier);
    println!("An ordinary packet, the mean of the demo capture: {ordinary:.0} ns\n");
    println!("| packets | number | longest frame | mean cost | dearest |\n|---|---:|---:|---:|---:|");
    let mut dearest: (f64, f64) = (0.0, 0.0);
    let part = std::env::args().nth(1).unwrap_or_default();
    for case in work::cases().into_iter().filter(|case| case.name.contains(&part)) {
        let cost = work::cost(&classifier, &case.trace, 200);
        let (mean, worst) = (cost.mean / ordinary, cost.worst / ordinary);
        let longest = case.trace.frames().map(|(_, _, bytes)| bytes.len()).max().unwrap_or(0);
        println!("| {} | {} | {longest} | {mean:.1} | {worst:.1} |", case.name, case.trace.len());
        dearest = (dearest.0.max(mean), dearest.1.max(worst));
    }
    println!("\nat most {:.0} ordinary packets on average, {:.0} for one packet", dearest.0, dearest.1);
    if dearest.1 > BOUND {
        eprintln!("that is more than {BOUND}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
