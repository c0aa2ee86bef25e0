//! `wiremark locality` as its users see it: tables from path files, errors with file and line, a page that asks nobody.

use serde_json::Value;

use crate::traces::*;

const NODES: &str = "node,country,aliases\nzurich,CH,4.1.0.1\ntokyo,JP,4.2.0.1\nosaka,JP,4.2.1.1\n";
const PLACES: &str = "network,country,reason,source\n4.1.0.0/16,CH,made up,test\n4.2.0.0/16,JP,made up,test\n4.3.0.0/16,US,made up,test\n";
const LIST: &str =
    "file,from,to,app\nway.txt,tokyo,osaka,\nserver.txt,tokyo,,threema\nserver.txt,osaka,,threema\n";
const WAY: &str = "traceroute to osaka (4.2.1.1), 30 hops max\n 1  10.0.0.1  0.5 ms\n 2  4.2.1.1  9.5 ms\n";
const SERVER: &str = "traceroute to x (4.1.0.9), 30 hops max\n 1  4.2.0.9  1.0 ms\n 2  4.3.0.1  100.0 ms\n 3  4.1.0.9  260.0 ms\n";

/// Runs it on the files above, `more` beside them.
fn locality(way: &str, more: &[&str]) -> std::process::Output {
    let folder = folder();
    let path = |name: &str, text: &str| write(&folder, name, text.as_bytes()).to_str().unwrap().to_owned();
    let (nodes, places) = (path("nodes.csv", NODES), path("places.csv", PLACES));
    path("way.txt", way);
    path("server.txt", SERVER);
    let list = path("list.csv", LIST);
    let given =
        ["locality", "--nodes", &nodes, "--corrections", &places, "--paths", &list, "--day", "2015-09-30"];
    wiremark(&[&given[..], more].concat())
}

#[test]
fn tables_tell_what_leaves_and_who_can_listen() {
    let output = locality(WAY, &["--format", "json", "--region", "Asia", "--group", "5-eyes,china"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in text.lines() {
        assert_eq!(crate::schema::wrong_line(line), [""; 0], "{line}");
    }
    let row = |kind: &str, group: Option<&str>| {
        let is_it = |record: &&Value| {
            record["event_type"] == kind && group.is_none_or(|group| record["group"] == group)
        };
        let record = records.iter().find(is_it).unwrap();
        let count = |path: &Value| (path["pairs"].as_u64().unwrap(), path["count"].as_u64().unwrap());
        record["paths"].as_array().unwrap().iter().map(count).collect::<Vec<_>>()
    };
    // Three pairs of two nodes, each with itself; the server is in Switzerland, the way there leads through the US.
    assert_eq!(row("leaving", None), [(3, 0), (3, 3)]);
    assert_eq!(row("accessible", Some("5-eyes")), [(3, 0), (3, 3)]);
    assert_eq!(row("accessible", Some("china")), [(3, 0), (3, 0)]);
    assert_eq!(records.last().unwrap()["hops"]["special"], 1);
}

#[test]
fn what_is_malformed_is_told_with_its_line_and_left_out() {
    let output = locality(
        "traceroute to osaka (4.2.1.1), 30 hops max\n 1  4.3.0.999  0.5 ms\n",
        &["--region", "Asia"],
    );
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("way.txt, line 2: unexpected \"4.3.0.999\""), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("1 malformed and left out")
            && text.contains("Asia, network path: 1 of 3 pairs were not measured"),
        "{text}"
    );
}

#[test]
fn the_page_asks_nobody() {
    let output = locality(WAY, &["--format", "html"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("<svg") && page.contains("Switzerland") && page.ends_with("</html>\n"));
    for word in ["http:", "https:", "//", "src=", "@import", "<script "] {
        assert!(!page.contains(word), "{word}");
    }
    // Patterns of the page's own are all that it refers to.
    assert_eq!(page.matches("url(").count(), page.matches("url(#p").count());
    // The United Kingdom is of 5 Eyes and, in 2015, of the EU: a stripe for each.
    assert!(
        page.matches("class=\"stripe s0\"").count() >= 1 && page.contains("class=\"stripe s1\""),
        "stripes"
    );
}

#[test]
fn paths_without_any_country_are_a_wrong_usage() {
    let folder = folder();
    let nodes = write(&folder, "nodes.csv", NODES.as_bytes());
    let way = write(&folder, "way.txt", WAY.as_bytes());
    let output =
        wiremark(&["locality", "--nodes", nodes.to_str().unwrap(), "--paths", way.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--db"));
}
