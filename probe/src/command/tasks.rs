//! `wiremark tasks`: what people do on WeChat, and who uses what.

#[cfg(target_os = "linux")]
mod live;
mod records;
mod totals;

#[cfg(feature = "parquet")]
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use records::{Outlet, Records, UsageRecord};
use totals::Totals;
use wiremark::TrackerConfig;
use wiremark_capture::Capture;
use wiremark_capture::replay::Counts;
use wiremark_probe::tasks::dissect;
use wiremark_probe::time::timestamp;
#[cfg(feature = "charts")]
use wiremark_tasks::report::html;
use wiremark_tasks::report::{QUANTILES, Table, architecture, figures, summary, tables};
use wiremark_tasks::{Config, TaskDissector, TaskTable, Usage};

use crate::captures::{CaptureArguments, frames_at_most, name_of};
use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::headings::{FLOWS, OUTPUT};
use crate::inputs::{FlowArguments, SignatureArguments};
#[cfg(target_os = "linux")]
use crate::interfaces::LiveArguments;
use crate::notes;
use crate::output::{Output, Overwrite};
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop, complain, printable};
use crate::table::{table, text};

/// What the app is called in titles.
const APP: &str = "WeChat";

/// Tells what people do on WeChat: tasks, and the usage report
///
/// Takes WeChat's flows apart into tasks (sending a text, fetching a photo, a heartbeat, ...) and adds up who does what:
/// users and volumes, services and tasks, sizes of requests and responses, and the distributions of volumes and times.
/// Tables and figures are those of the ChatDissect paper.
///
/// Under mmtls (since about 2016) a task is not visible: it is counted as "encrypted", with sizes and times, under what
/// the host says it is for.
///
/// Users are told apart by their private addresses (IPv6: see --ipv6-prefix; tunnels: see --users-by); one that is silent
/// for 60 minutes is another one afterwards. Reports call them user-1, user-2 and so on. Contents and account numbers are never shown.
///
/// Captures are read one after the other: users go on from one to the next, flows only with `--continue`.
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

    /// How to report
    #[arg(long, value_enum, default_value = "table", help_heading = OUTPUT)]
    format: Format,

    /// Write to this file instead of standard output; for parquet: into this folder
    #[arg(short, long, value_name = "OUT", required_if_eq("format", "parquet"), help_heading = OUTPUT)]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Show addresses instead of pseudonyms
    #[arg(long, help_heading = OUTPUT)]
    addresses: bool,

    /// What tells users apart
    #[arg(long, value_enum, default_value = "address", help_heading = "Users")]
    users_by: Key,

    /// So many leading bits of a global IPv6 address stand for one user: 64 in mobile networks, 128 elsewhere
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=128), help_heading = "Users")]
    ipv6_prefix: u8,

    /// Follow at most so many flows of a file at the same time; the quietest makes room for a new one
    #[arg(long, value_name = "N", default_value_t = TrackerConfig::default().capacity, value_parser = super::classify::flow_limit, help_heading = FLOWS)]
    max_flows: usize,

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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Key {
    /// The private address
    Address,
    /// The GTP-U tunnel, for captures in a cellular core, where the next subscriber gets an address within minutes;
    /// the address where there is no tunnel
    Tunnel,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Table,
    /// JSON lines: a record a task, then one with the report
    Json,
    /// A page with tables and charts that needs no network
    Html,
    /// flows.parquet, tasks.parquet and users.parquet in the folder named with -o
    Parquet,
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark tasks capture.pcap
  wiremark tasks --format html -o usage.html monday-*.pcap.gz
  wiremark tasks --format json capture.pcap | jq 'select(.task != null)'
  wiremark tasks --format parquet -o usage/ capture.pcap
  wiremark tasks -i eth0 --duration 1h --format html -o usage.html
  duckdb -c \"select service, task, count(distinct user) users, sum(bytes_up) up,
             sum(bytes_down) down from 'usage/tasks.parquet'
             group by all order by all\"
  duckdb -c \"select capture, flow, client_port, service, count(*) tasks
             from 'usage/tasks.parquet' join 'usage/flows.parquet'
             using (flow_id, capture, flow) group by all order by all\"

Fields of a task record (json), in this order:
  timestamp      the task's first byte, UTC
  event_type     \"task\"
  service task   what it is
  cgi            path of the CGI, where it is a known one
  request_type   from the business header, where that is in clear
  command_id     on the long link, where that is in clear
  transport      W-TCP, W-HTTP, W-UDP or W-DNS
  bytes_up bytes_down
                 transport payload from and to the user that was captured,
                 each byte once
  completion_us  from the request's first byte to the response's last
  user           pseudonym, or address with --addresses
  capture flow   numbers of the capture and of the flow in it, from 1
  missed_up missed_down
                 bytes that were sent, as sequence numbers and lengths tell,
                 and not captured
  logged_in      whether somebody was, by how the request is encrypted,
                 where that is in clear
  cluster        long, short, chatting, resource, support, third-party or
                 names (Figure 4)
  wider          WeChat's only by a rule wider than the paper's
  message_bytes_up message_bytes_down
                 length of the message inside a single mmtls record: on the
                 long link with its header, of a short link's request path
                 and business packet together

Columns of the tables (parquet): those of tasks.parquet are the fields above,
time_us for timestamp, without event_type, and flow_id, which is one flow's
over all captures of the run. flows.parquet: capture flow user server_ip
server_port transport app role carrier signature first_us last_us packets_up
packets_down bytes_up bytes_down is_app missed_up missed_down client_port
flow_id. users.parquet: user first_us last_us has_app bytes_up bytes_down
app_bytes_up app_bytes_down active_s app_active_s app_transfer_s tasks
task_kinds capture (the first it was seen in).

Records come as tasks end; those of flows that time out within the same ten
seconds in any order. The last record has the event_type \"usage\" and holds the
tables, and quantiles of the figures.

With -i: tasks are told as they end, the report at the end, which SIGINT brings
about; SIGHUP loads the signatures of --signatures anew. What interfaces gave
and lost is a record (event_type \"interface\") with --format json, else a line
on standard error. Memory grows with users, up to some kilobytes each.

",
    exit_codes!()
);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let classifier = arguments.signatures.classifier()?;
    let task_table = TaskTable::embedded().map_err(|error| Stop::Failed(error.to_string()))?;
    let outlet = match arguments.format {
        Format::Table => Outlet::Table(open(arguments)?),
        #[cfg(feature = "charts")]
        Format::Html => Outlet::Html(open(arguments)?),
        #[cfg(not(feature = "charts"))]
        Format::Html => return Err(Stop::not_built_in("html", "charts")),
        Format::Json => Outlet::Json { output: open(arguments)?, addresses: arguments.addresses },
        #[cfg(feature = "parquet")]
        Format::Parquet => {
            let folder = arguments.output.as_deref().unwrap_or(Path::new("."));
            for name in ["flows", "tasks", "users"] {
                arguments.overwrite.allows(&folder.join(name).with_extension("parquet"))?;
            }
            fs::create_dir_all(folder)
                .map_err(|error| Stop::writing(&folder.display().to_string(), &error))?;
            Outlet::parquet(folder, classifier.set(), arguments.addresses)?
        }
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(Stop::not_built_in("parquet", "parquet")),
    };
    let is_broken = AtomicBool::new(false);
    let mut records = Records { outlet, written: Ok(()), is_broken: &is_broken };
    let tracker = arguments.networks.config(arguments.max_flows);
    let by_tunnel = arguments.users_by == Key::Tunnel;
    let config = Config { tracker, ipv6_prefix: arguments.ipv6_prefix, by_tunnel };
    let mut dissector = TaskDissector::new(&classifier, &task_table, config);
    let interrupt = if arguments.is_live() { Interrupt::listen_for_reloads() } else { Interrupt::listen() };
    let mut totals = Totals::default();
    #[cfg(target_os = "linux")]
    if arguments.is_live() {
        let signals = (&interrupt, arguments.signatures.reloading());
        live::listen(&arguments.live, &mut dissector, &mut records, signals, &mut totals)?;
    }
    let streams = arguments.captures.streams(&arguments.files)?;
    let planned: usize = streams.iter().map(Vec::len).sum();
    for stream in streams {
        let mut is_begun = false;
        let frames_at_most = frames_at_most(&stream);
        for file in &stream {
            let how = (arguments.captures.threads(), &mut is_begun, frames_at_most);
            let (complaints, counts) =
                dissect_file(file, how, &interrupt, &mut dissector, &mut records, &mut totals);
            totals.files += 1;
            totals.failed_files += u64::from(!complaints.is_empty());
            let sentence = counts.and_then(|counts| counts.sentence(&dissector.statistics()));
            notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
            if records.written.is_err() || interrupt.came() {
                break;
            }
        }
        if is_begun {
            totals.copies += dissector.copies();
            dissector.end_capture(&mut records);
            totals.evicted += dissector.statistics().evicted;
        }
        if records.written.is_err() || interrupt.came() {
            break;
        }
    }
    let Records { outlet, written, .. } = records;
    written?;
    report(outlet, &dissector.finish(), &totals)?;
    let (number, frames) = (totals.files, totals.counts.frames);
    let place = match planned {
        0 => format!("in interface {number}, after {frames} frames"),
        _ => format!("in file {number} of {planned}, after {frames} frames"),
    };
    if let Some(outcome) = interrupt.outcome(&place) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(totals.failed_files > 0))
}

