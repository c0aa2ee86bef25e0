//! Captures in, verdicts out: what the `wiremark` command is made of.
#![forbid(unsafe_code)]

#[cfg(feature = "anonymize")]
pub mod anonymize;
pub mod apart;
pub mod beside;
pub mod flows;
pub mod record;
pub mod time;
