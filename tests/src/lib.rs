//! Builds captures from what is known of each protocol, and the cases that say what a classifier makes of them.
#![forbid(unsafe_code)]

pub mod capture_file;
pub mod carriers;
pub mod case;
pub mod conversation;
pub mod demo;
mod frame;
pub mod hostile;
pub mod network;
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

/// Says, where it is seen, that a test did without a part: tests that pass are otherwise silent. `.ci/run` sums these lines up.
pub fn skipped(what: impl std::fmt::Display) {
    use std::io::Write;
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {what}");
}
