//! Which flows are looked at.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use wiremark::{Flow, SignatureSet, Transport};

/// Arguments that choose flows; all of them must hold.
#[derive(Args)]
pub(crate) struct Choice {
    /// Only flows to (or from) this address and port; may be repeated
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Which messages")]
    server: Vec<SocketAddr>,

    /// Only flows with this port at the responder; may be repeated
    #[arg(long, value_name = "N", help_heading = "Which messages")]
    port: Vec<u16>,

    /// Only flows over this transport
    #[arg(long, value_enum, help_heading = "Which messages")]
    transport: Option<Carrier>,

    /// Only flows of this app
    #[arg(long, value_name = "APP", conflicts_with = "unclassified", help_heading = "Which messages")]
    app: Option<String>,

    /// Only flows without a verdict
    #[arg(long, help_heading = "Which messages")]
    pub(super) unclassified: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Tcp,
    Udp,
}

impl Choice {
    /// Whether a flow is one of those asked for.
    pub(super) fn takes(&self, flow: &Flow, set: &SignatureSet) -> bool {
        let tuple = &flow.five_tuple;
        let ends = [(tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port)];
        let at = |server: &SocketAddr| {
            ends.iter().any(|(address, port)| address.ip() == server.ip() && *port == server.port())
        };
        let app = set.app(flow.verdict.app).map(|app| app.name.as_str());
        let transport = match self.transport {
            None => true,
            Some(Carrier::Tcp) => tuple.transport == Transport::Tcp,
            Some(Carrier::Udp) => tuple.transport == Transport::Udp,
        };
        transport
            && (self.server.is_empty() || self.server.iter().any(at))
            && (self.port.is_empty() || self.port.contains(&tuple.dst_port))
            && self.app.as_deref().is_none_or(|wanted| app == Some(wanted))
            && (!self.unclassified || app.is_none())
    }
}
