//! The C ABI: `libwiremark` and `include/wiremark.h`.
//!
//! Every export goes through [`panic_boundary`], which turns errors into status codes and keeps panics in; every pointer from
//! C is checked in [`pointer`] or [`handle`]. Types and functions bear their C names.
#![allow(non_camel_case_types)]
// The contract of every pointer stands in the header's words, once, in `cbindgen.toml`.
#![allow(clippy::missing_safety_doc)]

pub mod classifier;
pub mod classify;
pub mod flow_record;
mod handle;
pub mod last_error;
pub mod names;
pub mod packet;
mod panic_boundary;
mod pointer;
pub mod status;
pub mod tracker;
pub mod verdict;
pub mod version;

#[cfg(test)]
mod panic_tests;
