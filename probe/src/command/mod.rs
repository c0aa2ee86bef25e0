//! One file a command.

pub(crate) mod classify;
pub(crate) mod explain;
pub(crate) mod signatures;
pub(crate) mod tasks;
