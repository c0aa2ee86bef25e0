//! The naive twin: the specification of `signatures/README.md`, taken literally, as an oracle for the engine.
//!
//! The twin reads the same rows, but has none of the engine's machinery: no table (every row is tried on every
//! packet), no flow state of 64 bytes (a flow keeps all its packets), no pool, no automaton, no bit masks. Of the engine
//! it uses the rows as loaded, the dissectors (what a hello, a head, a message *is* is not in question here) and nothing
//! else. It is slow, and meant to be read.
//!
//! # What it says of a flow
//!
//! **Ends.** The originator is the sender of the first SYN (the receiver of a first SYN-ACK); as long as no SYN was seen,
//! the sender of the first packet. `direction` is held against a packet only once a SYN was seen.
//!
//! **Which bytes.** A datagram is looked at whole, once. Of a TCP stream each side's *stream start* is looked at: the bytes
//! from the side's start, which is its SYN's number plus one, else its first segment's number, without a gap. Each segment
//! that makes the stream start longer is looked at: stream rows, names and HTTP see the whole stream start so far, `length` and
//! `contains` this segment, `start = "segment"` rows this segment. A segment that adds nothing (a copy, or bytes behind
//! a gap) is not looked at, but its bytes count once the gap is filled; of bytes sent twice the later count. The stream start
//! is settled when no row and no dissector asks for more, when it is 17,408 bytes long, or when the verdict is final. After
//! that only segment rows look at the side's segments. A settled stream start that was begun without a SYN is begun anew by
//! a segment from before its start, as long as there is no verdict.
//!
//! **Preambles.** What a client tells a proxy (CONNECT, SOCKS, PROXY) is taken off the stream start, up to three one behind
//! the other; the name it holds counts, in no particular carrier.
//!
//! **DNS** is looked for on port 53 only. A datagram that is DNS is tried by no row. Over TCP the stream start begins anew
//! behind each message; so it does behind STUN's messages, bare or with a length in front, which rows about STUN see as
//! datagrams.
//!
//! **QUIC** (in datagrams that are not STUN and for which no row holds): hellos of each side's Initials, joined by their
//! offsets. An Initial is opened with its own connection id, or with that of the first one whose part of a hello was
//! kept. Each costs 1, one that cannot be opened 16, and a side has 64.
//!
//! **Rows.** A row holds for a packet when all its conditions do, `reverse`, `every` and `unless` aside. A row that
//! holds is noted with its direction; a datagram kills every group none of whose rows holds. Then: a verdict whose
//! row's veto has fired or whose group is dead is withdrawn; a row that holds is *offered*, unless it is a veto, a veto
//! of its `unless` has fired, its group is dead, its `reverse` row has not been noted in the other direction, or none of its
//! `after` rows in the same. A row without `ordinal` noted earlier is offered when its `reverse` row comes. The packet's first name that has a row is offered with its
//! most specific row. Kinds of evidence that are switched off are not offered.
//!
//! **Verdict.** Of the offers the strongest wins, of equals the one with the lowest id; it replaces the verdict in force only
//! when it is stronger. In DNS it has the app's `lookup_role`. Without offers, a packet that is conclusive (a hello with
//! its name; an HTTP request, complete, to a name) takes back hearsay and address evidence.
//!
//! **Carrier.** That of the winning name; for other rows the first one recognised in the flow, or raw.
//!
//! **Final** is a verdict by a row without vetoes and group (and whose answers teach no names), if it is payload, or a name in a conclusive packet
//! for whose continuation no row waits; such a packet that leaves no verdict; both stream starts settled (with a SYN seen); 32 packets with payload (with 255 while an stream start waits), or 8 datagrams
//! of which none had a carrier, kept a group alive or held for a row that others wait for or fear, where no row counts datagrams (a flow that got a verdict after all, by STUN, which is looked at to the end, is at its 8th then). A DNS flow
//! is final by none of the last three, nor is one without a verdict where other flows could still tell.
//!
//! The twin knows nothing of other flows: compare it with an engine that remembers nothing.

mod classify;
mod conditions;
mod flow;
mod flow_packet;
mod inspect;
mod names;
mod stream_start;

pub use flow::{Flow, Said};
pub use names::most_specific;

use wiremark::{Options, Packet, SignatureSet};

/// The oracle for one set of rows.
#[derive(Clone, Copy, Debug)]
pub struct Twin<'s> {
    set: &'s SignatureSet,
    options: Options,
}

impl<'s> Twin<'s> {
    /// Over these rows.
    pub fn new(set: &'s SignatureSet, options: Options) -> Self {
        Self { set, options }
    }

    /// What there is to say of the flow after its next packet.
    pub fn classify(&self, flow: &mut Flow, packet: &Packet<'_>) -> Said {
        classify::step(self.set, &self.options, flow, packet)
    }
}
