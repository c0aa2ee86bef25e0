//! Plays floods into a tracker: `hostile-floods [PACKETS [CAPACITY]]`, by default 50 million packets each and 65,536 flows.

use std::process::ExitCode;
use std::time::Instant;

use wiremark::{Classifier, Options};
use wiremark_tests::hostile::floods::{Flood, Kind};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.replace('_', "").parse::<u32>());
    let (packets, capacity) =
        (numbers.next().unwrap_or(Ok(50_000_000)), numbers.next().unwrap_or(Ok(65_536)));
    let (Ok(packets), Ok(capacity)) = (packets, capacity) else {
        eprintln!("usage: hostile-floods [PACKETS [CAPACITY]]");
        return ExitCode::from(2);
    };
    let set = match wiremark_signatures::embedded() {
        Ok(set) => set,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let classifier = Classifier::new(set, Options::default());
    println!(
        "{:<9} {:>10} {:>11} {:>10} {:>10} {:>7} {:>10} {:>10} {:>23} {:>9}",
        "flood",
        "packets",
        "flows",
        "timed out",
        "evicted",
        "held",
        "kept up",
        "forgotten",
        "resident, KB",
        "ns/packet"
    );
    for kind in [Kind::Syn, Kind::Datagram, Kind::Forged] {
        let flood = Flood { kind, packets, rate: 500_000, capacity: capacity as usize, decided: 1000 };
        let begun = Instant::now();
        let after = flood.play(&classifier);
        let ns = begun.elapsed().as_nanos() / u128::from(packets.max(1));
        let resident = after.resident.map_or_else(
            || "not told here".to_owned(),
            |(low, high)| format!("{} to {}", low / 1024, high / 1024),
        );
        let seen = after.statistics;
        println!(
            "{:<9} {packets:>10} {:>11} {:>10} {:>10} {:>7} {:>10} {:>10} {resident:>23} {ns:>9}",
            format!("{kind:?}").to_lowercase(),
            seen.flows,
            seen.timed_out,
            seen.evicted,
            after.held,
            after.kept_up,
            after.forgotten
        );
    }
    ExitCode::SUCCESS
}
