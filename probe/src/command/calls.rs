//! `wiremark calls`: the calls in captures, each as a story, a record or a picture.

mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use report::{Format, Report};
use wiremark::{Classifier, Flow, Frame, ParseError, Tracker, TrackerConfig};
use wiremark_calls::{Atlas, Call, CallTracker, Scripts};
use wiremark_capture::Capture;
use wiremark_capture::replay::{replay, tracker_config};

use crate::command::classify::name_of;
use crate::exit_codes::EXIT_CODES;
use crate::inputs::SignatureArguments;
use crate::notes;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Tells the calls in captures: relays tried, ringing, media, the way to the peer, the end
///
/// A call is one story out of many flows. Each state is told with its time, its packet and what showed it; each media
/// stream with its losses, jitter and quality. Addresses are replaced by names such as `relay A`, the same relay by the
/// same name in every call. With --db, relays are told with their country and distance. Stories come in the order in which calls end.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to tell
    #[arg(long, value_enum, default_value = "story")]
    format: Format,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Only this call: its number, as stories and records print it
    #[arg(long, value_name = "N")]
    call: Option<u64>,

    /// Print real addresses
    #[arg(long)]
    addresses: bool,

    #[cfg(feature = "locality")]
    #[command(flatten)]
    countries: crate::countries::CountryArguments,

    #[command(flatten)]
    signatures: SignatureArguments,
}

const EXAMPLES: &str = "\
Examples:
  wiremark calls capture.pcap
  wiremark calls --format json capture.pcap | jq '.states[] | [.at_us, .state]'
  wiremark calls --format html -o calls.html monday.pcapng tuesday.pcapng
  wiremark calls --format svg --call 1 -o call.svg capture.pcap

Fields of a record: timestamp, file, event_type (\"call\"), call_id, app, dialect,
outcome (answered, unanswered, rejected, blocked, partial), duration_us,
parties, relays, legs, states, streams, findings; times in them are
microseconds since the call's first packet.

States: allocating, ringing, handshake, answered, relayed, checking, reached,
direct, fallback, heartbeat, ending.

With --db, relays and servers have a country, and km: the least and the greatest distance from this end that both countries
and the round trip allow. That the chosen relay is not the nearest is told where one that answered is surely nearer.

Quality is an estimate: E-model (G.107, G.113), the codec rated as AMR 12.2
(Ie 5, Bpl 10), random loss, no echo; delay is half the round trip (to a relay:
plus 50 ms for the half not seen), one packet, twice the mean jitter, and 50 ms
in the phones.

Exit codes:
  0    all done
  1    some input failed (one line each on standard error); results of all other input are complete
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM (a line on standard error); what was decided until then is complete
  141  the reader of the output went away";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let classifier = arguments.signatures.classifier()?;
    let scripts = Scripts::embedded().map_err(|error| Stop::Failed(error.to_string()))?;
    let atlas = atlas(arguments)?;
    let output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    let mut report =
        Report::new(arguments.format, output, classifier.set(), arguments.addresses, arguments.call, atlas);
    let interrupt = Interrupt::listen();
    let (mut failed, mut calls) = (false, 0);
    let (mut files, mut frames) = (0, 0);
    for file in &arguments.files {
        let (complaints, sentence) =
            follow(file, &classifier, &scripts, &interrupt, &mut report, (&mut calls, &mut frames))?;
        files += 1;
        failed |= !complaints.is_empty();
        notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
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
    let place = format!("in file {files} of {}, after {frames} frames", arguments.files.len());
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

/// One file through a tracker and a watch of its own; gives back the lines to complain about it.
fn follow(
    file: &Path,
    classifier: &Classifier,
    scripts: &Scripts,
    interrupt: &Interrupt,
    report: &mut Report<'_>,
    (calls, frames): (&mut u64, &mut u64),
) -> Result<(Vec<String>, Option<String>), Stop> {
    let mut capture = match Capture::open_until(file, interrupt.flag(), false) {
        Ok(capture) => capture,
        // Nothing was waited for any longer.
        Err(_) if interrupt.came() => return Ok((Vec::new(), None)),
        Err(error) => return Ok((vec![error.to_string()], None)),
    };
    let name = capture.name().to_owned();
    let mut progress = Progress::new(&name, capture.file_bytes(), report.scrolls());
    let mut tracker = Tracker::new(classifier, tracker_config(TrackerConfig::default().capacity));
    let mut watch = CallTracker::new(scripts, classifier.set());
    let stopped = std::cell::Cell::new(None);
    let before = *calls;
    let mut ended = |call: Call| {
        let earlier = stopped.take();
        let call = Call { number: call.number + before, ..call };
        stopped.set(earlier.or_else(|| report.call(&name, call).err()));
    };
    let mut look = |number: u64, frame: &Frame<'_>| -> Result<(), ParseError> {
        let (seen, packet) = tracker.follow(frame, &mut |_: &Flow| (), &mut ())?;
        if watch.wants(&seen) {
            watch.packet_of_frame(&packet, frame.bytes, &seen, number, &mut ended);
        }
        Ok(())
    };
    let (counts, errors) = replay(&mut capture, &mut look, |bytes| {
        progress.read(bytes);
        let stop = stopped.take();
        let go_on = stop.is_none() && !interrupt.came();
        stopped.set(stop);
        go_on
    });
    watch.finish(&mut ended);
    *calls += watch.told();
    *frames += counts.frames;
    drop(progress);
    match stopped.take() {
        Some(stop) => Err(stop),
        None => Ok((interrupt.ours(&errors), counts.sentence(&tracker.statistics()))),
    }
}
