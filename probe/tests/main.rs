//! The command, tried as people use it: one program, a module a subject.

mod against;
mod annotate;
mod anonymize;
mod anonymize_captures;
mod anonymize_files;
mod anonymize_texts;
mod audit;
#[cfg(target_os = "linux")]
mod cable;
mod calls;
mod calls_places;
mod capture;
mod captures;
mod columns;
mod command;
mod copies;
mod faults;
mod help;
mod infer;
mod interfaces;
mod interfaces_analyses;
mod interfaces_faults;
mod interrupts;
mod layers;
mod locality;
mod package;
mod packets;
mod records;
mod schema;
mod shard;
mod signatures;
mod streams;
mod tasks;
mod traces;
mod trackers;
