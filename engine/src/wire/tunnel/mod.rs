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
use super::{ParseError, ip, ipv4::Ipv4, ipv6::Ipv6};

/// The version of an IP packet that fills these bytes, as far as its lengths tell: for tunnels that do not say what they
/// carry. `cut_bytes` is how many the capture cut off behind them.
pub(crate) fn ip_that_fills(bytes: &[u8], cut_bytes: usize) -> Option<EtherType> {
    let ether_type = ip::version(bytes).ok()?;
    let (claimed, header) = match ether_type {
        EtherType::IPV4 => {
            let length = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
            (usize::from(length), Ipv4::parse(bytes).map(|_| ()))
        }
        _ => {
            let length = u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]);
            (40 + usize::from(length), Ipv6::parse(bytes).map(|_| ()))
        }
    };
    let is_header = match header {
        Ok(()) => true,
        Err(error) => error == ParseError::Truncated && cut_bytes > 0,
    };
    (is_header && claimed == bytes.len() + cut_bytes).then_some(ether_type)
}
