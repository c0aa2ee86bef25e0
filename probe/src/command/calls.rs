//! `wiremark calls`: the calls in captures, each as a story, a record or a picture.

mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use report::{Format, Outlet};
use wiremark::{Classifier, Flow, Frame, Packet, ParseError, Prepared, Seen, Tracker};
use wiremark_calls::{Atlas, Call, CallTracker, Scripts};
use wiremark_capture::Capture;
use wiremark_capture::replay::{Counts, Follow, replay_ahead};

use crate::captures::{CaptureArguments, name_of, stream_name};
use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::headings::OUTPUT;
use crate::inputs::{FlowArguments, Reloading, SignatureArguments};
#[cfg(target_os = "linux")]
use crate::interfaces::{Listen, LiveArguments};
use crate::notes;
#[cfg(target_os = "linux")]
use crate::notes::InterfaceRecord;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Tells the calls in captures: relays tried, ringing, media, the way to the peer, the end
///
/// A call is one story out of many flows. Each state is told with its time, its packet and what showed it; each media
/// stream with its losses, jitter and quality. Addresses are replaced by names such as `relay A`, the same relay by the
/// same name in every call. With --db, relays are told with their country and distance. Stories come in the order in which calls end.
/// On an interface (-i) each is told as it ends.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; a folder stands for those in
    /// it, a pattern such as '*.pcap' for those that match; `-` is standard input
    #[arg(value_name = "FILE")]
    #[cfg_attr(target_os = "linux", arg(required_unless_present = "interfaces"))]
    #[cfg_attr(not(target_os = "linux"), arg(required = true))]
    files: Vec<PathBuf>,

    #[command(flatten)]
    captures: CaptureArguments,

    /// How to tell
    #[arg(long, value_enum, default_value = "story", help_heading = OUTPUT)]
    format: Format,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT", help_heading = OUTPUT)]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Only this call: its number, as stories and records print it
    #[arg(long, value_name = "N", help_heading = OUTPUT)]
    call: Option<u64>,

    /// Print real addresses
    #[arg(long, help_heading = OUTPUT)]
    addresses: bool,

    #[cfg(feature = "locality")]
    #[command(flatten)]
    countries: crate::countries::CountryArguments,

    #[command(flatten)]
    networks: FlowArguments,

    #[command(flatten)]
    signatures: SignatureArguments,

    // The last, as its heading would be that of all that follow.
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    live: LiveArguments,
}

