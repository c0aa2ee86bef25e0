//! Results for people: tables, pictures, a page.

pub mod page;
pub mod simulated;
pub mod tables;
