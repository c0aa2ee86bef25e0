//! The targets, shared with the tests of `wiremark-tests`, which run them on fewer bytes and without a fuzzer.
#![forbid(unsafe_code)]

#[path = "../../../tests/src/hostile/sequence.rs"]
pub mod sequence;
#[path = "../../../tests/src/hostile/targets.rs"]
pub mod targets;
