//! What records tell of a flow beside what the tracker keeps: the frame that decided, names, frames cut short, the program.

use std::borrow::Cow;

use wiremark::wire::link::pcapdroid;
use wiremark::wire::link::pktap::Pktap;
use wiremark::{Direction, Event, Flow, Frame, LinkType, Observer, Seen, Verdict};

/// Names kept of a flow; a connection has one or two, a resolver's flow any number.
const NAMES: usize = 8;

/// What is kept of one flow.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The flow's number.
    flow: u64,
    /// Where the verdict became what it is.
    pub decided: Option<Decided>,
    /// Names of servers, in the order in which they were seen, each once.
    pub names: Vec<String>,
    /// Whether a frame was longer on the wire than what was captured.
    pub is_truncated: bool,
    /// The program or app on the capturing machine.
    pub process: Option<String>,
    /// Whether that machine sent what the tracker's originator sent.
    pub is_outbound: Option<bool>,
}

/// The packet that decided.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    verdict: Verdict,
    /// Of the flow, from 1.
    pub packet: u64,
    /// Of the capture, from 1.
    pub frame: u64,
}

/// What is kept of all flows of a tracker. Most flows need nothing, and most frames add nothing.
#[derive(Debug, Default)]
pub struct Besides {
    /// By the flow's place in the tracker's table.
    flows: Vec<Option<Box<Beside>>>,
    /// A bit for each place at which something is kept: few enough to stay in the nearest cache.
    kept: Vec<u64>,
}

/// Names of the frame that is being looked at, one behind the other, and where each ends.
#[derive(Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Names {
    /// The next frame has none yet.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn each(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let name = &self.bytes[start..*end];
            // Nearly all are, and that is found out a word at a time.
            std::str::from_utf8(name).map_or_else(|_| String::from_utf8_lossy(name), Cow::Borrowed)
        })
    }
}

impl Observer for Names {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Name { name, .. } = event
            && self.ends.len() < NAMES
        {
            self.bytes.extend_from_slice(name);
            self.ends.push(self.bytes.len());
        }
    }
}

impl Besides {
    /// Takes in a frame that the tracker has taken: the `number`th of the capture.
    #[inline]
    pub fn frame(&mut self, number: u64, frame: &Frame<'_>, seen: &Seen, names: &Names) {
        if seen.verdict.is_changed() || !names.is_empty() || !is_bare(frame) {
            self.add(number, frame, seen, names);
        }
    }

    #[inline(never)]
    fn add(&mut self, number: u64, frame: &Frame<'_>, seen: &Seen, names: &Names) {
        let (process, is_outgoing) = process_of(frame).unwrap_or_default();
        let is_truncated = (frame.bytes.len() as u64) < u64::from(frame.wire_bytes);
        let verdict = seen.verdict;
        let is_plain = process.is_none() && is_outgoing.is_none() && !is_truncated;
        if !verdict.is_changed() && names.is_empty() && is_plain {
            return;
        }
        let beside = self.at(seen.place, seen.flow_number);
        for name in names.each() {
            if beside.names.len() < NAMES && !beside.names.iter().any(|other| *other == name) {
                beside.names.push(name.into_owned());
            }
        }
        beside.is_truncated |= is_truncated;
        if beside.process.is_none() {
            beside.process = process;
        }
        if beside.is_outbound.is_none() {
            let is_up = seen.direction == Direction::Originator;
            beside.is_outbound = is_outgoing.map(|is_outgoing| is_outgoing == is_up);
        }
        if !verdict.is_match() {
            beside.decided = None;
        } else if beside.decided.is_none_or(|decided| decided.verdict.decision() != verdict.decision()) {
            beside.decided = Some(Decided { verdict, packet: seen.packet_number, frame: number });
        }
    }

    fn at(&mut self, place: usize, flow: u64) -> &mut Beside {
        if self.flows.len() <= place {
            self.flows.resize_with(place + 1, || None);
            self.kept.resize(place / 64 + 1, 0);
        }
        self.kept[place / 64] |= 1 << (place % 64);
        let kept = self.flows[place].get_or_insert_default();
        if kept.flow != flow {
            **kept = Beside { flow, ..Beside::default() };
        }
        kept
    }

    /// What is kept of a flow that goes on, if anything.
    pub fn of(&self, flow: &Flow) -> Option<Box<Beside>> {
        let kept = self.flows.get(flow.place).and_then(Option::as_ref);
        kept.filter(|kept| kept.flow == flow.number).cloned()
    }

    /// What was kept of a flow that ended, if anything.
    pub fn take(&mut self, flow: &Flow) -> Option<Box<Beside>> {
        let (word, bit) = (flow.place / 64, 1 << (flow.place % 64));
        if self.kept.get(word).is_none_or(|kept| kept & bit == 0) {
            return None;
        }
        self.kept[word] &= !bit;
        self.flows[flow.place].take().filter(|kept| kept.flow == flow.number)
    }
}

/// Whether nothing can be told of a frame but what the tracker tells: captured to its end, behind which there is nothing. That end
/// need not be looked at.
#[inline]
fn is_bare(frame: &Frame<'_>) -> bool {
    frame.wire_bytes as usize == frame.bytes.len() && frame.link_type != LinkType::Pktap
}

/// The program or app a frame belongs to, and whether its machine sent it, where the capture tells.
fn process_of(frame: &Frame<'_>) -> Option<(Option<String>, Option<bool>)> {
    let (name, is_outgoing) = match frame.link_type {
        LinkType::Pktap => {
            let header = Pktap::parse(frame.bytes).ok()?;
            (header.command, header.is_outgoing)
        }
        _ if is_bare(frame) => return None,
        _ => (pcapdroid::app(frame.bytes)?, None),
    };
    let name = (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned());
    Some((name, is_outgoing))
}
