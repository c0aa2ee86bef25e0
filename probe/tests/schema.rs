//! Every record is as `probe/data/records.schema.json` says, and nothing is in the schema that no record has.

use std::sync::LazyLock;

use serde_json::Value;
use wiremark_tests::protocol::wechat_call;
use wiremark_tests::protocol::whatsapp_call::Call;
use wiremark_tests::protocol::whatsapp_relay::Dialect;
use wiremark_tests::trace::Trace;

use crate::packets::given_captures;
use crate::traces::*;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/records.schema.json")).unwrap());

/// What of a value is not as the schema says, with its place; the words of JSON Schema (2020-12) that ours uses.
fn wrong(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, asked) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "type" => {
                let is_one = |name: &str| match name {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                let names = asked.as_array().cloned().unwrap_or_else(|| vec![asked.clone()]);
                if !names.iter().any(|name| is_one(name.as_str().unwrap())) {
                    found.push(format!("{at}: {value} is no {asked}"));
                }
            }
            "const" if value != asked => found.push(format!("{at}: {value} is not {asked}")),
            "enum" if !asked.as_array().unwrap().contains(value) => {
                found.push(format!("{at}: {value} is none of {asked}"));
            }
            "minimum" if value.as_f64().is_some_and(|number| number < asked.as_f64().unwrap()) => {
                found.push(format!("{at}: {value} is less than {asked}"));
            }
            "minItems" | "maxItems" => {
                let (length, limit) = (value.as_array().map(Vec::len), asked.as_u64().unwrap() as usize);
                let holds = |n: usize| if word == "minItems" { n >= limit } else { n <= limit };
                if !length.is_none_or(holds) {
                    found.push(format!("{at}: {word} {asked}"));
                }
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(wrong(asked, item, &format!("{at}/{n}")));
                }
            }
            "required" => {
                let missing =
                    |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
                let names = asked.as_array().unwrap().iter().filter(missing);
                found.extend(names.map(|name| format!("{at}: {name} is missing")));
            }
            "properties" => {
                for (name, inner) in asked.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        found.extend(wrong(inner, value, &format!("{at}/{name}")));
                    }
                }
            }
            "additionalProperties" => {
                let known = |name: &str| schema["properties"].get(name).is_some();
                for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !known(name))
                {
                    match asked {
                        Value::Bool(false) => found.push(format!("{at}: {name} is not in the schema")),
                        _ => found.extend(wrong(asked, value, &format!("{at}/{name}"))),
                    }
                }
            }
            "anyOf" => {
                let tried: Vec<_> =
                    asked.as_array().unwrap().iter().map(|one| wrong(one, value, at)).collect();
                if !tried.iter().any(Vec::is_empty) {
                    found.extend(tried.into_iter().flatten());
                }
            }
            "const" | "enum" | "minimum" | "description" => {}
            other => panic!("the test does not know the word {other}"),
        }
    }
    found
}

/// What of a JSON line is not as the schema says.
pub(crate) fn wrong_line(line: &str) -> Vec<String> {
    let record: Value = serde_json::from_str(line).unwrap();
    let kind = record["event_type"].as_str().unwrap_or("audit");
    let known = &SCHEMA["$defs"][kind];
    assert!(known.is_object(), "{kind} is not in the schema");
    wrong(known, &record, kind)
}

fn pcap_of(trace: &Trace) -> Vec<u8> {
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

fn assert_all(arguments: &[&str]) -> usize {
    let output = wiremark(arguments);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    for line in &lines {
        assert_eq!(wrong_line(line), [""; 0], "{arguments:?}: {line}");
    }
    lines.len()
}

#[test]
fn every_record_is_as_the_schema_says() {
    let folder = folder();
    let path = |name: &str, bytes: &[u8]| write(&folder, name, bytes).to_str().unwrap().to_owned();
    let mut files = vec![path("plain.pcap", &pcap(1, &frames()))];
    for (dialect, name) in [(Dialect::Y2015, "2015"), (Dialect::Y2019, "2019"), (Dialect::Y2023, "2023")] {
        files.push(path(name, &pcap_of(&Call::of(dialect).trace())));
    }
    files.push(path(
        "wechat",
        &pcap_of(&wechat_call::mixed("10.0.0.1:50000".parse().unwrap(), "203.0.113.9:80".parse().unwrap())),
    ));
    if let Some(given) = given_captures() {
        let names = std::fs::read_dir(given).unwrap().map(|entry| entry.unwrap().path());
        files.extend(names.map(|path| path.to_str().unwrap().to_owned()));
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let records = assert_all(&[&["classify", "--format", "json", "--stats"][..], &files].concat());
    assert!(records > 10, "{records}");
    let calls = assert_all(&[&["calls", "--format", "json"][..], &files].concat());
    assert!(calls > 4, "{calls}");
    let demo = format!("{}/../tests/demo.pcap", env!("CARGO_MANIFEST_DIR"));
    let files = [&files[..], &[&demo]].concat();
    let tasks = assert_all(&[&["tasks", "--format", "json"][..], &files].concat());
    assert!(tasks > 10, "{tasks}");
    let servers = assert_all(&[&["locality", "--format", "json"][..], &files].concat());
    assert!(servers > 3, "{servers}");
    let audit = ["audit", "--format", "json", "--defend", "constant:160,20"];
    assert_eq!(assert_all(&[&audit[..], &files].concat()), 1);
}

#[test]
fn the_schema_has_the_records_fields_and_refuses_others() {
    let mut fields: Vec<&str> = wiremark_probe::record::FlowRecord::FIELDS.to_vec();
    let mut known: Vec<&str> =
        SCHEMA["$defs"]["flow"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, fields);
    let capture = write(&folder(), "a.pcap", &pcap(1, &frames()));
    let output = wiremark(&["classify", "--format", "json", capture.to_str().unwrap()]);
    let line = stdout(&output).lines().next().unwrap();
    assert_eq!(wrong_line(line), [""; 0]);
    for (from, to) in [
        ("\"proto\":\"TCP\"", "\"proto\":\"ICMP\""),
        ("\"src_port\":", "\"source_port\":"),
        ("\"final\":", "\"more\":1,\"final\":"),
        ("\"truncated\":false", "\"truncated\":0"),
        ("\"names\":[", "\"names\":[1,"),
    ] {
        let changed = line.replace(from, to).replace(",]", "]");
        assert_ne!(changed, line, "{from}");
        assert!(!wrong_line(&changed).is_empty(), "{to}");
    }
}
