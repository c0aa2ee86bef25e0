//! Captures through a tracker: one, or several that go on where the one before ended.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use wiremark::{Classifier, Flow, Frame, ParseError, Prepared, Statistics, Tracker, TrackerConfig};
use wiremark_capture::Capture;
use wiremark_capture::replay::{Counts, Follow, replay_ahead};

use super::flows::{self, Flows};
use super::report::{Report, Totals};
use crate::captures::name_of;
use crate::inputs::{Reloading, SignatureArguments};
#[cfg(target_os = "linux")]
use crate::interfaces::{Listen, LiveArguments};
#[cfg(target_os = "linux")]
use crate::notes::InterfaceRecord;
use crate::notes::{self, StatsRecord};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Stop, complain};
use wiremark_probe::beside::Names;

/// A file to read.
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Ends waiting for more.
    pub(super) stop: Arc<AtomicBool>,
    /// Whether more may be written behind its end.
    pub(super) follow: bool,
    pub(super) threads: usize,
}

/// What is read as one: through one tracker.
pub(super) struct Stream<'a> {
    pub(super) name: String,
    /// Whether it ends with a record of what was not looked into.
    pub(super) stats: bool,
    /// Whether flows are told with what is kept of them beside the tracker.
    pub(super) keeps_beside: bool,
    /// Whether records have the names seen in flows.
    pub(super) with_names: bool,
    /// Whether a verdict is told the moment it changes.
    pub(super) tells_verdicts: bool,
    /// Whether flows are listed, so that their order counts.
    pub(super) lists_flows: bool,
    /// Whether records are written by a thread of their own.
    pub(super) writes_apart: bool,
    pub(super) classifier: &'a Classifier,
    pub(super) config: TrackerConfig,
    pub(super) interrupt: &'a Interrupt,
    /// Where signatures are loaded from anew.
    pub(super) signatures: &'a SignatureArguments,
}

impl<'a> Stream<'a> {
    /// Begins to read it.
    fn reading<'r, 's>(&'a self, flows: Flows<'r, 's>) -> Reading<'a, 'r, 's> {
        let Self { classifier, interrupt, keeps_beside, with_names, tells_verdicts, lists_flows, .. } = *self;
        let (tracker, reloading) = (Tracker::new(classifier, self.config), self.signatures.reloading());
        let (names, frames, progress) = (Names::default(), 0, None);
        let (is_of_app, is_slow) = (false, false);
        Reading {
            tracker,
            flows,
            interrupt,
            keeps_beside,
            with_names,
            tells_verdicts,
            lists_flows,
            names,
            frames,
            is_of_app,
            is_slow,
            progress,
            reloading,
        }
    }

    /// What interfaces give, as long as is wanted.
    #[cfg(target_os = "linux")]
    pub(super) fn listen(
        &self,
        interfaces: &LiveArguments,
        report: &mut Report<'_>,
        totals: &mut Totals,
    ) -> Result<(), Stop> {
        let mut reading = self.reading(Flows::here(report, self.name.clone()));
        let mut heard = interfaces.listen(&mut reading)?;
        let (count, silent) = heard.interfaces();
        totals.files += count;
        totals.failed_files += silent;
        let (statistics, sentence) = reading.finish(&heard.counts, totals)?;
        if self.stats {
            report.other(&StatsRecord::new(&self.name, &heard.counts, &statistics))?;
        }
        heard.tell(|record| report.other(record).map(|()| report.is_json()))?;
        sentence.iter().for_each(complain);
        Ok(())
    }

    /// Its files in turn.
    pub(super) fn classify(
        &self,
        files: impl Iterator<Item = Result<Input, Stop>>,
        report: &mut Report<'_>,
        totals: &mut Totals,
    ) -> Result<(), Stop> {
        let ((counts, seen), (name, complaints), sentence) = if self.writes_apart {
            let (flows, parts) = Flows::apart(&self.name, report.set_of_lines(), report.scrolls());
            thread::scope(|scope| {
                let writing = scope.spawn(|| flows::write(report, &self.name, parts));
                let read = self.read(files, flows, totals);
                let written = writing.join().unwrap_or_else(|panic| resume_unwind(panic));
                written.and(read)
            })?
        } else {
            self.read(files, Flows::here(report, self.name.clone()), totals)?
        };
        if self.stats {
            report.other(&StatsRecord::new(&self.name, &counts, &seen))?;
        }
        if name == self.name {
            notes::line(&name, &complaints, sentence).iter().for_each(complain);
        } else {
            notes::line(&name, &complaints, None).iter().for_each(complain);
            notes::line(&self.name, &[], sentence).iter().for_each(complain);
        }
        Ok(())
    }

    /// Reads them; gives back what there was, the complaints about the last file, and what is to be said of all.
    fn read(
        &self,
        files: impl Iterator<Item = Result<Input, Stop>>,
        flows: Flows<'_, '_>,
        totals: &mut Totals,
    ) -> Result<Read, Stop> {
        let mut reading = self.reading(flows);
        let mut counts = Counts::default();
        let mut last: Option<(String, Vec<String>)> = None;
        for input in files {
            if let Some((name, complaints)) = last.take() {
                notes::line(&name, &complaints, None).iter().for_each(complain);
            }
            let input = input?;
            let (read, complaints) = reading.read(&input);
            counts.add(&read);
            totals.files += 1;
            totals.failed_files += u64::from(!complaints.is_empty());
            last = Some((name_of(&input.path), complaints));
            if reading.flows.has_stopped() || self.interrupt.came() {
                break;
            }
        }
        let (seen, sentence) = reading.finish(&counts, totals)?;
        Ok(((counts, seen), last.unwrap_or_default(), sentence))
    }
}

/// What was read, what is wrong with the last file (by its name), and what was not looked into.
type Read = ((Counts, Statistics), (String, Vec<String>), Option<String>);

/// A stream being read.
struct Reading<'a, 'r, 's> {
    tracker: Tracker<'a>,
    flows: Flows<'r, 's>,
    interrupt: &'a Interrupt,
    keeps_beside: bool,
    with_names: bool,
    tells_verdicts: bool,
    lists_flows: bool,
    /// Of the frame at hand.
    names: Names,
    /// Of the files before.
    frames: u64,
    /// Whether the frame looked at last was of a flow of a known app.
    is_of_app: bool,
    /// Whether what is read may come slowly.
    is_slow: bool,
    progress: Option<Progress>,
    reloading: Reloading<'a>,
}

