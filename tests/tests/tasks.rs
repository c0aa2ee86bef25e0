//! The usage report against the books of a generated population, and against captures.

use std::collections::{BTreeMap, BTreeSet};

use wiremark::{Classifier, Frame, LinkType, Options};
use wiremark_analysis::tasks::report::{Line, figures};
use wiremark_analysis::tasks::{
    Config, FlowRecord, FlowType, Sink, TaskDissector, TaskRecord, TaskTable, Usage,
};
use wiremark_tests::population::{self, BookTask, Books, Population};
use wiremark_tests::trace::Trace;

/// A task as it was told.
#[derive(Clone, Debug)]
struct Told {
    user: (String, u32),
    time_us: u64,
    service: String,
    task: String,
    cgi: Option<String>,
    transport: FlowType,
    request_type: Option<u32>,
    bytes: [u64; 2],
    completion_us: Option<u64>,
}

#[derive(Default)]
struct Notes {
    tasks: Vec<Told>,
    flows: u64,
}

impl Sink for Notes {
    fn task(&mut self, task: &TaskRecord<'_>) {
        self.tasks.push(Told {
            user: (task.user.user.address.to_string(), task.user.user.session),
            time_us: task.time_us,
            service: task.service.to_owned(),
            task: task.task.to_owned(),
            cgi: task.cgi.map(str::to_owned),
            transport: task.transport,
            request_type: task.request_type,
            bytes: [task.bytes_up, task.bytes_down],
            completion_us: task.completion_us,
        });
    }

    fn flow(&mut self, _: &FlowRecord<'_>) {
        self.flows += 1;
    }
}

fn dissect(trace: &Trace) -> (Usage, Notes) {
    let set = wiremark_signatures::embedded().unwrap_or_else(|error| panic!("{error}"));
    let classifier = Classifier::new(set, Options::default());
    let table = TaskTable::embedded().unwrap_or_else(|error| panic!("{error}"));
    let mut dissector = TaskDissector::new(&classifier, &table, Config::default());
    let mut notes = Notes::default();
    dissector.begin_capture("generated");
    for (time_us, link, bytes) in trace.frames() {
        let link_type = LinkType::from_number(link).expect("a known link type");
        let frame = Frame { link_type, time_us, bytes, wire_bytes: bytes.len() as u32 };
        let _ = dissector.frame(&frame, &mut notes);
    }
    dissector.end_capture(&mut notes);
    (dissector.finish(), notes)
}

/// The user's key: an IPv6 user is its first 64 bits.
fn key(books: &Books, user: usize) -> (String, u32) {
    let user = &books.users[user];
    match user.address {
        std::net::IpAddr::V4(v4) => (v4.to_string(), user.session),
        std::net::IpAddr::V6(v6) => {
            let network = u128::from(v6) >> 64 << 64;
            (std::net::Ipv6Addr::from(network).to_string(), user.session)
        }
    }
}

type Name = (String, String);

fn by_name(books: &Books) -> BTreeMap<Name, Vec<&BookTask>> {
    let mut map: BTreeMap<Name, Vec<&BookTask>> = BTreeMap::new();
    for task in &books.tasks {
        map.entry((task.service.to_owned(), task.task.to_owned())).or_default().push(task);
    }
    map
}

fn users_of(tasks: &[&BookTask]) -> u64 {
    tasks.iter().map(|task| task.user).collect::<BTreeSet<_>>().len() as u64
}

fn sum(tasks: &[&BookTask]) -> [u64; 2] {
    tasks.iter().fold([0; 2], |[up, down], task| [up + task.bytes()[0], down + task.bytes()[1]])
}

/// The nearest-rank quantile of values.
fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied()
}

const SHARES: [f64; 9] = [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0];

fn same_quantiles(line: &Line, mut values: Vec<f64>, what: &str) {
    values.sort_by(f64::total_cmp);
    assert_eq!(line.count, values.len() as u64, "{what}");
    for share in SHARES {
        let (found, wanted) = (line.quantile(share), quantile(&values, share));
        let is_same =
            found.zip(wanted).is_none_or(|(found, wanted)| (found - wanted).abs() < 1e-9 * wanted.max(1.0));
        assert!(is_same && found.is_some() == wanted.is_some(), "{what} at {share}: {found:?}, {wanted:?}");
    }
}

