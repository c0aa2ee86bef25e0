//! Tasks: what people do, out of long-lived flows (ChatDissect, II, V and VI).
//!
//! [`TaskDissector`] takes frames. It follows every flow with the engine's tracker; those of the app it takes apart into
//! exchanges, names each by a [`TaskTable`] and tells a [`Sink`]. What comes out at the end is a [`Usage`], from which
//! [`report`] makes the paper's tables and figures.
//!
//! Bytes are those of the transport payload. Of a TCP stream each counts once, however often it was sent, and bytes that
//! the capture missed count as well, since sequence numbers tell how many there were. Contents and account numbers are
//! stepped over.

#![forbid(unsafe_code)]

mod catalog;
mod config;
mod connection;
mod datagrams;
mod deframer;
mod dissector;
mod distribution;
mod exchange;
mod flow;
mod flow_context;
mod flow_event;
mod follower;
mod http;
mod ledger;
mod long_link;
mod number_map;
#[cfg(feature = "parquet")]
pub mod parquet;
mod pipelined;
mod read_ahead;
mod record;
pub mod report;
mod seconds;
mod stream;
mod task_state;
mod usage;
mod user;

pub use catalog::{EMBEDDED, LoadError, TaskId, TaskName, TaskTable};
pub use config::Config;
pub use dissector::TaskDissector;
pub use distribution::Distribution;
pub use record::{FlowRecord, FlowType, Sink, TaskRecord, UserRecord};
pub use usage::{CaptureUse, Sizes, TaskUse, Usage};
pub use user::{SESSION_S, User, UserId};
