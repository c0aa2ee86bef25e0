//! What `calls` prints.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;
use wiremark::SignatureSet;
#[cfg(feature = "parquet")]
use wiremark_calls::record::columns::{COLUMNS, batch};
use wiremark_calls::{Atlas, Call, Names, Record, picture, story};
use wiremark_probe::time::timestamp;
#[cfg(feature = "parquet")]
use wiremark_report::columns::Layout;

#[cfg(feature = "parquet")]
use crate::column_output::ColumnOutput;
use crate::output::Output;
use crate::stop::{Stop, printable};

/// How calls are told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Words and small tables, one screen a call
    Story,
    /// JSON lines, a record a call
    Json,
    /// A picture: lanes for relays, peer, signalling and media over time, one call below the other; kept until the end,
    /// where all other formats tell each call as it ends
    Svg,
    /// The pictures and the stories as a page
    Html,
    /// The fields of the JSON records as a Parquet file
    Parquet,
    /// The same as an Arrow IPC stream
    Arrow,
}

/// Tells calls as they end.
pub(crate) struct Report<'s> {
    format: Format,
    output: Output,
    set: &'s SignatureSet,
    names: Names,
    only: Option<u64>,
    calls: u64,
    /// The height of a document of pictures is known at the end only.
    pictures: Vec<picture::Picture>,
    /// Whether a page has its beginning.
    is_begun: bool,
    /// Number and heading of the calls on a page.
    listed: Vec<(u64, String)>,
    /// What tells countries of relays.
    atlas: Option<Box<dyn Atlas>>,
}

/// A record with its time in the way of Suricata's EVE.
#[derive(Serialize)]
struct Line<'r> {
    timestamp: String,
    file: &'r str,
    #[serde(flatten)]
    record: &'r Record,
}

/// Takes calls as they end, for whatever format.
pub(crate) enum Outlet<'s> {
    Told(Box<Report<'s>>),
    #[cfg(feature = "parquet")]
    Columns(Box<ColumnReport<'s>>),
}

impl<'s> Outlet<'s> {
    pub(crate) fn new(
        format: Format,
        output: Output,
        set: &'s SignatureSet,
        addresses: bool,
        only: Option<u64>,
        atlas: Option<Box<dyn Atlas>>,
    ) -> Result<Self, Stop> {
        #[cfg(feature = "parquet")]
        let columns = |output, atlas| {
            let (names, records) = (Names::new(addresses), Vec::new());
            Ok(Self::Columns(Box::new(ColumnReport { output, set, names, atlas, only, records })))
        };
        match format {
            #[cfg(feature = "parquet")]
            Format::Parquet => columns(ColumnOutput::parquet(output, &COLUMNS, Layout::default())?, atlas),
            #[cfg(feature = "parquet")]
            Format::Arrow => columns(ColumnOutput::arrow(output, &COLUMNS, false)?, atlas),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet | Format::Arrow => Err(Stop::not_built_in("parquet and arrow", "parquet")),
            _ => Ok(Self::Told(Box::new(Report::new(format, output, set, addresses, only, atlas)))),
        }
    }

    /// Whether calls appear on the terminal as they end.
    pub(crate) fn scrolls(&self) -> bool {
        matches!(self, Self::Told(report) if report.scrolls())
    }

    /// Takes a record that is not a call's; false where there is no place for it.
    #[cfg(target_os = "linux")]
    pub(crate) fn other(&mut self, record: &impl Serialize) -> Result<bool, Stop> {
        match self {
            Self::Told(report) if report.format == Format::Json => report.line(record).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Other signatures count from now on.
    pub(crate) fn use_set(&mut self, set: &'s SignatureSet) {
        match self {
            Self::Told(report) => report.set = set,
            #[cfg(feature = "parquet")]
            Self::Columns(report) => report.set = set,
        }
    }

    /// Takes one call of a file.
    pub(crate) fn call(&mut self, file: &str, call: Call) -> Result<(), Stop> {
        match self {
            Self::Told(report) => report.call(file, call),
            #[cfg(feature = "parquet")]
            Self::Columns(report) => report.call(file, call),
        }
    }

    /// Prints what is left to print.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        match self {
            Self::Told(report) => report.finish(),
            #[cfg(feature = "parquet")]
            Self::Columns(mut report) => report.write().and_then(|()| report.output.finish()),
        }
    }
}

/// A call's record, with countries where there is an atlas.
fn record(call: Call, set: &SignatureSet, names: &mut Names, atlas: &mut Option<Box<dyn Atlas>>) -> Record {
    match atlas {
        Some(atlas) => Record::located(call, set, names, Some(atlas.as_mut())),
        None => Record::new(call, set, names),
    }
}

/// Calls of a batch of columns.
#[cfg(feature = "parquet")]
const BATCH_CALLS: usize = 256;

/// Calls as columns; what they tell together is for those who read the columns.
#[cfg(feature = "parquet")]
pub(crate) struct ColumnReport<'s> {
    output: ColumnOutput,
    set: &'s SignatureSet,
    names: Names,
    atlas: Option<Box<dyn Atlas>>,
    only: Option<u64>,
    /// With their files.
    records: Vec<(String, Record)>,
}

