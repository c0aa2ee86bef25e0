//! Looking at bytes: which rows match, which names stand there, and what they teach about other flows.

mod client_hello;
mod datagram;
mod dns;
mod findings;
mod http;
mod quic;
#[cfg(feature = "quic")]
mod quic_initial;
mod rows;
mod stream_start;

pub(crate) use datagram::CALL_PACKETS;
pub(crate) use dns::DNS_PORT;
pub(crate) use findings::{Findings, InspectContext};
