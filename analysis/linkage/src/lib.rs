//! Which calls can be linked by size and time alone (UVP, sections III to V), and what closes the leak.
#![forbid(unsafe_code)]

pub mod assignment;
pub mod attack;
pub mod audit;
pub mod calibrate;
pub mod candidates;
pub mod channel;
pub mod collect;
pub mod control;
pub mod correlate;
pub mod defend;
pub mod distance;
pub mod flow;
pub mod graph;
pub mod pseudonym;
pub mod report;
pub mod scores;
pub mod simulate;
pub mod what_if;
