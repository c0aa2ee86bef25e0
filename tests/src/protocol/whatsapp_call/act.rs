//! What happens in a call.

use std::net::SocketAddr;

/// One packet, by what it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Allocate {
        first: bool,
        second_round: bool,
    },
    Allocated,
    KeepAlive,
    KeptAlive,
    UplinkProbe,
    UplinkProbed,
    DownlinkProbe,
    DownlinkProbed,
    Probe199(u8),
    Check,
    Checked,
    Rtcp {
        packet_type: (u8, u8, u16),
        bytes: usize,
    },
    Audio {
        large: bool,
        again: bool,
    },
    /// Sent, but dropped before the capture: the stream goes on without it.
    Unseen,
    Video {
        last: bool,
    },
    VideoRepair,
    Terminate,
}

/// Time, sender, receiver, act.
pub(super) type Event = (u64, SocketAddr, SocketAddr, Act);
