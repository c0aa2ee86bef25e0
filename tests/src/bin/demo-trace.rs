//! Writes the demo capture: `demo-trace OUT.pcap`.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(out) = std::env::args_os().nth(1) else {
        eprintln!("usage: demo-trace OUT.pcap");
        return ExitCode::from(2);
    };
    let written =
        File::create(&out).and_then(|f| wiremark_tests::demo::trace().write_pcap(BufWriter::new(f)));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}: {e}", out.display());
            ExitCode::FAILURE
        }
    }
}