impl Arguments {
    /// Whether interfaces are read, and no files.
    fn is_live(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.live.is_live();
        #[cfg(not(target_os = "linux"))]
        false
    }
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark calls capture.pcap
  wiremark calls --format json capture.pcap | jq '.states[] | [.at_us, .state]'
  wiremark calls --format html -o calls.html monday.pcapng tuesday.pcapng
  wiremark calls --format svg --call 1 -o call.svg capture.pcap
  wiremark calls -i eth0 --format json

Fields of a record: timestamp, file, event_type (\"call\"), call_id, app, dialect,
outcome (answered, unanswered, rejected, blocked, partial), duration_us,
parties, relays, legs, states, streams, findings; times in them are
microseconds since the call's first packet.

Words of a story: the first line has the time from the call's first packet to
its last, and how long of it media ran. dialect: the year from which messages
of this shape are known. least: the shortest round trip. clock: how far the
relay's clock is ahead. packets, kB, RTP: up/down; kB of frames on the wire,
1,000 bytes each. steps: times between packets, and how often. way: as this
end sees it.

States: allocating, ringing, handshake, answered, relayed, checking, reached,
direct, fallback, heartbeat, ending.

With --db, relays and servers have a country, and km: the least and the greatest
distance from this end that both countries and the round trip allow. That the
chosen relay is not the nearest is told where one that answered is surely
nearer.

With -i: SIGINT ends it with all calls told, also those that go on, and SIGHUP
loads the signatures of --signatures anew. What interfaces gave and lost is a
record (event_type \"interface\") with --format json, else a line on standard
error.

Quality is an estimate: E-model (G.107, G.113), the codec rated as AMR 12.2
(Ie 5, Bpl 10), random loss, no echo; delay is half the round trip (to a relay:
plus 50 ms for the half not seen), one packet, twice the mean jitter, and 50 ms
in the phones.

",
    exit_codes!()
);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let classifier = arguments.signatures.classifier()?;
    let scripts = Scripts::embedded().map_err(|error| Stop::Failed(error.to_string()))?;
    let atlas = atlas(arguments)?;
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    if arguments.is_live() {
        output.write_at_once();
    }
    let mut report =
        Outlet::new(arguments.format, output, classifier.set(), arguments.addresses, arguments.call, atlas)?;
    let interrupt = if arguments.is_live() { Interrupt::listen_for_reloads() } else { Interrupt::listen() };
    let (mut failed, mut calls) = (false, 0);
    let (mut files, mut frames) = (0, 0);
    #[cfg(target_os = "linux")]
    if arguments.is_live() {
        let told = Told { report: &mut report, file: arguments.live.name(), before: 0, stop: None };
        let mut following = Following::new(arguments, &[], (&classifier, &scripts), &interrupt, told);
        let mut heard = arguments.live.listen(&mut following)?;
        let (interfaces, silent) = heard.interfaces();
        (files, failed, frames) = (interfaces, silent > 0, heard.counts.frames);
        let sentence = heard.counts.sentence(&following.tracker.statistics());
        calls = following.finish()?;
        heard.tell(|record| report.other(record))?;
        sentence.iter().for_each(complain);
    }
    let streams = arguments.captures.streams(&arguments.files)?;
    let planned: usize = streams.iter().map(Vec::len).sum();
    for stream in streams {
        let told = Told { report: &mut report, file: stream_name(&stream), before: calls, stop: None };
        let mut following = Following::new(arguments, &stream, (&classifier, &scripts), &interrupt, told);
        for file in &stream {
            let (complaints, counts) = following.read(file, arguments.captures.threads());
            files += 1;
            failed |= !complaints.is_empty();
            let sentence = counts.and_then(|counts| counts.sentence(&following.tracker.statistics()));
            notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
            if interrupt.came() || following.told.stop.is_some() {
                break;
            }
        }
        frames += following.frames;
        calls += following.finish()?;
        if interrupt.came() {
            break;
        }
    }
    if let Some(number) =
        arguments.call.filter(|number| (*number == 0 || *number > calls) && !interrupt.came())
    {
        complain(&format!("there is no call {number}: the captures hold {calls}"));
        failed = true;
    }
    report.finish()?;
    let place = match planned {
        0 => format!("in interface {files}, after {frames} frames"),
        _ => format!("in file {files} of {planned}, after {frames} frames"),
    };
    if let Some(outcome) = interrupt.outcome(&place) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(failed))
}

/// What tells countries, where it is asked for.
#[cfg(feature = "locality")]
fn atlas(arguments: &Arguments) -> Result<Option<Box<dyn Atlas>>, Stop> {
    let asked = &arguments.countries;
    if asked.db.is_none() && asked.corrections.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(crate::countries::CallAtlas(asked.open(&[], false)?.locator))))
}

#[cfg(not(feature = "locality"))]
fn atlas(_: &Arguments) -> Result<Option<Box<dyn Atlas>>, Stop> {
    Ok(None)
}

/// Takes the calls that end.
struct Told<'r, 's> {
    report: &'r mut Outlet<'s>,
    file: String,
    /// Calls of the captures before.
    before: u64,
    stop: Option<Stop>,
}

impl Told<'_, '_> {
    fn ended(&mut self, call: Call) {
        let call = Call { number: call.number + self.before, ..call };
        let told = self.report.call(&self.file, call);
        if self.stop.is_none() {
            self.stop = told.err();
        }
    }
}

/// Captures through a tracker and a watch of their own: one, or several that go on where the one before ended.
struct Following<'a, 'r, 's> {
    tracker: Tracker<'a>,
    watch: CallTracker<'a>,
    told: Told<'r, 's>,
    /// Of the captures before.
    frames: u64,
    /// Whether the frame looked at last was of a flow of a known app.
    is_of_app: bool,
    interrupt: &'a Interrupt,
    reloading: Reloading<'a>,
    progress: Option<Progress>,
}

