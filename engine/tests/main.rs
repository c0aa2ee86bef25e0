//! What the engine's public values do: one program, a module a subject.

mod conditions;
mod tracker;
mod values;
