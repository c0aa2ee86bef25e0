//! Traces through the task dissector.

use std::sync::LazyLock;

use wiremark::{Classifier, Frame, LinkType, Options, ParseError};
use wiremark_tasks::{
    Cluster, Config, FlowRecord, FlowType, Sink, TaskDissector, TaskRecord, TaskTable, Usage,
};
use wiremark_tests::population::{self, Books, Population};
use wiremark_tests::trace::Trace;

/// A task as it was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedTask {
    pub(crate) user: (String, u32),
    pub(crate) time_us: u64,
    pub(crate) service: String,
    pub(crate) task: String,
    pub(crate) cgi: Option<String>,
    pub(crate) transport: FlowType,
    pub(crate) request_type: Option<u32>,
    pub(crate) bytes: [u64; 2],
    pub(crate) missed: [u64; 2],
    pub(crate) completion_us: Option<u64>,
    pub(crate) is_logged_in: Option<bool>,
    pub(crate) is_wider: bool,
    pub(crate) cluster: Option<&'static str>,
    pub(crate) message_bytes: [Option<u64>; 2],
}

impl RecordedTask {
    /// Bytes that were sent, captured or not.
    pub(crate) fn sent(&self) -> [u64; 2] {
        [self.bytes[0] + self.missed[0], self.bytes[1] + self.missed[1]]
    }
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Notes {
    pub(crate) tasks: Vec<RecordedTask>,
    pub(crate) flows: u64,
}

impl Sink for Notes {
    fn task(&mut self, task: &TaskRecord<'_>) {
        self.tasks.push(RecordedTask {
            user: (task.user.user.address.to_string(), task.user.user.session),
            time_us: task.time_us,
            service: task.service.to_owned(),
            task: task.task.to_owned(),
            cgi: task.cgi.map(str::to_owned),
            transport: task.transport,
            request_type: task.request_type,
            bytes: [task.bytes_up, task.bytes_down],
            missed: task.missed,
            completion_us: task.completion_us,
            is_logged_in: task.is_logged_in,
            is_wider: task.is_wider,
            cluster: task.cluster.map(Cluster::name),
            message_bytes: task.message_bytes,
        });
    }

    fn flow(&mut self, _: &FlowRecord<'_>) {
        self.flows += 1;
    }
}

pub(crate) fn dissect(trace: &Trace) -> (Usage, Notes) {
    dissect_as(Config::default(), trace)
}

/// Takes a trace apart.
pub(crate) fn dissect_as(config: Config, trace: &Trace) -> (Usage, Notes) {
    dissect_by(config, trace, |dissector, trace, notes| {
        hand_in(trace, &mut |frame| dissector.frame(frame, notes));
    })
}

/// As [`dissect_as`], on two threads.
pub(crate) fn dissect_ahead(config: Config, trace: &Trace) -> (Usage, Notes) {
    dissect_by(config, trace, |dissector, trace, notes| {
        dissector.read_ahead(
            |frames| {
                let preparer = frames.preparer();
                hand_in(trace, &mut |frame| {
                    let mut prepared = preparer.prepare(frame);
                    frames.soon(&prepared);
                    frames.next(frame.bytes, &mut prepared);
                    frames.follow(frame, &prepared).map(|_| ())
                });
            },
            notes,
        );
    })
}

fn hand_in(trace: &Trace, take: &mut dyn FnMut(&Frame<'_>) -> Result<(), ParseError>) {
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a known link type");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let _ = take(&frame);
    }
}

fn dissect_by(
    config: Config,
    trace: &Trace,
    play: impl FnOnce(&mut TaskDissector<'_>, &Trace, &mut Notes),
) -> (Usage, Notes) {
    let mut dissector = TaskDissector::new(&CLASSIFIER, &TASKS, config);
    let mut notes = Notes::default();
    dissector.begin_capture("generated", None);
    play(&mut dissector, trace, &mut notes);
    dissector.end_capture(&mut notes);
    (dissector.finish(), notes)
}

/// The user's key: an IPv6 user is its first 64 bits.
pub(crate) fn key(books: &Books, user: usize) -> (String, u32) {
    let user = &books.users[user];
    match user.address {
        std::net::IpAddr::V4(v4) => (v4.to_string(), user.session),
        std::net::IpAddr::V6(v6) => {
            let network = u128::from(v6) >> 64 << 64;
            (std::net::Ipv6Addr::from(network).to_string(), user.session)
        }
    }
}

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| {
    let set = wiremark_signatures::embedded().unwrap_or_else(|error| panic!("{error}"));
    Classifier::new(set, Options::default())
});
static TASKS: LazyLock<TaskTable> =
    LazyLock::new(|| TaskTable::embedded().unwrap_or_else(|error| panic!("{error}")));

/// A thousand users for three hours, played once.
pub(crate) static THOUSAND: LazyLock<Population> =
    LazyLock::new(|| population::play(&population::Config::default()));
/// The population for quick tests, and what is told of it.
pub(crate) static SMALL: LazyLock<Population> = LazyLock::new(|| population::play(&small()));
pub(crate) static SMALL_TOLD: LazyLock<(Usage, Notes)> = LazyLock::new(|| dissect(&SMALL.trace));

/// A population for quick tests.
pub(crate) fn small() -> population::Config {
    population::Config { users: 150, other_users: 30, size_percent: 30, ..population::Config::default() }
}
