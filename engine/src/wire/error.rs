//! Why a frame is not looked into.

/// Why a frame has no five-tuple and payload to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The capture ends before the headers do.
    Truncated,
    /// A header contradicts itself (a length shorter than the header, for one).
    Malformed,
    /// Nothing this engine looks into: ARP, ICMP, an unknown EtherType.
    Unsupported,
    /// A fragment of a packet whose other fragments are missing so far, or for ever; only a
    /// [`Tracker`](crate::Tracker) says so, which puts fragments together.
    Fragment,
}

impl core::fmt::Display for ParseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ParseError::Truncated => "the capture ends before the headers do",
            ParseError::Malformed => "a header contradicts itself",
            ParseError::Unsupported => "not a protocol this engine looks into",
            ParseError::Fragment => "a fragment whose packet is not whole",
        })
    }
}

impl core::error::Error for ParseError {}
