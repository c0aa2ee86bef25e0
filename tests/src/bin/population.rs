//! Writes the capture of a population: `population OUT.pcap [USERS [HOURS [SEED [SYNC]]]]`; with SYNC 1 every long link asks for
//! what was missed as soon as it is open.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use wiremark_tests::population::{Config, play};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(out) = arguments.next() else {
        eprintln!("usage: population OUT.pcap [USERS [HOURS [SEED [SYNC]]]]");
        return ExitCode::from(2);
    };
    let numbers: Result<Vec<u64>, _> = arguments.map(|text| text.parse()).collect();
    let Ok(numbers) = numbers else {
        eprintln!("population: USERS, HOURS, SEED and SYNC are numbers");
        return ExitCode::from(2);
    };
    let number = |at: usize, or: u64| numbers.get(at).copied().unwrap_or(or);
    let users = usize::try_from(number(0, 1000)).unwrap_or(1000).max(1);
    let config = Config {
        users,
        other_users: users / 5,
        hours: number(1, 3).max(1),
        seed: number(2, 1),
        syncs_on_login: number(3, 0) == 1,
        ..Config::default()
    };
    let population = play(&config);
    let written = File::create(&out).and_then(|file| population.trace.write_pcap(BufWriter::new(file)));
    match written {
        Ok(()) => {
            println!("{out}: {} frames, {} tasks", population.trace.len(), population.books.tasks.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{out}: {error}");
            ExitCode::FAILURE
        }
    }
}
