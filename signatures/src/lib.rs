//! The shipped signatures.
