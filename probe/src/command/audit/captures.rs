//! From captures to channels of calls, end points replaced by pseudonyms on the way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use wiremark::{Address, Classifier, Direction, Flow, Frame, Packet, ParseError, Seen, Tracker, Transport};
use wiremark_calls::{Call, CallKind, CallTracker, ChannelKind, EndPoint, Scripts, Side};
use wiremark_capture::Capture;
use wiremark_capture::replay::replay;
use wiremark_linkage::channel::{Channel, Kind};
use wiremark_linkage::collect::{ChannelPacket, Collector, KnownChannel, Onset};
use wiremark_linkage::control::Role;
use wiremark_linkage::pseudonym::{Key, Pseudonym};

use crate::captures::name_of;
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::notes;
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Flows whose end points are kept until their call is over.
const FLOWS: usize = 1 << 20;
/// Numbers of flows of one file: those of the next begin behind them.
const FLOWS_OF_A_FILE: u64 = 1 << 40;

/// All channels of calls in the captures.
pub(crate) fn channels(
    files: &[PathBuf],
    (signatures, networks): (&SignatureArguments, FlowArguments),
    key: &Key,
    collector: Collector,
) -> Result<(Vec<Channel>, Outcome), Stop> {
    let classifier = signatures.classifier()?;
    let scripts = Scripts::embedded().map_err(|error| Stop::Failed(error.to_string()))?;
    let interrupt = Interrupt::listen();
    let mut legs = Legs { key, collector, flows: HashMap::new(), first_flow: 0, calls: 0 };
    let (mut failed, mut frames, mut read) = (false, 0, 0);
    for file in files {
        let tracker = Tracker::new(&classifier, networks.usual(&[file]));
        let (complaints, sentence) =
            follow(file, tracker, &classifier, &scripts, &interrupt, &mut legs, &mut frames);
        read += 1;
        failed |= !complaints.is_empty();
        notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
        if interrupt.came() {
            break;
        }
    }
    let place = format!("in file {read} of {}, after {frames} frames", files.len());
    let outcome = interrupt.outcome(&place).unwrap_or(Outcome::failed_if(failed));
    Ok((legs.collector.finish(), outcome))
}

/// One file through trackers of its own; gives back the lines to complain about it.
fn follow(
    file: &Path,
    mut tracker: Tracker<'_>,
    classifier: &Classifier,
    scripts: &Scripts,
    interrupt: &Interrupt,
    legs: &mut Legs<'_>,
    frames: &mut u64,
) -> (Vec<String>, Option<String>) {
    let mut capture = match Capture::open_until(file, interrupt.flag(), false) {
        Ok(capture) => capture,
        // Nothing was waited for any longer.
        Err(_) if interrupt.came() => return (Vec::new(), None),
        Err(error) => return (vec![error.to_string()], None),
    };
    let mut progress = Progress::new(capture.name(), capture.file_bytes(), false);
    let mut calls = CallTracker::new(scripts, classifier.set());
    let mut over = Vec::new();
    let mut look = |number: u64, frame: &Frame<'_>| -> Result<(), ParseError> {
        let (seen, packet) = tracker.follow(frame, &mut |_: &Flow| (), &mut ())?;
        if calls.wants(&seen) {
            calls.packet(&packet, &seen, number, &mut |call| over.push(call));
            // An acknowledgement says nothing of a call.
            if calls.is_of_call(&seen)
                && (packet.five_tuple.transport == Transport::Udp || !packet.payload.is_empty())
            {
                let onset = if calls.is_of_channels(&seen) { Onset::Burst } else { Onset::Media };
                legs.packet(&packet, &seen, onset, calls.has_media(&packet, &seen));
            }
            over.drain(..).for_each(|call| legs.over(&call));
        }
        Ok(())
    };
    let (counts, errors) = replay(&mut capture, &mut look, |bytes| {
        progress.read(bytes);
        !interrupt.came()
    });
    calls.finish(&mut |call| over.push(call));
    over.iter().for_each(|call| legs.over(call));
    legs.next_file(calls.told());
    *frames += counts.frames;
    (interrupt.ours(&errors), counts.sentence(&tracker.statistics()))
}

fn role(side: Side) -> Role {
    match side {
        Side::Caller => Role::Caller,
        Side::Callee => Role::Callee,
    }
}

/// What becomes channels.
struct Legs<'k> {
    key: &'k Key,
    collector: Collector,
    /// Flows of calls that go on, by originator and responder.
    flows: HashMap<(EndPoint, EndPoint), u64>,
    first_flow: u64,
    /// Calls of the files before.
    calls: u64,
}

impl Legs<'_> {
    fn packet(&mut self, packet: &Packet<'_>, seen: &Seen, onset: Onset, has_media: bool) {
        let tuple = &packet.five_tuple;
        let flow = self.first_flow + seen.flow_number % FLOWS_OF_A_FILE;
        let [src, dst] = [(tuple.src, tuple.src_port), (tuple.dst, tuple.dst_port)]
            .map(|(address, port)| EndPoint { address, port });
        let is_up = seen.direction == Direction::Originator;
        let ends = if is_up { (src, dst) } else { (dst, src) };
        if self.flows.len() < FLOWS || self.flows.contains_key(&ends) {
            self.flows.insert(ends, flow);
        }
        let bytes = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        self.collector.packet(&ChannelPacket {
            flow,
            is_up,
            time_us: packet.time_us,
            bytes,
            onset,
            has_media,
        });
    }

    /// Tells the channels of a call that is over.
    fn over(&mut self, call: &Call) {
        let number = 2 * (self.calls + call.number);
        match &call.kind {
            CallKind::Relayed(parties) => {
                for (end, party) in (number..).zip(parties) {
                    let role = party.side.map(|(side, _)| role(side));
                    for remote in party.remotes.iter().filter(|remote| remote.media != [0; 2]) {
                        self.channel((party.local, remote.end_point), end, Kind::Voice, role);
                    }
                }
            }
            CallKind::Channels(call) => {
                // Who only likely called may as well have been called.
                let told = call.invite.filter(|invite| invite.is_told);
                let role = told.map(|invite| role(invite.side()));
                for channel in &call.channels {
                    let kind = match channel.kind() {
                        ChannelKind::Data | ChannelKind::Mixed => Kind::Voice,
                        ChannelKind::Control => Kind::Control,
                        ChannelKind::Unknown => continue,
                    };
                    self.channel((channel.local, channel.remote), number, kind, role);
                }
            }
        }
    }

    fn channel(&mut self, (local, remote): (EndPoint, EndPoint), end: u64, kind: Kind, role: Option<Role>) {
        let opened = self.flows.remove(&(local, remote)).map(|flow| (flow, false));
        let Some((flow, is_reversed)) =
            opened.or_else(|| self.flows.remove(&(remote, local)).map(|flow| (flow, true)))
        else {
            return;
        };
        let end_point = self.pseudonym(&local.address);
        self.collector.tell(&KnownChannel { flow, end_point, is_reversed, end, kind, role });
    }

    fn pseudonym(&self, address: &Address) -> Pseudonym {
        self.key.pseudonym(&address.0)
    }

    fn next_file(&mut self, calls: u64) {
        self.first_flow = self.first_flow.wrapping_add(FLOWS_OF_A_FILE);
        self.calls += calls;
        self.flows.clear();
    }
}
