//! Users' and servers' addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every tenth user has IPv6.
pub(super) fn address(number: usize) -> IpAddr {
    let word = |at: u32| (number >> (16 * at)) as u16;
    if number % 10 == 7 {
        Ipv6Addr::new(0x2001, 0xdb8, word(1), word(0), 0, 0, 0, 1).into()
    } else {
        let [_, b, c, d] = (number as u32 + 1).to_be_bytes();
        Ipv4Addr::new(10, b, c, d).into()
    }
}

pub(super) fn server_address(server: usize, is_ipv6: bool) -> IpAddr {
    let last = server as u16 + 1;
    if is_ipv6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, last).into()
    } else {
        Ipv4Addr::new(203, 0, 113, last as u8).into()
    }
}
