//! Writes the capture of a network where WeChat is one of many: `network-trace OUT.pcap [CLIENTS [SEED]]`.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use wiremark_tests::network::network;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(out) = arguments.next() else {
        eprintln!("usage: network-trace OUT.pcap [CLIENTS [SEED]]");
        return ExitCode::from(2);
    };
    let numbers: Result<Vec<u16>, _> = arguments.map(|text| text.parse()).collect();
    let Ok(numbers) = numbers else {
        eprintln!("network-trace: CLIENTS and SEED are numbers up to 65535");
        return ExitCode::from(2);
    };
    let number = |at: usize, or: u16| numbers.get(at).copied().unwrap_or(or);
    let trace = network(number(0, 20), u64::from(number(1, 1)));
    let written = File::create(&out).and_then(|file| trace.write_pcap(BufWriter::new(file)));
    match written {
        Ok(()) => {
            println!("{out}: {} frames", trace.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{out}: {error}");
            ExitCode::FAILURE
        }
    }
}
