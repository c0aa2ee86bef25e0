//! From messages of an unknown protocol to its fields, their types, opcodes and a draft signature (ChatDissect, section III).
//!
//! [`infer`] takes [`Messages`] and gives back where fields begin in each, and what the fields of the shared header are.
//! It sees bytes only. [`chatdissect`] does the same as the paper has it; [`opcodes`] looks for what opcodes go with;
//! [`draft`] writes a signature file; [`score`] has the measures of the literature.
#![forbid(unsafe_code)]

mod array;
mod certain;
mod chain;
pub mod chatdissect;
mod checksum;
mod column;
pub mod draft;
mod features;
mod fields;
mod forest;
mod grouping;
mod inference;
mod kinds;
mod length;
mod messages;
mod moving;
mod number;
mod observed;
pub mod opcodes;
pub mod picture;
mod row_text;
pub mod score;
mod segment;
mod text;
pub mod training;
pub mod voting;

pub use fields::{ByteOrder, Equation, Field, FieldType};
pub use inference::{Boundary, FEWEST_MESSAGES, Inference, Nothing, THRESHOLD, infer};
pub use messages::{HexError, Messages};
pub use observed::Origin;
