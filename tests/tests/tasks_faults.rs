//! Volumes, copies and rules that went wrong: as handed captures show them, where they are there, and as generated ones do.

use std::collections::BTreeSet;

use crate::taking_apart::{SMALL, SMALL_TOLD, dissect, dissect_ahead};
use wiremark_tasks::report::{architecture, summary, tables};
use wiremark_tasks::{Config, FlowType};
use wiremark_tests::conversation::Tcp;
use wiremark_tests::population::Population;
use wiremark_tests::protocol::{http, mmtls, wechat_http, wechat_longlink};
use wiremark_tests::random::Random;
use wiremark_tests::trace::{Frame, Trace};
use wiremark_tests::wrap::Wrap;

/// A handed capture; none where there are none.
fn handed(path: &str) -> Option<Trace> {
    let path = wiremark_tests::score::default_traces().parent()?.join(path);
    match std::fs::File::open(&path) {
        Ok(file) => Some(Trace::read(file).expect("a capture")),
        Err(error) => {
            wiremark_tests::skipped(format_args!("{}: {error}", path.display()));
            None
        }
    }
}

/// Every frame again, so much later.
fn mirrored(trace: &Trace, later_us: u64) -> Trace {
    let copy: Vec<Frame> = trace
        .frames()
        .map(|(time_us, link, bytes)| Frame { time_us: time_us + later_us, link, bytes: bytes.to_vec() })
        .collect();
    Trace::mixed([trace.clone(), Trace::from(copy)])
}

#[test]
fn look_ups_that_a_mirror_port_gave_twice_count_once() {
    let Some(trace) = handed("faults/22-tasks-count-copies.pcap") else { return };
    let (usage, notes) = dissect(&trace);
    let tasks: Vec<_> = notes.tasks.iter().map(|told| (told.task.as_str(), told.transport)).collect();
    assert_eq!(tasks, [("DNS", FlowType::Dns); 3]);
    assert_eq!(usage.captures[0].copies, 6);
}

#[test]
fn a_mirrored_capture_says_what_the_capture_says() {
    let (Population { trace, .. }, (usage, notes)) = (&*SMALL, &*SMALL_TOLD);
    let with_payload = trace.payloads().filter(|(.., payload)| !payload.is_empty()).count() as u64;
    // Right behind, behind the next packets, and from another VLAN.
    let tagged = Trace::mixed([trace.clone(), trace.clone().shift(20).wrap(Wrap::named("vlan").unwrap())]);
    for (mirrored, what) in
        [(mirrored(trace, 10), "10 us"), (mirrored(trace, 900), "900 us"), (tagged, "a tagged copy")]
    {
        let (twice, told) = dissect(&mirrored);
        assert_eq!(told.tasks.len(), notes.tasks.len(), "{what}");
        assert_eq!(
            (twice.app_bytes(), twice.captures[0].bytes),
            (usage.app_bytes(), usage.captures[0].bytes),
            "{what}"
        );
        assert_eq!(twice.captures[0].copies, with_payload, "{what}");
        let (ahead, _) = dissect_ahead(Config::default(), &mirrored);
        assert_eq!(ahead.captures[0].copies, with_payload, "{what}");
    }
    assert_eq!(usage.captures[0].copies, 0, "nothing is sent twice by itself");
}

#[test]
fn volumes_are_what_was_captured() {
    let Some(trace) = handed("traces/messenger/quickplay.pcap") else { return };
    let (usage, notes) = dissect(&trace);
    let capture = &usage.captures[0];
    // tshark's payload bytes; sequence numbers jump over megabytes of media that were filtered out.
    assert!(capture.bytes <= 95_867 && capture.bytes > 80_000, "{}", capture.bytes);
    assert!(capture.missed_bytes > 20_000_000, "{}", capture.missed_bytes);
    assert!(usage.app_bytes().iter().sum::<u64>() <= capture.bytes);
    assert!(notes.tasks.iter().all(|told| told.bytes.iter().sum::<u64>() < 20_000));
    let of_users: u64 = usage.users.iter().map(|user| user.bytes.iter().sum::<u64>()).sum();
    assert_eq!(of_users, capture.bytes);
    // Ten of 2015's requests in clear say who they are for.
    assert!(notes.tasks.iter().any(|told| told.is_logged_in == Some(true)));
}