impl<'a, 'r, 's> Following<'a, 'r, 's> {
    fn new(
        arguments: &'a Arguments,
        files: &[PathBuf],
        (classifier, scripts): (&'a Classifier, &'a Scripts),
        interrupt: &'a Interrupt,
        told: Told<'r, 's>,
    ) -> Self {
        Self {
            tracker: Tracker::new(classifier, arguments.networks.usual(files)),
            watch: CallTracker::new(scripts, classifier.set()),
            told,
            frames: 0,
            is_of_app: false,
            interrupt,
            reloading: arguments.signatures.reloading(),
            progress: None,
        }
    }

    /// One file; gives back the lines to complain about it, and what there was.
    fn read(&mut self, file: &Path, threads: usize) -> (Vec<String>, Option<Counts>) {
        let mut capture = match Capture::open_until(file, self.interrupt.flag(), false) {
            Ok(capture) => capture,
            // Nothing was waited for any longer.
            Err(_) if self.interrupt.came() => return (Vec::new(), None),
            Err(error) => return (vec![error.to_string()], None),
        };
        self.progress = Some(Progress::new(capture.name(), capture.file_bytes(), self.told.report.scrolls()));
        // What may come slowly is told at once.
        let threads = if capture.file_bytes().is_some() { threads } else { 1 };
        let preparer = self.tracker.preparer();
        let prepare =
            |frame: &Frame<'_>, to: &mut Prepared| preparer.prepare_in(to, frame.link_type, frame.bytes);
        let (counts, errors) = replay_ahead(&mut capture, threads, prepare, self);
        self.frames += counts.frames;
        self.progress = None;
        (self.interrupt.ours(&errors), Some(counts))
    }

    /// Tells what is left, and how many calls there were.
    fn finish(self) -> Result<u64, Stop> {
        let Self { mut watch, mut told, .. } = self;
        watch.finish(&mut |call| told.ended(call));
        told.stop.map_or(Ok(watch.told()), Err)
    }
}

impl Follow<Prepared> for Following<'_, '_, '_> {
    fn soon(&self, made: &Prepared) {
        self.tracker.prefetch_buckets(made);
    }

    fn next(&self, bytes: &[u8], made: &mut Prepared) {
        self.tracker.prefetch_flow(bytes, made);
    }

    fn look(&mut self, number: u64, frame: &Frame<'_>, made: &Prepared) -> Result<(), ParseError> {
        let Self { tracker, watch, told, frames, is_of_app, .. } = self;
        *is_of_app = false;
        let mut take = |packet: &Packet<'_>, seen: &Seen| {
            *is_of_app = seen.verdict.is_match();
            if watch.wants(seen) {
                let number = *frames + number;
                watch.packet_of_frame(packet, frame.bytes, seen, number, &mut |call| told.ended(call));
            }
        };
        match made.packet(frame) {
            Some(packet) => {
                let result = tracker.prepared_frame(frame, made, &mut |_: &Flow| (), &mut ());
                // It is looked at where it lies: a copy would wait for it.
                take(&packet, result.as_ref().map_err(|error| *error)?);
            }
            None => {
                let (seen, packet) = tracker.follow_prepared(frame, made, &mut |_: &Flow| (), &mut ())?;
                take(&packet, &seen);
            }
        }
        Ok(())
    }

    fn goes_on(&mut self, bytes_read: u64) -> bool {
        self.progress.iter_mut().for_each(|progress| progress.read(bytes_read));
        if self.interrupt.wants_reload()
            && let Some(classifier) = self.reloading.complaining()
        {
            self.tracker.use_classifier(classifier);
            self.watch.use_set(classifier.set());
            self.told.report.use_set(classifier.set());
        }
        self.told.stop.is_none() && !self.interrupt.came()
    }
}

#[cfg(target_os = "linux")]
impl Listen<Prepared> for Following<'_, '_, '_> {
    fn prepare(&self, frame: &Frame<'_>) -> Prepared {
        self.tracker.preparer().prepare(frame.link_type, frame.bytes)
    }

    fn is_of_app(&self) -> bool {
        self.is_of_app
    }

    fn interface(&mut self, record: &InterfaceRecord<'_>) -> Result<bool, Stop> {
        self.told.report.other(record)
    }
}
