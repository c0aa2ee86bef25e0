//! Tasks in real captures.

use std::collections::BTreeSet;

use crate::taking_apart::{Notes, dissect};
use wiremark_tasks::FlowType;
use wiremark_tests::trace::Trace;

fn capture(name: &str) -> Option<Trace> {
    let path = wiremark_tests::score::default_traces().join("messenger").join(name);
    match std::fs::File::open(&path) {
        Ok(file) => Some(Trace::read(file).expect("a capture")),
        Err(error) => {
            wiremark_tests::skipped(format_args!("{}: {error}", path.display()));
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
