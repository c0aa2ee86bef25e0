//! What everybody did, added up.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use wiremark::Address;

use super::apis::Apis;
use super::catalog::{Cluster, TaskTable};
use super::distribution::Distribution;
use super::exchange::{Exchange, Side};
use super::record::FlowType;
use super::user::{User, UserId};
use super::{TaskId, TaskName};

/// Bits of a word of tasks that were done.
const WORD: usize = u64::BITS as usize;

/// Requests or responses: how many, and their bytes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sizes {
    /// Bytes of one, on the average; none where there was none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.bytes as f64 / self.count as f64)
    }

    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// The use of one task.
#[derive(Clone, Debug, Default)]
pub struct TaskUse {
    /// How many users did it.
    pub users: u64,
    /// How often it was done.
    pub count: u64,
    /// Bytes up and down.
    pub bytes: [u64; 2],
    /// Requests, by flow type in the order of [`FlowType::ALL`].
    pub requests: [Sizes; 4],
    /// Responses, likewise.
    pub responses: [Sizes; 4],
}

/// One capture.
#[derive(Clone, Debug, Default)]
pub struct CaptureUse {
    /// Its name.
    pub name: String,
    /// Time of its first and last packet, microseconds since 1970; 0 without packets.
    pub first_us: u64,
    /// Time of its last packet.
    pub last_us: u64,
    /// Users with any packet.
    pub users: u64,
    /// Users with a flow of the app.
    pub app_users: u64,
    /// Bytes of transport payload.
    pub bytes: u64,
    /// Those in flows of the app.
    pub app_bytes: u64,
    /// Bytes that were sent and not captured, in all flows.
    pub missed_bytes: u64,
    /// Those in flows of the app.
    pub app_missed_bytes: u64,
    /// Flows, and those of the app.
    pub flows: u64,
    /// Flows of the app.
    pub app_flows: u64,
    /// Packets with TCP or UDP, copies left out.
    pub packets: u64,
    /// Those in flows of the app.
    pub app_packets: u64,
    /// Packets that a mirror port gave twice.
    pub copies: u64,
}

/// The use of one cluster of servers (Figure 4).
#[derive(Clone, Debug, Default)]
pub struct ClusterUse {
    /// Tasks.
    pub count: u64,
    /// Bytes up and down.
    pub bytes: [u64; 2],
    users: HashSet<UserId>,
    servers: HashSet<Address>,
}

impl ClusterUse {
    /// Users.
    pub fn users(&self) -> u64 {
        self.users.len() as u64
    }

    /// Addresses of servers.
    pub fn servers(&self) -> u64 {
        self.servers.len() as u64
    }
}

/// Most users and servers of a cluster that are told apart.
const TOLD_APART: usize = 1 << 20;

/// Everything a report needs.
#[derive(Debug, Default)]
pub struct Usage {
    names: Vec<TaskName>,
    services: Vec<String>,
    /// Number of each task's service.
    service_of: Vec<usize>,
    tasks: Vec<TaskUse>,
    service_users: Vec<u64>,
    /// Of each user a bit for each task that it did.
    done: Vec<u64>,
    /// Servers by cluster and flow type.
    pub clusters: BTreeMap<(Cluster, FlowType), ClusterUse>,
    /// APIs met in clear.
    pub apis: Apis,
    /// The captures, in order.
    pub captures: Vec<CaptureUse>,
    /// The users, in the order of their numbers.
    pub users: Vec<User>,
    /// Completion times of W-TCP and W-HTTP tasks, in microseconds.
    pub completion_us: [Distribution; 2],
    /// Times between the beginnings of two tasks on one W-TCP flow, in microseconds.
    pub between_us: Distribution,
}

impl Usage {
    pub(super) fn new(table: &TaskTable) -> Self {
        let names: Vec<TaskName> = table.tasks().map(|(_, name)| name.clone()).collect();
        let services: BTreeSet<&String> = names.iter().map(|name| &name.service).collect();
        let services: Vec<String> = services.into_iter().cloned().collect();
        let place = |name: &TaskName| services.binary_search(&name.service).unwrap_or_default();
        Self {
            service_of: names.iter().map(place).collect(),
            tasks: vec![TaskUse::default(); names.len()],
            service_users: vec![0; services.len()],
            names,
            services,
            ..Self::default()
        }
    }

