//! What `classify` prints.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;

use comfy_table::Table;
use serde::Serialize;
use wiremark::{AppId, Flow, Role, SignatureSet};
use wiremark_capture::replay::Counts;
use wiremark_probe::beside::Beside;
use wiremark_probe::flows::record;
use wiremark_probe::record::FlowRecord;
#[cfg(feature = "parquet")]
use wiremark_probe::record::columns::cells;

#[cfg(feature = "parquet")]
use crate::column_output::ColumnOutput;
use crate::output::Output;
use crate::stop::{Stop, printable};
use crate::table::{share, table, text};

/// Takes flows as they end.
pub(crate) enum Report<'s> {
    Summary {
        set: &'s SignatureSet,
        output: Output,
        tallies: BTreeMap<(AppId, Role), Tally>,
    },
    Flows {
        set: &'s SignatureSet,
        output: Output,
        table: Table,
        with_file: bool,
        rows: Vec<(u64, Vec<String>)>,
    },
    Json {
        set: &'s SignatureSet,
        output: Output,
    },
    Csv {
        set: &'s SignatureSet,
        writer: csv::Writer<Output>,
    },
    #[cfg(feature = "parquet")]
    Columns {
        set: &'s SignatureSet,
        output: ColumnOutput,
    },
}

/// Sums over all files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) counts: Counts,
    /// Flows that ended because the flow table was full.
    pub(crate) evicted: u64,
    pub(crate) files: u64,
    pub(crate) failed_files: u64,
}

/// Sums over the flows of one app and role.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    flows: u64,
    packets: u64,
    bytes: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

impl<'s> Report<'s> {
    pub(crate) fn summary(set: &'s SignatureSet, output: Output) -> Self {
        Self::Summary { set, output, tallies: BTreeMap::new() }
    }

    pub(crate) fn flows(set: &'s SignatureSet, output: Output, with_file: bool) -> Self {
        let titles =
            [">flow", "proto", "from", "to", "app", "role", "evidence", "signature", ">packets", ">bytes"];
        let titles: Vec<_> = with_file.then_some("file").into_iter().chain(titles).collect();
        let table = table(output.is_terminal(), &titles);
        Self::Flows { set, output, table, with_file, rows: Vec::new() }
    }

    pub(crate) fn json(set: &'s SignatureSet, output: Output) -> Self {
        Self::Json { set, output }
    }

    pub(crate) fn csv(set: &'s SignatureSet, output: Output) -> Result<Self, Stop> {
        // The header is written here, so that it is there where no flow is.
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(output);
        let written =
            writer.write_record(FlowRecord::FIELDS).map_err(Into::into).and_then(|()| writer.flush());
        writer.get_ref().explain(written)?;
        Ok(Self::Csv { set, writer })
    }

    #[cfg(feature = "parquet")]
    pub(crate) fn columns(set: &'s SignatureSet, output: ColumnOutput) -> Self {
        Self::Columns { set, output }
    }

    /// Whether flows appear on the terminal as they end.
    pub(crate) fn scrolls(&self) -> bool {
        match self {
            Self::Json { output, .. } => output.is_terminal(),
            Self::Csv { writer, .. } => writer.get_ref().is_terminal(),
            _ => false,
        }
    }

    /// Takes one flow of a file.
    pub(crate) fn flow(&mut self, file: &str, flow: &Flow, beside: Option<Box<Beside>>) -> Result<(), Stop> {
        match self {
            Self::Summary { tallies, .. } => {
                let [packets, bytes] = [flow.packets, flow.bytes].map(|[up, down]| up + down);
                let key = (flow.verdict.app, flow.verdict.role);
                tallies.entry(key).or_default().add(Tally { flows: 1, packets, bytes });
                Ok(())
            }
            Self::Flows { set, with_file, rows, .. } => {
                let record = FlowRecord::new(flow, set);
                let dash = |word: Option<&str>| word.unwrap_or("-").to_owned();
                let cells = [
                    flow.number.to_string(),
                    record.proto.to_owned(),
                    SocketAddr::new(record.src_ip, record.src_port).to_string(),
                    SocketAddr::new(record.dest_ip, record.dest_port).to_string(),
                    dash(record.app),
                    dash(record.role),
                    dash(record.confidence),
                    dash(record.signature),
                    (record.packets_toserver + record.packets_toclient).to_string(),
                    (record.bytes_toserver + record.bytes_toclient).to_string(),
                ];
                rows.push((
                    flow.number,
                    with_file.then(|| printable(file)).into_iter().chain(cells).collect(),
                ));
                Ok(())
            }
            Self::Json { .. } => self.event("flow", file, flow, beside),
            Self::Csv { set, writer } => {
                let written = writer
                    .write_record(record(file, flow, beside, set).cells())
                    .map_err(Into::into)
                    .and_then(|()| writer.flush());
                writer.get_ref().explain(written)
            }
            #[cfg(feature = "parquet")]
            Self::Columns { set, output } => output.row(&cells(&record(file, flow, beside, set))),
        }
    }

