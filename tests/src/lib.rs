//! Builds captures from what is known of each protocol, and the cases that say what a classifier makes of them.
#![forbid(unsafe_code)]

pub mod capture_file;
pub mod carriers;
pub mod case;
pub mod conversation;
pub mod demo;
mod frame;
pub mod hostile;
pub mod packet;
pub mod population;
pub mod protocol;
pub mod random;
pub mod rates;
pub mod recipe;
pub mod recut;
mod reorder;
pub mod score;
pub mod trace;
pub mod twin;
pub mod wrap;

/// The README's Rust, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
