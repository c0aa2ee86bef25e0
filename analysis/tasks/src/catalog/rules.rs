//! The rules' file: what a row a request cannot say.

use serde::Deserialize;
use toml::Spanned;
use wiremark::dissect::records::Layout;
use wiremark::signature::model::HostPattern;
use wiremark::signature::pattern::{Match, Pattern};

use super::cluster::Cluster;
use super::error::LoadError;
use super::host_rule::{HostName, HostRule};
use super::task_name::{Names, TaskId};

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) app: String,
    /// The role whose UDP flows are made of call datagrams.
    pub(super) call_role: String,
    /// `Content-Type` of responses that begin with a business header.
    pub(super) answer_type: String,
    pub(super) roles: Vec<RoleRule>,
    pub(super) requests: Vec<RequestRule>,
    pub(super) framings: Vec<(String, Framing)>,
    pub(super) long_link: LongLinkRules,
    pub(super) media: MediaRules,
    pub(super) datagrams: Vec<DatagramRule>,
    pub(super) talkroom: Starts,
    pub(super) call: Starts,
    pub(super) encryption: Encryption,
}

/// What an exchange of a flow of some role is where nothing in it names a task.
#[derive(Debug)]
pub(super) struct RoleRule {
    pub(super) role: String,
    pub(super) is_http: bool,
    pub(super) task: TaskId,
    pub(super) cluster: Option<Cluster>,
}

/// What is seen of an HTTP request, or of a flow's server name alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) path: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) referer: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(crate) struct RequestRule {
    hosts: Vec<HostRule>,
    path: Option<String>,
    user_agent: Option<String>,
    referer: Option<String>,
    pub(crate) task: TaskId,
    /// The body may begin with a business header.
    pub(crate) is_typed: bool,
    /// Of a request that only shakes hands.
    pub(crate) handshake: Option<TaskId>,
    /// What the servers are for.
    pub(crate) cluster: Option<Cluster>,
    /// Wider than the paper's rule.
    pub(crate) is_wider: bool,
}

impl RequestRule {
    /// Whether every condition holds.
    pub(super) fn holds(&self, seen: &Request<'_>, host: Option<HostName<'_>>) -> bool {
        let contains = |wanted: &Option<String>, field: Option<&[u8]>| match (wanted, field) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(field)) => holds_text(field, wanted.as_bytes()),
        };
        let path = self.path.as_ref().is_none_or(|begins| {
            seen.path.and_then(|path| path.get(..begins.len())).is_some_and(|path| path == begins.as_bytes())
        });
        let hosts = self.hosts.is_empty()
            || host.is_some_and(|host| self.hosts.iter().any(|rule| rule.matches(host)));
        path && hosts && contains(&self.user_agent, seen.user_agent) && contains(&self.referer, seen.referer)
    }

    /// Whether the rule tells by host alone, so that one server serves one task.
    pub(crate) fn is_by_host(&self) -> bool {
        !self.hosts.is_empty() && self.path.is_none() && self.user_agent.is_none() && self.referer.is_none()
    }
}

/// Whether a field contains a text, case ignored.
fn holds_text(field: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    let begins = |at: &usize| field[*at].eq_ignore_ascii_case(first);
    let fits = |at: usize| {
        let part = field.get(at + 1..at + 1 + rest.len());
        part.is_some_and(|part| part.eq_ignore_ascii_case(rest))
    };
    (0..field.len()).filter(begins).any(fits)
}

/// How a stream is cut into messages.
#[derive(Clone, Debug)]
pub(crate) enum Framing {
    LongLink,
    Mmtls { handshake: Option<TaskId> },
    Records(RecordFraming),
}

