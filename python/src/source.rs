//! Captures read on a thread of their own, record batches out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use wiremark::{Flow, Frame, ParseError, Prepared, Tracker, TrackerConfig};
use wiremark_calls::{Call, CallTracker, Names, Record, Scripts};
use wiremark_capture::Capture;
use wiremark_capture::replay::ReplayError;
use wiremark_probe::apart::{Part, Sizes, apart};
use wiremark_probe::beside::Beside;
use wiremark_probe::flows::{Replayed, flows, follow, record};
use wiremark_probe::record::{columns, transport_name};
use wiremark_probe::tasks::dissect;
use wiremark_report::columns::{Addresses, Cell, Column, Kind, Rows};
use wiremark_tasks::{Config, Sink, TaskDissector, TaskRecord, TaskTable};

use crate::compiled::Compiled;

/// Rows of a batch: of flows, packets and tasks; of calls, which are large.
const BATCH_ROWS: usize = 16_384;
const BATCH_CALLS: usize = 64;

/// Flows that are handed over together to who makes rows of them, and how often before that thread comes by.
const SIZES: Sizes = Sizes { batch: 1024, waiting: 2 };

/// A flow that ended, and what was kept beside it.
type Ended = (Flow, Option<Box<Beside>>);

/// What is read from captures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Flows,
    Packets,
    Tasks,
    Calls,
}

/// What a packet is told by.
const PACKET_COLUMNS: [Column; 20] = [
    Column::new("capture", Kind::Int),
    Column::new("frame", Kind::Long),
    Column::optional("timestamp", Kind::Time),
    Column::new("wire_bytes", Kind::Long),
    Column::optional("flow", Kind::Long),
    Column::optional("packet", Kind::Long),
    Column::optional("src_ip", Kind::Address),
    Column::optional("src_port", Kind::Int),
    Column::optional("dest_ip", Kind::Address),
    Column::optional("dest_port", Kind::Int),
    Column::optional("proto", Kind::Word),
    Column::optional("to_server", Kind::Flag),
    Column::optional("payload_bytes", Kind::Long),
    Column::optional("app", Kind::Word),
    Column::optional("role", Kind::Word),
    Column::optional("carrier", Kind::Word),
    Column::optional("confidence", Kind::Word),
    Column::optional("signature_id", Kind::Int),
    Column::optional("final", Kind::Flag),
    Column::optional("changed", Kind::Flag),
];

impl What {
    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::Flows => &columns::COLUMNS,
            Self::Packets => &PACKET_COLUMNS,
            Self::Tasks => &wiremark_tasks::columns::COLUMNS,
            Self::Calls => &wiremark_calls::record::columns::COLUMNS,
        }
    }
}

/// What is to be done.
pub(crate) struct Job {
    pub(crate) what: What,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) config: TrackerConfig,
    pub(crate) addresses: Addresses,
    /// Whether tasks and calls show addresses.
    pub(crate) with_addresses: bool,
    /// Threads a file is read on.
    pub(crate) threads: usize,
    pub(crate) raise: bool,
}

impl Job {
    /// Rows of what is read, where they are flat.
    fn rows(&self) -> Option<Rows> {
        Rows::of_flat(self.what.columns(), self.addresses)
    }

    /// Sizes of a tracker for a capture, no larger than its frames can fill.
    fn sized(&self, frames_at_most: Option<usize>) -> TrackerConfig {
        frames_at_most.map_or(self.config, |frames| self.config.for_frames(frames))
    }
}

/// What both threads know.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) stop: Arc<AtomicBool>,
    /// Bytes read, before unpacking, over all files.
    pub(crate) bytes: AtomicU64,
    /// Name of a file and what is wrong with it.
    pub(crate) errors: Mutex<Vec<(String, String)>>,
    /// Name of a file and what in it was not looked into.
    pub(crate) notes: Mutex<Vec<(String, String)>>,
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What the reading thread sends.
pub(crate) enum Message {
    Batch(RecordBatch),
    /// Nothing more comes: a sentence.
    Failed(String),
    /// All was read.
    Done,
}

struct Worker<'j> {
    job: &'j Job,
    shared: &'j Shared,
    batches: Batches<'j>,
    /// Number of the capture, from 1.
    capture: i32,
}

/// Reads it all, or until nobody listens.
pub(crate) fn run(job: &Job, shared: &Shared, to: SyncSender<Message>) {
    let last = to.clone();
    let batches = Batches { shared, to, rows: job.rows(), calls: Vec::new() };
    let mut worker = Worker { job, shared, batches, capture: 0 };
    let ended = match job.what {
        What::Flows => worker.files(Worker::flows),
        What::Packets => worker.files(Worker::packets),
        What::Tasks => worker.tasks(),
        What::Calls => worker.calls(),
    };
    worker.batches.send();
    // Nobody may listen any more.
    let _ = last.send(ended.map_or_else(Message::Failed, |()| Message::Done));
}