fn open(arguments: &Arguments) -> Result<Output, Stop> {
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    if arguments.is_live() {
        output.write_at_once();
    }
    Ok(output)
}

/// One file; gives back the lines to complain about it, and what there was.
fn dissect_file(
    file: &Path,
    (threads, is_begun, frames_at_most): (usize, &mut bool, Option<usize>),
    interrupt: &Interrupt,
    dissector: &mut TaskDissector<'_>,
    records: &mut Records<'_, '_>,
    totals: &mut Totals,
) -> (Vec<String>, Option<Counts>) {
    let mut capture = match Capture::open_until(file, interrupt.flag(), false) {
        Ok(capture) => capture,
        // Nothing was waited for any longer.
        Err(_) if interrupt.came() => return (Vec::new(), None),
        Err(error) => return (vec![error.to_string()], None),
    };
    let name = capture.name().to_owned();
    if !std::mem::replace(is_begun, true) {
        dissector.begin_capture(&name, frames_at_most);
    }
    let mut progress = Progress::new(&name, capture.file_bytes(), records.outlet.scrolls());
    let is_broken = records.is_broken;
    let (counts, errors) = dissect(&mut capture, dissector, threads, records, |bytes| {
        progress.read(bytes);
        !is_broken.load(Ordering::Relaxed) && !interrupt.came()
    });
    totals.counts.add(&counts);
    (interrupt.ours(&errors), Some(counts))
}

