//! `wiremark classify`: what is in a capture, app by app or flow by flow.

mod flows;
mod report;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use report::{Report, Totals};
use stream::{Input, Stream};
use wiremark::TrackerConfig;
#[cfg(feature = "parquet")]
use wiremark_probe::record::columns::{COLUMNS, LAYOUT};

use crate::captures::{CaptureArguments, Watched, name_of, sized, stream_name};
#[cfg(feature = "parquet")]
use crate::column_output::ColumnOutput;
use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::headings::{FLOWS, INPUT, OUTPUT};
use crate::inputs::{FlowArguments, SignatureArguments};
#[cfg(target_os = "linux")]
use crate::interfaces::LiveArguments;
use crate::output::{Output, Overwrite};
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop};

/// Tells which flows belong to which app, and what they are for
///
/// Prints, app by app and role by role, how many flows, packets and bytes the captures hold; flows of no known app are
/// one row. `--flows` prints a row a flow instead, and the formats json and csv a record a flow, also for flows of no
/// known app.
///
/// Each file is read on its own: flows and what was learned on the way do not cross from one file to the next, unless
/// `--continue` says that they are one stream. The summary is over all files. A file that cannot be read to its end is complained about (one line on standard error);
/// what was read of it counts, and the other files are read all the same.
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

    /// How to print
    #[arg(long, value_enum, default_value = "table", help_heading = OUTPUT)]
    format: Format,

    /// Print a row a flow instead of the summary (json and csv always do)
    ///
    /// The table is as wide as its widest row, so every row is kept until the end; for very large captures use json or
    /// csv.
    #[arg(long, help_heading = OUTPUT)]
    flows: bool,

    /// Write to this file instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "OUT", help_heading = OUTPUT)]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Follow at most so many flows of a file at the same time; the quietest makes room for a new one
    #[arg(long, value_name = "N", default_value_t = TrackerConfig::default().capacity, value_parser = flow_limit, help_heading = FLOWS)]
    max_flows: usize,

    /// Go on when the end of the file is reached: more is being written. Ends with SIGINT or SIGTERM, or when the file
    /// is removed
    ///
    /// Takes one file. Records are written as flows end, not in batches.
    #[arg(long, help_heading = INPUT)]
    #[cfg_attr(target_os = "linux", arg(conflicts_with = "interfaces"))]
    follow: bool,

    /// Read the captures that come into a folder, one after the other, as one stream; ends with SIGINT or SIGTERM
    ///
    /// For captures that are rotated, as by `tcpdump -G`: those that are there first, in the order of their first packets;
    /// the last is followed until the next comes. Takes one folder.
    #[arg(long, conflicts_with = "follow", help_heading = INPUT)]
    #[cfg_attr(target_os = "linux", arg(conflicts_with = "interfaces"))]
    watch: bool,

    /// Leave host names out of the records
    #[arg(long, help_heading = OUTPUT)]
    no_names: bool,

    /// Write a record (event_type "verdict") the moment a flow's verdict changes, beside that of the flow at its end, with
    /// --format json
    #[arg(long, value_enum, value_name = "EVENTS", help_heading = OUTPUT)]
    events: Option<Events>,

    /// End each file with a record (event_type "stats") of what was not looked into, with --format json
    #[arg(long, help_heading = OUTPUT)]
    stats: bool,

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
    /// The same fields as a Parquet file; in a row group, rows are sorted by src_ip and timestamp
    Parquet,
    /// The same fields as an Arrow IPC stream
    Arrow,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Events {
    /// A flow is told to be an app's, another's, or nobody's any more, or this is final
    Verdict,
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark classify capture.pcap
  wiremark classify --flows day1.pcapng.gz day2.pcapng.gz
  wiremark classify --format json capture.pcap | jq 'select(.app != null)'
  wiremark classify --format csv -o flows.csv capture.pcap
  wiremark classify --without related,address capture.pcap
  wiremark classify --follow --format json still-written.pcap
  wiremark classify --continue --format json rotated/
  wiremark classify --watch --format json /var/captures
  wiremark classify -i eth0 --format json --events verdict
  wiremark classify -i eth0 --filter 'not port 22' --duration 1h
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
  vlan inner_vlan    the outermost VLAN tag and the next, null without
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
  originator_by      how src is known to have opened the flow: syn, first (it
                     was seen first) or port (guessed: it was seen to be
                     answered)
  direction          outbound where the capturing machine opened the flow, else
                     inbound; null where the capture does not tell (PKTAP does)
In CSV names have blanks between them, and what a spreadsheet would take for a
formula begins with an apostrophe.
Records come in the order in which flows end: TCP flows 30 minutes and UDP
flows 1 minute after their last packet, all others at the end of their file,
in the order of their first packets. With --continue that is the end of the
last file. The number of threads changes nothing of it.

With -i, --follow and --watch: SIGINT ends it with all records written, and
SIGHUP loads the signatures of --signatures anew. A record with event_type
\"interface\" has frames and bytes looked at, received and dropped by the
kernel, ring_full (how often), ring_blocks_waiting and ring_blocks.

",
    exit_codes!()
);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let first = arguments.files.first().map(PathBuf::as_path);
    if arguments.follow && (arguments.files.len() != 1 || first == Some(Path::new("-"))) {
        return Err(Stop::Usage(
            "--follow takes one file that is being written, and not standard input".into(),
        ));
    }
    if arguments.watch && (arguments.files.len() != 1 || !first.is_some_and(Path::is_dir)) {
        return Err(Stop::Usage("--watch takes one folder, into which captures come".into()));
    }
    let is_json = arguments.format == Format::Json;
    if arguments.stats && !is_json {
        return Err(Stop::Usage("--stats is a record: it needs --format json".into()));
    }
    if arguments.events.is_some() && !is_json {
        return Err(Stop::Usage("--events are records: they need --format json".into()));
    }
    let classifier = arguments.signatures.classifier()?;
    let set = classifier.set();
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    let is_endless = arguments.follow || arguments.watch || arguments.is_live();
    if is_endless {
        output.write_at_once();
    }
    let is_several = arguments.files.len() > 1 || first.is_some_and(Path::is_dir);
    let mut report = match arguments.format {
        Format::Table if arguments.flows => Report::flows(set, output, is_several),
        Format::Table => Report::summary(set, output),
        Format::Json => Report::json(set, output),
        Format::Csv => Report::csv(set, output)?,
        #[cfg(feature = "parquet")]
        Format::Parquet => Report::columns(set, ColumnOutput::parquet(output, &COLUMNS, LAYOUT)?),
        #[cfg(feature = "parquet")]
        Format::Arrow => Report::columns(set, ColumnOutput::arrow(output, &COLUMNS, is_endless)?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet | Format::Arrow => return Err(Stop::not_built_in("parquet and arrow", "parquet")),
    };
    let interrupt = if is_endless { Interrupt::listen_for_reloads() } else { Interrupt::listen() };
    let config = arguments.networks.config(arguments.max_flows);
    let mut totals = Totals::default();
    let keeps_beside = arguments.format != Format::Table;
    let is_much = keeps_beside || arguments.flows;
    let stream = |name: String, config: TrackerConfig| Stream {
        name,
        stats: arguments.stats,
        keeps_beside,
        with_names: keeps_beside && !arguments.no_names,
        tells_verdicts: arguments.events.is_some(),
        lists_flows: is_much,
        writes_apart: is_much && !is_endless && arguments.captures.threads() > 1,
        classifier: &classifier,
        config,
        interrupt: &interrupt,
        signatures: &arguments.signatures,
    };
    let mut planned = 0;
    if arguments.is_live() {
        #[cfg(target_os = "linux")]
        stream(arguments.live.name(), config).listen(&arguments.live, &mut report, &mut totals)?;
        report.end_of_file();
    } else if arguments.watch {
        let mut watched = Watched::new(&arguments.files[0], &interrupt);
        let files = std::iter::from_fn(|| match watched.next() {
            Ok(next) => {
                next.map(|(path, is_whole)| Ok(Input { path, stop: is_whole, follow: true, threads: 1 }))
            }
            Err(stop) => Some(Err(stop)),
        });
        stream(name_of(&arguments.files[0]), config).classify(files, &mut report, &mut totals)?;
        report.end_of_file();
    } else {
        let streams = arguments.captures.streams(&arguments.files)?;
        planned = streams.iter().map(Vec::len).sum();
        for files in streams {
            let name = stream_name(&files);
            let config = if arguments.follow { config } else { sized(config, &files) };
            let threads = arguments.captures.threads();
            let files = files.into_iter().map(|path| {
                let stop = Arc::clone(interrupt.flag());
                Ok(Input { path, stop, follow: arguments.follow, threads })
            });
            stream(name, config).classify(files, &mut report, &mut totals)?;
            report.end_of_file();
            if interrupt.came() {
                break;
            }
        }
    }
    report.finish(&totals)?;
    let what = if arguments.is_live() { "interface" } else { "file" };
    let of = if planned > 0 { format!(" of {planned}") } else { String::new() };
    let place = format!("in {what} {}{of}, after {} frames", totals.files, totals.counts.frames);
    if let Some(outcome) = interrupt.outcome(&place) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(totals.failed_files > 0))
}
