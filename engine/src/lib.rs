//! Which messenger a packet belongs to, and what it does there.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod dissect;
pub mod five_tuple;
pub mod packet;
pub mod signature;
pub mod verdict;
pub mod wire;