    /// Whether there is a place for records that are no flow's.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::Json { .. })
    }

    /// Takes a record that is not a flow's, where records go one after the other.
    pub(crate) fn other(&mut self, record: &impl Serialize) -> Result<(), Stop> {
        let Self::Json { output, .. } = self else { return Ok(()) };
        let written = serde_json::to_writer(&mut *output, record)
            .map_err(Into::into)
            .and_then(|()| output.write_all(b"\n"))
            .and_then(|()| output.flush());
        output.explain(written)
    }

    /// Takes a flow whose verdict changed just now.
    pub(crate) fn verdict(
        &mut self,
        file: &str,
        flow: &Flow,
        beside: Option<Box<Beside>>,
    ) -> Result<(), Stop> {
        self.event("verdict", file, flow, beside)
    }

    fn event(
        &mut self,
        kind: &'static str,
        file: &str,
        flow: &Flow,
        beside: Option<Box<Beside>>,
    ) -> Result<(), Stop> {
        let Self::Json { set, output } = self else { return Ok(()) };
        let mut bytes = Vec::with_capacity(1024);
        line(&mut bytes, (kind, file), flow, beside, set);
        let written = output.write_all(&bytes).and_then(|()| output.flush());
        output.explain(written)
    }

    /// The signatures by which lines of JSON are written, where they are.
    pub(crate) fn set_of_lines(&self) -> Option<&'s SignatureSet> {
        if let Self::Json { set, .. } = self { Some(*set) } else { None }
    }

    /// Takes lines that [`line()`] wrote.
    pub(crate) fn lines(&mut self, lines: &[u8]) -> Result<(), Stop> {
        let Self::Json { output, .. } = self else { return Ok(()) };
        let mut each = lines.split_inclusive(|byte| *byte == b'\n');
        let written = each.try_for_each(|line| output.write_all(line).and_then(|()| output.flush()));
        output.explain(written)
    }

    /// Other signatures count from now on.
    pub(crate) fn use_set(&mut self, new: &'s SignatureSet) {
        match self {
            Self::Summary { set, .. }
            | Self::Flows { set, .. }
            | Self::Json { set, .. }
            | Self::Csv { set, .. } => *set = new,
            #[cfg(feature = "parquet")]
            Self::Columns { set, .. } => *set = new,
        }
    }

    /// Takes note that the next flow belongs to another file.
    pub(crate) fn end_of_file(&mut self) {
        if let Self::Flows { table, rows, .. } = self {
            rows.sort_by_key(|(number, _)| *number);
            table.add_rows(rows.drain(..).map(|(_, cells)| cells));
        }
    }

    /// Prints what is left to print.
    pub(crate) fn finish(self, totals: &Totals) -> Result<(), Stop> {
        match self {
            Self::Summary { set, mut output, tallies } => {
                output.text(&summary(set, &tallies, output.is_terminal()))?;
                output.text(&footer(totals))?;
                output.finish()
            }
            Self::Flows { mut output, table, .. } => {
                output.text(&text(&table))?;
                output.text(&footer(totals))?;
                output.finish()
            }
            Self::Json { mut output, .. } => output.finish(),
            Self::Csv { writer, .. } => match writer.into_inner() {
                Ok(mut output) => output.finish(),
                Err(error) => Err(Stop::writing("the CSV output", error.error())),
            },
            #[cfg(feature = "parquet")]
            Self::Columns { output, .. } => output.finish(),
        }
    }
}

/// Writes a flow's record of this kind, of this file, as a line of JSON.
pub(crate) fn line(
    to: &mut Vec<u8>,
    (kind, file): (&'static str, &str),
    flow: &Flow,
    beside: Option<Box<Beside>>,
    set: &SignatureSet,
) {
    let record = FlowRecord { event_type: kind, ..record(file, flow, beside, set) };
    // Memory takes whatever is written.
    let _ = serde_json::to_writer(&mut *to, &record);
    to.push(b'\n');
}

fn summary(set: &SignatureSet, tallies: &BTreeMap<(AppId, Role), Tally>, is_terminal: bool) -> String {
    let mut total = Tally::default();
    tallies.values().for_each(|tally| total.add(*tally));
    let mut table = table(is_terminal, &["app", "role", ">flows", ">packets", ">bytes", ">share of bytes"]);
    let mut row = |app: &str, role: &str, tally: &Tally| {
        let numbers = [tally.flows, tally.packets, tally.bytes].map(|number| number.to_string());
        let [flows, packets, bytes] = numbers;
        table.add_row([
            app.to_owned(),
            role.to_owned(),
            flows,
            packets,
            bytes,
            share(tally.bytes, total.bytes),
        ]);
    };
    let mut apps: Vec<_> = set.apps().iter().collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    for app in apps {
        for ((_, role), tally) in tallies.range((app.id, Role(0))..=(app.id, Role(u8::MAX))) {
            row(&app.name, set.role_name(app.id, *role), tally);
        }
    }
    let unclassified = tallies.get(&(AppId(0), Role(0))).copied().unwrap_or_default();
    row("(unclassified)", "", &unclassified);
    row("total", "", &total);
    text(&table)
}

/// What was read, and what of it is not in the table.
fn footer(totals: &Totals) -> String {
    let Totals { counts, evicted, files, failed_files } = totals;
    let mut line = format!("{}, {}", plural(*files, "file"), plural(counts.frames, "frame"));
    let left_out = [
        (counts.unsupported, "without TCP or UDP"),
        (counts.truncated, "cut short"),
        (counts.malformed, "malformed"),
        (counts.unknown_link, "of an unknown link type"),
    ];
    for (number, what) in left_out.into_iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {number} {what}");
    }
    if *evicted > 0 {
        line += &format!("; {} ended early to make room (see --max-flows)", plural(*evicted, "flow"));
    }
    if *failed_files > 0 {
        line += &format!("; {} with errors", plural(*failed_files, "file"));
    }
    line + "\n"
}

fn plural(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
