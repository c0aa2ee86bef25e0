//! Messages of chosen flows, out of captures: put in order, retransmissions dropped, at most so many.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use wiremark::{Address, Classifier, Direction, Flow, TcpFields, Tracker, Transport};
use wiremark_capture::Capture;
use wiremark_capture::replay::replay;
use wiremark_inference::draft::DraftFlow;
use wiremark_inference::{Messages, Origin};

use super::choice::Choice;
use super::heads::Heads;
use crate::captures::name_of;
use crate::inputs::FlowArguments;
use crate::notes;
use crate::progress::Progress;
use crate::stop::{Stop, complain};

/// A segment of at least so many bytes is full: what follows at once goes on with its message.
const FULL_BYTES: usize = 1200;
/// "At once".
const AT_ONCE_US: u64 = 200_000;
/// Segments that wait for one before them.
const HELD: usize = 64;
/// Bytes kept of a message.
const MOST_BYTES: usize = 65_535;

/// Messages with where they come from.
#[derive(Default)]
pub(super) struct Collected {
    pub messages: Messages,
    /// One a message; none for messages out of a file in hex.
    pub origins: Vec<Origin>,
    pub flows: Vec<DraftFlow>,
    /// For what comes by the clock.
    pub heads: Heads,
    /// Messages there were, of which some are a sample.
    pub seen: usize,
    /// Opcodes and prefixes of classified flows are not new in the feedback round.
    pub is_feedback: bool,
}

struct Chosen {
    is_udp: bool,
    port: u16,
}

/// One direction of a TCP flow.
#[derive(Default)]
struct Stream {
    next: Option<u32>,
    held: BTreeMap<u32, (u64, Vec<u8>)>,
    /// The message that may go on: last time, its number, whether its last segment was full.
    open: Option<(u64, usize, bool)>,
}

struct Reservoir {
    sample: usize,
    seen: usize,
    state: u64,
    kept: Vec<(usize, Origin, Vec<u8>)>,
    /// Where a message number lies in `kept`.
    places: HashMap<usize, usize>,
    heads: Heads,
}

impl Reservoir {
    fn push(&mut self, origin: Origin, bytes: Vec<u8>) -> usize {
        self.heads.push(origin, &bytes);
        let number = self.seen;
        self.seen += 1;
        if self.kept.len() < self.sample {
            self.places.insert(number, self.kept.len());
            self.kept.push((number, origin, bytes));
            return number;
        }
        // Vitter's algorithm R, with SplitMix64 from a fixed seed.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let place = ((z ^ (z >> 31)) % self.seen as u64) as usize;
        if place < self.sample {
            self.places.remove(&self.kept[place].0);
            self.places.insert(number, place);
            self.kept[place] = (number, origin, bytes);
        }
        number
    }

