//! Flows, tasks and users as Parquet files.

use std::io;
use std::path::Path;

use wiremark::SignatureSet;
use wiremark_report::columns::{Cell, ColumnError, ColumnFile};

use super::catalog::Cluster;
use super::record::{FlowRecord, Sink, TaskRecord, UserRecord};
use super::usage::Usage;

const FLOWS: &str = "message flows {
    required int32 capture; required int64 flow; required binary user (string);
    optional binary server_ip (string); required int32 server_port; required binary transport (string);
    optional binary app (string); optional binary role (string); required binary carrier (string);
    optional binary signature (string); required int64 first_us (timestamp(micros,true));
    required int64 last_us (timestamp(micros,true)); required int64 packets_up; required int64 packets_down;
    required int64 bytes_up; required int64 bytes_down; required boolean is_app; required int64 missed_up;
    required int64 missed_down;
}";

const TASKS: &str = "message tasks {
    required int32 capture; required int64 time_us (timestamp(micros,true)); required binary user (string);
    required int64 flow;
    required binary service (string); required binary task (string); optional binary cgi (string);
    optional int64 request_type; optional int64 command_id; required binary transport (string);
    required int64 bytes_up; required int64 bytes_down; optional int64 completion_us; required int64 missed_up;
    required int64 missed_down; optional boolean logged_in; optional binary cluster (string);
    required boolean wider; optional int64 message_bytes_up; optional int64 message_bytes_down;
}";

const USERS: &str = "message users {
    required binary user (string); required int64 first_us (timestamp(micros,true));
    required int64 last_us (timestamp(micros,true)); required boolean has_app; required int64 bytes_up;
    required int64 bytes_down; required int64 app_bytes_up; required int64 app_bytes_down; required int64 active_s;
    required int64 app_active_s; required int64 app_transfer_s; required int64 tasks; required int32 task_kinds;
}";

/// Writes `flows.parquet`, `tasks.parquet` and `users.parquet` into a folder; a [`Sink`] while captures are read.
#[derive(Debug)]
pub struct ParquetFiles<'s> {
    set: &'s SignatureSet,
    with_addresses: bool,
    flows: ColumnFile,
    tasks: ColumnFile,
    users: ColumnFile,
    /// The first thing that went wrong while rows came in.
    error: Option<ColumnError>,
}

impl<'s> ParquetFiles<'s> {
    /// Makes the three files; addresses stand in them only where asked for.
    ///
    /// # Errors
    /// A file that cannot be made.
    pub fn create(folder: &Path, set: &'s SignatureSet, with_addresses: bool) -> io::Result<Self> {
        let open = |name: &str, schema| ColumnFile::create(&folder.join(name), schema);
        Ok(Self {
            set,
            with_addresses,
            flows: open("flows.parquet", FLOWS)?,
            tasks: open("tasks.parquet", TASKS)?,
            users: open("users.parquet", USERS)?,
            error: None,
        })
    }

    /// Writes the users and closes the files.
    ///
    /// # Errors
    /// The first thing that could not be written, now or before.
    pub fn finish(mut self, usage: &Usage) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(io::Error::other(error));
        }
        for (id, user) in (0..).map(super::UserId).zip(&usage.users) {
            let name = UserRecord { id, user }.name(self.with_addresses);
            let row = [
                Cell::Text(Some(&name)),
                Cell::Long(Some(long(user.first_us))),
                Cell::Long(Some(long(user.last_us()))),
                Cell::Flag(user.has_app),
                Cell::Long(Some(long(user.bytes[0]))),
                Cell::Long(Some(long(user.bytes[1]))),
                Cell::Long(Some(long(user.app_bytes[0]))),
                Cell::Long(Some(long(user.app_bytes[1]))),
                Cell::Long(Some(long(user.active_s()))),
                Cell::Long(Some(long(user.app_active_s()))),
                Cell::Long(Some(long(user.app_transfer_s()))),
                Cell::Long(Some(long(user.tasks()))),
                Cell::Int(i32::try_from(user.task_kinds()).unwrap_or(i32::MAX)),
            ];
            self.users.row(&row).map_err(io::Error::other)?;
        }
        for file in [self.flows, self.tasks, self.users] {
            file.finish().map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl Sink for ParquetFiles<'_> {
    fn task(&mut self, task: &TaskRecord<'_>) {
        let user = task.user.name(self.with_addresses);
        let row = [
            Cell::Int(i32::try_from(task.capture).unwrap_or(i32::MAX)),
            Cell::Long(Some(long(task.time_us))),
            Cell::Text(Some(&user)),
            Cell::Long(Some(long(task.flow))),
            Cell::Text(Some(task.service)),
            Cell::Text(Some(task.task)),
            Cell::Text(task.cgi),
            Cell::Long(task.request_type.map(i64::from)),
            Cell::Long(task.command_id.map(i64::from)),
            Cell::Text(Some(task.transport.name())),
            Cell::Long(Some(long(task.bytes_up))),
            Cell::Long(Some(long(task.bytes_down))),
            Cell::Long(task.completion_us.map(long)),
            Cell::Long(Some(long(task.missed[0]))),
            Cell::Long(Some(long(task.missed[1]))),
            Cell::OptionalFlag(task.is_logged_in),
            Cell::Text(task.cluster.map(Cluster::name)),
            Cell::Flag(task.is_wider),
            Cell::Long(task.message_bytes[0].map(long)),
            Cell::Long(task.message_bytes[1].map(long)),
        ];
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
            Cell::Long(Some(long(flow.number))),
            Cell::Text(Some(&user)),
            Cell::Text(server.as_deref()),
            Cell::Int(flow.server.1.into()),
            Cell::Text(Some(if flow.is_tcp { "TCP" } else { "UDP" })),
            Cell::Text(app.map(|app| app.name.as_str())),
            Cell::Text(app.map(|app| self.set.role_name(app.id, verdict.role))),
            Cell::Text(Some(verdict.carrier.name())),
            Cell::Text(signature.map(|signature| signature.name.as_str())),
            Cell::Long(Some(long(flow.first_us))),
            Cell::Long(Some(long(flow.last_us))),
            Cell::Long(Some(long(flow.packets[0]))),
            Cell::Long(Some(long(flow.packets[1]))),
            Cell::Long(Some(long(flow.bytes[0]))),
            Cell::Long(Some(long(flow.bytes[1]))),
            Cell::Flag(flow.is_app),
            Cell::Long(Some(long(flow.missed[0]))),
            Cell::Long(Some(long(flow.missed[1]))),
        ];
        let written = self.flows.row(&row);
        self.error = self.error.take().or(written.err());
    }
}

fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
