//! Captures in, verdicts out: what the `wiremark` command is made of.
#![forbid(unsafe_code)]

/// Whether everything is built in (feature `full`).
pub const IS_FULL: bool = cfg!(feature = "full");

#[cfg(feature = "anonymize")]
pub mod anonymize;
pub mod apart;
pub mod beside;
pub mod flows;
pub mod record;
#[cfg(feature = "tasks")]
pub mod tasks;
pub mod time;
