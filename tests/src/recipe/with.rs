//! A recipe's parameters.

use std::net::SocketAddr;

use serde::Deserialize;

/// A recipe's parameters. Each recipe names those it takes; the others cannot be set for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct With {
    /// Generation and dictionary of a chat preamble.
    pub version: Option<[u8; 2]>,
    /// Sizes of the first segments.
    pub segments: Vec<usize>,
    /// Routing bytes in hexadecimal; empty for no `ED` block.
    pub routing: Option<String>,
    /// Kind of first message: `xx`, `ik`.
    pub hello: Option<String>,
    /// The server's port.
    pub port: Option<u16>,
    /// A host name.
    pub host: Option<String>,
    /// Canonical names a DNS answer goes through.
    pub chain: Vec<String>,
    /// A path in a URL.
    pub path: Option<String>,
    /// The year whose form is built.
    pub year: Option<u16>,
    /// One of several forms; each recipe lists its own.
    pub form: Option<String>,
    /// A call with video.
    pub video: bool,
    /// What becomes of a call's direct path: `untried`, `blocked`, `reached`.
    pub peer: Option<String>,
    /// The call is not answered.
    pub unanswered: bool,
    /// The observed end is called instead of calling.
    pub callee: bool,
    /// Relays do not answer.
    pub blocked: bool,
    /// Seconds of media on the relay after the direct path fell silent.
    pub fallback_s: u64,
    /// The hello has a post-quantum key share.
    pub post_quantum: bool,
    /// Longest TLS record of the hello.
    pub record: Option<usize>,
    /// First bytes from the client, in hexadecimal; random ones follow.
    pub opening: Option<String>,
    /// What the client sends and the server answers, in hexadecimal, by turns.
    pub exchange: Vec<[String; 2]>,
    /// Payload type of RTP.
    pub payload_type: Option<u8>,
    /// What speaks behind a proxy's preamble: `whatsapp-chat`, `tls`.
    pub inner: Option<String>,
    /// Minor version of mmtls.
    pub minor: Option<u8>,
    /// Seed of everything that looks random.
    pub seed: u64,
}

impl With {
    pub(super) fn client(&self) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 40_000 + (self.seed % 20_000) as u16))
    }

    pub(super) fn server(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 20], self.port.unwrap_or(port)))
    }

    pub(super) fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("www.example.net")
    }

    pub(super) fn form(&self) -> &str {
        self.form.as_deref().unwrap_or("")
    }
}