impl Worker<'_> {
    fn files(
        &mut self,
        mut read: impl FnMut(&mut Self, &mut Capture, Option<usize>) -> Replayed,
    ) -> Result<(), String> {
        let job = self.job;
        let mut before = 0;
        for file in &job.files {
            if self.shared.is_stopped() {
                break;
            }
            self.capture += 1;
            let opened = Capture::open_until(file, &self.shared.stop, false);
            let complaints = match opened {
                Ok(mut capture) => {
                    let Replayed { counts, errors, statistics } =
                        read(self, &mut capture, Capture::frames_at_most(file));
                    before += capture.bytes_read();
                    if let Some(sentence) = counts.sentence(&statistics) {
                        note(&self.shared.notes, file, sentence);
                    }
                    let ours = |error: &&ReplayError| {
                        !self.shared.is_stopped() || !matches!(error, ReplayError::Capture(_))
                    };
                    errors.iter().filter(ours).map(ToString::to_string).collect()
                }
                Err(error) => vec![error.to_string()],
            };
            self.shared.bytes.store(before, Ordering::Relaxed);
            for complaint in &complaints {
                note(&self.shared.errors, file, complaint.clone());
            }
            if let Some(first) = complaints.first().filter(|_| job.raise) {
                return Err(first.clone());
            }
        }
        Ok(())
    }

    fn flows(&mut self, capture: &mut Capture, frames_at_most: Option<usize>) -> Replayed {
        let (job, go_on) = (self.job, go_on(self.shared));
        let set = job.compiled.classifier.set();
        let (file, batches) = (capture.name().to_owned(), &mut self.batches);
        let row = |rows: &mut Rows, (flow, beside): Ended| {
            rows.push(&columns::cells(&record(&file, &flow, beside, set)));
        };
        let classifier = &job.compiled.classifier;
        if job.threads == 1 {
            let take = |flow: &Flow, beside| batches.add(|rows| row(rows, (*flow, beside)));
            return flows(capture, classifier, job.sized(frames_at_most), 1, take, go_on);
        }
        let make = job.rows().map(|mut rows| {
            Box::new(move |ended: Vec<Ended>| {
                ended.into_iter().for_each(|ended| row(&mut rows, ended));
                rows.take()
            }) as _
        });
        let (mut telling, parts) = apart(SIZES, make);
        thread::scope(|scope| {
            scope.spawn(|| {
                parts.into_iter().for_each(|part| match part {
                    Part::Told(ended) => {
                        ended.into_iter().for_each(|ended| batches.add(|rows| row(rows, ended)));
                    }
                    Part::Made(batch) => batches.send_made(batch),
                });
            });
            let take = |flow: &Flow, beside| telling.tell((*flow, beside));
            let replayed = flows(capture, classifier, job.sized(frames_at_most), job.threads, take, go_on);
            telling.pass_on();
            // Nothing more comes: what was told is made into rows, and the thread ends.
            drop(telling);
            replayed
        })
    }

    fn packets(&mut self, capture: &mut Capture, frames_at_most: Option<usize>) -> Replayed {
        let (job, go_on) = (self.job, go_on(self.shared));
        let mut tracker = Tracker::new(&job.compiled.classifier, job.sized(frames_at_most));
        let look = |tracker: &mut Tracker<'_>, number: u64, frame: &Frame<'_>, prepared: &Prepared| {
            self.packet(tracker, number, frame, prepared)
        };
        let (counts, errors) = follow(capture, &mut tracker, job.threads, look, go_on);
        Replayed { counts, errors, statistics: tracker.statistics() }
    }

    fn packet(
        &mut self,
        tracker: &mut Tracker<'_>,
        number: u64,
        frame: &Frame<'_>,
        prepared: &Prepared,
    ) -> Result<(), ParseError> {
        let mut cells = [Cell::None; PACKET_COLUMNS.len()];
        cells[..4].copy_from_slice(&[
            Cell::Int(self.capture),
            number.into(),
            Cell::time(frame.time_us),
            frame.wire_bytes.into(),
        ]);
        let result = match tracker.follow_prepared(frame, prepared, &mut |_| (), &mut ()) {
            Ok((seen, packet)) => {
                let (verdict, words) = (seen.verdict, &self.job.compiled.words);
                let (app, role) = words.places(verdict).unzip();
                let confidence = app.map(|_| verdict.confidence.name());
                let five_tuple = &packet.five_tuple;
                cells[4..].copy_from_slice(&[
                    seen.flow_number.into(),
                    seen.packet_number.into(),
                    Cell::Address(five_tuple.src.ip()),
                    five_tuple.src_port.into(),
                    Cell::Address(five_tuple.dst.ip()),
                    five_tuple.dst_port.into(),
                    Cell::Text(transport_name(five_tuple.transport)),
                    Cell::Flag(seen.direction == wiremark::Direction::Originator),
                    (seen.payload_bytes as u64).into(),
                    Cell::from_option(app.map(|app| words.apps[app as usize].as_str())),
                    Cell::from_option(role.flatten().map(|role| words.roles[role as usize].as_str())),
                    Cell::Text(verdict.carrier.name()),
                    Cell::from_option(confidence),
                    Cell::from_option(app.map(|_| verdict.signature.0)),
                    Cell::Flag(verdict.is_final()),
                    Cell::Flag(verdict.is_changed()),
                ]);
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.batches.row(&cells);
        result
    }

    fn tasks(&mut self) -> Result<(), String> {
        let job = self.job;
        let table = TaskTable::embedded().map_err(|error| error.to_string())?;
        let config = Config { tracker: job.config, ipv6_prefix: 64, by_tunnel: false };
        let mut dissector = TaskDissector::new(&job.compiled.classifier, &table, config);
        self.files(|worker, capture, frames_at_most| {
            let go_on = go_on(worker.shared);
            dissector.begin_capture(capture.name(), frames_at_most);
            let mut sink = Tasks(worker);
            let (counts, errors) = dissect(capture, &mut dissector, job.threads, &mut sink, go_on);
            dissector.end_capture(&mut sink);
            Replayed { counts, errors, statistics: dissector.statistics() }
        })
    }

    fn calls(&mut self) -> Result<(), String> {
        let job = self.job;
        let scripts = Scripts::embedded().map_err(|error| error.to_string())?;
        let classifier = &job.compiled.classifier;
        let mut names = Names::new(job.with_addresses);
        let mut told = 0;
        self.files(|worker, capture, frames_at_most| {
            let go_on = go_on(worker.shared);
            let mut tracker = Tracker::new(classifier, job.sized(frames_at_most));
            let mut watch = CallTracker::new(&scripts, classifier.set());
            let file = capture.name().to_owned();
            let mut ended = |call: Call| {
                let call = Call { number: call.number + told, ..call };
                worker.batches.call((file.clone(), Record::new(call, classifier.set(), &mut names)));
            };
            let look = |tracker: &mut Tracker<'_>, number: u64, frame: &Frame<'_>, prepared: &Prepared| {
                let (seen, packet) = tracker.follow_prepared(frame, prepared, &mut |_: &Flow| (), &mut ())?;
                if watch.wants(&seen) {
                    watch.packet_of_frame(&packet, frame.bytes, &seen, number, &mut ended);
                }
                Ok(())
            };
            let (counts, errors) = follow(capture, &mut tracker, job.threads, look, go_on);
            watch.finish(&mut ended);
            told += watch.told();
            Replayed { counts, errors, statistics: tracker.statistics() }
        })
    }
}

/// What becomes record batches, in order.
struct Batches<'j> {
    shared: &'j Shared,
    to: SyncSender<Message>,
    rows: Option<Rows>,
    /// With their files.
    calls: Vec<(String, Record)>,
}

