//! The shipped signatures, and as many times more of their kind.

use toml::{Table, Value};
use wiremark::{SignatureSet, Source};
use wiremark_signatures::EMBEDDED;

/// The shipped set and `times - 1` altered copies of it: same shapes, other bytes, names, STUN types and texts.
///
/// # Panics
/// Where a copy is refused, which is a mistake in this file.
pub(crate) fn set(times: usize) -> SignatureSet {
    let mut files: Vec<(String, String)> =
        EMBEDDED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    for copy in 1..times {
        for (file, text) in EMBEDDED {
            files.push((format!("{file} ({copy})"), altered(text, copy)));
        }
    }
    let sources: Vec<_> = files.iter().map(|(file, text)| Source { file, text }).collect();
    SignatureSet::load(&sources).unwrap_or_else(|error| panic!("{error}"))
}

fn altered(text: &str, copy: usize) -> String {
    let mut file: Table = text.parse().expect("a shipped file");
    let offset = 1000 * copy as i64;
    if let Some(Value::Table(app)) = file.get_mut("app") {
        shift(app, "id", offset);
        if let Some(Value::String(name)) = app.get_mut("name") {
            name.push_str(&format!("-{copy}"));
        }
    }
    if let Some(Value::Array(rows)) = file.get_mut("signature") {
        let mut number = 0;
        rows.retain_mut(|row| {
            let Value::Table(row) = row else { return false };
            number += 1;
            shift(row, "id", offset);
            // A flow keeps 64 bits for these, so that they cannot be ten times as many.
            let is_bound = ["reverse", "every", "unless", "veto"].iter().any(|key| row.contains_key(*key));
            if !is_bound {
                alter(row, (copy * 1000 + number) as u64);
            }
            !is_bound
        });
    }
    file.to_string()
}

fn shift(table: &mut Table, key: &str, offset: i64) {
    if let Some(Value::Integer(id)) = table.get_mut(key) {
        *id += offset;
    }
}

fn alter(row: &mut Table, seed: u64) {
    for (key, value) in row.iter_mut() {
        match (key.as_str(), value) {
            ("prefix", Value::String(pattern)) => *pattern = other_bytes(pattern, seed),
            ("host", value) => each_text(value, &mut |name| name.push_str(&format!(".n{seed}.example"))),
            ("contains", Value::String(text)) => text.push_str(&format!(" {:02x}", seed & 0xff)),
            ("stun", Value::Table(stun)) => {
                if let Some(types) = stun.get_mut("type") {
                    each_number(types, &mut |kind| {
                        *kind = *kind & 0x0111 | (0x0200 + seed as i64 * 2) & 0x3eee
                    });
                }
            }
            ("http", Value::Table(http)) => {
                for (_, value) in
                    http.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "body" | "method"))
                {
                    each_text(value, &mut |text| text.push_str(&format!("-{seed}")));
                }
            }
            _ => {}
        }
    }
}

/// The same pattern with other values where it has plain bytes.
fn other_bytes(pattern: &str, seed: u64) -> String {
    let words = pattern.split(' ').enumerate().map(|(place, word)| match u8::from_str_radix(word, 16) {
        Ok(byte) if word.len() == 2 => {
            let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7 * place as u32);
            format!("{:02x}", byte ^ (mixed >> 40) as u8)
        }
        _ if word.starts_with('"') => word.chars().map(|one| rotated(one, seed)).collect(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn rotated(character: char, seed: u64) -> char {
    let turn = |first: u8| char::from(first + ((character as u8 - first) as u64 + 1 + seed % 25) as u8 % 26);
    match character {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        other => other,
    }
}

fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(values) => values.iter_mut().for_each(|one| each_text(one, change)),
        _ => {}
    }
}

fn each_number(value: &mut Value, change: &mut impl FnMut(&mut i64)) {
    match value {
        Value::Integer(number) => change(number),
        Value::Array(values) => values.iter_mut().for_each(|one| each_number(one, change)),
        _ => {}
    }
}
