//! Signatures: what a row may say, how files become rows, and the compiled look-up.

mod address_index;
pub(crate) mod candidate;
pub mod equation;
mod example;
pub(crate) mod first_byte;
mod host_index;
mod kind_index;
mod load;
mod load_error;
mod load_tables;
pub mod model;
pub mod pattern;
mod pattern_tree;
pub(crate) mod prefix_index;
pub(crate) mod row;
mod set;
mod shared_hosts;
pub(crate) mod table;
mod toml_view;
pub(crate) mod word_index;

pub use load::Source;
pub use load_error::LoadError;
pub use model::{App, Signature};
pub use set::SignatureSet;
