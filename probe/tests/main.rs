//! The command, tried as people use it: one program, a module a subject.

mod against;
mod annotate;
mod anonymize;
mod anonymize_captures;
mod anonymize_files;
mod anonymize_texts;
mod audit;
mod calls;
mod calls_places;
mod capture;
mod command;
mod copies;
mod faults;
mod interfaces;
mod interrupts;
mod locality;
mod packets;
mod records;
mod schema;
mod signatures;
mod streams;
mod tasks;
mod traces;
mod trackers;
