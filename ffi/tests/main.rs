//! The C side: one program, a module a subject.

mod common;
mod examples;
mod header;
mod install;
mod misuse;
mod ndpi;
mod suricata;
mod zeek;
