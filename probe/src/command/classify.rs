//! `wiremark classify`: what is in a capture, app by app or flow by flow.

mod report;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use report::{Report, Totals};
use wiremark::{Classifier, Flow, Tracker, TrackerConfig};
use wiremark_capture::Capture;
use wiremark_capture::replay::{replay, tracker_config};

use crate::beside::{Besides, Names};
use crate::exit_codes::EXIT_CODES;
use crate::inputs::SignatureArguments;
use crate::notes::{self, StatsRecord};
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain};

/// Tells which flows belong to which app, and what they are for
///
/// Prints, app by app and role by role, how many flows, packets and bytes the captures hold; flows of no known app are
/// one row. `--flows` prints a row a flow instead, and the formats json and csv a record a flow, also for flows of no
/// known app.
///
/// Each file is read on its own: flows and what was learned on the way do not cross from one file to the next. The
/// summary is over all files. A file that cannot be read to its end is complained about (one line on standard error);
/// what was read of it counts, and the other files are read all the same.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Print a row a flow instead of the summary (json and csv always do)
    ///
    /// The table is as wide as its widest row, so every row is kept until the end; for very large captures use json or
    /// csv.
    #[arg(long)]
    flows: bool,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Follow at most so many flows of a file at the same time; the quietest makes room for a new one
    #[arg(long, value_name = "N", default_value_t = TrackerConfig::default().capacity, value_parser = flow_limit)]
    max_flows: usize,

    /// Go on when the end of the file is reached: more is being written. Ends with SIGINT or SIGTERM, or when the file
    /// is removed
    ///
    /// Takes one file. Records are written as flows end, not in batches.
    #[arg(long)]
    follow: bool,

    /// Take packets with the same addresses and ports for one flow whatever VLAN or tunnel they come in
    ///
    /// For networks whose two directions come with different tags. Otherwise they are flows of different networks.
    #[arg(long)]
    ignore_tags: bool,

    /// Leave host names out of the records
    #[arg(long)]
    no_names: bool,

    /// End each file with a record (event_type "stats") of what was not looked into, with --format json
    #[arg(long)]
    stats: bool,

    #[command(flatten)]
    signatures: SignatureArguments,
}

/// A flow takes some 250 bytes, and all of them are taken at once.
pub(super) fn flow_limit(text: &str) -> Result<usize, String> {
    let range = 16..=1 << 26;
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("expected a number from {} to {}", range.start(), range.end())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// JSON lines, a record a flow, in the way of Suricata's EVE
    Json,
    /// The same fields as comma-separated values with a header
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  wiremark classify capture.pcap
  wiremark classify --flows day1.pcapng.gz day2.pcapng.gz
  wiremark classify --format json capture.pcap | jq 'select(.app != null)'
  wiremark classify --format csv -o flows.csv capture.pcap
  wiremark classify --without related,address capture.pcap
  wiremark classify --follow --format json still-written.pcap
  zcat archive.gz | wiremark classify -

Fields of a record, in this order (json and csv):
  timestamp          the flow's first packet, UTC
  event_type         \"flow\"
  src_ip src_port    the end that opened the flow
  dest_ip dest_port  the other end
  proto              TCP or UDP
  app                null where none was found; so are then role, confidence,
                     signature, signature_id and decided_at_packet
  role               what the flow is for, in the app's own words
  carrier            dns, http, tls, quic, stun, rtp, raw or unknown
  confidence         the kind of evidence: payload, name, related or address
  signature          the one that decided; see `wiremark signatures list`
  signature_id       its number, which never changes
  final              whether no further packet could have changed the verdict
  decided_at_packet  the packet of the flow, from 1, whose bytes decided
  packets_toserver packets_toclient bytes_toserver bytes_toclient
                     from the end that opened the flow, and to it
  community_id       the flow's Community ID, for Zeek, Suricata and Wireshark
  vlan inner_vlan    the outermost VLAN tag and the next; null where there is none
  tunnel tunnel_id   the innermost tunnel that numbers its networks or users
                     (GTP-U, VXLAN, Geneve, L2TP, GRE, 802.1ah), and the number
  process            the program or app, where the capture tells it
                     (PKTAP of macOS and iOS, PCAPdroid of Android)
  file               the capture
  flow               number of the flow in its file: `wiremark explain --flow`
  end duration       the flow's last packet, UTC; seconds from the first to it
  names              host names seen in it, eight at most; --no-names
  truncated          whether a frame was captured in part only
  frame              number of the frame in the capture, as Wireshark counts,
                     that decided_at_packet came in
  flow_id app_proto  flow and carrier as Suricata's EVE calls them; it has
                     packets and bytes in an object of their own
  originator_by      how src is known to have opened the flow: syn, first (it was
                     seen first) or port (guessed: it was seen to be answered)
In CSV names have blanks between them, and what a spreadsheet would take for a
formula begins with an apostrophe.
Records come in the order in which flows end: TCP flows 30 minutes and UDP
flows 1 minute after their last packet, all others at the end of their file,
in the order of their first packets.

Exit codes:
  0    all done
  1    some input failed (one line each on standard error); results of all other input are complete
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM (a line on standard error); what was decided until then is complete
  141  the reader of the output went away";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    if arguments.follow && (arguments.files.len() > 1 || arguments.files[0] == Path::new("-")) {
        return Err(Stop::Usage(
            "--follow takes one file that is being written, and not standard input".into(),
        ));
    }
    let classifier = arguments.signatures.classifier()?;
    let set = classifier.set();
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    if arguments.follow {
        output.write_at_once();
    }
    let mut report = match arguments.format {
        Format::Table if arguments.flows => Report::flows(set, output, arguments.files.len() > 1),
        Format::Table => Report::summary(set, output),
        Format::Json => Report::json(set, output),
        Format::Csv => Report::csv(set, output)?,
    };
    let interrupt = Interrupt::listen();
    if arguments.stats && arguments.format != Format::Json {
        return Err(Stop::Usage("--stats is a record: it needs --format json".into()));
    }
    let mut config = tracker_config(arguments.max_flows);
    config.ignore_encapsulation = arguments.ignore_tags;
    let mut totals = Totals::default();
    for file in &arguments.files {
        let source = Source {
            file,
            follow: arguments.follow,
            stats: arguments.stats,
            with_names: arguments.format != Format::Table && !arguments.no_names,
            interrupt: &interrupt,
        };
        let (complaints, sentence) = classify_file(source, &classifier, config, &mut report, &mut totals)?;
        report.end_of_file();
        totals.files += 1;
        totals.failed_files += u64::from(!complaints.is_empty());
        notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
        if interrupt.came() {
            break;
        }
    }
    report.finish(&totals)?;
    let place = format!(
        "in file {} of {}, after {} frames",
        totals.files,
        arguments.files.len(),
        totals.counts.frames
    );
    if let Some(outcome) = interrupt.outcome(&place) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(totals.failed_files > 0))
}

