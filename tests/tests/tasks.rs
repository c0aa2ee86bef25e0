//! The usage report against the books of a generated population.

use std::collections::{BTreeMap, BTreeSet};

use crate::taking_apart::{THOUSAND, dissect, key};
use wiremark_tasks::FlowType;
use wiremark_tasks::report::{Line, figures};
use wiremark_tests::population::{self, BookTask, Books, Population};

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

#[test]
fn the_report_equals_the_books_of_a_thousand_users() {
    let Population { trace, books } = &*THOUSAND;
    let (usage, notes) = dissect(trace);

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
    let wanted = by_name(books);
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
            (key(books, task.user), task.from_us, task.task.to_owned(), task.bytes(), task.completion_us)
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
    let seconds = |seconds: &population::Seconds| seconds.count() as f64;
    same_quantiles(&figures[0].lines[0], of_users(&|user| all(user.app_bytes)), "volume");
    same_quantiles(
        &figures[1].lines[0],
        of_users(&|user| all(user.app_bytes) / all(user.bytes) * 100.0),
        "share",
    );
    same_quantiles(&figures[2].lines[0], of_users(&|user| seconds(&user.app_transfer)), "transfer");
    same_quantiles(&figures[2].lines[1], of_users(&|user| seconds(&user.app_active)), "active");
    let share =
        |user: &population::BookUser, of: &population::Seconds| seconds(of) / seconds(&user.active) * 100.0;
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
