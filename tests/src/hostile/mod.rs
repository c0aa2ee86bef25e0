//! Hostile bytes: what a sender who means harm, or a broken link, can make of a capture.

pub mod floods;
pub mod mutate;
pub mod seeds;
pub mod sequence;
pub mod survey;
pub mod targets;
pub mod work;
