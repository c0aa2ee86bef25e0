//! Two ends talking: TCP and UDP flows from payload bytes.

mod tcp;
mod udp;

pub use tcp::Tcp;
pub use udp::Udp;

use std::net::SocketAddr;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that opens the flow.
    Client,
    /// The other end.
    Server,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// An address from its text, `10.0.0.1:4000` or `[2001:db8::1]:53`; panics where it is none.
pub fn end_point(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is not an address with a port"))
}
