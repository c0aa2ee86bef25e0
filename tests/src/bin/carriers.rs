//! Writes one capture for each carrier, a chat inside, to look at with other tools: `carriers FOLDER [ipv6]`.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;

use wiremark_tests::carriers;
use wiremark_tests::conversation::end_point;
use wiremark_tests::protocol::whatsapp_chat::Chat;

fn write(folder: &Path, ipv6: bool) -> std::io::Result<()> {
    let chat = Chat::of((6, 3)).flow(end_point("10.0.0.1:40000"), end_point("198.51.100.60:5222"), 7);
    let chat = chat.at(1_700_000_000_000_000).trace();
    let chat = if ipv6 { chat.to_ipv6() } else { chat };
    for carrier in carriers::all() {
        let path = folder.join(carrier.name).with_extension("pcap");
        chat.clone().carried(&carrier).write_pcap(BufWriter::new(File::create(path)?))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, ipv6) = match arguments.as_slice() {
        [folder] => (folder, false),
        [folder, version] if version == "ipv6" => (folder, true),
        _ => {
            eprintln!("usage: carriers FOLDER [ipv6]");
            return ExitCode::from(2);
        }
    };
    match write(Path::new(folder), ipv6) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
