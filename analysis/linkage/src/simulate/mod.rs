//! Populations made by seed, and how linkable they are: what the tables are made from.
pub mod control;
pub mod data;
pub mod day;
pub mod defences;
pub mod score;
pub mod table_one;
pub mod voice;