fn small() -> population::Config {
    population::Config { users: 150, other_users: 30, size_percent: 30, ..population::Config::default() }
}

#[test]
fn the_report_equals_the_books_of_a_thousand_users() {
    let Population { trace, books } = population::play(&population::Config::default());
    let (usage, notes) = dissect(&trace);

    // Table III.
    let app_users = books.users.iter().filter(|user| user.has_app).count();
    let total = |bytes: &dyn Fn(&population::BookUser) -> [u64; 2]| -> [u64; 2] {
        books.users.iter().fold([0; 2], |[up, down], user| [up + bytes(user)[0], down + bytes(user)[1]])
    };
    let capture = &usage.captures[0];
    assert_eq!((usage.users.len(), usage.app_users().count()), (books.users.len(), app_users));
    let addresses: BTreeSet<_> = books.users.iter().map(|user| user.address).collect();
    assert!(books.users.len() > addresses.len(), "some users have two sessions");
    assert_eq!(capture.bytes, total(&|user| user.bytes).iter().sum::<u64>());
    assert_eq!(usage.app_bytes(), total(&|user| user.app_bytes));
    assert_eq!(capture.app_bytes, total(&|user| user.app_bytes).iter().sum::<u64>());
    assert_eq!(usage.unattributed_bytes(), [0, 0]);
    let [up, down] = usage.app_bytes();
    let share = down as f64 / (up + down) as f64;
    assert!((0.85..0.95).contains(&share), "downlink is some 90 %, found {share}");

    // Tables IV and V.
    let wanted = by_name(&books);
    let found: BTreeMap<Name, _> =
        usage.tasks().map(|(name, task)| ((name.service.clone(), name.task.clone()), task)).collect();
    assert!(wanted.keys().eq(found.keys()), "{:?}\n{:?}", wanted.keys(), found.keys());
    for (name, tasks) in &wanted {
        let task = found[name];
        assert_eq!(task.count, tasks.len() as u64, "{name:?}");
        assert_eq!(task.users, users_of(tasks), "{name:?}");
        assert_eq!(task.bytes, sum(tasks), "{name:?}");
        for kind in FlowType::ALL {
            let of_kind = || tasks.iter().filter(|task| task.transport == kind.name());
            let requests: Vec<u64> = of_kind().filter_map(|task| task.request).collect();
            let responses: Vec<u64> = of_kind().filter_map(|task| task.response).collect();
            let mean = |sizes: &[u64]| {
                (!sizes.is_empty()).then(|| sizes.iter().sum::<u64>() as f64 / sizes.len() as f64)
            };
            assert_eq!(task.requests[kind as usize].mean(), mean(&requests), "{name:?} {kind:?}");
            assert_eq!(task.responses[kind as usize].mean(), mean(&responses), "{name:?} {kind:?}");
        }
    }
    for (service, users) in usage.services() {
        let tasks: Vec<&BookTask> = books.tasks.iter().filter(|task| task.service == service).collect();
        assert_eq!(users, users_of(&tasks), "{service}");
    }

    // Each task by itself.
    let mut told: Vec<_> = notes
        .tasks
        .iter()
        .map(|told| (told.user.clone(), told.time_us, told.task.clone(), told.bytes, told.completion_us))
        .collect();
    let mut played: Vec<_> = books
        .tasks
        .iter()
        .map(|task| {
            (key(&books, task.user), task.from_us, task.task.to_owned(), task.bytes(), task.completion_us)
        })
        .collect();
    told.sort();
    played.sort();
    for (told, played) in told.iter().zip(&played) {
        assert_eq!(told, played);
    }
    assert_eq!(told.len(), played.len());

    // Figure 6.
    let figures = figures(&usage);
    let of_users = |value: &dyn Fn(&population::BookUser) -> f64| -> Vec<f64> {
        books.users.iter().filter(|user| user.has_app).map(value).collect()
    };
    let all = |bytes: [u64; 2]| (bytes[0] + bytes[1]) as f64;
    let seconds = |seconds: &BTreeSet<u64>| seconds.len() as f64;
    same_quantiles(&figures[0].lines[0], of_users(&|user| all(user.app_bytes)), "volume");
    same_quantiles(
        &figures[1].lines[0],
        of_users(&|user| all(user.app_bytes) / all(user.bytes) * 100.0),
        "share",
    );
    same_quantiles(&figures[2].lines[0], of_users(&|user| seconds(&user.app_transfer)), "transfer");
    same_quantiles(&figures[2].lines[1], of_users(&|user| seconds(&user.app_active)), "active");
    let share = |user: &population::BookUser, of: &BTreeSet<u64>| seconds(of) / seconds(&user.active) * 100.0;
    same_quantiles(&figures[3].lines[0], of_users(&|user| share(user, &user.app_transfer)), "transfer share");
    same_quantiles(&figures[3].lines[1], of_users(&|user| share(user, &user.app_active)), "active share");

    // Figure 7.
    let times = |values: Vec<u64>| values.into_iter().map(|us| us as f64 / 1e6).collect::<Vec<f64>>();
    for (line, kind) in figures[4].lines.iter().zip(["W-TCP", "W-HTTP"]) {
        let tasks = books.tasks.iter().filter(|task| task.transport == kind);
        same_quantiles(line, times(tasks.filter_map(|task| task.completion_us).collect()), kind);
    }
    let mut links: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for task in &books.tasks {
        if let Some(link) = task.link {
            links.entry(link).or_default().push(task.from_us);
        }
    }
    let between = links.into_values().flat_map(|mut times| {
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<u64>>()
    });
    same_quantiles(&figures[5].lines[0], times(between.collect()), "between");
}

