//! Trace builder and cases.
