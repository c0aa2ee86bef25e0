//! What tasks are carried by, which servers do them, and in what workflows: Table I, the shares in Table III's text, Figures 4 and 5,
//! and the APIs met ("A deeper dive into WeChat networking components").

use wiremark_report::Table;

use super::tables::{mega, percent};
use crate::catalog::Cluster;
use crate::record::FlowType;
use crate::usage::{TaskUse, Usage};

/// The paper's word for calls and walkie-talkie.
const CHATTING: &str = "Real-time Chatting";

/// A step of a workflow, and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowStep {
    /// Panel of Figure 5.
    pub panel: &'static str,
    /// What is done.
    pub step: &'static str,
    /// Times.
    pub count: u64,
    /// Bytes up and down.
    pub bytes: [u64; 2],
}

/// Table I, the shares of Table III's text, clusters (Figure 4), workflows (Figure 5), and APIs.
pub fn architecture(usage: &Usage, app: &str) -> [Table; 5] {
    [flow_types(usage), shares(usage, app), clusters(usage), workflow_table(usage), apis(usage)]
}

fn times(task: &TaskUse, kind: FlowType) -> u64 {
    let (requests, responses) = (task.requests[kind as usize].count, task.responses[kind as usize].count);
    requests.max(responses)
}

fn flow_types(usage: &Usage) -> Table {
    let mut tasks: Vec<_> = usage.tasks().collect();
    tasks.sort_by(|a, b| a.0.cmp(b.0));
    let mark = |count: u64| if count > 0 { "x".to_owned() } else { String::new() };
    let row = |(name, task): (&crate::TaskName, &TaskUse)| {
        let kinds = [FlowType::Http, FlowType::Udp, FlowType::Tcp];
        let marks = kinds.map(|kind| mark(times(task, kind)));
        [name.service.clone(), name.task.clone()].into_iter().chain(marks).collect::<Vec<_>>()
    };
    let carried = tasks.into_iter().filter(|(_, task)| {
        [FlowType::Http, FlowType::Udp, FlowType::Tcp].into_iter().any(|kind| times(task, kind) > 0)
    });
    Table {
        title: "Flow types of tasks (Table I)".into(),
        note: "W-DNS is left out, as in the paper: it depends on what was looked up before.",
        columns: vec!["service", "task", "W-HTTP", "W-UDP", "W-TCP"],
        rows: carried.map(row).collect(),
    }
}

fn shares(usage: &Usage, app: &str) -> Table {
    let sum = |of: fn(&crate::CaptureUse) -> u64| usage.captures.iter().map(of).sum::<u64>();
    let line = |what: &str, part: u64, whole: u64| {
        vec![what.to_owned(), whole.to_string(), part.to_string(), percent(part, whole)]
    };
    Table {
        title: format!("Shares of users, flows, packets and bytes (text of Table III), in total and {app}'s"),
        note: "Bytes are those captured; \"missed\" were sent, as sequence numbers tell, and not captured. \"Copies\" are packets that a mirror port gave twice: they count once.",
        columns: vec!["what", ">total", ">app", ">%"],
        rows: vec![
            line("users", usage.app_users().count() as u64, usage.users.len() as u64),
            line("flows", sum(|capture| capture.app_flows), sum(|capture| capture.flows)),
            line("packets", sum(|capture| capture.app_packets), sum(|capture| capture.packets)),
            line("bytes", sum(|capture| capture.app_bytes), sum(|capture| capture.bytes)),
            line(
                "missed bytes",
                sum(|capture| capture.app_missed_bytes),
                sum(|capture| capture.missed_bytes),
            ),
            vec!["copies".into(), sum(|capture| capture.copies).to_string(), "-".into(), "-".into()],
        ],
    }
}

fn clusters(usage: &Usage) -> Table {
    let rows = usage.clusters.iter().map(|((cluster, kind), of)| {
        let numbers = [of.servers(), of.users(), of.count].map(|number| number.to_string());
        let bytes = of.bytes.map(mega);
        [cluster.name().to_owned(), kind.name().to_owned()].into_iter().chain(numbers).chain(bytes).collect()
    });
    Table {
        title: "Server clusters (Figure 4)".into(),
        note: "Long and short servers do most tasks, chatting servers calls, resource servers store photos, support servers relay to third parties.",
        columns: vec!["cluster", "flow type", ">servers", ">users", ">tasks", ">up", ">down"],
        rows: rows.collect(),
    }
}