/// Sums by service.
fn by_service<'a>(tasks: impl Iterator<Item = (&'a str, [u64; 2])>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (service, [up, down]) in tasks {
        *sums.entry(service.to_owned()).or_default() += up + down;
    }
    sums
}

#[test]
fn loss_and_reordering_cost_less_than_a_percent_and_no_name() {
    let Population { trace, books } = population::play(&population::Config::default());
    let frames = trace.len();
    let trace = trace.lose(7, 1).swap(8, 1);
    assert!(trace.len() < frames - frames / 150);
    let (usage, notes) = dissect(&trace);

    let wanted: u64 = books.users.iter().flat_map(|user| user.app_bytes).sum();
    let found: u64 = usage.app_bytes().iter().sum();
    let off = |found: u64, wanted: u64| found.abs_diff(wanted) as f64 / wanted as f64;
    assert!(off(found, wanted) < 0.01, "{found} of {wanted}");
    let played = by_service(books.tasks.iter().map(|task| (task.service, task.bytes())));
    let told = by_service(notes.tasks.iter().map(|told| (told.service.as_str(), told.bytes)));
    for (service, wanted) in &played {
        let found = told.get(service).copied().unwrap_or(0);
        // Nothing tells of a datagram that was not captured, and real-time chatting is nearly all datagrams; and of a
        // page somewhere else only its request says that it was opened in the app.
        let is_single = matches!(service.as_str(), "Real-time Chatting" | "Media Access");
        let allowed = if is_single { 0.02 } else { 0.01 };
        assert!(off(found, *wanted) < allowed, "{service}: {found} of {wanted}");
    }
    let attributed: u64 = told.values().sum();
    assert!(off(attributed, wanted) < 0.01, "{attributed} of {wanted}");

    // No task under a name that its user did not do, and none twice.
    let mut did: BTreeMap<(_, &str, &str), i64> = BTreeMap::new();
    for task in &books.tasks {
        *did.entry((key(&books, task.user), task.service, task.task)).or_default() += 1;
    }
    for told in &notes.tasks {
        let left = did.get_mut(&(told.user.clone(), told.service.as_str(), told.task.as_str()));
        let left = left.unwrap_or_else(|| panic!("nobody did this: {told:?}"));
        *left -= 1;
        assert!(*left >= 0, "too often: {told:?}");
    }
}

