//! Packets inside datagrams and packets: one small file a tunnel.
//!
//! A tunnel over UDP gives `Option`: `None` means an ordinary datagram that happens to use the port.

pub mod aruba;
pub mod ayiya;
pub mod capwap;
pub mod etherip;
pub mod geneve;
pub mod gre;
pub mod gtp;
pub mod gue;
pub mod l2tp;
pub mod lisp;
pub mod lwapp;
pub mod minimal;
pub mod teredo;
pub mod tzsp;
pub mod udp;
pub mod vxlan;
pub mod wccp;

use super::ethernet::EtherType;
use super::{ip, ipv4::Ipv4, ipv6::Ipv6};

/// The version of an IP packet that fills these bytes, as far as its lengths tell: for tunnels that do not say what they
/// carry.
pub(crate) fn ip_that_fills(bytes: &[u8]) -> Option<EtherType> {
    let ether_type = ip::version(bytes).ok()?;
    let claimed = match ether_type {
        EtherType::IPV4 => {
            Ipv4::parse(bytes).ok()?;
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))
        }
        _ => {
            Ipv6::parse(bytes).ok()?;
            40 + usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]))
        }
    };
    (claimed == bytes.len()).then_some(ether_type)
}