#[test]
fn what_is_lost_is_apart_and_what_comes_late_is_not() {
    let (Population { trace, .. }, (whole, _)) = (&*SMALL, &*SMALL_TOLD);
    let (usage, _) = dissect(&trace.clone().lose(3, 5));
    let [capture, full] = [&usage.captures[0], &whole.captures[0]];
    assert!(capture.bytes < full.bytes && capture.app_missed_bytes > 0);
    assert_eq!((full.missed_bytes, full.app_missed_bytes), (0, 0));
    // Of streams all is known but what was lost at their ends, of datagrams nothing.
    assert!(capture.bytes + capture.missed_bytes <= full.bytes);
    assert!((capture.bytes + capture.missed_bytes) * 100 > full.bytes * 97);
    let (swapped, _) = dissect(&trace.clone().swap(4, 20));
    assert_eq!((swapped.captures[0].bytes, swapped.captures[0].missed_bytes), (full.bytes, 0));
    let (twice, _) = dissect(&trace.clone().duplicate(5, 20));
    assert_eq!(twice.captures[0].bytes, full.bytes);
}

#[test]
fn the_papers_tables_and_figures_of_servers_and_workflows() {
    let (Population { trace, books }, (usage, notes)) = (&*SMALL, &*SMALL_TOLD);
    let capture = &usage.captures[0];
    let flows = notes.flows;
    assert_eq!(capture.flows, flows);
    assert!(capture.app_flows > 0 && capture.app_flows < flows && capture.app_packets < capture.packets);
    assert_eq!(capture.packets, trace.len() as u64);
    let clusters: BTreeSet<_> = usage.clusters.keys().map(|(cluster, _)| cluster.name()).collect();
    for cluster in ["long", "short", "resource", "names"] {
        assert!(clusters.contains(cluster), "{cluster}: {clusters:?}");
    }
    let counted: u64 = usage.clusters.values().map(|of| of.count).sum();
    let with_cluster = notes.tasks.iter().filter(|told| told.cluster.is_some()).count() as u64;
    assert_eq!(counted, with_cluster);
    let made = architecture(usage, "WeChat");
    let [one, shares, four, five, apis] = &made;
    assert!(made.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
    // Table I: texts go over W-TCP (and over W-HTTP where a phone has no long link), never over W-UDP.
    let text = one.rows.iter().find(|row| row[1] == "Send texts").expect("texts");
    assert_eq!(text[3..], ["", "x"]);
    assert_eq!(shares.rows[1][1], flows.to_string());
    assert!(four.rows.len() >= clusters.len());
    assert!(five.rows.iter().any(|row| row[1].contains("opcode to a long server")));
    assert!(apis.rows.iter().any(|row| row[0].starts_with("/cgi-bin/micromsg-bin/") && row[1] != "-"));
    let tasks: u64 = usage.users.iter().map(wiremark_tasks::User::tasks).sum();
    assert_eq!(tasks, books.tasks.len() as u64, "users' tasks are tasks");
    assert!(usage.users.iter().all(|user| user.task_kinds() as u64 <= user.tasks()));
    let json = format!("{:?}", summary(usage));
    assert!(json.contains("workflows") && tables(usage, "WeChat", &|_| String::new()).len() == 3);
}

#[test]
fn records_of_mmtls_tell_how_long_messages_are() {
    let (client, server) = ("10.0.0.9:41000".parse().unwrap(), "203.0.113.80:443".parse().unwrap());
    let (_, notes) = dissect(&mmtls::longlink(client, server, 4, 3).trace());
    let sizes: Vec<_> = notes.tasks.iter().filter(|told| told.task == "encrypted").collect();
    assert!(!sizes.is_empty());
    for told in sizes {
        for (inner, bytes) in told.message_bytes.iter().zip(told.bytes) {
            assert_eq!(*inner, bytes.checked_sub(21).filter(|_| bytes > 0), "a record's header and tag");
        }
    }
}

#[test]
fn the_get_rule_to_the_letter_and_wider_rules_apart() {
    let Some(trace) = handed("faults/wc16_get_matrix.pcap") else { return };
    let (_, notes) = dissect(&trace);
    let letter = notes.tasks.iter().filter(|told| told.transport == FlowType::Http && !told.is_wider);
    let (mut media, mut third) = (0, 0);
    for told in letter {
        media += 1;
        third += usize::from(told.cluster == Some("third-party"));
    }
    // Four User-Agents with the app's name, seven Referers with one of its names.
    assert_eq!((media, third), (28, 28));
}

/// The rule's siblings (ChatDissect, V-A): names of fields in any case and order, in pieces, behind another request of the
/// same connection; and both words, but in other places.
#[test]
fn the_get_rule_wherever_its_words_stand() {
    let agent = ("User-Agent", "Mozilla/5.0 (Linux; Android 13) MicroMessenger/8.0.33.2320");
    let server = "203.0.113.80:80".parse().unwrap();
    let get = |fields: &[(&str, &str)]| http::request("GET", "/a.jpg", "1.1", fields, b"");
    let host = ("Host", "img.example.com");
    let picture = http::ok(&[("Content-Type", "image/jpeg")], &[0xd8; 500]);
    let told = |requests: &[Vec<u8>], sizes: &[usize]| {
        let mut flow = Tcp::new("10.0.0.9:41000".parse().unwrap(), server, 7);
        for request in requests {
            flow = flow.client_segments(request, sizes).server(&picture);
        }
        let (_, notes) = dissect(&flow.close().trace());
        let letter =
            notes.tasks.into_iter().filter(|told| told.transport == FlowType::Http && !told.is_wider);
        letter.map(|told| told.cluster).collect::<Vec<_>>()
    };
    let third = Some("third-party");
    let lower = get(&[("referer", "https://mp.weixin.qq.com/s/abc"), ("user-agent", agent.1), host]);
    let path = get(&[host, agent, ("Referer", "http://www.example.com/wechat/page")]);
    let plain = get(&[host, ("User-Agent", "Chrome/111.0")]);
    assert_eq!(told(std::slice::from_ref(&lower), &[2000]), [third], "lower case, another order");
    assert_eq!(told(std::slice::from_ref(&lower), &[7, 30]), [third], "in pieces");
    assert_eq!(told(&[path, lower], &[2000]), [third, third], "the path's word; two of one connection");
    for (what, request) in [
        ("no word", plain),
        ("words exchanged", get(&[host, ("User-Agent", "weixin"), ("Referer", "http://MicroMessenger/")])),
        ("in a cookie", get(&[host, agent, ("Cookie", "from=weixin.qq.com")])),
        ("in a body", http::request("POST", "/a", "1.1", &[host, agent, ("Content-Length", "6")], b"weixin")),
    ] {
        assert_eq!(told(&[request], &[2000]), [], "{what}");
    }
}

/// A request type is what a business header says (paper 004): of a request, of an answer alone, and of none of the bodies that have no header.
#[test]
fn request_types_come_from_headers_only() {
    let (client, server) = ("10.0.0.9:41000".parse().unwrap(), "203.0.113.80:80".parse().unwrap());
    let types = |trace: &Trace| {
        let (_, notes) = dissect(trace);
        notes.tasks.iter().map(|told| told.request_type).collect::<Vec<_>>()
    };
    let cgi = ("/cgi-bin/micromsg-bin/mmsnssync", 214);
    for year in [2013, 2015] {
        let flow = wechat_http::short_flow(client, server, year, "short.weixin.qq.com", cgi, 3);
        assert_eq!(types(&flow), [Some(214)], "{year}");
    }
    let random = &mut Random::new(5);
    let mut seen = 0;
    for length in [40, 64, 100, 236, 900] {
        for number in 0..40 {
            let body = random.bytes(length);
            let request = wechat_http::post_2015("short.weixin.qq.com", cgi.0, &body);
            let answer = wechat_http::answer(&random.bytes(length));
            let flow = Tcp::new(client, server, number).client(request).server(answer).close();
            let told = types(&flow.trace());
            assert_eq!(told, [None], "{length} bytes");
            seen += told.len();
        }
    }
    // JSON, and a header whose lengths are another body's.
    for body in [&b"{\"a\":1,\"type\":214,\"uin\":3141592653,\"x\":[1,2,3,4,5,6,7,8,9]}"[..], &{
        let mut body = wechat_longlink::Business { marked: false, version: 0x2601_0041, function: 214 }
            .with_body(random, 236);
        body.extend([0x5a; 700]);
        body
    }] {
        let request = wechat_http::post_2015("short.weixin.qq.com", cgi.0, body);
        let flow = Tcp::new(client, server, 9).client(request).close();
        assert!(types(&flow.trace()).iter().all(Option::is_none));
    }
    assert_eq!(seen, 200);
}