impl Reading<'_, '_, '_> {
    /// One file; gives back what there was, and the lines to complain about it.
    fn read(&mut self, input: &Input) -> (Counts, Vec<String>) {
        let mut capture = match Capture::open_until(&input.path, &input.stop, input.follow) {
            Ok(capture) => capture,
            // Nothing was waited for any longer.
            Err(_) if self.interrupt.came() => return (Counts::default(), Vec::new()),
            Err(error) => return (Counts::default(), vec![error.to_string()]),
        };
        self.progress = Some(Progress::new(capture.name(), capture.file_bytes(), self.flows.scrolls));
        // What may come slowly is told at once.
        self.is_slow = capture.file_bytes().is_none();
        let threads = if self.is_slow { 1 } else { input.threads };
        let preparer = self.tracker.preparer();
        let prepare =
            |frame: &Frame<'_>, to: &mut Prepared| preparer.prepare_in(to, frame.link_type, frame.bytes);
        let (counts, errors) = replay_ahead(&mut capture, threads, prepare, self);
        self.frames += counts.frames;
        self.progress = None;
        (counts, self.interrupt.ours(&errors))
    }
}

impl Follow<Prepared> for Reading<'_, '_, '_> {
    #[inline]
    fn soon(&self, prepared: &Prepared) {
        self.tracker.prefetch_buckets(prepared);
    }

    #[inline]
    fn next(&self, bytes: &[u8], prepared: &mut Prepared) {
        self.tracker.prefetch_flow(bytes, prepared);
    }

    #[inline]
    fn look(&mut self, number: u64, frame: &Frame<'_>, prepared: &Prepared) -> Result<(), ParseError> {
        let Self { tracker, flows, names, .. } = self;
        let mut ended = |flow: &Flow| flows.ended(flow);
        let result = if self.with_names {
            names.clear();
            tracker.prepared_frame(frame, prepared, &mut ended, names)
        } else {
            tracker.prepared_frame(frame, prepared, &mut ended, &mut ())
        };
        // It is looked at where it lies: a copy would wait for it.
        let seen = match &result {
            Ok(seen) => seen,
            Err(error) => {
                self.is_of_app = false;
                return Err(*error);
            }
        };
        if self.keeps_beside {
            flows.besides.frame(self.frames + number, frame, seen, names);
        }
        if self.tells_verdicts
            && seen.verdict.is_changed()
            && let Some(flow) = tracker.flow(seen.place)
        {
            flows.changed(&flow);
        }
        self.is_of_app = seen.verdict.is_match();
        Ok(())
    }

    fn goes_on(&mut self, bytes_read: u64) -> bool {
        self.progress.iter_mut().for_each(|progress| progress.read(bytes_read));
        // Between two frames: flows keep their verdicts.
        if self.interrupt.wants_reload()
            && let Some(classifier) = self.reloading.complaining()
        {
            self.tracker.use_classifier(classifier);
            self.flows.use_set(classifier.set());
        }
        if self.is_slow {
            self.flows.pass_on();
        }
        !self.flows.has_stopped() && !self.interrupt.came()
    }
}

impl Reading<'_, '_, '_> {
    /// What is left; gives back what the tracker saw, and what is to be said of frames that were not looked into.
    fn finish(self, counts: &Counts, totals: &mut Totals) -> Result<(Statistics, Option<String>), Stop> {
        let Self { mut tracker, mut flows, lists_flows, .. } = self;
        // A summary is the same whatever the order.
        if lists_flows {
            tracker.finish_in_order(&mut |flow: &Flow| flows.ended(flow));
        } else {
            tracker.finish(&mut |flow: &Flow| flows.ended(flow));
        }
        let seen = tracker.statistics();
        totals.counts.add(counts);
        totals.evicted += seen.evicted;
        flows.finish().map(|()| (seen, counts.sentence(&seen)))
    }
}

#[cfg(target_os = "linux")]
impl Listen<Prepared> for Reading<'_, '_, '_> {
    #[inline]
    fn prepare(&self, frame: &Frame<'_>) -> Prepared {
        self.tracker.preparer().prepare(frame.link_type, frame.bytes)
    }

    fn is_of_app(&self) -> bool {
        self.is_of_app
    }

    fn interface(&mut self, record: &InterfaceRecord<'_>) -> Result<bool, Stop> {
        let Some(report) = self.flows.report() else { return Ok(false) };
        report.other(record).map(|()| report.is_json())
    }
}