    fn append(&mut self, number: usize, bytes: &[u8]) {
        if let Some(&place) = self.places.get(&number) {
            let message = &mut self.kept[place].2;
            let room = MOST_BYTES.saturating_sub(message.len());
            message.extend(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// Reads captures twice: verdicts first, then the chosen flows' messages. Complains of what could not be read.
pub(super) fn collect(
    files: &[PathBuf],
    classifier: &Classifier,
    choice: &Choice,
    feedback: bool,
    sample: usize,
    networks: FlowArguments,
) -> Result<(Collected, bool), Stop> {
    let mut reservoir = Reservoir {
        sample,
        seen: 0,
        state: 18,
        kept: Vec::new(),
        places: HashMap::new(),
        heads: Heads::default(),
    };
    let mut described: BTreeMap<u64, Chosen> = BTreeMap::new();
    let mut failed = false;
    for (number, file) in files.iter().enumerate() {
        if file.as_os_str() == "-" {
            return Err(Stop::Usage(
                "infer reads captures twice: give it a file instead of standard input".to_owned(),
            ));
        }
        // Flow numbers of different captures are kept apart.
        let base = (number as u64) << 40;
        let Some(flows) = verdicts(file, classifier, networks, &mut failed) else { continue };
        let chosen = choose(&flows, classifier, choice, feedback);
        let tracker = Tracker::new(classifier, networks.usual(&[file]));
        messages(file, tracker, base, &chosen, &mut reservoir, &mut failed);
        described.extend(chosen.into_iter().map(|(number, flow)| (base + number, flow)));
    }
    let Reservoir { mut kept, seen, heads, .. } = reservoir;
    kept.sort_by_key(|message| message.0);
    let mut collected = Collected { seen, heads, is_feedback: feedback, ..Collected::default() };
    let mut own: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, (_, origin, bytes)) in kept.into_iter().enumerate() {
        own.entry(origin.flow).or_default().push(at);
        collected.messages.push(&bytes);
        collected.origins.push(origin);
    }
    collected.flows = own
        .into_iter()
        .filter_map(|(flow, messages)| {
            let Chosen { is_udp, port } = described.get(&flow)?;
            Some(DraftFlow { is_udp: *is_udp, port: *port, messages })
        })
        .collect();
    Ok((collected, failed))
}

fn choose(flows: &[Flow], classifier: &Classifier, choice: &Choice, feedback: bool) -> HashMap<u64, Chosen> {
    let set = classifier.set();
    let server = |flow: &Flow| (flow.five_tuple.dst, flow.five_tuple.dst_port);
    let has_verdict = |flow: &Flow| set.app(flow.verdict.app).is_some();
    let known: HashSet<(Address, u16)> = flows.iter().filter(|flow| has_verdict(flow)).map(server).collect();
    flows
        .iter()
        .filter(|flow| choice.takes(flow, set))
        .filter(|flow| !feedback || !has_verdict(flow) && known.contains(&server(flow)))
        .map(|flow| {
            let is_udp = flow.five_tuple.transport == Transport::Udp;
            (flow.number, Chosen { is_udp, port: flow.five_tuple.dst_port })
        })
        .collect()
}

fn open(file: &Path, failed: &mut bool) -> Option<(Capture, Progress)> {
    match Capture::open(file) {
        Ok(capture) => {
            let progress = Progress::new(capture.name(), capture.file_bytes(), false);
            Some((capture, progress))
        }
        Err(error) => {
            complain(&error);
            *failed = true;
            None
        }
    }
}

fn verdicts(
    file: &Path,
    classifier: &Classifier,
    networks: FlowArguments,
    failed: &mut bool,
) -> Option<Vec<Flow>> {
    let (mut capture, mut progress) = open(file, failed)?;
    let mut flows = Vec::new();
    let mut ended = |flow: &Flow| flows.push(*flow);
    let mut tracker = Tracker::new(classifier, networks.usual(&[file]));
    let (counts, errors) = replay(
        &mut capture,
        |_, frame| tracker.frame(frame, &mut ended).map(|_| ()),
        |bytes| {
            progress.read(bytes);
            true
        },
    );
    tracker.finish(&mut ended);
    drop(progress);
    *failed |= !errors.is_empty();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let sentence = counts.sentence(&tracker.statistics());
    notes::line(&name_of(file), &errors, sentence).iter().for_each(complain);
    Some(flows)
}

fn messages(
    file: &Path,
    mut tracker: Tracker<'_>,
    base: u64,
    chosen: &HashMap<u64, Chosen>,
    reservoir: &mut Reservoir,
    failed: &mut bool,
) {
    let Some((mut capture, mut progress)) = open(file, failed) else { return };
    let mut streams: HashMap<(u64, bool), Stream> = HashMap::new();
    // What went wrong was told in the first reading.
    let _ = replay(
        &mut capture,
        |_, frame| {
            let (seen, packet) = tracker.follow(frame, &mut |_| {}, &mut ())?;
            if !chosen.contains_key(&seen.flow_number) {
                return Ok(());
            }
            let upward = seen.direction == Direction::Originator;
            let origin = Origin { flow: base + seen.flow_number, upward, time_us: frame.time_us };
            if packet.five_tuple.transport == Transport::Udp {
                if !packet.payload.is_empty() {
                    reservoir.push(origin, packet.payload.to_vec());
                }
            } else {
                let stream = streams.entry((seen.flow_number, upward)).or_default();
                stream.segment(origin, packet.tcp, packet.payload, reservoir);
            }
            Ok(())
        },
        |bytes| {
            progress.read(bytes);
            true
        },
    );
}

impl Stream {
    fn segment(&mut self, origin: Origin, tcp: TcpFields, payload: &[u8], reservoir: &mut Reservoir) {
        let sequence = tcp.sequence.wrapping_add(u32::from(tcp.flags & TcpFields::SYN != 0));
        let next = *self.next.get_or_insert(sequence);
        if payload.is_empty() {
            return;
        }
        let ahead = sequence.wrapping_sub(next);
        if ahead == 0 || ahead >= 1 << 31 {
            // What was sent before is left out.
            if let Some(new) =
                payload.get(next.wrapping_sub(sequence) as usize..).filter(|new| !new.is_empty())
            {
                self.pass(origin, new, reservoir);
            }
            while let Some((_, (time_us, bytes))) = self.held.remove_entry(&self.next.unwrap_or(0)) {
                self.pass(Origin { time_us, ..origin }, &bytes, reservoir);
            }
        } else {
            self.held.insert(sequence, (origin.time_us, payload.to_vec()));
            if self.held.len() > HELD {
                // Lost for good: go on behind the gap.
                self.open = None;
                let nearest = self.held.keys().copied().min_by_key(|at| at.wrapping_sub(next));
                if let Some((at, (time_us, bytes))) = nearest.and_then(|at| self.held.remove_entry(&at)) {
                    self.next = Some(at);
                    self.pass(Origin { time_us, ..origin }, &bytes, reservoir);
                }
            }
        }
    }

    fn pass(&mut self, origin: Origin, bytes: &[u8], reservoir: &mut Reservoir) {
        self.next = self.next.map(|next| next.wrapping_add(bytes.len() as u32));
        let is_full = bytes.len() >= FULL_BYTES;
        let goes_on = self.open.filter(|(time_us, _, was_full)| {
            *was_full && origin.time_us.saturating_sub(*time_us) <= AT_ONCE_US
        });
        let number = match goes_on {
            Some((_, number, _)) => {
                reservoir.append(number, bytes);
                number
            }
            None => reservoir.push(origin, bytes.to_vec()),
        };
        self.open = Some((origin.time_us, number, is_full));
    }
}
