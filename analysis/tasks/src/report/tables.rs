//! Tables III, IV and V as text.

use wiremark_report::Table;

use crate::record::FlowType;
use crate::usage::{Sizes, Usage};

/// Tables III, IV and V. `app` is how to call the app.
pub fn tables(usage: &Usage, app: &str, time: &dyn Fn(u64) -> String) -> [Table; 3] {
    [captures(usage, app, time), tasks(usage, app), sizes(usage)]
}

/// Table III: users and traffic volume.
fn captures(usage: &Usage, app: &str, time: &dyn Fn(u64) -> String) -> Table {
    let mut rows: Vec<Vec<String>> = usage
        .captures
        .iter()
        .map(|capture| {
            let times = match capture.first_us {
                0 => ["-".into(), "-".into()],
                first_us => [time(first_us), time(capture.last_us)],
            };
            let [from, to] = times;
            let users = [capture.users.to_string(), capture.app_users.to_string()];
            let bytes = [capture.bytes, capture.app_bytes];
            let share = percent(capture.app_bytes, capture.bytes);
            [capture.name.clone(), from, to]
                .into_iter()
                .chain(users)
                .chain(bytes.map(mega))
                .chain([share])
                .collect()
        })
        .collect();
    let (bytes, app_bytes) = usage
        .captures
        .iter()
        .fold((0, 0), |(bytes, app), capture| (bytes + capture.bytes, app + capture.app_bytes));
    rows.push(vec![
        "total".into(),
        String::new(),
        String::new(),
        usage.users.len().to_string(),
        usage.app_users().count().to_string(),
        mega(bytes),
        mega(app_bytes),
        percent(app_bytes, bytes),
    ]);
    Table {
        title: format!("Users and traffic volume, in total and {app}'s (Table III)"),
        note: "Users are private addresses; a user silent for 60 minutes is another one afterwards. Volumes are transport payload that was captured, each byte once.",
        columns: vec!["capture", "from", "to", ">users", ">app users", ">volume", ">app volume", ">share"],
        rows,
    }
}

/// Table IV: services and tasks.
fn tasks(usage: &Usage, app: &str) -> Table {
    let users = usage.app_users().count() as u64;
    let [up, down] = usage.app_bytes();
    let total = up + down;
    let of_users = |number: u64| vec![number.to_string(), percent(number, users)];
    let volumes = |[up, down]: [u64; 2]| {
        [up + down, up, down]
            .into_iter()
            .flat_map(|bytes| [mega(bytes), percent(bytes, total)])
            .collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    for (service, service_users) in usage.services() {
        let mut first = of_users(service_users);
        first.insert(0, service.to_owned());
        let mut tasks: Vec<_> = usage.tasks().filter(|(name, _)| name.service == service).collect();
        tasks.sort_by(|a, b| a.0.cmp(b.0));
        for (name, task) in tasks {
            let lead = std::mem::replace(&mut first, vec![String::new(); 3]);
            let middle = [name.task.clone(), task.count.to_string()];
            rows.push([lead, middle.into(), of_users(task.users), volumes(task.bytes)].concat());
        }
    }
    let dash = || vec!["-".to_owned(); 2];
    let unattributed = usage.unattributed_bytes();
    if unattributed != [0, 0] {
        let lead = [vec!["(no task)".to_owned()], dash()].concat();
        rows.push([lead, dash(), dash(), volumes(unattributed)].concat());
    }
    let count: u64 = usage.tasks().map(|(_, task)| task.count).sum();
    let lead = [vec!["total".to_owned()], of_users(users)].concat();
    rows.push([lead, vec!["-".into(), count.to_string()], dash(), volumes([up, down])].concat());
    Table {
        title: format!("{app}'s services and tasks (Table IV)"),
        note: "Users in percent of the app's users, volumes in percent of the app's volume.",
        columns: vec![
            "service", ">users", ">%", "task", ">times", ">users", ">%", ">volume", ">%", ">up", ">%",
            ">down", ">%",
        ],
        rows,
    }
}

/// Table V: sizes of requests and responses.
fn sizes(usage: &Usage) -> Table {
    let mut tasks: Vec<_> = usage.tasks().collect();
    tasks.sort_by(|a, b| a.0.cmp(b.0));
    let [tcp, http] = [FlowType::Tcp as usize, FlowType::Http as usize];
    let mean = |sizes: &Sizes| sizes.mean().map_or_else(|| "-".into(), |mean| format!("{mean:.0}"));
    let rows = tasks
        .into_iter()
        .filter(|(_, task)| {
            let count = |kind: usize| task.requests[kind].count + task.responses[kind].count;
            count(tcp) + count(http) > 0
        })
        .map(|(name, task)| {
            let cells =
                [&task.requests[tcp], &task.requests[http], &task.responses[tcp], &task.responses[http]];
            [name.service.clone(), name.task.clone()].into_iter().chain(cells.map(mean)).collect()
        })
        .collect();
    Table {
        title: "Mean sizes of requests and responses, in bytes (Table V)".into(),
        note: "A message's own header, and HTTP's, are part of its size; so are bytes of it that the capture missed.",
        columns: vec![
            "service",
            "task",
            ">request W-TCP",
            ">request W-HTTP",
            ">response W-TCP",
            ">response W-HTTP",
        ],
        rows,
    }
}

/// Bytes for people: 1 MB is a million.
pub(super) fn mega(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    match (part, part as f64 * 100.0 / whole as f64) {
        (_, _) if whole == 0 => "-".into(),
        (1.., share) if share < 0.01 => "<0.01".into(),
        (_, share) => format!("{share:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskTable;

    #[test]
    fn an_empty_report_has_its_totals() {
        let usage = Usage::new(&TaskTable::embedded().unwrap());
        let [three, four, five] = tables(&usage, "app", &|_| String::new());
        assert_eq!(three.rows.len(), 1);
        assert_eq!(four.rows, [["total", "0", "-", "-", "0", "-", "-", "0 B", "-", "0 B", "-", "0 B", "-"]]);
        assert!(five.rows.is_empty());
        assert!(
            [three, four, five]
                .iter()
                .all(|table| table.rows.iter().all(|row| row.len() == table.columns.len()))
        );
    }

    #[test]
    fn small_shares_are_not_none() {
        assert_eq!((percent(0, 9).as_str(), percent(1, 1_000_000).as_str()), ("0.00", "<0.01"));
        assert_eq!([mega(999), mega(1500), mega(2_500_000)], ["999 B", "1.5 kB", "2.50 MB"]);
    }
}
