//! Captures and their anonymized copies.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::packets::{KEY, ethernet, flows};
use crate::traces::{folder, pcap, stderr, wiremark, write};

pub(crate) const CLIENT: &str = "10.20.30.40";
pub(crate) const SERVER: &str = "45.60.71.82";
pub(crate) const RESOLVER: &str = "93.17.28.39";
/// Made-up numbers that stand for a person.
pub(crate) const ACCOUNT: &str = "3141592653";

/// A name, a look-up list, a relay dialect and a first byte.
pub(crate) const ROWS: &str = r#"
[app]
id = 9
name = "example"
roles = ["chat", "files", "dns"]
lookup_role = "dns"

[[signature]]
id = 901
name = "hosts"
role = "chat"
why = "its own name"
source = "made up for a test"
host = ["app.example.net"]
hit = ["name app.example.net"]
miss = ["name www.example.net"]

[[signature]]
id = 902
name = "list"
role = "files"
teaches = "names"
why = "asks for names over HTTP"
source = "made up for a test"
http = { method = ["GET"], url = ["/list"] }
unless = ["moved"]
hit = ['port 80: "GET /list?a=1 HTTP/1.1\r\nHost: x.example.com\r\n\r\n"']
miss = ['port 80: "GET /other HTTP/1.1\r\nHost: x.example.com\r\n\r\n"']

[[signature]]
id = 905
name = "moved"
veto = true
why = "the answer is elsewhere"
source = "made up for a test"
transport = "tcp"
direction = "down"
prefix = '"HTTP/1.1 301"'
hit = ['< "HTTP/1.1 301 Moved"']
miss = ['< "HTTP/1.1 200 OK"']

[[signature]]
id = 903
name = "relay"
role = "files"
why = "carries its own destination"
source = "made up for a test"
transport = "udp"
stun = { type = [3], xor_destination = "0016" }
hit = ["port 3478: 00 03 00 0c 21 12 a4 42 0102030405060708090a0b0c 00 16 00 08 00 01 2c 84 e7 21 c0 43"]
miss = ["port 3478: 00 03 00 0c 21 12 a4 42 0102030405060708090a0b0c 00 16 00 08 00 01 2c 84 e7 21 c0 44"]

[[signature]]
id = 904
name = "opening"
role = "chat"
why = "opens with a number"
source = "made up for a test"
transport = "tcp"
prefix = "de ad be ef ??*20 2a"
hit = ["de ad be ef 00*20 2a"]
miss = ["de ad be ef 00*20 2b"]
"#;

/// A capture and its anonymized copy.
pub(crate) struct Copy {
    pub(crate) capture: PathBuf,
    pub(crate) copy: PathBuf,
    pub(crate) rows: String,
    pub(crate) said: String,
}

impl Copy {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.copy).unwrap()
    }

    /// The copy's flows, after asking that they are the capture's.
    pub(crate) fn same_flows(&self) -> Vec<serde_json::Value> {
        let options = ["--only-signatures", &self.rows];
        let flows = [&self.capture, &self.copy].map(|path| flows(path, &options));
        assert_eq!(flows[0], flows[1]);
        assert!(self.said.contains("classified as before: all"), "{}", self.said);
        flows.into_iter().next().unwrap()
    }
}

pub(crate) fn anonymize_with(packets: &[Vec<u8>], options: &[&str]) -> Copy {
    let frames: Vec<Vec<u8>> = packets.iter().map(|packet| ethernet(packet)).collect();
    anonymize_file(&pcap(1, &frames), options)
}

pub(crate) fn anonymize_file(file: &[u8], options: &[&str]) -> Copy {
    let folder = folder();
    let rows = folder.join("rows");
    fs::create_dir(&rows).unwrap();
    write(&rows, "example.toml", ROWS.as_bytes());
    let (capture, copy) = (write(&folder, "in.pcap", file), folder.join("out.pcap"));
    let rows = rows.to_str().unwrap().to_owned();
    let files = [capture.to_str().unwrap(), copy.to_str().unwrap()];
    let arguments = [&["anonymize", "--key", KEY, "--only-signatures", &rows][..], &files, options].concat();
    let output = wiremark(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stderr(&output).to_owned();
    Copy { capture, copy, rows, said }
}

pub(crate) fn anonymize(packets: &[Vec<u8>]) -> Copy {
    anonymize_with(packets, &[])
}

pub(crate) fn octets(address: &str) -> Vec<u8> {
    match address.parse().unwrap() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
