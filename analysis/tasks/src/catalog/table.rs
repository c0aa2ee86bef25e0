//! Rows and rules together: what a request or message is called.

use super::cluster::Cluster;
use super::error::LoadError;
use super::host_rule::HostName;
use super::rows::{self, Row};
use super::rules::{DatagramRule, Framing, LongLinkRules, MediaRules, Request, RequestRule, Rules};
use super::task_name::{Names, TaskId, TaskName};
use crate::number_map::NumberMap;

/// The shipped tables: name and text of the rows' file (CSV) and of the rules' file (TOML).
pub const EMBEDDED: [(&str, &str); 2] = [
    ("tasks/wechat.csv", wiremark_signatures::tasks::WECHAT_CGIS),
    ("tasks/wechat.toml", wiremark_signatures::tasks::WECHAT),
];

/// What is seen of a request or message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MessageIds {
    /// Command id of the long link.
    pub(crate) command: Option<u32>,
    /// From the business header.
    pub(crate) request_type: Option<u32>,
    /// Whether the server sent it first.
    pub(crate) from_server: bool,
}

/// Rows and rules, checked.
#[derive(Debug)]
pub struct TaskTable {
    names: Vec<TaskName>,
    rows: Vec<Row>,
    by_path: NumberMap<String, usize>,
    by_command: NumberMap<u32, Vec<usize>>,
    by_request_type: NumberMap<u32, Option<usize>>,
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
            (NumberMap::default(), NumberMap::<u32, Vec<usize>>::default(), NumberMap::default());
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
    pub(crate) fn row_of_path(&self, path: &[u8]) -> Option<&Row> {
        let mut lower = [0; 255];
        let path = std::str::from_utf8(lower_case(path, &mut lower)?).ok()?;
        self.by_path.get(path).map(|index| &self.rows[*index])
    }

    /// The row that numbers lead to: command, then type.
    pub(crate) fn row(&self, ids: &MessageIds) -> Option<&Row> {
        let by_type = || {
            let kind = ids.request_type?;
            self.by_request_type.get(&kind).copied().flatten().map(|index| &self.rows[index])
        };
        self.by_command(ids).or_else(by_type)
    }

    /// Of the rows with the command the one with the same type, else the first that the same side sends.
    fn by_command(&self, ids: &MessageIds) -> Option<&Row> {
        let rows = self.by_command.get(&ids.command?)?;
        let rows = || rows.iter().map(|index| &self.rows[*index]);
        let same_type = rows().find(|row| row.request_type.is_some() && row.request_type == ids.request_type);
        same_type.or_else(|| rows().find(|row| !row.is_push || ids.from_server))
    }

    pub(crate) fn long_link(&self) -> &LongLinkRules {
        &self.rules.long_link
    }

    pub(crate) fn framings(&self) -> &[(String, Framing)] {
        &self.rules.framings
    }

    /// The framing that waits for a header in flows of a role.
    pub(crate) fn framing_of_role(&self, role: &str) -> Option<&Framing> {
        self.framings().iter().find(|(of, _)| of == role).map(|(_, framing)| framing)
    }

    /// Whether long-link messages may travel in datagrams of their own in flows of a role.
    pub(crate) fn has_lone_messages(&self, role: &str) -> bool {
        matches!(self.framing_of_role(role), Some(Framing::LongLink))
    }

    /// Whether TCP flows of a role are HTTP, though their first bytes do not show it.
    pub(crate) fn is_http(&self, role: &str) -> bool {
        self.rules.roles.iter().any(|rule| rule.role == role && rule.is_http)
    }

    pub(crate) fn media(&self) -> &MediaRules {
        &self.rules.media
    }

    pub(crate) fn datagrams(&self) -> &[DatagramRule] {
        &self.rules.datagrams
    }

    /// Whether UDP flows of a role are made of call datagrams.
    pub(crate) fn is_call(&self, role: &str) -> bool {
        self.rules.call_role == role
    }

    /// What a flow of a role does where nothing in it tells.
    pub(crate) fn of_role(&self, role: &str) -> Option<TaskId> {
        self.rules.roles.iter().find(|rule| rule.role == role).map(|rule| rule.task)
    }

    /// What the servers of a role's flows are for.
    pub(crate) fn cluster_of_role(&self, role: &str) -> Option<Cluster> {
        self.rules.roles.iter().find(|rule| rule.role == role).and_then(|rule| rule.cluster)
    }

    /// Whether somebody is logged in whose request is encrypted like this.
    pub(crate) fn is_logged_in(&self, encryption: u8) -> Option<bool> {
        let rules = &self.rules.encryption;
        match (rules.logged_in.contains(&encryption), rules.logged_out.contains(&encryption)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// How long the blocks are that a kind of encryption fills up; 0 for none, nothing for a kind that was never met.
    pub(crate) fn block_bytes(&self, encryption: u8) -> Option<u64> {
        let rules = &self.rules.encryption;
        let is_in_blocks = rules.in_blocks.contains(&encryption);
        rules.known.contains(&encryption).then_some(if is_in_blocks { rules.block_bytes } else { 0 })
    }

    /// Whether a client may be of this version.
    pub(crate) fn is_client_version(&self, version: u32) -> bool {
        let [first, ..] = version.to_be_bytes();
        self.rules.encryption.client_versions.contains(&first)
    }

    /// The first request rule that holds.
    pub(crate) fn request(&self, seen: &Request<'_>) -> Option<&RequestRule> {
        let mut lower = [0; 255];
        let host = seen.host.map(|host| host.strip_suffix(b".").unwrap_or(host));
        let host = host.and_then(|host| lower_case(host, &mut lower)).map(HostName::new);
        self.rules.requests.iter().find(|rule| rule.holds(seen, host))
    }

    /// Whether a response of this `Content-Type` may begin with a business header.
    pub(crate) fn may_be_typed(&self, content_type: Option<&[u8]>) -> bool {
        content_type.is_some_and(|of| of.eq_ignore_ascii_case(self.rules.answer_type.as_bytes()))
    }

    /// Whether content datagrams after such a message belong to a talk room (true), to a call (false), or as before.
    pub(crate) fn talkroom(&self, ids: &MessageIds) -> Option<bool> {
        [(&self.rules.talkroom, true), (&self.rules.call, false)].into_iter().find_map(
            |(starts, is_talkroom)| {
                let command = ids.command.is_some_and(|command| starts.commands.contains(&command));
                let kind = ids.request_type.is_some_and(|kind| starts.request_types.contains(&kind));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn task(table: &TaskTable, ids: MessageIds) -> Option<(String, String)> {
        let name = table.name(table.row(&ids)?.task);
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
        assert_eq!(task(&table, MessageIds { request_type: Some(216), ..MessageIds::default() }), None);
        let command = MessageIds { command: Some(2), ..MessageIds::default() };
        assert_eq!(task(&table, command).unwrap(), ("Instant Messaging".into(), "Send texts".into()));
        let kind = MessageIds { request_type: Some(214), ..MessageIds::default() };
        assert_eq!(task(&table, kind).unwrap(), ("Social Networking".into(), "Refresh moment".into()));
        assert_eq!(task(&table, MessageIds { command: Some(60_000), ..MessageIds::default() }), None);
    }

    #[test]
    fn a_push_is_no_request() {
        let table = TaskTable::embedded().unwrap();
        let push = MessageIds { command: Some(24), from_server: true, ..MessageIds::default() };
        assert_eq!(task(&table, push).unwrap().1, "Server push news");
        assert_eq!(task(&table, MessageIds { from_server: false, ..push }), None);
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
