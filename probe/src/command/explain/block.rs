//! What `explain` prints of one flow.

use std::fmt::Write;
use std::net::SocketAddr;

use wiremark::{Direction, Flow, SignatureSet};
use wiremark_probe::record::transport_name;
use wiremark_probe::time::timestamp;

use wiremark_probe::beside::Decided;

use super::words::{Weight, signature, verdict};

/// Packets with payload that get a line even where nothing happened.
const FIRST_PAYLOADS: usize = 4;
/// Lines kept for a flow. A flow is looked at for some dozens of packets, so this is a limit against surprises.
const LINE_LIMIT: usize = 200;

/// One packet of a flow.
pub(super) struct Line {
    pub(super) packet_number: u64,
    /// Of the capture, from 1.
    pub(super) frame: u64,
    pub(super) time_us: u64,
    pub(super) direction: Direction,
    pub(super) payload_bytes: usize,
    pub(super) happened: Vec<(Weight, String)>,
    /// Later packets of the same direction at which just the same happened.
    pub(super) repeats: u64,
}

/// What is kept of a flow until it ends.
#[derive(Default)]
pub(super) struct Notes {
    lines: Vec<Line>,
    payloads: usize,
    left_out: usize,
    missing: Option<String>,
    /// The packet whose bytes decided.
    pub(super) decided: Option<Decided>,
}

impl Notes {
    /// Keeps the packet if there is something to say of it.
    pub(super) fn add(&mut self, line: Line) {
        let has_payload = line.payload_bytes > 0;
        self.payloads += usize::from(has_payload);
        if let Some((_, missing)) = line.happened.iter().rev().find(|(weight, _)| *weight == Weight::Missing)
        {
            self.missing = Some(missing.clone());
        }
        if line.happened.is_empty() && !(has_payload && self.payloads <= FIRST_PAYLOADS) {
            return;
        }
        let alike = |kept: &&mut Line| kept.direction == line.direction && kept.happened == line.happened;
        if !line.happened.is_empty()
            && let Some(kept) = self.lines.iter_mut().find(alike)
        {
            kept.repeats += 1;
            return;
        }
        if self.lines.len() < LINE_LIMIT {
            self.lines.push(line);
        } else {
            self.left_out += 1;
        }
    }
}

/// The block of one flow, with an empty line at its end.
pub(super) fn text(set: &SignatureSet, flow: &Flow, notes: &Notes) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_block(&mut text, set, flow, notes);
    text
}

fn write_block(text: &mut String, set: &SignatureSet, flow: &Flow, notes: &Notes) -> std::fmt::Result {
    let (ends, [up, down], [up_bytes, down_bytes]) = (&flow.five_tuple, flow.packets, flow.bytes);
    let (src, dst) = (ends.src.ip(), ends.dst.ip());
    let (src, dst) = (SocketAddr::new(src, ends.src_port), SocketAddr::new(dst, ends.dst_port));
    writeln!(text, "flow {}: {} {src} -> {dst}", flow.number, transport_name(ends.transport))?;
    let start = timestamp(flow.first_us);
    writeln!(
        text,
        "  traffic    {up} packets ({up_bytes} bytes) ->, {down} ({down_bytes}) <-, from {start}"
    )?;
    writeln!(text, "  verdict    {}", verdict(set, &flow.verdict))?;
    if let Some(row) = set.signature(flow.verdict.signature).filter(|_| flow.verdict.is_match()) {
        match &notes.decided {
            Some(Decided { packet, frame, .. }) => {
                writeln!(text, "  decided    at packet {packet}, frame #{frame}")?;
            }
            None => writeln!(text, "  decided    at packet {}", flow.decided_at_packet)?,
        }
        writeln!(text, "  signature  {}", signature(set, row.id))?;
        writeln!(text, "  why        {}", row.why)?;
        writeln!(text, "  source     {}", row.source)?;
    } else if let Some(missing) = &notes.missing {
        writeln!(text, "  missing    {missing}")?;
    } else if notes.payloads == 0 {
        writeln!(text, "  missing    no packet carries payload")?;
    } else {
        writeln!(text, "  missing    {} packets with payload, and none matches a signature", notes.payloads)?;
    }
    for line in &notes.lines {
        let offset_us = line.time_us.saturating_sub(flow.first_us);
        let (seconds, us) = (offset_us / 1_000_000, offset_us % 1_000_000);
        let arrow = if line.direction == Direction::Originator { "->" } else { "<-" };
        let Line { packet_number, payload_bytes, .. } = line;
        let frame = format!("#{}", line.frame);
        let place =
            format!("  {packet_number:>6} {frame:>8} {seconds:>6}.{us:06} {arrow} {payload_bytes:>5} bytes");
        if line.happened.is_empty() {
            writeln!(text, "{place}")?;
        }
        for (at, (_, sentence)) in line.happened.iter().enumerate() {
            // Further events of the same packet stand below the first.
            let place = if at == 0 { place.clone() } else { " ".repeat(place.len()) };
            writeln!(text, "{place}  {sentence}")?;
        }
        if line.repeats > 0 {
            writeln!(text, "{}  ({} later packets alike)", " ".repeat(place.len()), line.repeats)?;
        }
    }
    if notes.left_out > 0 {
        writeln!(text, "         {} more packets at which something happened", notes.left_out)?;
    }
    writeln!(text)
}
