//! Measured paths, whatever tool measured them.

mod documents;
mod mtr;
mod reader;
mod ripe_atlas;
mod scamper;
mod traceroute;

use std::net::IpAddr;

pub use reader::{Format, PathReader};

/// A way through the network, hop by hop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Line of the file on which it begins, from 1.
    pub line: u64,
    /// Who measured, as the tool names it: address, host name or probe number.
    pub source: Option<String>,
    /// Where to, as the tool was told.
    pub target_name: Option<String>,
    /// Where to.
    pub target: Option<IpAddr>,
    /// When, seconds since 1970.
    pub time_s: Option<u64>,
    /// In the order of their distance; hops that nobody answered for may be missing.
    pub hops: Vec<Hop>,
}

/// The routers so many steps away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hop {
    /// How many steps: the probes' time to live.
    pub ttl: u8,
    /// Answers, in order.
    pub replies: Vec<Reply>,
    /// Probes that got none.
    pub lost: u32,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Who answered; none where the tool printed only a name.
    pub address: Option<IpAddr>,
    /// Its name, where the tool looked it up.
    pub name: Option<Box<str>>,
    /// Round-trip time in microseconds. `mtr` tells the least of its probes.
    pub rtt_us: Option<u32>,
    /// What the answer says beyond "time exceeded": `H` host, `N` net, `P` protocol unreachable, `X` prohibited, or a number.
    pub mark: Option<Box<str>>,
    /// Whether it answers an earlier probe: it says nothing of this hop.
    pub is_late: bool,
    /// Whether the router forwards by label: within a tunnel, answers travel to its far end first.
    pub is_labelled: bool,
}

impl Hop {
    /// The least round-trip time of the answers by an address.
    pub fn least_rtt_us(&self, address: IpAddr) -> Option<u32> {
        self.answers().filter(|reply| reply.address == Some(address)).filter_map(|reply| reply.rtt_us).min()
    }

    /// The answers that belong here.
    pub fn answers(&self) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(|reply| !reply.is_late)
    }

    /// The addresses that answered, each once, in order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let at = |place: usize| {
            self.replies.get(place).filter(|reply| !reply.is_late).and_then(|reply| reply.address)
        };
        (0..self.replies.len()).filter_map(move |place| {
            let address = at(place)?;
            (!(0..place).any(|earlier| at(earlier) == Some(address))).then_some(address)
        })
    }
}

impl Trace {
    /// Whether the target itself answered.
    pub fn is_complete(&self) -> bool {
        self.target.is_some_and(|target| {
            self.hops.iter().any(|hop| hop.addresses().any(|address| address == target))
        })
    }
}

/// Milliseconds as tools print them, in microseconds. No round trip takes longer than an hour.
fn rtt_us(milliseconds: f64) -> Option<u32> {
    (0.0..=3_600_000.0).contains(&milliseconds).then(|| (milliseconds * 1000.0).round() as u32)
}
