//! Trace builder and cases.

pub mod twin;
