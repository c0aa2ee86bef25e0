//! The task table: what requests, messages and hosts of one app mean, read from data.

mod error;
mod rows;
mod rules;

pub use error::LoadError;
pub(super) use rules::{DatagramRule, Framing, MediaRules, Request, RequestRule};
use rules::{HostName, LongLinkRules, Rules};

use std::sync::Arc;

use super::by_number::ByNumber;

/// The shipped tables: name and text of the rows' file (CSV) and of the rules' file (TOML).
pub const EMBEDDED: [(&str, &str); 2] = [
    ("tasks/wechat.csv", include_str!("../../../../signatures/tasks/wechat.csv")),
    ("tasks/wechat.toml", include_str!("../../../../signatures/tasks/wechat.toml")),
];

/// Number of a task in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u16);

/// A task and the service it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskName {
    /// The service, such as `Instant Messaging`.
    pub service: String,
    /// The task, such as `Send texts`.
    pub task: String,
}

/// One known request.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Path of the CGI; none where the request exists on the long link alone.
    pub(super) cgi: Option<Arc<str>>,
    pub(super) request_type: Option<u32>,
    /// Whether only servers send it.
    pub(super) is_push: bool,
    pub(super) task: TaskId,
}

/// What is seen of a request or message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// Command id of the long link.
    pub(super) command: Option<u32>,
    /// From the business header.
    pub(super) request_type: Option<u32>,
    /// Whether the server sent it first.
    pub(super) from_server: bool,
}

/// Rows and rules, checked.
#[derive(Debug)]
pub struct TaskTable {
    names: Vec<TaskName>,
    rows: Vec<Row>,
    by_path: ByNumber<String, usize>,
    by_command: ByNumber<u32, Vec<usize>>,
    by_request_type: ByNumber<u32, Option<usize>>,
    rules: Rules,
}

impl TaskTable {
    /// The shipped table.
    ///
    /// # Errors
    /// None in a build whose tests pass.
    pub fn embedded() -> Result<Self, LoadError> {
        let [rows, rules] = EMBEDDED;
        Self::load(rows, rules)
    }

    /// Reads a table from name and text of its two files: rows as CSV, rules as TOML.
    ///
    /// # Errors
    /// The first thing wrong, with file, line and column.
    pub fn load(rows: (&str, &str), rules: (&str, &str)) -> Result<Self, LoadError> {
        let mut names = Names::default();
        let (rows_file, rows_text) = rows;
        let rows = rows::read(rows_file, rows_text, &mut names)?;
        let rules = Rules::read(rules.0, rules.1, &mut names)?;
        let (mut by_path, mut by_command, mut by_request_type) =
            (ByNumber::default(), ByNumber::<u32, Vec<usize>>::default(), ByNumber::default());
        for (index, row) in rows.iter().enumerate() {
            if let Some(path) = &row.row.cgi {
                by_path.entry(path.to_ascii_lowercase()).or_insert(index);
            }
            if let Some(command) = row.command {
                by_command.entry(command).or_default().push(index);
            }
            if let Some(request_type) = row.row.request_type {
                by_request_type.entry(request_type).or_insert(Some(index));
            }
        }
        // A type that was given away twice, for different tasks, names nothing by itself.
        for row in &rows {
            let known = row.row.request_type.and_then(|kind| by_request_type.get_mut(&kind));
            if let Some(known) = known
                && known.is_some_and(|index: usize| rows[index].row.task != row.row.task)
            {
                *known = None;
            }
        }
        let rows = rows.into_iter().map(|read| read.row).collect();
        Ok(Self { names: names.0, rows, by_path, by_command, by_request_type, rules })
    }

    /// Name of the app the table speaks of, as signature files write it.
    pub fn app(&self) -> &str {
        &self.rules.app
    }

