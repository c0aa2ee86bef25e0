//! The task table: what requests, messages and hosts of one app mean, read from data.

mod cluster;
mod error;
mod host_rule;
mod rows;
mod rules;
mod table;
mod task_name;

pub use cluster::Cluster;
pub use error::LoadError;
pub(super) use rules::{Framing, Request};
pub(super) use table::MessageIds;
pub use table::{EMBEDDED, TaskTable};
pub use task_name::{TaskId, TaskName};
