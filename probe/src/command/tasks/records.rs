//! Where tasks go as they are found.

use std::io::Write;
#[cfg(feature = "parquet")]
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use wiremark::SignatureSet;
use wiremark_probe::time::timestamp;
#[cfg(feature = "parquet")]
use wiremark_tasks::FlowRecord;
#[cfg(feature = "parquet")]
use wiremark_tasks::parquet::ParquetFiles;
use wiremark_tasks::report::Summary;
use wiremark_tasks::{Sink, TaskRecord};

#[cfg(target_os = "linux")]
use crate::notes::InterfaceRecord;
use crate::output::Output;
use crate::stop::Stop;

/// Takes tasks, or waits for the report.
pub(super) enum Outlet<'s> {
    Table(Output),
    #[cfg(feature = "charts")]
    Html(Output),
    Json {
        output: Output,
        addresses: bool,
    },
    #[cfg(feature = "parquet")]
    Parquet(PathBuf, Box<ParquetFiles<'s>>),
    #[cfg(not(feature = "parquet"))]
    #[expect(dead_code, reason = "keeps the lifetime")]
    Nowhere(std::marker::PhantomData<&'s ()>),
}

impl<'s> Outlet<'s> {
    #[cfg(feature = "parquet")]
    pub(super) fn parquet(folder: &Path, set: &'s SignatureSet, addresses: bool) -> Result<Self, Stop> {
        let files = ParquetFiles::create(folder, set, addresses)
            .map_err(|error| Stop::writing(&folder.display().to_string(), &error))?;
        Ok(Self::Parquet(folder.to_owned(), Box::new(files)))
    }

    /// Whether tasks appear on the terminal as they are found.
    pub(super) fn scrolls(&self) -> bool {
        matches!(self, Self::Json { output, .. } if output.is_terminal())
    }
}

/// An outlet, and whether it could still be written to.
pub(super) struct Records<'r, 's> {
    pub(super) outlet: Outlet<'s>,
    pub(super) written: Result<(), Stop>,
    /// Set once it cannot, for the thread that reads.
    pub(super) is_broken: &'r AtomicBool,
}

impl<'s> Records<'_, 's> {
    /// Other signatures count from now on.
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables, clippy::unused_self))]
    pub(super) fn use_set(&mut self, set: &'s SignatureSet) {
        #[cfg(feature = "parquet")]
        if let Outlet::Parquet(_, files) = &mut self.outlet {
            files.use_set(set);
        }
    }

    /// Takes what an interface gave and lost; false where there is no place for it.
    #[cfg(target_os = "linux")]
    pub(super) fn interface(&mut self, record: &InterfaceRecord<'_>) -> Result<bool, Stop> {
        let Outlet::Json { output, .. } = &mut self.outlet else { return Ok(false) };
        let written = serde_json::to_writer(&mut *output, record)
            .map_err(Into::into)
            .and_then(|()| output.write_all(b"\n"))
            .and_then(|()| output.flush());
        output.explain(written).map(|()| true)
    }
}

impl Sink for Records<'_, '_> {
    fn task(&mut self, task: &TaskRecord<'_>) {
        match &mut self.outlet {
            Outlet::Json { output, addresses } if self.written.is_ok() => {
                let written = serde_json::to_writer(&mut *output, &TaskLine::new(task, *addresses))
                    .map_err(Into::into)
                    .and_then(|()| output.write_all(b"\n"))
                    .and_then(|()| output.flush());
                self.written = output.explain(written);
                self.is_broken.store(self.written.is_err(), Ordering::Relaxed);
            }
            #[cfg(feature = "parquet")]
            Outlet::Parquet(_, files) => files.task(task),
            _ => {}
        }
    }

    #[cfg(feature = "parquet")]
    fn flow(&mut self, flow: &FlowRecord<'_>) {
        if let Outlet::Parquet(_, files) = &mut self.outlet {
            files.flow(flow);
        }
    }
}

/// A task as a JSON line. Field names and their order are stable.
#[derive(Serialize)]
struct TaskLine<'a> {
    timestamp: String,
    event_type: &'static str,
    service: &'a str,
    task: &'a str,
    cgi: Option<&'a str>,
    request_type: Option<u32>,
    command_id: Option<u32>,
    transport: &'static str,
    bytes_up: u64,
    bytes_down: u64,
    completion_us: Option<u64>,
    user: String,
    capture: u32,
    flow: u64,
    missed_up: u64,
    missed_down: u64,
    logged_in: Option<bool>,
    cluster: Option<&'static str>,
    wider: bool,
    message_bytes_up: Option<u64>,
    message_bytes_down: Option<u64>,
}

impl<'a> TaskLine<'a> {
    fn new(task: &TaskRecord<'a>, addresses: bool) -> Self {
        Self {
            timestamp: timestamp(task.time_us),
            event_type: "task",
            service: task.service,
            task: task.task,
            cgi: task.cgi,
            request_type: task.request_type,
            command_id: task.command_id,
            transport: task.transport.name(),
            bytes_up: task.bytes_up,
            bytes_down: task.bytes_down,
            completion_us: task.completion_us,
            user: task.user.name(addresses),
            capture: task.capture,
            flow: task.flow,
            missed_up: task.missed[0],
            missed_down: task.missed[1],
            logged_in: task.is_logged_in,
            cluster: task.cluster.map(wiremark_tasks::Cluster::name),
            wider: task.is_wider,
            message_bytes_up: task.message_bytes[0],
            message_bytes_down: task.message_bytes[1],
        }
    }
}

/// The report as the last JSON line.
#[derive(Serialize)]
pub(super) struct UsageRecord {
    pub(super) event_type: &'static str,
    #[serde(flatten)]
    pub(super) report: Summary,
}
