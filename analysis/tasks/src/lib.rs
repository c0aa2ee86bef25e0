//! Tasks: what people do, out of long-lived flows (ChatDissect, II, V and VI).
//!
//! [`TaskDissector`] takes frames. It follows every flow with the engine's tracker; those of the app it takes apart into
//! exchanges, names each by a [`TaskTable`] and tells a [`Sink`]. What comes out at the end is a [`Usage`], from which
//! [`report`] makes the paper's tables and figures.
//!
//! Bytes are those of the transport payload that were captured. Of a TCP stream each counts once, however often it was sent;
//! bytes that the capture missed, as sequence numbers tell, are counted apart. Packets that a mirror port gave twice count
//! once. Contents and account numbers are stepped over.

#![forbid(unsafe_code)]

mod apis;
mod catalog;
#[cfg(feature = "arrow")]
pub mod columns;
mod config;
mod connection;
mod datagrams;
mod deframer;
mod dissector;
mod distribution;
mod encrypted;
mod exchange;
mod flow;
mod flow_context;
mod flow_event;
mod follower;
mod half;
mod http;
mod ledger;
mod long_link;
mod number_map;
mod parking;
#[cfg(feature = "parquet")]
pub mod parquet;
mod pipelined;
mod progress;
mod read_ahead;
mod record;
pub mod report;
mod seconds;
mod stream;
mod task_state;
mod typed_body;
mod usage;
mod user;

pub use apis::{Api, ApiUse, Apis};
pub use catalog::{Cluster, EMBEDDED, LoadError, TaskId, TaskName, TaskTable};
pub use config::Config;
pub use dissector::TaskDissector;
pub use distribution::Distribution;
pub use follower::{Prepared, Preparer};
pub use read_ahead::Frames;
pub use record::{FlowRecord, FlowType, Sink, TaskRecord, UserRecord};
pub use usage::{CaptureUse, ClusterUse, Sizes, TaskUse, Usage};
pub use user::{SESSION_S, User, UserId};
