//! `wiremark explain`: why a flow got its verdict, packet by packet.

mod block;
mod stops;
mod words;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use block::{Line, Notes};
use clap::Args;
use stops::Stops;
use wiremark::{Event, Flow, Observer, SignatureSet, Tracker};
use wiremark_capture::Capture;
use wiremark_capture::replay::replay;
use wiremark_probe::beside::{Besides, Names};

use crate::captures::name_of;
use crate::headings::OUTPUT;
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::notes;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Shows why flows got their verdicts, packet by packet
///
/// Prints a block a flow: its end points, the verdict in words, the signature with its reason and its source, and then
/// the packets at which something new happened, with the first packets that carry payload: what matched, what was
/// vetoed and by what, which name was read, what is still missing. Host names are printed, payload never is. At the end come
/// the frames without a flow: through which headers they led, and at which the walk stopped.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Capture: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Only this flow: its number in the order of first packets, as `classify --flows` prints it
    #[arg(long, value_name = "N", help_heading = OUTPUT)]
    flow: Option<u64>,

    #[command(flatten)]
    networks: FlowArguments,

    #[command(flatten)]
    signatures: SignatureArguments,
}

const HELP: &str = "\
Examples:
  wiremark explain capture.pcap | less
  wiremark classify --flows capture.pcap      the numbers of the flows
  wiremark explain capture.pcap --flow 3      one of them

Columns of a packet's line:
  number in the flow, # and number in the capture (as Wireshark counts),
  seconds since the flow's first packet,
  -> from or <- to the end that opened the flow, length of the payload,
  what happened

Exit codes:
  0    all done
  1    the capture or the signatures could not be read (to the end), or there
       is no such flow
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM, with a line on standard error; what
       was decided until then is complete
  141  the reader of the output went away";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let classifier = arguments.signatures.classifier()?;
    let set = classifier.set();
    let mut output = Output::open(None, &[], Overwrite::default())?;
    let interrupt = Interrupt::listen();
    let mut capture = match Capture::open_until(&arguments.file, interrupt.flag(), false) {
        Ok(capture) => capture,
        Err(error) => {
            return interrupt.outcome("before the first frame").ok_or(Stop::Failed(error.to_string()));
        }
    };
    let mut progress = Progress::new(capture.name(), capture.file_bytes(), false);
    let wanted = |number: u64| arguments.flow.is_none_or(|wanted| wanted == number);

    let open: RefCell<HashMap<u64, Notes>> = RefCell::default();
    let besides = RefCell::new(Besides::default());
    let mut blocks: Vec<(Flow, Notes)> = Vec::new();
    let mut flows = 0;
    let mut ended = |flow: &Flow| {
        flows = flow.number.max(flows);
        if wanted(flow.number) {
            let mut notes = open.borrow_mut().remove(&flow.number).unwrap_or_default();
            notes.decided = besides.borrow_mut().take(flow).and_then(|beside| beside.decided);
            blocks.push((*flow, notes));
        }
    };
    let mut tracker = Tracker::new(&classifier, arguments.networks.usual(&[&arguments.file]));
    let mut stops = Stops::default();
    let (counts, errors) = replay(
        &mut capture,
        |number, frame| {
            let mut listener = Listener { set, happened: Vec::new() };
            let seen = match tracker.frame_observed(frame, &mut ended, &mut listener) {
                Ok(seen) => seen,
                Err(error) => {
                    stops.add(number, frame, error);
                    return Err(error);
                }
            };
            if wanted(seen.flow_number) {
                besides.borrow_mut().frame(number, frame, &seen, &Names::default());
                open.borrow_mut().entry(seen.flow_number).or_default().add(Line {
                    packet_number: seen.packet_number,
                    frame: number,
                    time_us: frame.time_us,
                    direction: seen.direction,
                    payload_bytes: seen.payload_bytes,
                    happened: listener.happened,
                    repeats: 0,
                });
            }
            Ok(())
        },
        |bytes| {
            progress.read(bytes);
            !interrupt.came()
        },
    );
    tracker.finish(&mut ended);
    drop(progress);

    blocks.sort_by_key(|(flow, _)| flow.number);
    for (flow, notes) in &blocks {
        output.text(&block::text(set, flow, notes))?;
    }
    if arguments.flow.is_none() {
        output.text(&stops.text())?;
    }
    output.finish()?;
    let complaints = interrupt.ours(&errors);
    let sentence = counts.sentence(&tracker.statistics());
    notes::line(&name_of(&arguments.file), &complaints, sentence).iter().for_each(complain);
    if let Some(outcome) = interrupt.outcome(&format!("after {} frames", counts.frames)) {
        return Ok(outcome);
    }
    let missed = arguments.flow.filter(|_| blocks.is_empty());
    if let Some(number) = missed {
        let file = arguments.file.display();
        complain(&format!(
            "{file}: has no flow {number}, its flows are 1 to {flows}; see `wiremark classify --flows`"
        ));
    }
    Ok(Outcome::failed_if(!complaints.is_empty() || missed.is_some()))
}

/// Puts what happens at one packet into words.
struct Listener<'s> {
    set: &'s SignatureSet,
    happened: Vec<(words::Weight, String)>,
}

impl Observer for Listener<'_> {
    fn event(&mut self, event: Event<'_>) {
        let sentence = words::sentence(self.set, event);
        if !self.happened.contains(&sentence) {
            self.happened.push(sentence);
        }
    }
}
