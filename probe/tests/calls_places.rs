//! `wiremark calls --db`: where relays are, and whether the chosen one is the nearest.

use serde_json::{Value, json};
use wiremark_tests::protocol::whatsapp_call::Call;
use wiremark_tests::protocol::whatsapp_relay::Dialect;

use crate::traces::*;

#[path = "../../analysis/locality/tests/mmdb.rs"]
mod mmdb;

/// A call of a phone in Switzerland over relays at 4.1.0.1, 4.2.0.1 and so on.
fn capture() -> Vec<u8> {
    let mut call = Call::of(Dialect::Y2021);
    call.client = "5.5.0.1:45395".parse().unwrap();
    for (number, relay) in (1..).zip(&mut call.relays) {
        *relay = format!("4.{number}.0.1:3478").parse().unwrap();
    }
    let trace = call.trace();
    let mut file = pcap(101, &[]);
    for (time_us, _, bytes) in trace.frames() {
        let length = bytes.len() as u32;
        for field in [(time_us / 1_000_000) as u32, (time_us % 1_000_000) as u32, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

/// The phone's network in Switzerland; the relays' as given.
fn database(relays: [&str; 5]) -> Vec<u8> {
    let network =
        |text: String, country: &str| (text.parse().unwrap(), 16, json!({"country": {"iso_code": country}}));
    let mut rows = vec![network("5.5.0.0".into(), "CH")];
    rows.extend((1..).zip(relays).map(|(n, country): (u8, _)| network(format!("4.{n}.0.0"), country)));
    mmdb::database("GeoLite2-Country", &rows)
}

fn calls(countries: [&str; 5], options: &[&str]) -> String {
    let folder = folder();
    let path = |name: &str, bytes: &[u8]| write(&folder, name, bytes).to_str().unwrap().to_owned();
    let (capture, db) = (path("call.pcap", &capture()), path("countries.mmdb", &database(countries)));
    path("corrections.csv", b"network,country,reason,source\n4.1.0.0/16,CH,reverse name,test\n");
    let corrections = folder.join("corrections.csv").to_str().unwrap().to_owned();
    let options: Vec<&str> =
        options.iter().map(|option| if *option == "CORRECTIONS" { &*corrections } else { option }).collect();
    let output = wiremark(&[&["calls", "--db", &db][..], &options, &[&capture]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    stdout(&output).to_owned()
}

fn record(countries: [&str; 5], options: &[&str]) -> Value {
    let told = calls(countries, &[&["--format", "json"], options].concat());
    serde_json::from_str(told.lines().next().unwrap()).unwrap()
}

fn findings(record: &Value) -> Vec<String> {
    let about = |finding: &String| finding.contains(" km");
    record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap().to_owned())
        .filter(about)
        .collect()
}

#[test]
fn a_chosen_relay_far_away_is_not_the_nearest() {
    let record = record(["IE", "CH", "DE", "US", "IE"], &[]);
    assert_eq!(record["parties"][0]["country"], "CH");
    let relays = record["relays"].as_array().unwrap();
    let chosen = relays.iter().find(|relay| !relay["chosen_by"].is_null()).unwrap();
    assert_eq!(chosen["country"], "IE");
    let [finding] = &findings(&record)[..] else { panic!("{record}") };
    assert!(
        finding.contains("the chosen relay is not the nearest: relay A (IE) is 1000 to 1784 km away"),
        "{finding}"
    );
    assert!(finding.contains("away, relay B (CH) 0 to ") && finding.ends_with(" km"), "{finding}");
    let story = calls(["IE", "CH", "DE", "US", "IE"], &[]);
    assert!(story.contains("where, km") && story.contains(finding), "{story}");
    let page = calls(["IE", "CH", "DE", "US", "IE"], &["--format", "html"]);
    assert!(page.contains(finding) && page.contains("relay A, IE"), "{page}");
    for told in [&story, &page, &record.to_string()] {
        assert!(!told.contains("4.1.0.1") && !told.contains("5.5.0.1"), "{told}");
    }
}

#[test]
fn what_may_be_the_nearest_is_not_spoken_of() {
    // The same country, a neighbour, and one whose nearest place is nearer than the other's farthest.
    for countries in [["CH"; 5], ["DE", "CH", "CH", "CH", "CH"], ["CH", "IE", "US", "DE", "DE"]] {
        assert_eq!(findings(&record(countries, &[])), [""; 0], "{countries:?}");
    }
    // What is known better than the database.
    let record = record(["IE", "CH", "DE", "US", "IE"], &["--corrections", "CORRECTIONS"]);
    assert_eq!(record["relays"][0]["country"], "CH");
    assert_eq!(findings(&record), [""; 0]);
}

#[test]
fn answers_faster_than_light_say_that_the_database_is_wrong() {
    let record = record(["NZ", "CH", "CH", "CH", "CH"], &[]);
    let [finding] = &findings(&record)[..] else { panic!("{record}") };
    assert!(finding.contains("relay A is no place of NZ, where the database has it"), "{finding}");
    let km = record["relays"][0]["km"].as_array().unwrap();
    assert!(km[0] == 0 && km[1].as_u64().unwrap() < 15_000, "{km:?}");
}

#[test]
fn without_a_database_nothing_is_said_of_countries() {
    let capture = write(&folder(), "call.pcap", &capture());
    let output = wiremark(&["calls", "--format", "json", capture.to_str().unwrap()]);
    let record: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert!(record["relays"][0]["km"].is_null() && record["parties"][0]["country"].is_null());
}
