//! Which messenger a packet belongs to, and what it does there.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod check;
mod classifier;
mod classify;
pub mod context;
mod decide;
pub mod dissect;
pub mod five_tuple;
pub mod flow;
mod inspect;
mod lru;
mod observer;
pub mod packet;
mod packet_view;
mod quiet;
mod reassembly;
mod related_flows;
mod sharing;
pub mod signature;
mod tracker;
pub mod verdict;
pub mod wire;

pub use check::{Failure, check};
pub use classifier::{Classifier, Options};
pub use context::evidence::Relation;
pub use context::{Context, ContextConfig};
pub use five_tuple::{Address, CommunityId, Direction, FiveTuple, FlowKey, Transport};
pub use flow::FlowState;
pub use observer::{Event, Observer};
pub use packet::{
    Encapsulation, Fragment, Layer, LinkType, Packet, ParseError, Step, TcpFields, Trail, Tunnel, TunnelKind,
};
pub use sharing::Sharing;
pub use signature::{LoadError, SignatureSet, Source};
pub use tracker::{Flow, Frame, Prepared, Preparer, Seen, Statistics, Tracker, TrackerConfig};
pub use verdict::{AppId, Carrier, Confidence, Role, SignatureId, Verdict};