#[test]
fn other_link_layers_and_ipv6_change_nothing() {
    let Population { trace, books } = population::play(&small());
    let count = |trace: &Trace| {
        let (usage, notes) = dissect(trace);
        (usage.app_users().count(), notes.tasks.len(), usage.app_bytes())
    };
    let plain = count(&trace);
    assert_eq!(plain.1, books.tasks.len());
    for wrap in ["ethernet", "vlan", "sll2", "gtp-u"] {
        let wrap = wiremark_tests::wrap::Wrap::named(wrap).expect("a known wrap");
        assert_eq!(count(&trace.clone().wrap(wrap)), plain);
    }
}

#[test]
fn no_account_number_comes_out() {
    let Population { trace, .. } = population::play(&small());
    let (usage, notes) = dissect(&trace);
    let uin = wiremark_tests::protocol::wechat_longlink::MADE_UP_UIN.to_string();
    let text = format!("{usage:?}{:?}", notes.tasks);
    assert!(text.len() > 100_000 && !text.contains(&uin));
}

fn capture(name: &str) -> Option<Trace> {
    let path = wiremark_tests::score::default_traces().join("messenger").join(name);
    match std::fs::File::open(&path) {
        Ok(file) => Some(Trace::read(file).expect("a capture")),
        Err(error) => {
            eprintln!("SKIPPED: {}: {error}; this test needs the capture", path.display());
            None
        }
    }
}

#[test]
fn short_links_of_2015_are_named_by_url_and_by_type_alone() {
    let Some(trace) = capture("quickplay.pcap") else { return };
    let wanted = [
        ("Social Networking", "Refresh moment", 214),
        ("Instant Messaging", "Receive emoji", 697),
        ("System", "Query servers", 639),
        ("System", "Connect to servers", 623),
        ("System", "Report to servers", 716),
    ];
    let names = |notes: &Notes| -> Vec<(String, String, u32)> {
        notes
            .tasks
            .iter()
            .map(|told| (told.service.clone(), told.task.clone(), told.request_type.unwrap_or(0)))
            .collect()
    };
    let expect: Vec<_> =
        wanted.iter().map(|(service, task, kind)| (service.to_string(), task.to_string(), *kind)).collect();
    let (_, notes) = dissect(&trace);
    assert_eq!(names(&notes), expect);
    assert!(notes.tasks.iter().all(|told| told.cgi.is_some()));
    let blank = |(time_us, link, bytes): (u64, u16, &[u8])| {
        let mut bytes = bytes.to_vec();
        let folder = b"/cgi-bin/micromsg-bin/";
        if let Some(at) = bytes.windows(folder.len()).position(|window| window == folder) {
            let end = bytes[at..].iter().position(|byte| *byte == b' ').map_or(bytes.len(), |end| at + end);
            bytes[at + 1..end].fill(b'x');
        }
        wiremark_tests::trace::Frame { time_us, link, bytes }
    };
    let blank = Trace::from(trace.frames().map(blank).collect::<Vec<_>>());
    let (_, notes) = dissect(&blank);
    assert_eq!(names(&notes), expect);
}

#[test]
fn mmtls_of_2023_is_counted_and_not_interpreted() {
    let Some(trace) = capture("wechat_mmtls_2023.pcap") else { return };
    let (usage, notes) = dissect(&trace);
    let count = |service: &str, task: &str| {
        notes.tasks.iter().filter(|told| told.service.starts_with(service) && told.task == task).count()
    };
    // 25 requests by POST, two of them to make a key; two long links, of which one was refused.
    assert_eq!((count("Short link", "encrypted"), count("Short link", "handshake")), (23, 2));
    assert_eq!((count("Long link", "encrypted"), count("Long link", "handshake")), (2, 2));
    let services: BTreeSet<&str> = notes.tasks.iter().map(|told| told.service.as_str()).collect();
    assert_eq!(
        services.into_iter().collect::<Vec<_>>(),
        ["Long link", "Short link", "Short link: name look-up", "System"]
    );
    assert!(notes.tasks.iter().filter(|told| told.service == "System").all(|told| told.task == "DNS"));
    assert_eq!(
        notes.tasks.iter().filter(|told| told.transport == FlowType::Http && told.task == "DNS").count(),
        2
    );
    assert_eq!(usage.unattributed_bytes(), [0, 0]);
}
