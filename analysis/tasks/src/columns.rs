//! The fields of a task's record as typed columns.

use wiremark_report::columns::{Cell, Column, Kind};

use super::catalog::Cluster;
use super::record::TaskRecord;

/// The columns, in the order of a JSON line of `wiremark tasks`.
pub const COLUMNS: [Column; 21] = [
    Column::optional("timestamp", Kind::Time),
    Column::new("event_type", Kind::Word),
    Column::new("service", Kind::Word),
    Column::new("task", Kind::Word),
    Column::optional("cgi", Kind::Word),
    Column::optional("request_type", Kind::Long),
    Column::optional("command_id", Kind::Long),
    Column::new("transport", Kind::Word),
    Column::new("bytes_up", Kind::Long),
    Column::new("bytes_down", Kind::Long),
    Column::optional("completion_us", Kind::Long),
    Column::new("user", Kind::Text),
    Column::new("capture", Kind::Int),
    Column::new("flow", Kind::Long),
    Column::new("missed_up", Kind::Long),
    Column::new("missed_down", Kind::Long),
    Column::optional("logged_in", Kind::Flag),
    Column::optional("cluster", Kind::Word),
    Column::new("wider", Kind::Flag),
    Column::optional("message_bytes_up", Kind::Long),
    Column::optional("message_bytes_down", Kind::Long),
];

/// A task's cells, one a column of [`COLUMNS`]; `user` is what its user is called.
pub fn cells<'a>(task: &TaskRecord<'a>, user: &'a str) -> [Cell<'a>; COLUMNS.len()] {
    [
        Cell::time(task.time_us),
        Cell::Text("task"),
        Cell::Text(task.service),
        Cell::Text(task.task),
        Cell::from_option(task.cgi),
        Cell::from_option(task.request_type),
        Cell::from_option(task.command_id),
        Cell::Text(task.transport.name()),
        task.bytes_up.into(),
        task.bytes_down.into(),
        Cell::from_option(task.completion_us),
        Cell::Text(user),
        Cell::Int(i32::try_from(task.capture).unwrap_or(i32::MAX)),
        task.flow.into(),
        task.missed[0].into(),
        task.missed[1].into(),
        Cell::from_option(task.is_logged_in),
        Cell::from_option(task.cluster.map(Cluster::name)),
        Cell::Flag(task.is_wider),
        Cell::from_option(task.message_bytes[0]),
        Cell::from_option(task.message_bytes[1]),
    ]
}
