//! Captures as streams of frames: files, packings, containers; and frames put through the engine's tracker.
//!
//! [`Capture`] reads pcap and pcapng, plain or packed, from a file or a pipe, in constant memory; [`replay`] hands its frames to a
//! [`Tracker`](wiremark::Tracker) and counts what came; [`blocks`] writes pcapng. There is no command line in here.
#![forbid(unsafe_code)]

mod ahead;
mod block;
pub mod blocks;
mod erf;
mod error;
mod notes;
mod pcap;
mod pcapng;
mod reader;
mod record;
pub mod replay;
mod snoop;
mod unpack;
mod wait;

pub use block::{Block, Frame};
pub use error::{CaptureError, Problem};
pub use reader::Capture;
