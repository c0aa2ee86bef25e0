//! The wiremark command.
fn main() {}
