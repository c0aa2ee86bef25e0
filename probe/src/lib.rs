//! Captures in, verdicts out: what the `wiremark` command is made of.
#![forbid(unsafe_code)]

pub mod anonymize;
pub mod blocks;
pub mod capture;
pub mod record;
pub mod replay;
pub mod time;
