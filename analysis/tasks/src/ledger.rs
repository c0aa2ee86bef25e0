//! What flows tell, named and added up.

use std::collections::HashMap;

use wiremark::{Address, SignatureSet, Verdict};

use super::TaskId;
use super::catalog::{MessageIds, TaskTable};
use super::exchange::{Exchange, Side};
use super::flow::FlowTrack;
use super::flow_context::FlowContext;
use super::flow_event::FlowEvent;
use super::record::{FlowType, Sink, TaskRecord, UserRecord};
use super::usage::Usage;
use super::user::{User, UserId};

/// Most servers whose one purpose is remembered, and how often one must have been asked for the same before it counts.
const SERVERS: usize = 65_536;
const TIMES: u32 = 8;

/// Names tasks and adds them up.
#[derive(Debug)]
pub(super) struct Ledger<'c> {
    set: &'c SignatureSet,
    pub(super) table: &'c TaskTable,
    servers: Servers,
    pub(super) usage: Usage,
}

/// Whose task it is, and of which flow.
pub(super) struct Owner<'u> {
    pub(super) capture: u32,
    pub(super) flow: u64,
    pub(super) id: UserId,
    pub(super) user: &'u mut User,
}

impl<'c> Ledger<'c> {
    pub(super) fn new(set: &'c SignatureSet, table: &'c TaskTable) -> Self {
        Self { set, table, servers: Servers::default(), usage: Usage::new(table) }
    }

    pub(super) fn use_set(&mut self, set: &'c SignatureSet) {
        self.set = set;
    }

    pub(super) fn context(&self, verdict: &Verdict) -> FlowContext<'c> {
        FlowContext { table: self.table, set: self.set, verdict: *verdict }
    }

    /// Names what a flow tells, adds it up and passes it on.
    pub(super) fn tell(
        &mut self,
        context: FlowContext<'_>,
        flow: &mut FlowTrack,
        owner: &mut Owner<'_>,
        told: FlowEvent,
        sink: &mut impl Sink,
    ) {
        let of_role = || context.table.of_role(context.role());
        let (flow_type, exchange, task) = match told {
            FlowEvent::Began(time_us) => {
                if let Some(before) = flow.rare().last_task_us.replace(time_us) {
                    self.usage.between_us.add(time_us.abs_diff(before));
                }
                return;
            }
            FlowEvent::Http(open) => {
                let exchange = open.exchange;
                if let Some(task) = exchange.task.filter(|_| open.has_head) {
                    self.servers.note(flow.ends.server, task, open.is_by_host);
                }
                let task = exchange.task.or_else(|| match open.has_head {
                    true => of_role(),
                    // Without its head a request is named by its server, if that serves one purpose only.
                    false => flow.host_task().or_else(|| self.servers.purpose(flow.ends.server)),
                });
                (FlowType::Http, exchange, task)
            }
            FlowEvent::Task(flow_type, exchange) => {
                let task = exchange.task.or(flow.host_task()).or_else(of_role);
                (flow_type, exchange, task)
            }
        };
        if let (Some(task), true) = (task, exchange.request.or(exchange.response).is_some()) {
            let cluster = exchange.cluster.or_else(|| context.table.cluster_of_role(context.role()));
            let exchange = Exchange { cluster, ..exchange };
            if let Some(cluster) = cluster {
                self.usage.add_server(cluster, flow_type, &exchange, owner.id, flow.ends.server.0);
            }
            self.record(task, flow_type, &exchange, owner, sink);
        }
    }

    fn record(
        &mut self,
        task: TaskId,
        flow_type: FlowType,
        exchange: &Exchange,
        owner: &mut Owner<'_>,
        sink: &mut impl Sink,
    ) {
        let Owner { capture, flow, id, user } = owner;
        let ids = MessageIds {
            command: exchange.command,
            request_type: exchange.request_type,
            ..MessageIds::default()
        };
        if let Some(is_in_talkroom) = self.table.talkroom(&ids) {
            user.is_in_talkroom = is_in_talkroom;
        }
        user.tasks += 1;
        self.usage.add(task, flow_type, exchange, *id);
        self.usage.apis.add(exchange);
        let name = self.table.name(task);
        sink.task(&TaskRecord {
            time_us: exchange.begins_us(),
            id: task,
            service: &name.service,
            task: &name.task,
            cgi: exchange.cgi.as_deref(),
            request_type: exchange.request_type,
            command_id: exchange.command,
            transport: flow_type,
            is_logged_in: exchange.is_logged_in,
            cluster: exchange.cluster,
            is_wider: exchange.is_wider,
            bytes_up: exchange.bytes(Side::User),
            bytes_down: exchange.bytes(Side::Server),
            missed: [Side::User, Side::Server].map(|side| exchange.missed(side)),
            message_bytes: exchange.inner,
            completion_us: exchange.completion_us(),
            capture: *capture,
            flow: *flow,
            user: UserRecord { id: *id, user },
        });
    }
}

/// What servers are for, where all requests to one were for the same, and how many there were.
#[derive(Debug, Default)]
struct Servers(HashMap<(Address, u16), Option<(TaskId, u32)>>);

impl Servers {
    fn note(&mut self, server: (Address, u16), task: TaskId, is_by_host: bool) {
        if self.0.len() < SERVERS || self.0.contains_key(&server) {
            let known = self.0.entry(server).or_insert(Some((task, 0)));
            *known = known
                .filter(|(same, _)| is_by_host && *same == task)
                .map(|(task, times)| (task, times.saturating_add(1)));
        }
    }

    fn purpose(&self, server: (Address, u16)) -> Option<TaskId> {
        let (task, times) = self.0.get(&server).copied().flatten()?;
        (times >= TIMES).then_some(task)
    }
}
