//! Mutated captures through a tracker: what it cost, and which verdicts no unmutated packet had earned.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wiremark::{
    AppId, Classifier, Confidence, FlowKey, Frame, LinkType, Packet, Role, SignatureId, Tracker,
    TrackerConfig,
};

use super::mutate::{Mutated, mutate};
use crate::trace::Trace;

/// Of so many captures one is played again and again, and each frame's least time counts, so that a pause of the machine is
/// not taken for work of the engine.
const TIMED_EVERY: u64 = 16;
const AGAIN: usize = 5;

/// A capture and what its flows earn as they are.
#[derive(Debug)]
pub struct Subject {
    /// The capture's file.
    pub path: PathBuf,
    /// Whether it holds no traffic of any app.
    pub is_other: bool,
    trace: Trace,
    /// Of each frame, the apps and roles of its flow.
    earned: Vec<BTreeSet<(AppId, Role)>>,
}

/// How a verdict that was not earned came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unearned {
    /// Whether the capture holds no traffic of any app.
    pub is_other: bool,
    /// Whether the flow earned the app, but not the role.
    pub is_role_only: bool,
    /// The row that decided.
    pub signature: SignatureId,
    /// The kind of evidence.
    pub confidence: Confidence,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Survey {
    /// Mutated captures played.
    pub passes: u64,
    /// Frames played.
    pub frames: u64,
    /// Frames of them with changed bytes.
    pub changed: u64,
    /// Flows begun.
    pub flows: u64,
    /// Flows with a verdict that was not earned, and where the first was: capture, seed, frame.
    pub unearned: BTreeMap<Unearned, (u64, PathBuf, u64, usize)>,
    /// Frames by nanoseconds, in steps of 8.
    times: Vec<u64>,
    /// Nanoseconds, number of the capture, seed, frame.
    slowest: Option<(u64, usize, u64, usize)>,
}

/// Reads captures: `messenger` and `other` below a folder, and a file.
pub fn subjects(traces: &Path, file: &Path, classifier: &Classifier) -> Vec<Subject> {
    let list = |folder: &str| {
        let entries = std::fs::read_dir(traces.join(folder)).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let ours = list("messenger").into_iter().chain([file.to_path_buf()]).map(|path| (path, false));
    let all = ours.chain(list("other").into_iter().map(|path| (path, true)));
    all.filter_map(|(path, is_other)| {
        let trace = Trace::read(std::fs::File::open(&path).ok()?).ok()?;
        Some(Subject { earned: earned(&trace, classifier), path, is_other, trace })
    })
    .collect()
}

fn frame_of(frame: &crate::trace::Frame) -> Option<Frame<'_>> {
    let link_type = LinkType::from_number(frame.link)?;
    let bytes = frame.bytes.as_slice();
    Some(Frame { link_type, time_us: frame.time_us, bytes, wire_bytes: bytes.len() as u32 })
}

fn earned(trace: &Trace, classifier: &Classifier) -> Vec<BTreeSet<(AppId, Role)>> {
    let mut tracker = Tracker::new(classifier, TrackerConfig::default());
    let mut flows: HashMap<FlowKey, BTreeSet<(AppId, Role)>> = HashMap::new();
    let key =
        |frame: &Frame<'_>| Packet::parse(frame.link_type, 0, frame.bytes).map(|one| one.five_tuple.key());
    for frame in trace.frames.iter().filter_map(frame_of) {
        if let (Ok(seen), Ok(key)) = (tracker.frame(&frame, &mut |_| {}), key(&frame))
            && seen.verdict.is_match()
        {
            flows.entry(key).or_default().insert((seen.verdict.app, seen.verdict.role));
        }
    }
    let of = |frame| key(&frame_of(frame)?).ok().and_then(|key| flows.get(&key).cloned());
    trace.frames.iter().map(|frame| of(frame).unwrap_or_default()).collect()
}

