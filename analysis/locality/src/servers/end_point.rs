//! Where a server is reached.

use std::net::IpAddr;

/// Address, port and transport of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndPoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether over TCP; else over UDP.
    pub is_tcp: bool,
}