/// The steps of Figure 5 that were met.
pub fn workflows(usage: &Usage) -> Vec<WorkflowStep> {
    let mut steps: Vec<WorkflowStep> = Vec::new();
    let mut add = |panel, step, count: u64, bytes: [u64; 2]| {
        let known = steps.iter().position(|one: &WorkflowStep| (one.panel, one.step) == (panel, step));
        let at = known.unwrap_or_else(|| {
            steps.push(WorkflowStep { panel, step, count: 0, bytes: [0; 2] });
            steps.len() - 1
        });
        if let Some(step) = steps.get_mut(at).filter(|_| count > 0) {
            step.count += count;
            step.bytes = [step.bytes[0] + bytes[0], step.bytes[1] + bytes[1]];
        }
    };
    for ((cluster, kind), of) in &usage.clusters {
        let (panel, step) = match (cluster, kind) {
            (Cluster::Long, FlowType::Tcp) => ("(a)", "opcode to a long server (W-TCP)"),
            (Cluster::Short, FlowType::Http) => ("(a)", "POST to a short server (W-HTTP)"),
            (Cluster::Resource | Cluster::ThirdParty, _) => ("(b)", "resources fetched directly"),
            (Cluster::Support, _) => ("(b)", "resources relayed by a support server"),
            _ => continue,
        };
        add(panel, step, of.count, of.bytes);
    }
    let chats = usage.tasks().filter(|(name, _)| name.service == CHATTING);
    for (name, task) in chats {
        let is_beat = name.task.ends_with("heartbeats");
        let is_content = name.task.ends_with("content");
        for kind in [FlowType::Tcp, FlowType::Http, FlowType::Udp] {
            let step = match (kind, is_beat, is_content) {
                (FlowType::Udp, _, true) => "content through the chatting server (W-UDP)",
                (FlowType::Udp, true, _) => "heartbeats of the chat (W-UDP)",
                (FlowType::Udp, ..) => "choice of a chatting server, signalling (W-UDP)",
                (FlowType::Tcp, true, _) => "heartbeats to long servers (W-TCP)",
                (FlowType::Tcp, ..) => "invitations and replies (W-TCP)",
                (_, true, _) => "heartbeats to short servers (W-HTTP)",
                _ => "invitations, statistics at the end (W-HTTP)",
            };
            let [requests, responses] = [task.requests[kind as usize], task.responses[kind as usize]];
            let count = requests.count.max(responses.count);
            if count > 0 {
                add("(c)", step, count, [requests.bytes, responses.bytes]);
            }
        }
    }
    steps.sort_by_key(|step| (step.panel, step.step));
    steps
}

fn workflow_table(usage: &Usage) -> Table {
    let row = |step: WorkflowStep| {
        let lead = [format!("5{}", step.panel), step.step.to_owned(), step.count.to_string()];
        lead.into_iter().chain(step.bytes.map(mega)).collect()
    };
    Table {
        title: "Workflows (Figure 5)".into(),
        note: "(a) most tasks, (b) media access, (c) real-time chatting.",
        columns: vec!["panel", "step", ">times", ">up", ">down"],
        rows: workflows(usage).into_iter().map(row).collect(),
    }
}

fn apis(usage: &Usage) -> Table {
    let number = |number: Option<u32>| number.map_or_else(|| "-".into(), |number| number.to_string());
    let rows = usage.apis.iter().map(|(api, of)| {
        let lead =
            [api.uri.as_deref().unwrap_or("-").to_owned(), number(api.request_type), number(api.command_id)];
        let [logged_in, logged_out] = of.logged_in.map(|count| count.to_string());
        let rest = [of.count.to_string(), logged_in, logged_out];
        lead.into_iter().chain(rest).chain(of.bytes.map(mega)).collect()
    });
    Table {
        title: "APIs met in clear".into(),
        note: "Request types and whether somebody was logged in stand in the business header. Under mmtls neither is visible.",
        columns: vec!["URI", ">type", ">command", ">times", ">logged in", ">logged out", ">up", ">down"],
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskTable;

    #[test]
    fn every_row_has_all_columns() {
        let usage = Usage::new(&TaskTable::embedded().unwrap());
        let tables = architecture(&usage, "app");
        assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
        assert_eq!(tables[1].rows.len(), 6);
    }
}
