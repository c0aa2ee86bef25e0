//! The same rows in every format.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use wiremark_probe::record::harmless;
use wiremark_probe::time::timestamp;

use crate::captures::at_hand;
use crate::traces::{folder, stderr, wiremark};

/// The value of a column in a row, as JSON has it.
fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let list = |items: &dyn Array| (0..items.len()).map(|row| value(items, row)).collect();
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Dictionary(..) => {
            let words = column.as_dictionary::<Int32Type>();
            value(words.values(), words.key(row).unwrap())
        }
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            assert_eq!(&**zone, "UTC");
            let time_us = column.as_primitive::<TimestampMicrosecondType>().value(row);
            timestamp(time_us.try_into().unwrap()).into()
        }
        DataType::List(_) => Value::Array(list(&column.as_list::<i32>().value(row))),
        DataType::Struct(fields) => {
            let record = column.as_struct();
            let fields = fields.iter().zip(record.columns());
            Value::Object(fields.map(|(field, column)| (field.name().clone(), value(column, row))).collect())
        }
        other => panic!("a column of {other}"),
    }
}

fn rows(schema: &SchemaRef, batches: impl Iterator<Item = RecordBatch>) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let fields = schema.fields().iter().zip(batch.columns());
            let fields: Map<_, _> =
                fields.map(|(field, column)| (field.name().clone(), value(column, row))).collect();
            rows.push(Value::Object(fields));
        }
    }
    rows
}

fn of_parquet(file: &Path) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    rows(&schema, reader.build().unwrap().map(Result::unwrap))
}

/// What a command says of captures in a format, as rows.
fn told(command: &str, format: &str, captures: &[PathBuf]) -> Vec<Value> {
    let out = folder().join("out");
    let options = [command, "--format", format, "-o", out.to_str().unwrap()];
    let captures = captures.iter().map(|capture| capture.to_str().unwrap());
    let output = wiremark(&options.into_iter().chain(captures).collect::<Vec<_>>());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    match format {
        "json" => {
            let text = std::fs::read_to_string(out).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.filter(|line| line["event_type"] == "flow" || line["event_type"] == "call").collect()
        }
        "csv" => {
            let mut reader = csv::Reader::from_path(out).unwrap();
            let header = reader.headers().unwrap().clone();
            let row = |row: csv::StringRecord| {
                header.iter().zip(row.iter()).map(|(name, text)| (name.to_owned(), text.into())).collect()
            };
            reader.records().map(|record| Value::Object(row(record.unwrap()))).collect()
        }
        "parquet" => of_parquet(&out),
        _ => {
            let reader = arrow_ipc::reader::StreamReader::try_new(File::open(out).unwrap(), None).unwrap();
            let schema = reader.schema();
            rows(&schema, reader.map(Result::unwrap))
        }
    }
}

/// Flows that time out together end in any order, and Parquet's rows are sorted by client in each row group.
fn in_any_order(rows: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort_unstable();
    rows
}

/// As CSV writes it.
fn as_text(row: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        Value::Array(texts) => {
            harmless(&texts.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    };
    let fields = row.as_object().unwrap().iter();
    Value::Object(fields.map(|(name, value)| (name.clone(), text(value).into())).collect())
}

/// Without the thousands that are the same.
fn assert_same<T: PartialEq + std::fmt::Debug>(format: &str, rows: &[T], expected: &[T]) {
    let differs = rows.iter().zip(expected).find(|(row, expected)| row != expected);
    assert!(differs.is_none(), "{format}: {differs:?}");
    assert_eq!(rows.len(), expected.len(), "{format}");
}

#[test]
fn flows_are_the_same_rows_in_every_format() {
    let captures = at_hand();
    let json = told("classify", "json", &captures);
    assert!(json.len() > 10, "{} flows", json.len());
    for format in ["arrow", "parquet"] {
        assert_same(format, &in_any_order(&told("classify", format, &captures)), &in_any_order(&json));
    }
    let texts: Vec<Value> = json.iter().map(as_text).collect();
    assert_same("csv", &in_any_order(&told("classify", "csv", &captures)), &in_any_order(&texts));
}

#[test]
fn calls_are_the_same_records_in_every_format() {
    let captures = at_hand();
    let json = told("calls", "json", &captures);
    assert!(!json.is_empty());
    for format in ["arrow", "parquet"] {
        assert_same(format, &told("calls", format, &captures), &json);
    }
}

#[test]
fn rows_of_a_group_are_sorted_by_client_and_time() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/demo.pcap");
    let rows = told("classify", "parquet", &[demo]);
    let keys: Vec<[&str; 2]> =
        rows.iter().map(|row| ["src_ip", "timestamp"].map(|name| row[name].as_str().unwrap_or(""))).collect();
    assert!(keys.len() > 2 && keys.is_sorted(), "{keys:?}");
}

/// Of several captures: a flow's number is its capture's, its id nobody else's.
#[test]
fn tables_of_tasks_join() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/demo.pcap");
    let demo = demo.to_str().unwrap();
    let folder = folder();
    let output =
        wiremark(&["tasks", "--format", "parquet", "-o", folder.to_str().unwrap(), demo, demo, demo]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let [flows, tasks, users] =
        ["flows", "tasks", "users"].map(|name| of_parquet(&folder.join(format!("{name}.parquet"))));
    let by_id: HashMap<String, &Value> =
        flows.iter().map(|flow| (flow["flow_id"].to_string(), flow)).collect();
    assert!(by_id.len() == flows.len() && !tasks.is_empty());
    let numbers: HashSet<String> = flows.iter().map(|flow| flow["flow"].to_string()).collect();
    assert_eq!(numbers.len() * 3, flows.len());
    for task in &tasks {
        let flow = by_id[&task["flow_id"].to_string()];
        assert!(["capture", "flow", "user"].iter().all(|key| flow[key] == task[key]), "{flow} {task}");
    }
    assert!(flows.iter().all(|flow| flow["client_port"].as_u64().is_some_and(|port| port > 0)));
    for user in &users {
        let of = |rows: &[Value]| rows.iter().filter(|row| row["user"] == user["user"]).count();
        assert_eq!(user["tasks"], of(&tasks), "{user}");
        let captures =
            flows.iter().filter(|flow| flow["user"] == user["user"]).map(|flow| flow["capture"].as_u64());
        assert_eq!(user["capture"].as_u64(), captures.min().flatten(), "{user}");
    }
}
