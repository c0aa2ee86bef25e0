//! One file a command.

pub(crate) mod annotate;
pub(crate) mod anonymize;
pub(crate) mod calls;
pub(crate) mod classify;
pub(crate) mod explain;
pub(crate) mod signatures;
pub(crate) mod tasks;
