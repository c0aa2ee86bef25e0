//! Which messenger a packet belongs to, and what it does there.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod dissect;
pub mod five_tuple;
pub mod packet;
pub mod verdict;
pub mod wire;

pub use five_tuple::{Address, CommunityId, Direction, FiveTuple, FlowKey, Transport};
pub use packet::{Fragment, LinkType, Packet, ParseError, TcpFields};