#[cfg(feature = "parquet")]
impl ColumnReport<'_> {
    fn call(&mut self, file: &str, call: Call) -> Result<(), Stop> {
        let record = record(call, self.set, &mut self.names, &mut self.atlas);
        if self.only.is_none_or(|only| only == record.call_id) {
            self.records.push((file.to_owned(), record));
        }
        if self.records.len() >= BATCH_CALLS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Stop> {
        let records = std::mem::take(&mut self.records);
        if records.is_empty() { Ok(()) } else { self.output.batch(batch(&records)) }
    }
}

impl<'s> Report<'s> {
    fn new(
        format: Format,
        output: Output,
        set: &'s SignatureSet,
        addresses: bool,
        only: Option<u64>,
        atlas: Option<Box<dyn Atlas>>,
    ) -> Self {
        let names = Names::new(addresses);
        Self {
            format,
            output,
            set,
            names,
            only,
            calls: 0,
            pictures: Vec::new(),
            is_begun: false,
            listed: Vec::new(),
            atlas,
        }
    }

    /// Whether calls appear on the terminal as they end.
    fn scrolls(&self) -> bool {
        self.output.is_terminal() && matches!(self.format, Format::Story | Format::Json)
    }

    /// Takes one call of a file.
    fn call(&mut self, file: &str, call: Call) -> Result<(), Stop> {
        // Every call counts for the number of relays, also those that are not printed.
        let record = record(call, self.set, &mut self.names, &mut self.atlas);
        self.calls += 1;
        if self.only.is_some_and(|only| only != record.call_id) {
            return Ok(());
        }
        let timestamp = timestamp(record.start_us);
        match self.format {
            Format::Story => self.output.text(&(story::tell(&record, &timestamp) + "\n")),
            Format::Json => self.line(&Line { timestamp, file, record: &record }),
            Format::Svg => {
                self.pictures.push(picture::draw(&record, &timestamp));
                Ok(())
            }
            Format::Html => {
                self.begin_page()?;
                let picture = picture::draw(&record, &timestamp);
                let (number, app) = (record.call_id, record.app.as_deref().unwrap_or("unknown app"));
                let heading =
                    format!("Call {number}: {app}, {}, {timestamp}, {}", record.outcome, printable(file));
                let section = picture::section(&picture, &story::tell(&record, &timestamp), number, &heading);
                self.listed.push((number, heading));
                self.output.text(&section)
            }
            Format::Parquet | Format::Arrow => Ok(()),
        }
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), Stop> {
        let written = serde_json::to_writer(&mut self.output, line)
            .map_err(Into::into)
            .and_then(|()| self.output.write_all(b"\n"))
            .and_then(|()| self.output.flush());
        self.output.explain(written)
    }

    fn begin_page(&mut self) -> Result<(), Stop> {
        let is_begun = std::mem::replace(&mut self.is_begun, true);
        if is_begun { Ok(()) } else { self.output.text(&picture::page_start()) }
    }

    /// Prints what is left to print.
    fn finish(mut self) -> Result<(), Stop> {
        match self.format {
            Format::Story => {
                let close = story::close(&self.names, self.calls);
                self.output.text(&format!("{close}MOS: {}\n", story::assumptions()))?;
            }
            Format::Json => {
                // What all calls tell together: of one call alone there is nothing to tell.
                if let Some(estimate) = self.names.mark_recapture.estimate().filter(|_| self.only.is_none()) {
                    self.line(&estimate)?;
                }
            }
            Format::Svg => self.output.text(&picture::document(&self.pictures))?,
            Format::Html => {
                self.begin_page()?;
                self.output.text(&picture::page_end(&story::close(&self.names, self.calls), &self.listed))?;
            }
            Format::Parquet | Format::Arrow => {}
        }
        self.output.finish()
    }
}
