//! Results for people: tables, pictures, a page.

pub mod tables;