impl Batches<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) {
        self.add(|rows| rows.push(cells));
    }

    /// Adds a row by what knows its cells.
    fn add(&mut self, row: impl FnOnce(&mut Rows)) {
        let Some(rows) = &mut self.rows else { return };
        row(rows);
        if rows.len() >= BATCH_ROWS {
            self.send();
        }
    }

    fn call(&mut self, record: (String, Record)) {
        self.calls.push(record);
        if self.calls.len() >= BATCH_CALLS {
            self.send();
        }
    }

    /// Sends what waits.
    fn send(&mut self) {
        let batch = match &mut self.rows {
            Some(rows) if rows.is_empty() => return,
            Some(rows) => rows.take(),
            None if self.calls.is_empty() => return,
            None => wiremark_calls::record::columns::batch(&std::mem::take(&mut self.calls)),
        };
        self.pass_on(batch);
    }

    /// Sends what waits, and behind it what was made elsewhere.
    fn send_made(&mut self, batch: Result<RecordBatch, ArrowError>) {
        self.send();
        self.pass_on(batch);
    }

    fn pass_on(&self, batch: Result<RecordBatch, ArrowError>) {
        let message = batch.map_or_else(|error| Message::Failed(error.to_string()), Message::Batch);
        if self.to.send(message).is_err() {
            self.shared.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Notes how far a capture was read, and asks whether to go on.
fn go_on(shared: &Shared) -> impl FnMut(u64) -> bool {
    let before = shared.bytes.load(Ordering::Relaxed);
    move |bytes| {
        shared.bytes.store(before + bytes, Ordering::Relaxed);
        !shared.is_stopped()
    }
}

/// Takes tasks.
struct Tasks<'w, 'j>(&'w mut Worker<'j>);

impl Sink for Tasks<'_, '_> {
    fn task(&mut self, task: &TaskRecord<'_>) {
        let user = task.user.name(self.0.job.with_addresses);
        self.0.batches.row(&wiremark_tasks::columns::cells(task, &user));
    }
}

fn note(to: &Mutex<Vec<(String, String)>>, file: &std::path::Path, sentence: String) {
    to.lock().unwrap_or_else(PoisonError::into_inner).push((file.display().to_string(), sentence));
}
