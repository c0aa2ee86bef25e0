//! What comes out, record by record.

use wiremark::{Address, Verdict};

use super::TaskId;
use super::catalog::Cluster;
use super::user::{User, UserId};

/// ChatDissect's flow types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowType {
    /// TCP without HTTP.
    Tcp,
    /// HTTP in clear.
    Http,
    /// UDP without DNS.
    Udp,
    /// DNS.
    Dns,
}

impl FlowType {
    /// All of them.
    pub const ALL: [FlowType; 4] = [FlowType::Tcp, FlowType::Http, FlowType::Udp, FlowType::Dns];

    /// As the paper writes it.
    pub const fn name(self) -> &'static str {
        match self {
            FlowType::Tcp => "W-TCP",
            FlowType::Http => "W-HTTP",
            FlowType::Udp => "W-UDP",
            FlowType::Dns => "W-DNS",
        }
    }
}

/// A user with its number.
#[derive(Clone, Copy, Debug)]
pub struct UserRecord<'a> {
    /// Its number.
    pub id: UserId,
    /// What is known of it so far.
    pub user: &'a User,
}

impl UserRecord<'_> {
    /// Its name; an address only where addresses are wanted.
    pub fn name(&self, with_address: bool) -> String {
        self.user.name(self.id, with_address)
    }
}

/// One task: a request and its response, a push, or what else one exchange is.
#[derive(Clone, Copy, Debug)]
pub struct TaskRecord<'a> {
    /// When its first byte was captured, microseconds since 1970.
    pub time_us: u64,
    /// Number of the task's name.
    pub id: TaskId,
    /// The service.
    pub service: &'a str,
    /// The task.
    pub task: &'a str,
    /// Path of the CGI, where it is a known one.
    pub cgi: Option<&'a str>,
    /// Request type of the business header, where there was one in clear.
    pub request_type: Option<u32>,
    /// Command id of the request, on a long link in clear.
    pub command_id: Option<u32>,
    /// What carried it.
    pub transport: FlowType,
    /// Whether somebody was logged in, by how the request's body is encrypted, where that is in clear.
    pub is_logged_in: Option<bool>,
    /// Which servers it went to (Figure 4).
    pub cluster: Option<Cluster>,
    /// It is the app's by a rule wider than the paper's.
    pub is_wider: bool,
    /// Bytes of transport payload from the user that were captured.
    pub bytes_up: u64,
    /// Bytes of transport payload to the user that were captured.
    pub bytes_down: u64,
    /// Bytes up and down that were sent and not captured.
    pub missed: [u64; 2],
    /// Lengths of the messages inside single encrypted records, request's and response's: of a long link with its header, of
    /// a short link path and business packet together.
    pub message_bytes: [Option<u64>; 2],
    /// From the request's first byte (of HTTP: from the connection's first segment) to the response's last.
    pub completion_us: Option<u64>,
    /// Number of the capture, from 1.
    pub capture: u32,
    /// Number of the flow in its capture, from 1.
    pub flow: u64,
    /// Who did it.
    pub user: UserRecord<'a>,
}

/// One flow, of whatever app.
#[derive(Clone, Copy, Debug)]
pub struct FlowRecord<'a> {
    /// Number of the flow in its capture, from 1.
    pub number: u64,
    /// Number of the capture, from 1.
    pub capture: u32,
    /// Whose it is.
    pub user: UserRecord<'a>,
    /// The user's port.
    pub client_port: u16,
    /// The other end.
    pub server: (Address, u16),
    /// Whether it is TCP.
    pub is_tcp: bool,
    /// The verdict after its last packet.
    pub verdict: Verdict,
    /// Whether it is the app's.
    pub is_app: bool,
    /// Time of its first packet, microseconds since 1970.
    pub first_us: u64,
    /// Time of its last packet.
    pub last_us: u64,
    /// Packets from the user, to the user.
    pub packets: [u64; 2],
    /// Bytes of transport payload up and down that were captured: of TCP each byte of the stream once.
    pub bytes: [u64; 2],
    /// Bytes up and down that were sent, as sequence numbers tell, and not captured.
    pub missed: [u64; 2],
}

/// Takes records as they come.
pub trait Sink {
    /// A task was completed, or will not be.
    fn task(&mut self, _task: &TaskRecord<'_>) {}
    /// A flow ended.
    fn flow(&mut self, _flow: &FlowRecord<'_>) {}
}

impl Sink for () {}
