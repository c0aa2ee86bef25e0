//! Writes the capture of a case, to look at with other tools: `case-trace CASE OUT.pcap`.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use wiremark_tests::case::{folder, load};

fn write(case: &str, out: &str) -> Result<(), String> {
    let cases = load(folder())?;
    let case =
        cases.iter().find(|one| one.name == case).ok_or_else(|| format!("{case}: no case of this name"))?;
    let file = File::create(out).map_err(|error| format!("{out}: {error}"))?;
    case.trace()?.write_pcap(BufWriter::new(file)).map_err(|error| format!("{out}: {error}"))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, out] = arguments.as_slice() else {
        eprintln!("usage: case-trace CASE OUT.pcap");
        return ExitCode::from(2);
    };
    match write(case, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