    /// Every task, in the order of its number.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &TaskName)> {
        (0..).map(TaskId).zip(&self.names)
    }

    /// The name of a task.
    pub fn name(&self, id: TaskId) -> &TaskName {
        static UNKNOWN: TaskName = TaskName { service: String::new(), task: String::new() };
        self.names.get(usize::from(id.0)).unwrap_or(&UNKNOWN)
    }

    /// The row of a URL's path, which is without query; it goes before numbers, which were reused over the years.
    pub(super) fn row_of_path(&self, path: &[u8]) -> Option<&Row> {
        let mut lower = [0; 255];
        let path = std::str::from_utf8(lower_case(path, &mut lower)?).ok()?;
        self.by_path.get(path).map(|index| &self.rows[*index])
    }

    /// The row that numbers lead to: command, then type.
    pub(super) fn row(&self, marks: &Marks) -> Option<&Row> {
        let by_type = || {
            let kind = marks.request_type?;
            self.by_request_type.get(&kind).copied().flatten().map(|index| &self.rows[index])
        };
        self.by_command(marks).or_else(by_type)
    }

    /// Of the rows with the command the one with the same type, else the first that the same side sends.
    fn by_command(&self, marks: &Marks) -> Option<&Row> {
        let rows = self.by_command.get(&marks.command?)?;
        let rows = || rows.iter().map(|index| &self.rows[*index]);
        let same_type =
            rows().find(|row| row.request_type.is_some() && row.request_type == marks.request_type);
        same_type.or_else(|| rows().find(|row| !row.is_push || marks.from_server))
    }

    pub(super) fn long_link(&self) -> &LongLinkRules {
        &self.rules.long_link
    }

    pub(super) fn framings(&self) -> &[(String, Framing)] {
        &self.rules.framings
    }

    /// The framing that waits for a header in flows of a role.
    pub(super) fn framing_of_role(&self, role: &str) -> Option<&Framing> {
        self.framings().iter().find(|(of, _)| of == role).map(|(_, framing)| framing)
    }

    /// Whether long-link messages may travel in datagrams of their own in flows of a role.
    pub(super) fn has_lone_messages(&self, role: &str) -> bool {
        matches!(self.framing_of_role(role), Some(Framing::LongLink))
    }

    /// Whether TCP flows of a role are HTTP, though their first bytes do not show it.
    pub(super) fn is_http(&self, role: &str) -> bool {
        self.rules.roles.iter().any(|rule| rule.role == role && rule.is_http)
    }

    pub(super) fn media(&self) -> &MediaRules {
        &self.rules.media
    }

    pub(super) fn datagrams(&self) -> &[DatagramRule] {
        &self.rules.datagrams
    }

    /// Whether UDP flows of a role are made of call datagrams.
    pub(super) fn is_call(&self, role: &str) -> bool {
        self.rules.call_role == role
    }

    /// What a flow of a role does where nothing in it tells.
    pub(super) fn of_role(&self, role: &str) -> Option<TaskId> {
        self.rules.roles.iter().find(|rule| rule.role == role).map(|rule| rule.task)
    }

    /// The first request rule that holds.
    pub(super) fn request(&self, seen: &Request<'_>) -> Option<&RequestRule> {
        let mut lower = [0; 255];
        let host = seen.host.map(|host| host.strip_suffix(b".").unwrap_or(host));
        let host = host.and_then(|host| lower_case(host, &mut lower)).map(HostName::new);
        self.rules.requests.iter().find(|rule| rule.holds(seen, host))
    }

    /// Whether a response of this `Content-Type` may begin with a business header.
    pub(super) fn may_be_typed(&self, content_type: Option<&[u8]>) -> bool {
        content_type.is_some_and(|of| of.eq_ignore_ascii_case(self.rules.answer_type.as_bytes()))
    }

    /// Whether content datagrams after such a message belong to a talk room (true), to a call (false), or as before.
    pub(super) fn talkroom(&self, marks: &Marks) -> Option<bool> {
        [(&self.rules.talkroom, true), (&self.rules.call, false)].into_iter().find_map(
            |(starts, is_talkroom)| {
                let command = marks.command.is_some_and(|command| starts.commands.contains(&command));
                let kind = marks.request_type.is_some_and(|kind| starts.request_types.contains(&kind));
                (command || kind).then_some(is_talkroom)
            },
        )
    }
}

fn lower_case<'b>(name: &[u8], buffer: &'b mut [u8; 255]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// Services and tasks as they come up.
#[derive(Debug, Default)]
struct Names(Vec<TaskName>);

impl Names {
    fn id(&mut self, service: &str, task: &str) -> TaskId {
        let place = self.0.iter().position(|name| name.service == service && name.task == task);
        let place = place.unwrap_or_else(|| {
            self.0.push(TaskName { service: service.to_owned(), task: task.to_owned() });
            self.0.len() - 1
        });
        TaskId(u16::try_from(place).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(table: &TaskTable, marks: Marks) -> Option<(String, String)> {
        let name = table.name(table.row(&marks)?.task);
        Some((name.service.clone(), name.task.clone()))
    }

    fn task_of_path<'t>(table: &'t TaskTable, path: &str) -> Option<&'t str> {
        Some(&table.name(table.row_of_path(path.as_bytes())?.task).task)
    }

    #[test]
    fn paths_go_before_numbers() {
        let table = TaskTable::embedded().unwrap_or_else(|error| panic!("{error}"));
        // 216 was given away twice.
        let [old, new] = ["mmsnslbs", "AndroidFcmReg"].map(|name| format!("/cgi-bin/micromsg-bin/{name}"));
        assert_eq!(task_of_path(&table, &old), Some("Other operations"));
        assert_eq!(task_of_path(&table, &new), Some("Connect to servers"));
        assert_eq!(task(&table, Marks { request_type: Some(216), ..Marks::default() }), None);
        let command = Marks { command: Some(2), ..Marks::default() };
        assert_eq!(task(&table, command).unwrap(), ("Instant Messaging".into(), "Send texts".into()));
        let kind = Marks { request_type: Some(214), ..Marks::default() };
        assert_eq!(task(&table, kind).unwrap(), ("Social Networking".into(), "Refresh moment".into()));
        assert_eq!(task(&table, Marks { command: Some(60_000), ..Marks::default() }), None);
    }

    #[test]
    fn a_push_is_no_request() {
        let table = TaskTable::embedded().unwrap();
        let push = Marks { command: Some(24), from_server: true, ..Marks::default() };
        assert_eq!(task(&table, push).unwrap().1, "Server push news");
        assert_eq!(task(&table, Marks { from_server: false, ..push }), None);
    }

    #[test]
    fn every_task_of_table_iv_has_a_row() {
        let table = TaskTable::embedded().unwrap();
        let names = [
            "Send texts",
            "Receive texts",
            "Send pictures",
            "Receive pictures",
            "Send voices",
            "Receive voices",
            "Send videos",
            "Receive videos",
            "Send emoji",
            "Receive emoji",
            "Control messages",
            "Chatting heartbeats",
            "Walkie-talkie content",
            "VoIP content",
            "Get header images",
            "Get photos",
            "Post a text",
            "Post a photo",
            "Refresh moment",
            "View a user",
            "View a post",
            "Comment a post",
            "Tag a post",
            "Other operations",
            "Media access",
            "W-TCP heartbeats",
            "Report to servers",
            "Query servers",
            "Connect to servers",
            "DNS",
            "Server push news",
        ];
        for name in names {
            assert!(table.tasks().any(|(_, task)| task.task == name), "{name}");
        }
    }
}