impl Survey {
    /// Plays mutated captures until the time is over.
    pub fn run(&mut self, classifier: &Classifier, subjects: &[Subject], first_seed: u64, time: Duration) {
        let start = Instant::now();
        for seed in first_seed.. {
            for (number, subject) in subjects.iter().enumerate() {
                if start.elapsed() >= time {
                    return;
                }
                self.play(classifier, number, subject, seed);
            }
        }
    }

    fn play(&mut self, classifier: &Classifier, number: usize, subject: &Subject, seed: u64) {
        let mutated = mutate(&subject.trace, seed);
        let mut told = BTreeSet::new();
        self.times.resize(1 << 16, 0);
        let statistics = play(classifier, &mutated, |index, took, seen| {
            let ns = took.as_nanos() as u64;
            let step = (ns as usize / 8).min(self.times.len() - 1);
            self.times[step] += 1;
            let Ok(seen) = seen else { return };
            let (verdict, one) = (seen.verdict, &mutated[index]);
            let earned = &subject.earned[one.origin];
            if verdict.is_match() && !earned.contains(&(verdict.app, verdict.role)) {
                let unearned = Unearned {
                    is_other: subject.is_other,
                    is_role_only: earned.iter().any(|(app, _)| *app == verdict.app),
                    signature: verdict.signature,
                    confidence: verdict.confidence,
                };
                if told.insert((seen.flow_number, unearned)) {
                    let first = || (0, subject.path.clone(), seed, index);
                    self.unearned.entry(unearned).or_insert_with(first).0 += 1;
                }
            }
        });
        self.passes += 1;
        self.frames += mutated.len() as u64;
        self.changed += mutated.iter().filter(|one| one.is_changed).count() as u64;
        self.flows += statistics.flows;
        if self.passes.is_multiple_of(TIMED_EVERY) {
            self.time_again(classifier, number, &mutated, seed);
        }
    }

    /// Each frame's least time of several plays; the slowest frame is kept.
    fn time_again(&mut self, classifier: &Classifier, number: usize, mutated: &[Mutated], seed: u64) {
        let mut least = vec![u64::MAX; mutated.len()];
        for _ in 0..AGAIN {
            play(classifier, mutated, |index, took, _| {
                least[index] = least[index].min(took.as_nanos() as u64)
            });
        }
        let timed = least.into_iter().zip(0..).filter(|(ns, _)| *ns < u64::MAX);
        let slowest = timed.max().map(|(ns, index)| (ns, number, seed, index));
        self.slowest = self.slowest.max(slowest);
    }

    /// Nanoseconds of the median frame, measuring included.
    pub fn median_ns(&self) -> u64 {
        let mut left = self.times.iter().sum::<u64>() / 2;
        let middle = self.times.iter().position(|count| {
            let here = left < *count;
            left = left.saturating_sub(*count);
            here
        });
        8 * middle.unwrap_or(0) as u64 + 4
    }

    /// The slowest frame of those timed several times: nanoseconds, capture, seed and frame.
    pub fn slowest(&self, subjects: &[Subject]) -> Option<(u64, PathBuf, u64, usize)> {
        self.slowest.map(|(ns, number, seed, index)| (ns, subjects[number].path.clone(), seed, index))
    }
}

fn play(
    classifier: &Classifier,
    mutated: &[Mutated],
    mut look: impl FnMut(usize, Duration, Result<wiremark::Seen, wiremark::ParseError>),
) -> wiremark::Statistics {
    let mut tracker = Tracker::new(classifier, TrackerConfig { capacity: 4096, ..TrackerConfig::default() });
    for (index, one) in mutated.iter().enumerate() {
        let Some(frame) = frame_of(&one.frame) else { continue };
        let start = Instant::now();
        let seen = tracker.frame(&frame, &mut |_| {});
        look(index, start.elapsed(), seen);
    }
    tracker.statistics()
}
