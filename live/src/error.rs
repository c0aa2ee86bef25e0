//! What can be wrong with an interface: one sentence that names it and the remedy.

use std::fmt;
use std::io;

/// Why an interface cannot be read, or not any further.
#[derive(Debug)]
pub enum LiveError {
    /// There is none of this name.
    NoInterface(String),
    /// The rights to open a packet socket are missing.
    NoRights(String),
    /// What it carries is not read here: the number from Linux' ARPHRD list.
    LinkType(String, u16),
    /// The ring is too large for the memory there is, or not of a size the kernel takes.
    Ring(String, io::Error),
    /// The interface went down.
    Down(String),
    /// The interface is gone.
    Gone(String),
    /// libpcap, which reads filters, is not there.
    NoLibpcap,
    /// libpcap refuses the filter, in its words.
    Filter(String, String),
    /// There is no such user.
    NoUser(String),
    /// Anything else the system says.
    System(String, io::Error),
}

impl LiveError {
    /// By what the system says.
    pub(crate) fn of(interface: &str, error: io::Error) -> Self {
        let interface = interface.to_owned();
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NoRights(interface),
            Some(libc::ENETDOWN) => Self::Down(interface),
            Some(libc::ENODEV | libc::ENXIO) => Self::Gone(interface),
            _ => Self::System(interface, error),
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface(name) => write!(f, "{name}: no such interface; `ip link` lists them"),
            Self::NoRights(name) => write!(
                f,
                "{name}: no permission to capture; run as root, or give the program the right (setcap cap_net_raw+ep)"
            ),
            Self::LinkType(name, number) => write!(
                f,
                "{name}: carries frames of a kind (ARPHRD {number}) that is not read here; capture on Ethernet, loopback, \
                 a tunnel or radiotap"
            ),
            Self::Ring(name, error) => {
                write!(f, "{name}: no ring of this size: {error}; choose another with --ring")
            }
            Self::Down(name) => write!(f, "{name}: is down; bring it up (`ip link set {name} up`)"),
            Self::Gone(name) => write!(f, "{name}: is gone; what was captured until then counts"),
            Self::NoLibpcap => write!(
                f,
                "--filter: libpcap, which reads such expressions, is not there; install it (Debian: libpcap0.8) or leave the filter out"
            ),
            Self::Filter(filter, why) => write!(f, "--filter '{filter}': {why}; see pcap-filter(7)"),
            Self::NoUser(name) => write!(f, "--user {name}: no such user; name one of this machine"),
            Self::System(name, error) => write!(f, "{name}: {error}; check `ip link show {name}`"),
        }
    }
}

impl std::error::Error for LiveError {}
