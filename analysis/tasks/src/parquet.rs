//! Flows, tasks and users as Parquet files.

use std::fs::File;
use std::io;
use std::path::Path;

use wiremark::SignatureSet;
use wiremark_report::columns::{Cell, Column, Kind, Layout, ParquetFile};

use super::columns;
use super::record::{FlowRecord, Sink, TaskRecord, UserRecord};
use super::usage::Usage;

/// Columns of `flows.parquet`; README.md says what they mean.
const FLOWS: [Column; 21] = [
    Column::new("capture", Kind::Int),
    Column::new("flow", Kind::Long),
    Column::new("user", Kind::Text),
    Column::optional("server_ip", Kind::Text),
    Column::new("server_port", Kind::Int),
    Column::new("transport", Kind::Word),
    Column::optional("app", Kind::Word),
    Column::optional("role", Kind::Word),
    Column::new("carrier", Kind::Word),
    Column::optional("signature", Kind::Word),
    Column::optional("first_us", Kind::Time),
    Column::optional("last_us", Kind::Time),
    Column::new("packets_up", Kind::Long),
    Column::new("packets_down", Kind::Long),
    Column::new("bytes_up", Kind::Long),
    Column::new("bytes_down", Kind::Long),
    Column::new("is_app", Kind::Flag),
    Column::new("missed_up", Kind::Long),
    Column::new("missed_down", Kind::Long),
    Column::new("client_port", Kind::Int),
    FLOW_ID,
];

/// Columns of `tasks.parquet`: those of a task's record but for `event_type`, which is the same in every row.
const TASKS: [Column; 21] = {
    let mut columns = [FLOW_ID; 21];
    columns[0] = Column::optional("time_us", Kind::Time);
    let mut at = 1;
    while at < columns.len() - 1 {
        columns[at] = columns::COLUMNS[at + 1];
        at += 1;
    }
    columns
};

const USERS: [Column; 14] = [
    Column::new("user", Kind::Text),
    Column::optional("first_us", Kind::Time),
    Column::optional("last_us", Kind::Time),
    Column::new("has_app", Kind::Flag),
    Column::new("bytes_up", Kind::Long),
    Column::new("bytes_down", Kind::Long),
    Column::new("app_bytes_up", Kind::Long),
    Column::new("app_bytes_down", Kind::Long),
    Column::new("active_s", Kind::Long),
    Column::new("app_active_s", Kind::Long),
    Column::new("app_transfer_s", Kind::Long),
    Column::new("tasks", Kind::Long),
    Column::new("task_kinds", Kind::Int),
    Column::new("capture", Kind::Int),
];

/// What `flows.parquet` and `tasks.parquet` are joined by.
const FLOW_ID: Column = Column::new("flow_id", Kind::Long);

/// A number that no other flow of the same run has: its capture's in the bits from 40 on, its own in that capture below.
fn flow_id(capture: u32, flow: u64) -> Cell<'static> {
    (u64::from(capture) << 40 | flow).into()
}

/// Writes `flows.parquet`, `tasks.parquet` and `users.parquet` into a folder; a [`Sink`] while captures are read.
#[derive(Debug)]
pub struct ParquetFiles<'s> {
    set: &'s SignatureSet,
    with_addresses: bool,
    flows: ParquetFile<File>,
    tasks: ParquetFile<File>,
    users: ParquetFile<File>,
    /// The first thing that went wrong while rows came in.
    error: Option<io::Error>,
}

impl<'s> ParquetFiles<'s> {
    /// Names apps, roles and signatures by this set from now on.
    pub fn use_set(&mut self, set: &'s SignatureSet) {
        self.set = set;
    }

    /// Makes the three files; addresses stand in them only where asked for.
    ///
    /// # Errors
    /// A file that cannot be made.
    pub fn create(folder: &Path, set: &'s SignatureSet, with_addresses: bool) -> io::Result<Self> {
        let open = |name: &str, columns: &[Column]| {
            ParquetFile::new(File::create(folder.join(name))?, columns, Layout::default())
        };
        Ok(Self {
            set,
            with_addresses,
            flows: open("flows.parquet", &FLOWS)?,
            tasks: open("tasks.parquet", &TASKS)?,
            users: open("users.parquet", &USERS)?,
            error: None,
        })
    }

    /// Writes the users and closes the files.
    ///
    /// # Errors
    /// The first thing that could not be written, now or before.
    pub fn finish(mut self, usage: &Usage) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        for (id, user) in (0..).map(super::UserId).zip(&usage.users) {
            let name = UserRecord { id, user }.name(self.with_addresses);
            let row = [
                Cell::Text(&name),
                Cell::time(user.first_us),
                Cell::time(user.last_us()),
                Cell::Flag(user.has_app),
                user.bytes[0].into(),
                user.bytes[1].into(),
                user.app_bytes[0].into(),
                user.app_bytes[1].into(),
                user.active_s().into(),
                user.app_active_s().into(),
                user.app_transfer_s().into(),
                user.tasks().into(),
                Cell::Int(i32::try_from(user.task_kinds()).unwrap_or(i32::MAX)),
                Cell::Int(i32::try_from(user.capture).unwrap_or(i32::MAX)),
            ];
            self.users.row(&row)?;
        }
        for file in [self.flows, self.tasks, self.users] {
            file.finish()?;
        }
        Ok(())
    }
}

impl Sink for ParquetFiles<'_> {
    fn task(&mut self, task: &TaskRecord<'_>) {
        let user = task.user.name(self.with_addresses);
        let [time, _, rest @ ..] = columns::cells(task, &user);
        let mut row = [time; TASKS.len()];
        row[1..=rest.len()].copy_from_slice(&rest);
        row[TASKS.len() - 1] = flow_id(task.capture, task.flow);
        let written = self.tasks.row(&row);
        self.error = self.error.take().or(written.err());
    }

    fn flow(&mut self, flow: &FlowRecord<'_>) {
        let user = flow.user.name(self.with_addresses);
        let server = self.with_addresses.then(|| flow.server.0.to_string());
        let verdict = &flow.verdict;
        let app = self.set.app(verdict.app).filter(|_| verdict.is_match());
        let signature = app.and_then(|_| self.set.signature(verdict.signature));
        let row = [
            Cell::Int(i32::try_from(flow.capture).unwrap_or(i32::MAX)),
            flow.number.into(),
            Cell::Text(&user),
            Cell::from_option(server.as_deref()),
            Cell::Int(flow.server.1.into()),
            Cell::Text(if flow.is_tcp { "TCP" } else { "UDP" }),
            Cell::from_option(app.map(|app| app.name.as_str())),
            Cell::from_option(app.map(|app| self.set.role_name(app.id, verdict.role))),
            Cell::Text(verdict.carrier.name()),
            Cell::from_option(signature.map(|signature| signature.name.as_str())),
            Cell::time(flow.first_us),
            Cell::time(flow.last_us),
            flow.packets[0].into(),
            flow.packets[1].into(),
            flow.bytes[0].into(),
            flow.bytes[1].into(),
            Cell::Flag(flow.is_app),
            flow.missed[0].into(),
            flow.missed[1].into(),
            Cell::Int(flow.client_port.into()),
            flow_id(flow.capture, flow.number),
        ];
        let written = self.flows.row(&row);
        self.error = self.error.take().or(written.err());
    }
}
