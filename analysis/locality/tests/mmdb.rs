//! A writer of small MaxMind databases (MaxMind DB file format 2.0), so that tests need nobody's.

use std::net::IpAddr;

use serde_json::Value;

enum Child {
    Empty,
    Node(usize),
    Data(usize),
}

/// A database of networks (address, prefix length) and their records.
pub(crate) fn database(kind: &str, rows: &[(IpAddr, u8, Value)]) -> Vec<u8> {
    let mut nodes: Vec<[Child; 2]> = vec![[Child::Empty, Child::Empty]];
    let mut data = Vec::new();
    for (address, length, record) in rows {
        let at = data.len();
        encode(&mut data, record);
        let (bits, length) = match address {
            // IPv4 lies under ::/96.
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), length + 96),
            IpAddr::V6(v6) => (v6.to_bits(), *length),
        };
        let mut node = 0;
        for step in 0..length {
            let side = (bits >> (127 - step) & 1) as usize;
            if step + 1 == length {
                nodes[node][side] = Child::Data(at);
                break;
            }
            node = match nodes[node][side] {
                Child::Node(next) => next,
                _ => {
                    nodes.push([Child::Empty, Child::Empty]);
                    let next = nodes.len() - 1;
                    nodes[node][side] = Child::Node(next);
                    next
                }
            };
        }
    }
    let count = nodes.len();
    let mut file = Vec::new();
    for child in nodes.iter().flatten() {
        let number = match child {
            Child::Empty => count,
            Child::Node(next) => *next,
            Child::Data(at) => count + 16 + at,
        };
        file.extend((number as u32).to_be_bytes());
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    let words = |file: &mut Vec<u8>, key: &str| encode(file, &Value::String(key.into()));
    file.push(0xe0 | 9);
    for (key, type_bits, value, width) in [
        ("node_count", 6u8, count as u64, 4usize),
        ("record_size", 5, 32, 2),
        ("ip_version", 5, 6, 2),
        ("binary_format_major_version", 5, 2, 2),
        ("binary_format_minor_version", 5, 0, 2),
        ("build_epoch", 9, 1_443_628_800, 8),
    ] {
        words(&mut file, key);
        if type_bits > 7 {
            file.extend([width as u8, type_bits - 7]);
        } else {
            file.push(type_bits << 5 | width as u8);
        }
        file.extend(&value.to_be_bytes()[8 - width..]);
    }
    words(&mut file, "database_type");
    words(&mut file, kind);
    words(&mut file, "description");
    file.push(0xe0);
    words(&mut file, "languages");
    file.extend([0, 4]);
    file
}

/// Text, whole numbers and maps.
fn encode(file: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => {
            assert!(text.len() < 285);
            match text.len() {
                length @ 0..=28 => file.push(0x40 | length as u8),
                length => file.extend([0x40 | 29, (length - 29) as u8]),
            }
            file.extend(text.as_bytes());
        }
        Value::Number(number) => {
            file.push(0xc0 | 4);
            file.extend((number.as_u64().expect("a small whole number") as u32).to_be_bytes());
        }
        Value::Object(map) => {
            file.push(0xe0 | map.len() as u8);
            for (key, value) in map {
                encode(file, &Value::String(key.clone()));
                encode(file, value);
            }
        }
        other => panic!("not written here: {other}"),
    }
}