/// Records that state their own length behind fixed bytes.
#[derive(Clone, Debug)]
pub(crate) struct RecordFraming {
    pub(crate) first: Pattern,
    pub(crate) layout: Layout,
    pub(crate) header: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongLinkRules {
    /// What a response's command has more than its request's.
    pub(crate) response: u32,
    /// Commands in the response range that clients send unasked.
    pub(crate) acknowledgements: Vec<u32>,
    /// Requests without a response.
    pub(crate) unanswered: Vec<u32>,
    /// Bits a minor link sets in the command of its first request.
    pub(crate) minor: u32,
}

#[derive(Debug)]
pub(crate) struct MediaRules {
    pub(crate) keys: Vec<String>,
    pub(crate) url: String,
    rows: Vec<MediaRow>,
}

#[derive(Debug)]
struct MediaRow {
    values: Vec<u32>,
    up: TaskId,
    down: TaskId,
}

impl MediaRules {
    /// The task for the numbers found under [`keys`](Self::keys), up and down; the longest row that fits counts.
    pub(crate) fn task(&self, values: &[Option<u32>]) -> Option<(TaskId, TaskId)> {
        let fits =
            |row: &&MediaRow| row.values.iter().zip(values).all(|(wanted, found)| Some(*wanted) == *found);
        let rows = self.rows.iter().filter(|row| row.values.len() <= values.len()).filter(fits);
        rows.max_by_key(|row| row.values.len()).map(|row| (row.up, row.down))
    }
}

#[derive(Debug)]
pub(crate) struct DatagramRule {
    prefix: Pattern,
    pub(crate) task: TaskId,
    /// The same within a talk room.
    pub(crate) talkroom: Option<TaskId>,
}

impl DatagramRule {
    pub(crate) fn holds(&self, payload: &[u8]) -> bool {
        self.prefix.matches(payload) == Match::Yes
    }
}

/// Kinds of encryption in the business header.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encryption {
    /// Those that need a session's key.
    pub(super) logged_in: Vec<u8>,
    /// Those that make a key on the spot.
    pub(super) logged_out: Vec<u8>,
    /// All that were met.
    pub(super) known: Vec<u8>,
    /// Those that fill a body up to whole blocks, and how long a block is.
    pub(super) in_blocks: Vec<u8>,
    pub(super) block_bytes: u64,
    /// First bytes of client versions.
    pub(super) client_versions: Vec<u8>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Starts {
    #[serde(default)]
    pub(super) commands: Vec<u32>,
    #[serde(default)]
    pub(super) request_types: Vec<u32>,
}

// The file as written.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    app: String,
    call_role: String,
    answer_type: String,
    #[serde(default)]
    role: Vec<RoleRow>,
    #[serde(default)]
    request: Vec<RequestRow>,
    #[serde(default)]
    framing: Vec<Spanned<FramingRow>>,
    longlink: LongLinkRules,
    media: Media,
    #[serde(default)]
    datagram: Vec<DatagramRow>,
    #[serde(default)]
    talkroom: Starts,
    #[serde(default)]
    call: Starts,
    encryption: Encryption,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRow {
    role: String,
    #[serde(default)]
    http: bool,
    service: String,
    task: String,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestRow {
    #[serde(default)]
    host: Vec<Spanned<String>>,
    path: Option<String>,
    user_agent: Option<String>,
    referer: Option<String>,
    service: String,
    task: String,
    #[serde(default)]
    typed: bool,
    handshake: Option<String>,
    cluster: Option<Cluster>,
    #[serde(default)]
    wider: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FramingRow {
    cut: Spanned<String>,
    role: String,
    handshake: Option<String>,
    first: Option<Spanned<String>>,
    length_at: Option<usize>,
    length_width: Option<usize>,
    plus: Option<usize>,
    minimum: Option<usize>,
    maximum: Option<usize>,
    header: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    keys: Vec<String>,
    url: String,
    row: Vec<MediaValues>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaValues {
    values: Vec<u32>,
    service: String,
    up: String,
    down: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatagramRow {
    prefix: Spanned<String>,
    service: String,
    task: String,
    talkroom: Option<String>,
}

impl Rules {
    pub(super) fn read(file: &str, text: &str, names: &mut Names) -> Result<Self, LoadError> {
        let at = |offset: usize, problem: String| LoadError::at(file, text, offset, problem);
        let read: File = toml::from_str(text)
            .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let pattern = |text: &Spanned<String>| {
            Pattern::parse(text.get_ref(), 0)
                .map_err(|problem| at(text.span().start, format!("expected {problem}")))
        };
        let rule = |row: &RoleRow| RoleRule {
            role: row.role.clone(),
            is_http: row.http,
            task: names.id(&row.service, &row.task),
            cluster: row.cluster,
        };
        let roles = read.role.iter().map(rule).collect();
        let mut requests = Vec::new();
        for row in &read.request {
            let mut hosts = Vec::new();
            for host in &row.host {
                let parsed = HostPattern::parse(host.get_ref());
                let parsed =
                    parsed.map_err(|problem| at(host.span().start, format!("expected {problem}")))?;
                hosts.extend(parsed.into_iter().map(HostRule::new));
            }
            requests.push(RequestRule {
                hosts,
                path: row.path.clone(),
                user_agent: row.user_agent.clone(),
                referer: row.referer.clone(),
                task: names.id(&row.service, &row.task),
                is_typed: row.typed,
                handshake: row.handshake.as_ref().map(|task| names.id(&row.service, task)),
                cluster: row.cluster,
                is_wider: row.wider,
            });
        }
        let mut framings = Vec::new();
        for spanned in &read.framing {
            let row = spanned.get_ref();
            let framing = match row.cut.get_ref().as_str() {
                "longlink" => Framing::LongLink,
                "mmtls" => {
                    let role = read.role.iter().find(|role| role.role == row.role);
                    let handshake = row.handshake.as_ref().zip(role);
                    Framing::Mmtls { handshake: handshake.map(|(task, role)| names.id(&role.service, task)) }
                }
                "records" => {
                    let missing = || {
                        at(
                            spanned.span().start,
                            "records: expected first, length_at, length_width, header".into(),
                        )
                    };
                    let maximum = row.maximum.unwrap_or(usize::MAX);
                    let layout = Layout {
                        length_at: row.length_at.ok_or_else(missing)?,
                        length_width: row.length_width.ok_or_else(missing)?,
                        plus: row.plus.unwrap_or(0),
                        minimum: row.minimum.unwrap_or(1),
                        maximum,
                    };
                    let header = row.header.ok_or_else(missing)?.max(1);
                    let first = pattern(row.first.as_ref().ok_or_else(missing)?)?;
                    Framing::Records(RecordFraming { first, layout, header })
                }
                other => {
                    let problem = format!("cut: expected longlink, mmtls or records, found \"{other}\"");
                    return Err(at(row.cut.span().start, problem));
                }
            };
            framings.push((row.role.clone(), framing));
        }
        let row = |row: &MediaValues, names: &mut Names| MediaRow {
            values: row.values.clone(),
            up: names.id(&row.service, &row.up),
            down: names.id(&row.service, &row.down),
        };
        let rows = read.media.row.iter().map(|values| row(values, names)).collect();
        let media = MediaRules { keys: read.media.keys, url: read.media.url, rows };
        let mut datagrams = Vec::new();
        for row in &read.datagram {
            datagrams.push(DatagramRule {
                prefix: pattern(&row.prefix)?,
                task: names.id(&row.service, &row.task),
                talkroom: row.talkroom.as_ref().map(|task| names.id(&row.service, task)),
            });
        }
        let (app, long_link, talkroom, call) = (read.app, read.longlink, read.talkroom, read.call);
        let encryption = read.encryption;
        Ok(Self {
            app,
            call_role: read.call_role,
            answer_type: read.answer_type,
            roles,
            requests,
            framings,
            long_link,
            media,
            datagrams,
            talkroom,
            call,
            encryption,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EMBEDDED;

    fn refusal(from: &str, to: &str) -> String {
        let text = EMBEDDED[1].1.replacen(from, to, 1);
        assert_ne!(text, EMBEDDED[1].1, "{from} is not in the file");
        match Rules::read("t.toml", &text, &mut Names::default()) {
            Ok(_) => panic!("{to} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let line = 1 + EMBEDDED[1].1.lines().position(|line| line.starts_with("prefix = \"a1 08\"")).unwrap();
        assert!(refusal("\"a1 08\"", "\"a1 0g\"").starts_with(&format!("t.toml:{line}:10: expected")));
        assert!(refusal("\"wx.qlogo.cn\"", "\"WX.qlogo.cn\"").contains("lower-case host name"));
        assert!(refusal("cut = \"mmtls\"", "cut = \"tls\"").contains("expected longlink, mmtls or records"));
        assert!(refusal("unanswered", "unansweredd").contains("unansweredd"));
    }

    #[test]
    fn media_rows_with_more_values_go_first() {
        let rules = Rules::read("t.toml", EMBEDDED[1].1, &mut Names::default()).unwrap();
        assert!(rules.media.task(&[Some(2), None]).is_some());
        assert!(rules.media.task(&[Some(20201), Some(107)]).is_some());
        assert!(rules.media.task(&[Some(20201), None]).is_none());
    }
}
