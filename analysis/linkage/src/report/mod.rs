//! Results for people: tables, pictures, a page.

pub mod page;
pub mod tables;
