//! What every command says of a file beside its results.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use wiremark::{Layer, Statistics};
use wiremark_capture::replay::Counts;

/// One line about a file: what went wrong, then what was not looked into; none where there is nothing to say.
pub(crate) fn line(file: &str, complaints: &[String], sentence: Option<String>) -> Option<String> {
    let start = format!("{file}: ");
    let parts: Vec<&str> = complaints
        .iter()
        .map(|complaint| complaint.strip_prefix(&start).unwrap_or(complaint))
        .chain(sentence.as_deref())
        .collect();
    (!parts.is_empty()).then(|| format!("{start}{}", parts.join("; ")))
}

/// The record at the end of a file, on request.
#[derive(Debug, Serialize)]
pub(crate) struct StatsRecord<'a> {
    event_type: &'static str,
    file: &'a str,
    /// Frames read.
    frames: u64,
    /// Frames counted to a flow, fragments among them.
    packets: u64,
    flows: u64,
    /// Frames by what they hold instead of TCP or UDP.
    not_looked_into: BTreeMap<String, u64>,
    /// Of these, frames of the network's own talk (ARP, ICMP, ...).
    control: u64,
    truncated: u64,
    malformed: u64,
    unknown_link_type: u64,
    fragments: u64,
    fragments_lost: u64,
    cut_by_snap_length: u64,
    untimed: u64,
    clock_jumps: u64,
    flows_ended_early: u64,
    handshakes_lost: u64,
}

impl<'a> StatsRecord<'a> {
    pub(crate) fn new(file: &'a str, counts: &Counts, seen: &Statistics) -> Self {
        let control = counts.stopped_at.iter().filter(|(layer, _)| Layer::is_control(**layer));
        Self {
            event_type: "stats",
            file,
            frames: counts.frames,
            packets: seen.packets,
            flows: seen.flows,
            not_looked_into: counts.not_looked_into().into_iter().collect(),
            control: control.map(|(_, frames)| frames).sum(),
            truncated: counts.truncated,
            malformed: counts.malformed,
            unknown_link_type: counts.unknown_link,
            fragments: seen.fragments,
            fragments_lost: seen.fragments_lost,
            cut_by_snap_length: counts.cut,
            untimed: counts.untimed,
            clock_jumps: seen.clock_jumps,
            flows_ended_early: seen.evicted,
            handshakes_lost: seen.handshakes_lost,
        }
    }
}

/// What an interface gave, and what of it was lost: every now and then, and at the end.
#[derive(Debug, Serialize)]
pub(crate) struct InterfaceRecord<'a> {
    pub(crate) event_type: &'static str,
    pub(crate) interface: &'a str,
    /// Frames looked at, and their bytes on the wire.
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Frames that passed the filter, by the kernel's count, and those of them for which the ring had no room.
    pub(crate) received: u64,
    pub(crate) dropped: u64,
    /// How often the ring was full.
    pub(crate) ring_full: u64,
    /// Blocks of the ring that wait to be looked at, of all.
    pub(crate) ring_blocks_waiting: usize,
    pub(crate) ring_blocks: usize,
}

impl fmt::Display for InterfaceRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            interface, frames, received, dropped, ring_full, ring_blocks_waiting, ring_blocks, ..
        } = self;
        write!(
            f,
            "{interface}: {frames} frames; of {received} that came {dropped} were dropped, as the ring was full {ring_full} times; \
             {ring_blocks_waiting} of {ring_blocks} blocks wait"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn one_line_a_file() {
        let complaints = ["a.pcap: after frame 3: cut".to_owned(), "a.pcap: interface 1".to_owned()];
        let told = line("a.pcap", &complaints, Some("2 frames of LISP, not looked into".into()));
        let expected = "a.pcap: after frame 3: cut; interface 1; 2 frames of LISP, not looked into";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(line("a.pcap", &[], None), None);
    }
}
