//! Frames from interfaces (Linux): packet sockets with a ring that is shared with the kernel, filters in tcpdump's words, and
//! giving up root's rights.
//!
//! The second room with `unsafe`: system calls and memory that the kernel writes to have no safe form. Each block says what it
//! rests on. What comes out ([`Ring::next_block`]) is plain slices that live as long as the block is held.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod error;
mod filter;
mod ring;
mod socket;
mod user;

pub use error::LiveError;
pub use filter::{Filter, compile};
pub use ring::{Counters, Ring, RingBlock, RingFrame, RingOptions};
pub use user::become_user;