    /// Adds a task to its cluster.
    pub(super) fn add_server(
        &mut self,
        cluster: Cluster,
        flow_type: FlowType,
        exchange: &Exchange,
        user: UserId,
        server: Address,
    ) {
        let of = self.clusters.entry((cluster, flow_type)).or_default();
        of.count += 1;
        for (sum, side) in of.bytes.iter_mut().zip([Side::User, Side::Server]) {
            *sum += exchange.bytes(side);
        }
        if of.users.len() < TOLD_APART {
            of.users.insert(user);
        }
        if of.servers.len() < TOLD_APART {
            of.servers.insert(server);
        }
    }

    /// Adds a task of a user.
    pub(super) fn add(&mut self, id: TaskId, flow_type: FlowType, exchange: &Exchange, user: UserId) {
        let place = usize::from(id.0);
        let Some(task) = self.tasks.get_mut(place) else { return };
        task.count += 1;
        for (sum, side) in task.bytes.iter_mut().zip([Side::User, Side::Server]) {
            *sum += exchange.bytes(side);
        }
        let kind = flow_type as usize;
        for (sizes, half) in
            [(&mut task.requests, exchange.request), (&mut task.responses, exchange.response)]
        {
            if let Some(half) = half {
                sizes[kind].add(half.bytes + half.missed);
            }
        }
        if let (Some(completion_us), Some(distribution)) =
            (exchange.completion_us(), self.completion_us.get_mut(kind))
        {
            distribution.add(completion_us);
        }
        let words = self.names.len().div_ceil(WORD);
        let first = user.0 as usize * words;
        if self.done.len() < first + words {
            self.done.resize(first + words, 0);
        }
        let Some(done) = self.done.get_mut(first..first + words) else { return };
        let mark = 1 << (place % WORD);
        if done[place / WORD] & mark == 0 {
            done[place / WORD] |= mark;
            task.users += 1;
            let service = self.service_of[place];
            let of_service = (0..self.names.len()).filter(|other| self.service_of[*other] == service);
            if of_service.filter(|other| done[other / WORD] >> (other % WORD) & 1 == 1).count() == 1 {
                self.service_users[service] += 1;
            }
        }
    }

    /// All captures are at their end.
    pub(super) fn close(&mut self, users: Vec<User>) {
        self.users = users;
        let words = self.names.len().div_ceil(WORD).max(1);
        for (user, done) in self.users.iter_mut().zip(self.done.chunks(words)) {
            user.task_kinds = done.iter().map(|word| word.count_ones() as usize).sum();
        }
    }

    /// Every service that was used, with its users.
    pub fn services(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.services.iter().map(String::as_str).zip(self.service_users.iter().copied());
        all.filter(|(_, users)| *users > 0)
    }

    /// Every task that was done, with its use.
    pub fn tasks(&self) -> impl Iterator<Item = (&TaskName, &TaskUse)> {
        self.names.iter().zip(&self.tasks).filter(|(_, task)| task.count > 0)
    }

    /// Users of the app, with their numbers.
    pub fn app_users(&self) -> impl Iterator<Item = (UserId, &User)> {
        (0..).map(UserId).zip(&self.users).filter(|(_, user)| user.has_app)
    }

    /// Bytes of the app's flows up and down.
    pub fn app_bytes(&self) -> [u64; 2] {
        self.users.iter().fold([0; 2], |[up, down], user| [up + user.app_bytes[0], down + user.app_bytes[1]])
    }

    /// Bytes of the app's flows up and down that belong to no task: encrypted flows without a known purpose, and bytes
    /// whose headers were not captured.
    pub fn unattributed_bytes(&self) -> [u64; 2] {
        let tasks =
            self.tasks.iter().fold([0; 2], |[up, down], task| [up + task.bytes[0], down + task.bytes[1]]);
        let app = self.app_bytes();
        [0, 1].map(|way| app[way].saturating_sub(tasks[way]))
    }
}