/// Where frames come from, and what ends them early.
struct Source<'a> {
    file: &'a Path,
    follow: bool,
    stats: bool,
    with_names: bool,
    interrupt: &'a Interrupt,
}

/// What errors call a file.
pub(super) fn name_of(file: &Path) -> String {
    if file == Path::new("-") { "standard input".into() } else { file.display().to_string() }
}

/// One file through a tracker of its own; gives back the lines to complain about it.
fn classify_file(
    source: Source<'_>,
    classifier: &Classifier,
    config: TrackerConfig,
    report: &mut Report<'_>,
    totals: &mut Totals,
) -> Result<(Vec<String>, Option<String>), Stop> {
    let Source { file, follow, stats, with_names, interrupt } = source;
    let mut capture = match Capture::open_until(file, interrupt.flag(), follow) {
        Ok(capture) => capture,
        // Nothing was waited for any longer.
        Err(_) if interrupt.came() => return Ok((Vec::new(), None)),
        Err(error) => return Ok((vec![error.to_string()], None)),
    };
    let name = capture.name().to_owned();
    let mut progress = Progress::new(&name, capture.file_bytes(), report.scrolls());
    let mut tracker = Tracker::new(classifier, config);
    let stopped: Cell<Option<Stop>> = Cell::new(None);
    let besides = RefCell::new(Besides::default());
    let mut names = Names::default();
    let mut ended = |flow: &Flow| {
        let before = stopped.take();
        let beside = besides.borrow_mut().take(flow);
        stopped.set(before.or_else(|| report.flow(&name, flow, beside).err()));
    };
    let (counts, errors) = replay(
        &mut capture,
        |number, frame| {
            names.clear();
            let seen = if with_names {
                tracker.frame_observed(frame, &mut ended, &mut names)?
            } else {
                tracker.frame(frame, &mut ended)?
            };
            besides.borrow_mut().frame(number, frame, &seen, &mut names);
            Ok(())
        },
        |bytes| {
            progress.read(bytes);
            let stop = stopped.take();
            let go_on = stop.is_none() && !interrupt.came();
            stopped.set(stop);
            go_on
        },
    );
    // What is left comes out in the order of the flow table, which means nothing to anybody.
    let mut left = Vec::new();
    tracker.finish(&mut |flow: &Flow| left.push(*flow));
    left.sort_by_key(|flow| flow.number);
    left.iter().for_each(&mut ended);
    totals.counts.add(&counts);
    totals.evicted += tracker.statistics().evicted;
    let seen = tracker.statistics();
    if let Some(stop) = stopped.take() {
        return Err(stop);
    }
    if stats {
        report.stats(&StatsRecord::new(&name, &counts, &seen))?;
    }
    Ok((interrupt.ours(&errors), counts.sentence(&seen)))
}
