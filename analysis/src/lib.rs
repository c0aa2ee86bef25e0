//! What looks at more than one packet of one flow, one module a paper's subject.
#![forbid(unsafe_code)]

pub mod calls;
pub mod tasks;
