//! How a connection is asked for through a proxy: SOCKS (RFC 1928), CONNECT (RFC 9110 9.3.6), the PROXY line.

use super::{hex, len8};
use crate::protocol::http;

/// A client's way through a proxy: what it says, and the answers it waits for.
#[derive(Clone, Debug)]
pub struct Preamble(pub Vec<(Vec<u8>, Vec<u8>)>);

/// SOCKS 5 with a domain name.
pub fn socks5(host: &str, port: u16) -> Preamble {
    let connect = [&hex("05 01 00 03")[..], &len8(host.as_bytes()), &port.to_be_bytes()].concat();
    Preamble(vec![(hex("05 01 00"), hex("05 00")), (connect, hex("05 00 00 01 00000000 0000"))])
}

/// SOCKS 4A.
pub fn socks4a(host: &str, port: u16) -> Preamble {
    let connect =
        [&hex("04 01")[..], &port.to_be_bytes(), &hex("00000001 00"), host.as_bytes(), &[0]].concat();
    Preamble(vec![(connect, hex("00 5a 0000 00000000"))])
}

/// HTTP CONNECT.
pub fn connect(host: &str, port: u16) -> Preamble {
    let target = format!("{host}:{port}");
    let request = http::request("CONNECT", &target, "1.1", &[("Host", &target)], b"");
    Preamble(vec![(request, b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec())])
}

/// The PROXY protocol's line (version 1), which no one answers.
pub fn proxy_line() -> Preamble {
    Preamble(vec![(b"PROXY TCP4 10.0.0.1 198.51.100.1 40000 443\r\n".to_vec(), Vec::new())])
}