/// Prints what is to be said at the end.
fn report(outlet: Outlet<'_>, usage: &Usage, totals: &Totals) -> Result<(), Stop> {
    match outlet {
        Outlet::Table(mut output) => {
            let is_terminal = output.is_terminal();
            let tables = tables(usage, APP, &minute).into_iter().chain(architecture(usage, APP));
            for table in tables.chain([distributions(usage)]) {
                output.text(&print(&table, is_terminal))?;
            }
            output.text(&footer(totals))?;
            output.finish()
        }
        #[cfg(feature = "charts")]
        Outlet::Html(mut output) => {
            let tables: Vec<Table> =
                tables(usage, APP, &minute).into_iter().chain(architecture(usage, APP)).collect();
            let page = html(&format!("{APP} usage"), &tables, &figures(usage));
            output.text(&page.map_err(Stop::Failed)?)?;
            output.finish()
        }
        Outlet::Json { mut output, .. } => {
            let record = UsageRecord { event_type: "usage", report: summary(usage) };
            let written = serde_json::to_writer(&mut output, &record)
                .map_err(Into::into)
                .and_then(|()| output.write_all(b"\n"))
                .and_then(|()| output.flush());
            output.explain(written)?;
            output.finish()
        }
        #[cfg(not(feature = "parquet"))]
        Outlet::Nowhere(_) => Ok(()),
        #[cfg(feature = "parquet")]
        Outlet::Parquet(folder, files) => {
            files.finish(usage).map_err(|error| Stop::writing(&folder.display().to_string(), &error))
        }
    }
}

/// Figures 6 and 7 in numbers.
fn distributions(usage: &Usage) -> Table {
    let rows = figures(usage)
        .iter()
        .flat_map(|figure| figure.lines.iter().map(move |line| (figure, line)))
        .map(|(figure, line)| {
            let quantiles =
                QUANTILES.iter().map(|share| line.quantile(*share).map_or_else(|| "-".into(), number));
            let lead = [figure.title, line.name, figure.unit].map(str::to_owned);
            lead.into_iter().chain([line.count.to_string()]).chain(quantiles).collect()
        })
        .collect();
    Table {
        title: "Distributions (Figures 6 and 7)".into(),
        note: "So many percent of the users (tasks) stay at or below the value.",
        columns: vec![
            "figure", "line", "unit", ">count", ">1 %", ">10 %", ">25 %", ">50 %", ">75 %", ">90 %", ">99 %",
        ],
        rows,
    }
}

/// Four leading digits.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        _ if value >= 1000.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn print(Table { title, note, columns, rows }: &Table, is_terminal: bool) -> String {
    let mut lines = table(is_terminal, columns);
    // Names come from captures.
    lines.add_rows(rows.iter().map(|row| row.iter().map(|cell| printable(cell))));
    format!("{title}\n{}{note}\n\n", text(&lines))
}

/// A point in time, as far as a table has room for it.
fn minute(time_us: u64) -> String {
    timestamp(time_us).chars().take(16).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

/// What was read, and what of it is not in the tables.
fn footer(Totals { counts, copies, evicted, failed_files, .. }: &Totals) -> String {
    let mut line = format!("{} frames", counts.frames);
    let left_out = [
        (counts.unsupported, "without TCP or UDP"),
        (counts.truncated, "cut short"),
        (counts.malformed, "malformed"),
        (counts.unknown_link, "of an unknown link type"),
        (*copies, "packets that came twice (a mirror port's copies), which count once"),
        (*evicted, "flows ended early to make room (see --max-flows)"),
        (*failed_files, "files with errors"),
    ];
    for (number, what) in left_out.into_iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {number} {what}");
    }
    line + "\n"
}
